//! What a pass over many packets at a time needs of a codec, where one pass is enough: the header
//! alone, and the keystream.

use super::keyed::Keyed;
use super::{Codec, Patches, next_number};
use crate::cipher::xor::Xor;
use crate::drop::{Drop, Layer, Reason};
use crate::format::Role;
use crate::format::shape::{Lengths, Shape};
use crate::packet::Inside;
use std::ops::Range;

impl Codec {
    /// Whether a datagram is a head, which depends on the packet's length and kind alone, and the
    /// packet, enciphered from its first byte to its last or not at all: in both directions.
    #[must_use]
    pub fn is_fused(&self) -> bool {
        self.is_fused
    }

    pub(super) fn find_fused(&self) -> bool {
        let plain = |shape: &Shape, patches: &Patches| {
            shape.tail.bytes.is_empty()
                && !patches.padded
                && patches.lengths().all(|length| length.count.unit_shift == 0)
                && shape.region == self.cipher.as_ref().map(|_| (0, 0))
                && patches.counters.is_empty()
                && patches.randoms.is_empty()
                && patches.outer.checksums.is_empty()
                && patches.inner.checksums.is_empty()
        };
        let one_pass = self.cipher.as_ref().is_none_or(|cipher| cipher.xor().is_some());
        one_pass && plain(&self.send, &self.sent) && plain(&self.receive, &self.received)
    }

    /// [`seal`](Self::seal) where all is fused: the head, and the cipher.
    pub(super) fn seal_fused(
        &self,
        buffer: &mut [u8],
        packet: Range<usize>,
        inside: Inside,
    ) -> Result<Range<usize>, Drop> {
        let room = buffer.len();
        let outside = || Drop::whole(Reason::TooLong, Layer::Packet, room, packet.end);
        let head_bytes = self.send.head.bytes.len();
        let start = packet.start.checked_sub(head_bytes).ok_or_else(outside)?;
        let datagram = buffer.get_mut(start..packet.end).ok_or_else(outside)?;
        for (place, _) in &self.sent.nexts {
            next_number(&self.format, *place, inside)?;
        }
        self.write_head(datagram, inside);
        if let (Some(cipher), Some(packet)) = (self.keystream(), datagram.get_mut(head_bytes..)) {
            cipher.apply(packet);
        }
        Ok(start..packet.end)
    }

    /// [`open`](Self::open) where all is fused, and nothing is wrong or to be noted. Otherwise the
    /// datagram is as it came.
    pub(super) fn open_fused(&self, datagram: &mut [u8]) -> Option<Range<usize>> {
        let head_bytes = self.receive.head.bytes.len();
        if !self.accepts_layout(datagram) {
            return None;
        }
        let packet = datagram.get_mut(head_bytes..)?;
        if let Some(cipher) = self.keystream() {
            cipher.apply(packet);
        }
        let inside = self.inside(packet);
        if inside.is_some_and(|inside| self.accepts_nexts(datagram, inside)) {
            return Some(head_bytes..datagram.len());
        }
        if let Some(cipher) = self.keystream() {
            // XOR is its own inverse.
            cipher.apply(datagram.get_mut(head_bytes..)?);
        }
        None
    }

    /// The keystream of the packet, if it is enciphered.
    #[must_use]
    pub fn keystream(&self) -> Option<&Xor> {
        self.cipher.as_ref().and_then(Keyed::xor)
    }

    /// Writes the head of a [fused](Self::is_fused) datagram, whose packet is there and is not
    /// looked at. The caller knows that lengths and tables hold it.
    pub fn write_head(&self, datagram: &mut [u8], inside: Inside) {
        let template = &self.send.head.bytes;
        let packet = datagram.len().saturating_sub(template.len());
        let Some(head) = datagram.get_mut(..template.len()) else { return };
        head.copy_from_slice(template);
        for length in self.sent.lengths() {
            let number = length.count.number(packet, 0).unwrap_or_default();
            length.spot.in_datagram(0).write(head, number);
        }
        for (place, spot) in &self.sent.nexts {
            let number = next_number(&self.format, *place, inside).unwrap_or_default();
            spot.in_datagram(0).write(head, number);
        }
    }

    /// Whether tables and lengths of a [fused](Self::is_fused) datagram hold a packet of a kind and
    /// length.
    #[must_use]
    pub fn holds(&self, inside: Inside, bytes: usize) -> bool {
        bytes <= self.max_packet_bytes
            && self
                .sent
                .nexts
                .iter()
                .all(|(place, _)| next_number(&self.format, *place, inside).is_ok())
    }

    /// Whether the head of a [fused](Self::is_fused) datagram is exactly what the peer would write
    /// for the packet in it, of a kind.
    #[must_use]
    pub fn accepts_head(&self, datagram: &[u8], inside: Inside) -> bool {
        self.accepts_layout(datagram) && self.accepts_nexts(datagram, inside)
    }

    fn accepts_layout(&self, datagram: &[u8]) -> bool {
        let head = &self.receive.head;
        let Some(packet) = datagram.len().checked_sub(head.bytes.len()) else { return false };
        let lengths = Lengths { head: head.bytes.len(), packet, padding: 0, tail: 0 };
        packet > 0
            && head.matches(datagram, &head.outer)
            && self.received.outer.lengths_fit(datagram, lengths)
    }

    fn accepts_nexts(&self, datagram: &[u8], inside: Inside) -> bool {
        self.received.nexts.iter().all(|(place, spot)| {
            let found = spot.in_datagram(0).read(datagram);
            match self.format.fields.get(*place).map(|field| &field.role) {
                Some(Role::Next { table, value, .. }) => {
                    table.number(inside) == Some(found) || *value == Some(found)
                }
                _ => true,
            }
        })
    }
}
