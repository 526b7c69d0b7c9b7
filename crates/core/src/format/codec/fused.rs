//! What a pass over many packets at a time needs of a codec, where one pass is enough: the header
//! alone, and the keystream.

use super::{Codec, Patches, next_number};
use crate::cipher::xor::Xor;
use crate::format::Role;
use crate::format::shape::{Lengths, Shape};
use crate::packet::Inside;

impl Codec {
    /// Whether a datagram is a head, which depends on the packet's length and kind alone, and the
    /// packet, enciphered from its first byte to its last or not at all: in both directions.
    #[must_use]
    pub fn is_fused(&self) -> bool {
        let plain = |shape: &Shape, patches: &Patches| {
            shape.tail.bytes.is_empty()
                && !patches.padded
                && patches.lengths().all(|length| length.count.unit_shift == 0)
                && matches!(shape.region, None | Some((0, 0)))
                && patches.counters.is_empty()
                && patches.randoms.is_empty()
                && patches.outer.checksums.is_empty()
                && patches.inner.checksums.is_empty()
        };
        plain(&self.send, &self.sent) && plain(&self.receive, &self.received)
    }

    /// The keystream of the packet, if it is enciphered.
    #[must_use]
    pub fn keystream(&self) -> Option<&Xor> {
        self.cipher.as_ref()
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
        let head = &self.receive.head;
        let Some(packet) = datagram.len().checked_sub(head.bytes.len()) else { return false };
        let lengths = Lengths { head: head.bytes.len(), packet, padding: 0, tail: 0 };
        let fits = |(place, spot): &(usize, crate::format::shape::Spot)| {
            let found = spot.in_datagram(0).read(datagram);
            match self.format.fields.get(*place).map(|field| &field.role) {
                Some(Role::Next { table, value, .. }) => {
                    table.number(inside) == Some(found) || *value == Some(found)
                }
                _ => true,
            }
        };
        packet > 0
            && head.matches(datagram, &head.outer)
            && self.received.outer.lengths_fit(datagram, lengths)
            && self.received.nexts.iter().all(fits)
    }
}
