//! The elements of a list in a datagram: each is a walk of its own.

use super::walk::Walk;
use super::{Format, Kind, MAX_ELEMENTS};
use crate::drop::{self, Drop, Layer, Reason, Value};
use std::ops;

/// An element of a list.
pub(super) struct Element<'a> {
    /// Where its fields lie.
    pub(super) walk: Walk<'a>,
    /// The bit behind it.
    pub(super) end: usize,
    /// It says that it is the last.
    pub(super) last: bool,
}

/// The elements of the list at `place` that fill `bits`, or begin there if they tell their end.
/// Ends after the last of them, or with the drop `list`.
pub(super) fn elements<'a>(
    format: &'a Format,
    place: usize,
    bits: ops::Range<usize>,
    datagram: &[u8],
) -> impl Iterator<Item = Result<Element<'a>, Drop>> {
    let (fields, until) = match format.fields.get(place).map(|field| &field.kind) {
        Some(Kind::List { fields, until }) => (fields.as_slice(), until.as_ref()),
        _ => (&[][..], None),
    };
    let (mut bit, mut count, mut done) = (bits.start, 0, fields.is_empty());
    std::iter::from_fn(move || {
        if done || (bit >= bits.end && until.is_none()) {
            return None;
        }
        count += 1;
        let element = match Walk::element(format, fields, bit..bits.end, datagram) {
            Some((walk, end)) if count <= MAX_ELEMENTS => {
                let last = until.is_some_and(|until| walk.fulfils(until));
                done = last;
                bit = end;
                Ok(Element { walk, end, last })
            }
            _ => {
                done = true;
                Err(list_drop(place, bit))
            }
        };
        Some(element)
    })
}

pub(super) fn list_drop(place: usize, bit: usize) -> Drop {
    Drop {
        field: drop::Field::Format(place),
        offset: bit / 8,
        expected: Value::Nothing,
        found: Value::Nothing,
        ..Drop::whole(Reason::List, Layer::Header, 0, 0)
    }
}
