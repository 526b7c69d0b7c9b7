//! What a diagram shows and where: the same for text and SVG.

use super::ROW_BITS;
use super::cell::{Cell, label};
use super::column::Columns;
use super::legend::{LITTLE, enciphered, heading, order, setting};
use super::text::plain;
use super::value::title;
use crate::format::{Condition, Endian, Field, Format, Kind, Range, Size, Subject, Term};

/// The most rows that a field is drawn with in full.
const MAX_FIELD_ROWS: usize = 8;
/// What a condition is indented by for each one that it adds to.
const INDENT: &str = "  ";
/// Conditions deeper inside others are indented no further.
const MAX_INDENTS: usize = 8;

/// A diagram.
pub(super) struct Layout {
    /// The lines above it: the first names the format.
    pub(super) heading: [String; 2],
    /// The fields that are drawn.
    pub(super) cells: Vec<Cell>,
    /// The drawing, from top to bottom.
    pub(super) parts: Vec<Part>,
    /// What is done to the cells that are enciphered.
    pub(super) enciphered: Option<String>,
    /// The lines below it.
    pub(super) legend: Vec<String>,
}

/// A part of the drawing.
pub(super) enum Part {
    /// When the rows below are there: `if NAME:`, indented if it adds to a condition before.
    Condition(String),
    /// What the rows below, to the end of the drawing or the next such line, are part of.
    Element(String),
    /// Rows that stand one upon the other.
    Rows(Vec<Row>),
}

/// 32 bits, or as many of them as are drawn, from left to right.
#[derive(Default)]
pub(super) struct Row {
    pub(super) pieces: Vec<Piece>,
}

/// What a row shows of a cell.
pub(super) struct Piece {
    /// The cell, by its place.
    pub(super) cell: usize,
    /// The column of its first bit.
    pub(super) start: usize,
    /// How many bits.
    pub(super) bits: usize,
    /// Whether the cell's label stands here.
    pub(super) labelled: bool,
}

/// What stands between two columns of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Nothing: the same cell, or no cell, goes on.
    None,
    /// The border of a cell.
    Single,
    /// The border of what is enciphered.
    Double,
}

impl Row {
    /// The cell at a column.
    pub(super) fn cell(&self, column: usize) -> Option<usize> {
        let holds = |piece: &&Piece| (piece.start..piece.start + piece.bits).contains(&column);
        self.pieces.iter().find(holds).map(|piece| piece.cell)
    }
}

impl Layout {
    /// Lays out the diagram of a format.
    pub(super) fn of(format: &Format) -> Self {
        let mut lists = lists(format);
        let is_little = all_little(&lists);
        for list in &mut lists {
            list.tells_order = !is_little;
        }
        let mut drawing = Drawing { format, parts: Vec::new(), drawn: Vec::new() };
        for list in &lists {
            drawing.draw(list);
        }
        let Drawing { mut parts, mut drawn, .. } = drawing;
        place_labels(&mut parts, &mut drawn);
        let (cells, mut legend) = label(format, &drawn);
        legend.extend(is_little.then(|| format!("All integers: {LITTLE}")));
        legend.extend(format.settings.iter().map(setting));
        let decode_only = format.decode_only.as_ref();
        legend.extend(decode_only.map(|reason| format!("Decode only: {}", plain(reason))));
        Self {
            heading: heading(format),
            cells,
            parts,
            enciphered: format.cipher.as_ref().map(|cipher| enciphered(format, cipher)),
            legend,
        }
    }

    /// What stands at the left of a column of a row.
    pub(super) fn edge(&self, row: &Row, column: usize) -> Edge {
        let left = column.checked_sub(1).and_then(|left| row.cell(left));
        let right = row.cell(column);
        let is_enciphered = |cell: Option<usize>| {
            cell.and_then(|cell| self.cells.get(cell)).is_some_and(|cell| cell.enciphered)
        };
        if left == right {
            Edge::None
        } else if is_enciphered(left) == is_enciphered(right) {
            Edge::Single
        } else {
            Edge::Double
        }
    }
}

