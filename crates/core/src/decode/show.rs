//! What is shown of each frame, in one of the ways that there are.

use crate::dissect::show::{Fields, List, hex, json, tree};
use crate::dissect::{Dissection, Frame, Registry};

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
    pub(super) view: View,
    /// The bytes of each frame and of what was derived from it, too.
    with_bytes: bool,
    list: List,
}

impl Show {
    /// Shows frames in one way; and their bytes, if wanted.
    #[must_use]
    pub fn new(view: View, with_bytes: bool) -> Self {
        Self { view, with_bytes, list: List::default() }
    }

    /// Whether it needs the columns of the list.
    #[must_use]
    pub fn needs_columns(&self) -> bool {
        match &self.view {
            View::List | View::Json => true,
            View::Fields(fields) => fields.need_columns(),
            View::Tree | View::Nothing => false,
        }
    }

    /// Writes a frame that was dissected.
    pub(super) fn frame(
        &mut self,
        out: &mut Vec<u8>,
        frame: &Frame<'_>,
        dissection: &Dissection,
        registry: &Registry,
    ) {
        match &mut self.view {
            View::List => self.list.line(out, frame, dissection),
            View::Tree => tree::write(out, dissection, registry),
            View::Fields(fields) => fields.line(out, dissection, registry),
            View::Json => json::write(out, frame, dissection, registry),
            View::Nothing => {}
        }
        if self.with_bytes {
            hex::write(out, dissection);
        }
        // Frames of several lines are parted by an empty one.
        if self.with_bytes || matches!(self.view, View::Tree) {
            out.push(b'\n');
        }
    }
}
