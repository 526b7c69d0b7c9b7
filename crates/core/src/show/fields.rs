//! Chosen fields of a frame, a line: tab between fields, comma between several of one name.

use super::{Shown, list, time, value, write};
use crate::dissect::{FieldId, Registry};

/// Fields to show.
#[derive(Debug, Clone)]
pub struct Fields {
    columns: Vec<Column>,
}

#[derive(Debug, Clone)]
enum Column {
    /// Fields of protocols, by what the registry calls them.
    Fields(Vec<FieldId>),
    /// Something of the frame itself.
    Frame(OfFrame),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfFrame {
    Number,
    TimeEpoch,
    TimeRelative,
    Length,
    CapturedLength,
    Protocols,
    Comment,
    Source,
    Destination,
    Protocol,
    Info,
}

/// Fields of the frame itself, by tshark's names.
const OF_FRAME: [(&str, OfFrame); 18] = [
    ("frame.number", OfFrame::Number),
    ("frame.time_epoch", OfFrame::TimeEpoch),
    ("frame.time_relative", OfFrame::TimeRelative),
    ("frame.len", OfFrame::Length),
    ("frame.cap_len", OfFrame::CapturedLength),
    ("frame.protocols", OfFrame::Protocols),
    ("frame.comment", OfFrame::Comment),
    ("_ws.col.No.", OfFrame::Number),
    ("_ws.col.Time", OfFrame::TimeRelative),
    ("_ws.col.Source", OfFrame::Source),
    ("_ws.col.Destination", OfFrame::Destination),
    ("_ws.col.Protocol", OfFrame::Protocol),
    ("_ws.col.Length", OfFrame::Length),
    ("_ws.col.Info", OfFrame::Info),
    ("_ws.col.protocol", OfFrame::Protocol),
    ("_ws.col.info", OfFrame::Info),
    ("_ws.col.def_src", OfFrame::Source),
    ("_ws.col.def_dst", OfFrame::Destination),
];

impl Fields {
    /// Looks the names of fields up.
    ///
    /// # Errors
    /// The first name that nothing has.
    pub fn new<'a>(names: &[&'a str], registry: &Registry) -> Result<Self, &'a str> {
        let column = |name: &&'a str| {
            if let Some((_, field)) = OF_FRAME.iter().find(|(known, _)| known == name) {
                return Ok(Column::Frame(*field));
            }
            let fields = registry.find(name);
            if fields.is_empty() { Err(*name) } else { Ok(Column::Fields(fields)) }
        };
        let columns = names.iter().map(column).collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// Whether a line of the list is made from the same.
    pub(super) fn needs_columns(&self) -> bool {
        let of_list = [OfFrame::Source, OfFrame::Destination, OfFrame::Protocol, OfFrame::Info];
        self.columns
            .iter()
            .any(|column| matches!(column, Column::Frame(field) if of_list.contains(field)))
    }

    pub(super) fn show(&self, out: &mut Vec<u8>, shown: &Shown<'_>, registry: &Registry) {
        for (place, column) in self.columns.iter().enumerate() {
            if place > 0 {
                out.push(b'\t');
            }
            match column {
                Column::Frame(field) => of_frame(out, *field, shown, registry),
                Column::Fields(fields) => {
                    let mut first = true;
                    for node in &shown.dissection.nodes {
                        if !fields.contains(&node.field) {
                            continue;
                        }
                        if !first {
                            out.push(b',');
                        }
                        first = false;
                        if let Some(definition) = registry.get(node.field) {
                            value::plain(out, definition, node, shown.dissection);
                        }
                    }
                }
            }
        }
        out.push(b'\n');
    }
}

fn of_frame(out: &mut Vec<u8>, field: OfFrame, shown: &Shown<'_>, registry: &Registry) {
    let dissection = shown.dissection;
    match field {
        OfFrame::Number => write::decimal(out, shown.number),
        OfFrame::TimeEpoch => {
            if let Some(at) = shown.time {
                time::epoch(out, at);
            }
        }
        OfFrame::TimeRelative => time::relative(out, shown),
        OfFrame::Length => write::decimal(out, shown.original_length.into()),
        OfFrame::CapturedLength => write::decimal(out, dissection.source(0).len() as u64),
        OfFrame::Protocols => {
            let layers = dissection.nodes.iter().filter(|node| node.depth == 0);
            for (place, node) in layers.enumerate() {
                if place > 0 {
                    out.push(b':');
                }
                let name = registry.get(node.field).map_or("", |field| field.name.as_ref());
                out.extend(name.as_bytes());
            }
        }
        OfFrame::Comment => {
            for (place, comment) in shown.comments.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write::harmless(out, comment.as_bytes());
            }
        }
        OfFrame::Source => list::place(out, dissection.columns.source),
        OfFrame::Destination => list::place(out, dissection.columns.destination),
        OfFrame::Protocol => write::harmless(out, dissection.columns.protocol.as_bytes()),
        OfFrame::Info => write::harmless(out, dissection.columns.info.as_bytes()),
    }
}
