//! The diagram in characters: two columns a bit, and one at the right end.

use super::ROW_BITS;
use super::layout::{Edge, Layout, Part, Row, is_parted};
use super::text::{width, wrap};

/// The numbers of the bits: tens, and below them ones.
const RULER: [&str; 2] = [
    " 0                   1                   2                   3",
    " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
];

pub(super) fn draw(layout: &Layout) -> String {
    let mut text = Lines::default();
    text.wrapped(&layout.heading);
    text.line("");
    for line in RULER {
        text.line(line);
    }
    for part in &layout.parts {
        match part {
            Part::Condition(condition) => text.wrapped(&[condition]),
            Part::Element(heading) => {
                text.line("");
                text.wrapped(&[heading]);
            }
            Part::Rows(rows) => grid(layout, rows, &mut text),
        }
    }
    let enciphered = layout.enciphered.iter().map(|enciphered| format!("#: {enciphered}"));
    let legend: Vec<String> = layout.legend.iter().cloned().chain(enciphered).collect();
    if !legend.is_empty() {
        text.line("");
        text.wrapped(&legend);
    }
    text.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn wrapped(&mut self, lines: &[impl AsRef<str>]) {
        for line in lines.iter().flat_map(|line| wrap(line.as_ref())) {
            self.line(&line);
        }
    }
}

fn grid(layout: &Layout, rows: &[Row], text: &mut Lines) {
    let mut above = None;
    for row in rows {
        rule(layout, above, Some(row), text);
        text.line(&cells(layout, row));
        above = Some(row);
    }
    rule(layout, above, None, text);
}

/// The line between two rows, if there is one: the rows of one field have none between them.
fn rule(layout: &Layout, above: Option<&Row>, below: Option<&Row>, text: &mut Lines) {
    let is_parted = |column: usize| column < ROW_BITS && is_parted(above, below, column);
    if !(0..ROW_BITS).any(is_parted) {
        return;
    }
    let edge = |row: Option<&Row>, column| row.map_or(Edge::None, |row| layout.edge(row, column));
    let mut line = String::new();
    for column in 0..=ROW_BITS {
        let edges = (edge(above, column), edge(below, column));
        let is_joint = is_parted(column) || column.checked_sub(1).is_some_and(is_parted);
        line.push(match edges {
            (Edge::Double, Edge::Double) => '#',
            _ if is_joint => '+',
            (edge, _) => upright(edge),
        });
        line.push(if is_parted(column) { '-' } else { ' ' });
    }
    text.line(&line);
}

fn upright(edge: Edge) -> char {
    match edge {
        Edge::None => ' ',
        Edge::Single => '|',
        Edge::Double => '#',
    }
}

fn cells(layout: &Layout, row: &Row) -> String {
    let mut line = String::new();
    let mut reached = 0;
    for piece in &row.pieces {
        line.push_str(&"  ".repeat(piece.start - reached));
        line.push(upright(layout.edge(row, piece.start)));
        let cell = layout.cells.get(piece.cell).filter(|_| piece.labelled);
        let label = cell.map_or("", |cell| cell.label.as_str());
        let room = (2 * piece.bits - 1).saturating_sub(width(label));
        line.push_str(&" ".repeat(room / 2));
        line.push_str(label);
        line.push_str(&" ".repeat(room - room / 2));
        reached = piece.start + piece.bits;
    }
    line.push(upright(layout.edge(row, reached)));
    line
}
