//! Dissections as text for people and programs: written straight into one buffer of bytes.
//!
//! Text out of packets is data: control characters are escaped.

mod bytes;
mod fields;
mod json;
mod list;
mod time;
mod tree;
mod value;
mod write;

pub use fields::Fields;

use crate::capture::{Comments, Frame, Time};
use crate::dissect::{Dissection, Registry};

/// What is shown of each frame.
#[derive(Debug, Clone)]
pub enum View {
    /// A line.
    List,
    /// Every field.
    Tree,
    /// Chosen fields.
    Fields(Fields),
    /// A JSON object in a line.
    Json,
    /// Nothing, but perhaps bytes.
    Nothing,
}

/// Shows frames, one after the other.
#[derive(Debug)]
pub struct Show {
    view: View,
    /// The bytes of each frame and of what was derived from it, too.
    with_bytes: bool,
    /// When the first frame was recorded.
    first_time: Option<Time>,
    room: Vec<u8>,
}

/// A frame, as it is shown.
struct Shown<'a> {
    number: u64,
    time: Option<Time>,
    decimals: u8,
    first_time: Option<Time>,
    original_length: u32,
    comments: Comments<'a>,
    dissection: &'a Dissection,
}

impl Show {
    /// Shows frames in one way; and their bytes, if wanted.
    #[must_use]
    pub fn new(view: View, with_bytes: bool) -> Self {
        Self { view, with_bytes, first_time: None, room: Vec::new() }
    }

    /// Whether it needs the columns of the list.
    #[must_use]
    pub fn needs_columns(&self) -> bool {
        match &self.view {
            View::List | View::Json => true,
            View::Fields(fields) => fields.needs_columns(),
            View::Tree | View::Nothing => false,
        }
    }

    /// Writes a frame that was dissected.
    pub fn frame(
        &mut self,
        out: &mut Vec<u8>,
        frame: &Frame<'_>,
        dissection: &Dissection,
        registry: &Registry,
    ) {
        if self.first_time.is_none() {
            self.first_time = frame.time;
        }
        let shown = Shown {
            number: frame.number,
            time: frame.time,
            decimals: frame.decimals,
            first_time: self.first_time,
            original_length: frame.original_length,
            comments: frame.comments,
            dissection,
        };
        match &self.view {
            View::List => list::show(out, &shown, &mut self.room),
            View::Tree => tree::show(out, &shown, registry),
            View::Fields(fields) => fields.show(out, &shown, registry),
            View::Json => json::show(out, &shown, registry, &mut self.room),
            View::Nothing => {}
        }
        if self.with_bytes {
            bytes::show(out, &shown);
        }
    }
}