/// Whether a line runs between two rows at a column.
pub(super) fn is_parted(above: Option<&Row>, below: Option<&Row>, column: usize) -> bool {
    let cell = |row: Option<&Row>| row.and_then(|row| row.cell(column));
    cell(above) != cell(below)
}

/// The bits of a field that is drawn as wide as it is; nothing of one that only begins and ends.
pub(super) fn whole_bits(format: &Format, field: &Field) -> Option<usize> {
    match field.kind {
        Kind::Bytes { size: Size::Setting(_) } | Kind::Text { size: Size::Setting(_) } => None,
        _ => format.fixed_bits(field).filter(|bits| *bits <= MAX_FIELD_ROWS * ROW_BITS),
    }
}

/// A list of fields: the format's own, or those of the element of a list.
pub(super) struct List<'a> {
    pub(super) fields: &'a [Field],
    /// The line above it, if it is not the format's own.
    heading: Option<String>,
    /// What the names of its fields begin with in filters.
    pub(super) prefix: String,
    pub(super) enciphered: Option<Range>,
    /// What conditions speak of.
    pub(super) tested: Vec<Subject>,
    /// What all of its fields are.
    pub(super) whole: &'static str,
    /// Whether the order of bytes has to be told of each field.
    pub(super) tells_order: bool,
}

/// The format's own list and all that are inside it, each before those inside it.
fn lists(format: &Format) -> Vec<List<'_>> {
    let tested = |fields: &[Field]| -> Vec<Subject> {
        fields.iter().flat_map(|field| field.when.terms()).map(|term| term.subject).collect()
    };
    let mut lists = vec![List {
        fields: &format.fields,
        heading: None,
        prefix: plain(&format.filter),
        enciphered: format.cipher.as_ref().map(|cipher| cipher.covers),
        tested: tested(&format.fields),
        whole: "the whole datagram",
        tells_order: true,
    }];
    let mut reached = 0;
    while let Some(list) = lists.get(reached) {
        let mut inside = Vec::new();
        for field in list.fields {
            let Kind::List { fields, until } = &field.kind else { continue };
            let mut tested = tested(fields);
            tested.extend(until.iter().flat_map(Condition::terms).map(|term| term.subject));
            let until = until.as_ref().map(|until| until.text(format, fields));
            let until = until.map(|until| format!(", until {}", plain(&until)));
            inside.push(List {
                fields,
                heading: Some(format!("each {}{}:", title(field), until.unwrap_or_default())),
                prefix: format!("{}.{}", list.prefix, plain(&field.name)),
                enciphered: None,
                tested,
                whole: "the whole element",
                tells_order: true,
            });
        }
        lists.extend(inside);
        reached += 1;
    }
    lists
}

/// Whether all integers of more than a byte, and there are some, are little-endian.
fn all_little(lists: &[List<'_>]) -> bool {
    let mut orders = lists.iter().flat_map(|list| list.fields).filter_map(order).peekable();
    orders.peek().is_some() && orders.all(|order| order == Endian::Little)
}

/// A field that has got its rows, but no label yet.
pub(super) struct Drawn<'a> {
    pub(super) list: &'a List<'a>,
    pub(super) place: usize,
    pub(super) field: &'a Field,
    /// The bits of the piece that the label stands in.
    pub(super) label_bits: usize,
}

struct Drawing<'a> {
    format: &'a Format,
    parts: Vec<Part>,
    drawn: Vec<Drawn<'a>>,
}

impl<'a> Drawing<'a> {
    fn draw(&mut self, list: &'a List<'a>) {
        self.parts.extend(list.heading.clone().map(Part::Element));
        let columns = Columns::new(self.format, list.fields, list.enciphered);
        let mut conditions = Conditions::default();
        let mut place = 0;
        for group in list.fields.chunk_by(|one, other| one.when == other.when) {
            let when = group.first().map(|field| &field.when);
            let condition = when.and_then(|when| conditions.enter(self.format, list.fields, when));
            self.parts.extend(condition.map(Part::Condition));
            let mut rows = Rows::from(columns.start(place).unwrap_or(0));
            for (number, field) in group.iter().enumerate() {
                let cell = self.drawn.len();
                self.drawn.push(Drawn { list, place, field, label_bits: 0 });
                place += 1;
                let has_next = number + 1 < group.len();
                let next = Some(place).filter(|_| has_next).and_then(|next| columns.start(next));
                rows.put(cell, whole_bits(self.format, field), next.unwrap_or(0));
            }
            let rows = rows.finish();
            if !rows.is_empty() {
                self.parts.push(Part::Rows(rows));
            }
        }
    }
}

