//! What the two file formats tell the reader of the bytes before it.

use super::error::Fault;
use super::link::LinkType;
use super::time::Time;
use std::ops::Range;

/// What stands at the beginning of the unread bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// So many bytes must be there to tell more; they are of what is named.
    Needs(usize, &'static str),
    /// So many bytes, with no frame in them.
    Passes(usize),
    /// A frame.
    Frame(Record),
}

/// A fault, and where it is from the first unread byte.
#[derive(Debug)]
pub(super) struct At(pub(super) usize, pub(super) Fault);

/// Where a frame is in the bytes of its record, and what the record says of it.
#[derive(Debug)]
pub(super) struct Record {
    /// Bytes of the whole record.
    pub(super) length: usize,
    pub(super) bytes: Range<usize>,
    pub(super) options: Range<usize>,
    pub(super) original_length: u32,
    pub(super) time: Option<Time>,
    pub(super) decimals: u8,
    pub(super) interface: u32,
    pub(super) link: LinkType,
}

/// A `usize` for a number that was checked to be small, or the largest where it was not.
pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The other way round.
pub(super) fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
