//! The line of a frame in a list, as tshark has it.

use super::write;
use super::{Shown, time};
use crate::dissect::Place;
use std::fmt::Display;
use std::io::Write;

/// Columns are at least so wide: number, time, addresses.
const NUMBER: usize = 5;
const TIME: usize = 10;
const ADDRESS: usize = 12;

pub(super) fn show(out: &mut Vec<u8>, shown: &Shown<'_>, room: &mut Vec<u8>) {
    let columns = &shown.dissection.columns;
    right(out, NUMBER, room, |out| write::decimal(out, shown.number));
    out.push(b' ');
    right(out, TIME, room, |out| time::relative(out, shown));
    out.push(b' ');
    right(out, ADDRESS, room, |out| place(out, columns.source));
    out.extend(" → ".as_bytes());
    let start = out.len();
    place(out, columns.destination);
    let width = out.len() - start;
    out.extend(std::iter::repeat_n(b' ', ADDRESS.saturating_sub(width)));
    out.push(b' ');
    write::harmless(out, columns.protocol.as_bytes());
    out.push(b' ');
    write::decimal(out, shown.original_length.into());
    out.push(b' ');
    write::harmless(out, columns.info.as_bytes());
    out.push(b'\n');
}

/// An address; nothing if there is none.
pub(super) fn place(out: &mut Vec<u8>, place: Place) {
    display(out, &place);
}

fn display(out: &mut Vec<u8>, value: &dyn Display) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
}

/// Writes something with spaces before it to fill a width.
fn right(out: &mut Vec<u8>, width: usize, room: &mut Vec<u8>, write: impl Fn(&mut Vec<u8>)) {
    room.clear();
    write(room);
    out.extend(std::iter::repeat_n(b' ', width.saturating_sub(room.len())));
    out.extend_from_slice(room);
}
