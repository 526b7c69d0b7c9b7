//! The diagram as SVG: the same cells as the text has, with lines instead of characters.

use super::ROW_BITS;
use super::layout::{Edge, Layout, Part, Piece, Row, is_parted};
use super::text::wrap;
use std::fmt::Write;

/// Units a bit. A label has at most two characters for each bit less one, and no usual monospaced
/// font is wider than 0.62 of its size: 2 × 13 × 0.62 < 20.
const BIT: usize = 20;
/// The size of the font.
const FONT: usize = 13;
/// The height of a row.
const ROW: usize = 28;
/// The height of a line of text.
const LINE: usize = 20;
/// The empty border.
const MARGIN: usize = 16;
/// How far the two strokes of a double line are from its middle.
const HALF_DOUBLE: f32 = 1.5;

/// Colours by variable, first those of the page, then our own: for light, then for dark.
const STYLE: &str = "\
.format-diagram{--ink:var(--diagram-ink,#1f2328);--paper:var(--diagram-paper,#fff);\
--line:var(--diagram-line,#59636e);--enciphered:var(--diagram-enciphered,#ddebfa)}\
@media(prefers-color-scheme:dark){\
.format-diagram{--ink:var(--diagram-ink,#e6edf3);--paper:var(--diagram-paper,#0d1117);\
--line:var(--diagram-line,#9198a1);--enciphered:var(--diagram-enciphered,#1c2f4a)}}\
.format-diagram text{fill:var(--ink)}\
.format-diagram .ruler{fill:var(--line)}\
.format-diagram .paper{fill:var(--paper)}\
.format-diagram .enciphered{fill:var(--enciphered)}\
.format-diagram .lines{stroke:var(--line)}";

pub(super) fn draw(layout: &Layout) -> String {
    let mut drawing = Drawing {
        layout,
        y: MARGIN,
        shapes: String::new(),
        labels: String::new(),
        lines: String::new(),
    };
    let [title, subtitle] = &layout.heading;
    drawing.text(title, " font-weight=\"bold\"");
    drawing.text(subtitle, "");
    drawing.ruler();
    for part in &layout.parts {
        match part {
            Part::Condition(text) => {
                drawing.y += LINE / 4;
                drawing.text(text, " font-style=\"italic\"");
                drawing.y += LINE / 4;
            }
            Part::Element(heading) => {
                drawing.y += LINE;
                drawing.text(heading, " font-weight=\"bold\"");
                drawing.y += LINE / 4;
            }
            Part::Rows(rows) => drawing.rows(rows),
        }
    }
    drawing.y += LINE / 2;
    for line in &layout.legend {
        drawing.text(line, "");
    }
    if let Some(enciphered) = &layout.enciphered {
        drawing.text(&format!("Between double lines: {enciphered}"), "");
    }
    let Drawing { y, shapes, labels, lines, .. } = drawing;
    let (width, height) = (ROW_BITS * BIT + 2 * MARGIN, y + MARGIN);
    // Attributes are for programs that know no CSS variables.
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"format-diagram\" role=\"img\" \
         viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"{FONT}\" shape-rendering=\"crispEdges\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         {shapes}\
         <path class=\"lines\" fill=\"none\" stroke=\"#59636e\" d=\"{}\"/>\n{labels}</svg>\n",
        escaped(title),
        escaped(&description(layout)),
        lines.trim_start(),
    )
}

/// The diagram in words, for those who do not see it.
fn description(layout: &Layout) -> String {
    let mut words = vec![format!("{}.", layout.heading[1])];
    for part in &layout.parts {
        match part {
            Part::Condition(text) | Part::Element(text) => {
                words.push(text.trim_start().to_owned());
            }
            Part::Rows(rows) => {
                let pieces = rows.iter().flat_map(|row| &row.pieces);
                let labelled = pieces.filter(|piece| piece.labelled);
                let cells = labelled.filter_map(|piece| layout.cells.get(piece.cell));
                let cells: Vec<String> =
                    cells.map(|cell| format!("{}, {}", cell.full, cell.size)).collect();
                words.push(format!("{}.", cells.join("; ")));
            }
        }
    }
    words.join(" ")
}