/// The conditions that hold where the drawing has got to.
#[derive(Default)]
struct Conditions<'a> {
    parts: &'a [Vec<Vec<Term>>],
    /// How many parts hold together with each condition that is told.
    told: Vec<usize>,
}

impl<'a> Conditions<'a> {
    /// The line above fields under another condition than those before.
    fn enter(&mut self, format: &Format, fields: &[Field], when: &'a Condition) -> Option<String> {
        let was_always = self.parts.is_empty();
        let common =
            self.parts.iter().zip(&when.parts).take_while(|(one, other)| one == other).count();
        self.parts = &when.parts;
        self.told.retain(|told| *told <= common);
        if self.told.last().copied().unwrap_or(0) < when.parts.len() {
            self.told.push(when.parts.len());
        }
        let Some(depth) = self.told.len().checked_sub(1) else {
            return (!was_always).then(|| "always:".into());
        };
        let outer = depth.checked_sub(1).and_then(|outer| self.told.get(outer)).copied();
        let added = when.parts.get(outer.unwrap_or(0)..).unwrap_or_default();
        let text = Condition { parts: added.to_vec() }.text(format, fields);
        Some(format!("{}if {}:", INDENT.repeat(depth.min(MAX_INDENTS)), plain(&text)))
    }
}

/// Rows as they are filled.
struct Rows {
    rows: Vec<Row>,
    column: usize,
}

impl Rows {
    fn from(column: usize) -> Self {
        Self { rows: vec![Row::default()], column }
    }

    /// Puts a field of so many bits. One that is not drawn in full fills the row that it begins in,
    /// one more, and the beginning of the row in which the next field begins.
    fn put(&mut self, cell: usize, bits: Option<usize>, next: usize) {
        if let Some(bits) = bits {
            self.fill(cell, bits);
            return;
        }
        if self.column > 0 {
            self.fill(cell, ROW_BITS - self.column);
        }
        self.fill(cell, ROW_BITS);
        self.fill(cell, next);
    }

    fn fill(&mut self, cell: usize, mut bits: usize) {
        while bits > 0 {
            let taken = bits.min(ROW_BITS - self.column);
            if let Some(row) = self.rows.last_mut() {
                row.pieces.push(Piece { cell, start: self.column, bits: taken, labelled: false });
            }
            bits -= taken;
            self.column += taken;
            if self.column == ROW_BITS {
                self.rows.push(Row::default());
                self.column = 0;
            }
        }
    }

    fn finish(mut self) -> Vec<Row> {
        self.rows.retain(|row| !row.pieces.is_empty());
        self.rows
    }
}

/// Chooses for each cell the piece that its label stands in: of the widest, the middle one.
fn place_labels(parts: &mut [Part], drawn: &mut [Drawn<'_>]) {
    for (cell, drawn) in drawn.iter_mut().enumerate() {
        let pieces = parts.iter_mut().filter_map(|part| match part {
            Part::Rows(rows) => Some(rows),
            _ => None,
        });
        let pieces = pieces.flatten().flat_map(|row| &mut row.pieces);
        let mut pieces: Vec<&mut Piece> = pieces.filter(|piece| piece.cell == cell).collect();
        drawn.label_bits = pieces.iter().map(|piece| piece.bits).max().unwrap_or(0);
        pieces.retain(|piece| piece.bits == drawn.label_bits);
        let middle = pieces.len().saturating_sub(1) / 2;
        if let Some(piece) = pieces.get_mut(middle) {
            piece.labelled = true;
        }
    }
}
