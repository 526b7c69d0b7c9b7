//! Fragments put together, and read as the packet that they are.

use super::{Dissector, FieldId, Place, Span, Value};
use crate::capture::Time;
use crate::capture::fragments::{Fragment, Key, Outcome};
use crate::dissect::SourceKind;
use std::net::{IpAddr, Ipv4Addr};

/// A packet put together: its source, and its bytes.
pub(super) struct Whole {
    source: u8,
    bytes: Vec<u8>,
}

/// A fragment, as its IP header tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// The identification.
    pub(super) id: u32,
    /// The protocol, where it tells packets apart.
    pub(super) protocol: u8,
    /// Where its bytes belong in the whole.
    pub(super) offset: u16,
    /// Whether more follow.
    pub(super) more: bool,
}

/// The fields that tell what a packet was put together from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) part: FieldId,
    /// A part that others contradict.
    pub(super) wrong_part: FieldId,
    pub(super) count: FieldId,
    pub(super) length: FieldId,
    pub(super) data: FieldId,
}

impl Whole {
    /// Its bytes, to be read.
    pub(super) fn span(&self) -> Span<'_> {
        let stated = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        Span::new(self.source, &self.bytes, stated)
    }
}

impl Dissector {
    /// Takes a fragment in. Gives the whole if nothing of it is missing now, and says in `fields`
    /// what it was put together from. It has to be given back by [`Self::give_back`].
    pub(super) fn reassemble(
        &mut self,
        payload: Span<'_>,
        piece: Piece,
        fields: Fields,
    ) -> Option<Whole> {
        if payload.is_cut() || self.out.quotes() {
            return None;
        }
        let address = |place| match place {
            Place::V4(address) => IpAddr::V4(address),
            Place::V6(address) => IpAddr::V6(address),
            Place::Nowhere | Place::Ether(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let nanoseconds = self.time.and_then(|time| u64::try_from(time).ok());
        let scope = self.scope();
        let fragment = Fragment {
            key: Key {
                id: piece.id,
                protocol: piece.protocol,
                scope,
                source: address(self.ends.0),
                destination: address(self.ends.1),
            },
            offset: piece.offset.into(),
            more: piece.more,
            bytes: payload.bytes(),
            frame: self.frame_number,
            time: nanoseconds.map(Time::from_nanoseconds),
        };
        let Outcome::Whole(whole) = self.fragments.add(&fragment).outcome else { return None };
        let source = self.out.derive(SourceKind::Reassembled, whole.bytes);
        let mut bytes = self.buffers.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(whole.bytes);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let all = Span::new(source, &bytes, number(bytes.len()));
        for part in whole.parts {
            let (offset, length) = (number(part.offset), number(part.length));
            let wrong = part.conflicts || part.second_tail || part.too_long;
            let field = if wrong { fields.wrong_part } else { fields.part };
            self.out.add(field, all, offset, length, Value::Number(part.frame));
        }
        self.out.generated(fields.count, all, 0, Value::Number(whole.parts.len() as u64));
        self.out.generated(fields.length, all, 0, Value::Number(bytes.len() as u64));
        self.out.bytes(fields.data, all, 0, all.len());
        Some(Whole { source, bytes })
    }

    /// Keeps the room of a packet that was read for the next one.
    pub(super) fn give_back(&mut self, whole: Whole) {
        self.buffers.push(whole.bytes);
    }
}
