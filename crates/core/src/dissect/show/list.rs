//! One line for each frame, as tshark prints it.

use super::{number, text};
use crate::dissect::{Dissection, Frame};
use std::io::Write;

/// Widths of tshark's columns: shorter text is filled up with spaces.
const NUMBER_WIDTH: usize = 5;
const TIME_WIDTH: usize = 10;
const ADDRESS_WIDTH: usize = 12;

/// Prints lines. Times are counted from the first frame.
#[derive(Debug, Clone, Default)]
pub struct List {
    first: Option<i64>,
}

impl List {
    /// Writes the line of a frame, with a line feed.
    pub fn line(&mut self, out: &mut Vec<u8>, frame: &Frame<'_>, dissection: &Dissection) {
        let start = out.len();
        number::decimal(out, frame.number);
        right(out, start, NUMBER_WIDTH);
        out.push(b' ');
        let start = out.len();
        if let Some(time) = frame.time {
            let first = *self.first.get_or_insert(time);
            let time = time.saturating_sub(first);
            if time < 0 {
                out.push(b'-');
            }
            let microseconds = time.unsigned_abs() / 1000;
            number::decimal(out, microseconds / 1_000_000);
            out.push(b'.');
            number::padded(out, microseconds % 1_000_000, 6);
        }
        right(out, start, TIME_WIDTH);
        out.push(b' ');
        let columns = &dissection.columns;
        let start = out.len();
        // Writing to a vector cannot fail.
        let _ = write!(out, "{}", columns.source);
        right(out, start, ADDRESS_WIDTH);
        out.extend_from_slice(" → ".as_bytes());
        let start = out.len();
        let _ = write!(out, "{}", columns.destination);
        let missing = ADDRESS_WIDTH.saturating_sub(out.len() - start);
        out.resize(out.len() + missing, b' ');
        out.push(b' ');
        text::harmless(out, columns.protocol.as_bytes());
        out.push(b' ');
        number::decimal(out, frame.original_length.into());
        out.push(b' ');
        text::harmless(out, columns.info.as_bytes());
        out.push(b'\n');
    }
}

/// Puts spaces before what was written since `start`, up to a width.
fn right(out: &mut Vec<u8>, start: usize, width: usize) {
    let missing = width.saturating_sub(out.len() - start);
    out.splice(start..start, std::iter::repeat_n(b' ', missing));
}