struct Drawing<'a> {
    layout: &'a Layout,
    /// How far the drawing has got.
    y: usize,
    shapes: String,
    /// The labels of the cells, which stand on top of them.
    labels: String,
    /// The path of all lines.
    lines: String,
}

impl Drawing<'_> {
    fn text(&mut self, text: &str, attributes: &str) {
        for line in wrap(text) {
            let behind_indent = line.trim_start();
            let indent = (line.len() - behind_indent.len()) * FONT / 2;
            let (x, y) = (MARGIN + indent, self.y + LINE * 3 / 4);
            self.shape(format_args!(
                "<text x=\"{x}\" y=\"{y}\"{attributes}>{}</text>",
                escaped(behind_indent)
            ));
            self.y += LINE;
        }
    }

    fn ruler(&mut self) {
        self.y += LINE;
        let y = self.y - LINE / 4;
        self.shape(format_args!(
            "<g class=\"ruler\" font-size=\"9\" fill=\"#59636e\" text-anchor=\"middle\">"
        ));
        for bit in 0..ROW_BITS {
            let x = MARGIN + bit * BIT + BIT / 2;
            self.shape(format_args!("<text class=\"ruler\" x=\"{x}\" y=\"{y}\">{bit}</text>"));
        }
        self.shape(format_args!("</g>"));
    }

    fn rows(&mut self, rows: &[Row]) {
        let mut above = None;
        for row in rows {
            self.rule(above, Some(row));
            self.row(row, rows);
            above = Some(row);
        }
        self.rule(above, None);
    }

    fn row(&mut self, row: &Row, rows: &[Row]) {
        let layout = self.layout;
        for piece in &row.pieces {
            let Some(cell) = layout.cells.get(piece.cell) else { continue };
            let (x, y, width) = (MARGIN + piece.start * BIT, self.y, piece.bits * BIT);
            let (class, fill) =
                if cell.enciphered { ("enciphered", "#ddebfa") } else { ("paper", "#fff") };
            self.shape(format_args!(
                "<g><title>{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" \
                 height=\"{ROW}\" fill=\"{fill}\"/></g>",
                escaped(&format!("{}: {}, {}", cell.name, cell.full, cell.size)),
            ));
        }
        for piece in row.pieces.iter().filter(|piece| piece.labelled) {
            let Some(cell) = layout.cells.get(piece.cell) else { continue };
            let shape = |piece: &Piece| (piece.cell, piece.start, piece.bits);
            let is_same = |other: &&Piece| shape(other) == shape(piece);
            let same = rows.iter().flat_map(|row| &row.pieces).filter(is_same).count();
            // The middle of an even number of rows is between two.
            let down = if same.is_multiple_of(2) { ROW / 2 } else { 0 };
            let x = MARGIN + piece.start * BIT + piece.bits * BIT / 2;
            let y = self.y + ROW / 2 + FONT / 3 + down;
            let label = escaped(&cell.label);
            let _ = writeln!(
                self.labels,
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"
            );
        }
        for column in 0..=ROW_BITS {
            let (x, y) = (MARGIN + column * BIT, self.y);
            match layout.edge(row, column) {
                Edge::None => {}
                Edge::Single => self.line(format_args!(" M{x} {y}v{ROW}")),
                Edge::Double => {
                    let gap = 2.0 * HALF_DOUBLE;
                    self.line(format_args!(" M{x} {y}m-{HALF_DOUBLE} 0v{ROW}m{gap} 0v-{ROW}"));
                }
            }
        }
        self.y += ROW;
    }

    fn rule(&mut self, above: Option<&Row>, below: Option<&Row>) {
        let is_parted = |column: &usize| is_parted(above, below, *column);
        let columns: Vec<usize> = (0..ROW_BITS).filter(is_parted).collect();
        for run in columns.chunk_by(|one, other| one + 1 == *other) {
            let Some(first) = run.first() else { continue };
            let (x, y, width) = (MARGIN + first * BIT, self.y, run.len() * BIT);
            self.line(format_args!(" M{x} {y}h{width}"));
        }
    }

    fn shape(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.shapes, "{shape}");
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.lines.write_fmt(line);
    }
}

/// Text as XML writes it, in elements and attributes. What XML has no way to write is escaped
/// already, see [`plain`](super::text::plain).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
