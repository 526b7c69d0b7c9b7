//! Chosen fields, a line for each frame: `-T fields` as tshark has it.

use super::value::{self, Bytes};
use super::{text, tree};
use crate::dissect::{Dissection, FieldId, Kind, Registry};
use std::fmt;
use std::io::Write;

/// Fields that were asked for, in the order in which they are shown.
#[derive(Debug, Clone)]
pub struct Fields {
    columns: Vec<Column>,
    /// The columns of each field: of each protocol, of each of its fields.
    places: Vec<Vec<Vec<u16>>>,
    /// What was found in the frame: column, and place of the node.
    found: Vec<(u16, u32)>,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Fields of the tree.
    Nodes,
    /// A column of the list.
    Source,
    Destination,
    Protocol,
    Info,
}

/// A name that no field has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// The name.
    pub name: String,
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no field is called '{}'", self.name)
    }
}

impl Fields {
    /// Looks up fields by their names.
    ///
    /// # Errors
    /// [`UnknownField`] for the first name that no field has.
    pub fn new<'a>(
        registry: &Registry,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownField> {
        let mut fields = Self { columns: Vec::new(), places: Vec::new(), found: Vec::new() };
        for name in names {
            let number = u16::try_from(fields.columns.len()).unwrap_or(u16::MAX);
            let column = match name {
                "_ws.col.Source" => Column::Source,
                "_ws.col.Destination" => Column::Destination,
                "_ws.col.Protocol" => Column::Protocol,
                "_ws.col.Info" => Column::Info,
                _ => Column::Nodes,
            };
            fields.columns.push(column);
            let ids = registry.find(name);
            if ids.is_empty() && column == Column::Nodes {
                return Err(UnknownField { name: name.to_owned() });
            }
            for id in ids {
                fields.show(id.protocol.into(), id.field.into(), number);
            }
        }
        Ok(fields)
    }

    /// The fields, for [`crate::dissect::Dissector::keep`].
    #[must_use]
    pub fn ids(&self) -> Vec<FieldId> {
        let protocols = (0..=u8::MAX).zip(&self.places);
        protocols
            .flat_map(|(protocol, fields)| {
                let shown = (0..=u8::MAX).zip(fields).filter(|(_, columns)| !columns.is_empty());
                shown.map(move |(field, _)| FieldId::new(protocol, field))
            })
            .collect()
    }

    /// Whether they need the columns of the list.
    #[must_use]
    pub fn need_columns(&self) -> bool {
        self.columns.iter().any(|column| *column != Column::Nodes)
    }

    fn show(&mut self, protocol: usize, field: usize, column: u16) {
        grown(grown(&mut self.places, protocol), field).push(column);
    }

    /// Writes the line of a frame, with a line feed: the fields parted by tabs, a field that is
    /// there several times parted by commas.
    pub fn line(&mut self, out: &mut Vec<u8>, dissection: &Dissection, registry: &Registry) {
        self.found.clear();
        for (node, place) in dissection.nodes.iter().zip(0..) {
            let fields = self.places.get(usize::from(node.field.protocol));
            let columns = fields.and_then(|fields| fields.get(usize::from(node.field.field)));
            for column in columns.into_iter().flatten() {
                self.found.push((*column, place));
            }
        }
        for (column, number) in self.columns.iter().zip(0..) {
            if number > 0 {
                out.push(b'\t');
            }
            let columns = &dissection.columns;
            match column {
                Column::Nodes => self.nodes(out, dissection, registry, number),
                // Writing to a vector cannot fail.
                Column::Source => _ = write!(out, "{}", columns.source),
                Column::Destination => _ = write!(out, "{}", columns.destination),
                Column::Protocol => text::harmless(out, columns.protocol.as_bytes()),
                Column::Info => text::harmless(out, columns.info.as_bytes()),
            }
        }
        out.push(b'\n');
    }

    fn nodes(&self, out: &mut Vec<u8>, dissection: &Dissection, registry: &Registry, column: u16) {
        let mut several = false;
        for (_, place) in self.found.iter().filter(|(found, _)| *found == column) {
            let node = dissection.nodes.get(*place as usize);
            let Some((node, definition)) =
                node.and_then(|node| Some((node, registry.get(node.field)?)))
            else {
                continue;
            };
            if std::mem::replace(&mut several, true) {
                out.push(b',');
            }
            match definition.kind {
                Kind::Protocol => tree::summary(out, dissection, registry, *place as usize),
                _ => value::write(out, dissection, node, definition, Bytes::Plain),
            }
        }
    }
}

/// The element at a place of a list, which grows up to it.
fn grown<T: Default>(list: &mut Vec<T>, place: usize) -> &mut T {
    if list.len() <= place {
        list.resize_with(place + 1, T::default);
    }
    #[expect(clippy::indexing_slicing, reason = "the list was grown to have it")]
    &mut list[place]
}
