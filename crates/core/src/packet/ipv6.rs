//! Internet Protocol, version 6 (RFC 8200).

use super::{Malformed, array};
use std::net::Ipv6Addr;

/// The version nibble.
pub const VERSION: u8 = 6;
/// The `EtherType` (`ETH_P_IPV6`, `linux/if_ether.h`).
pub const ETHERTYPE: u16 = 0x86dd;
/// Bytes of the header, without extension headers.
pub const HEADER_BYTES: usize = 40;
/// The number of the Fragment header.
const FRAGMENT: u8 = 44;
/// Bytes of the Fragment header.
const FRAGMENT_HEADER_BYTES: usize = 8;
/// The least MTU that a link may have to carry IPv6 (RFC 8200, section 5).
pub const MIN_MTU: usize = 1280;

/// A view of an IPv6 packet.
#[derive(Debug, Clone, Copy)]
pub struct Ipv6<'a> {
    bytes: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// Reads a packet that fills `bytes` to the last one. Jumbograms (RFC 2675) are refused: their
    /// payload length of 0 does not fit, and no datagram could carry them.
    ///
    /// # Errors
    /// [`Malformed`] if the header is cut, the version is not 6, or 40 + payload length is not the
    /// length of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let packet = Self { bytes };
        let wrong = |field, offset, expected: usize, found: usize| {
            Err(Malformed { field, offset, expected: expected as u64, found: found as u64 })
        };
        let Some(payload_bytes) = bytes.len().checked_sub(HEADER_BYTES) else {
            return wrong("ipv6", 0, HEADER_BYTES, bytes.len());
        };
        if packet.version() != VERSION {
            return wrong("ipv6.version", 0, VERSION.into(), packet.version().into());
        }
        if packet.payload_length() != payload_bytes {
            return wrong("ipv6.plen", 4, payload_bytes, packet.payload_length());
        }
        Ok(packet)
    }

    /// Bytes of the packet that begins with `bytes`, as its header states them; nothing if the
    /// header's beginning is cut.
    #[must_use]
    pub fn stated_bytes(bytes: &[u8]) -> Option<usize> {
        bytes.get(4..6).map(|_| HEADER_BYTES + Ipv6 { bytes }.payload_length())
    }

    fn version(&self) -> u8 {
        array::<1>(self.bytes, 0)[0] >> 4
    }

    /// Bytes after the header, as it states them.
    #[must_use]
    pub fn payload_length(&self) -> usize {
        u16::from_be_bytes(array(self.bytes, 4)).into()
    }

    /// The number of the protocol or extension header that follows.
    #[must_use]
    pub fn next_header(&self) -> u8 {
        array::<1>(self.bytes, 6)[0]
    }

    /// The address that the packet goes to.
    #[must_use]
    pub fn destination(&self) -> Ipv6Addr {
        array::<16>(self.bytes, 24).into()
    }

    /// What follows the header.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }

    /// The protocol above and its bytes, behind a Fragment header (RFC 8200, section 4.5) if there
    /// is one. Nothing in a fragment other than the first.
    #[must_use]
    pub fn upper_layer(&self) -> Option<(u8, &'a [u8])> {
        if self.next_header() != FRAGMENT {
            return Some((self.next_header(), self.payload()));
        }
        let (header, rest) = self.payload().split_at_checked(FRAGMENT_HEADER_BYTES)?;
        let is_first = u16::from_be_bytes(array(header, 2)) >> 3 == 0;
        is_first.then_some((array::<1>(header, 0)[0], rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 4, 58, 64];
        bytes.extend([0xfd; 16]);
        bytes.extend([0xfe; 16]);
        bytes.extend([1, 2, 3, 4]);
        bytes
    }

    fn refused(change: impl Fn(&mut Vec<u8>)) -> (&'static str, usize, u64, u64) {
        let mut bytes = packet();
        change(&mut bytes);
        let error = Ipv6::parse(&bytes).unwrap_err();
        (error.field, error.offset, error.expected, error.found)
    }

    #[test]
    fn a_packet_that_fits() {
        let bytes = packet();
        let packet = Ipv6::parse(&bytes).unwrap();
        assert_eq!(packet.payload_length(), 4);
        assert_eq!(packet.next_header(), 58);
        assert_eq!(packet.destination(), Ipv6Addr::from([0xfe; 16]));
        assert_eq!(packet.payload(), [1, 2, 3, 4]);
    }

    #[test]
    fn the_upper_layer_of_a_first_fragment() {
        let mut bytes = packet();
        bytes[5] = 12;
        bytes[6] = FRAGMENT;
        bytes.splice(40..40, [17, 0, 0, 1, 9, 9, 9, 9]);
        let upper = |bytes: &[u8]| Ipv6::parse(bytes).unwrap().upper_layer().map(|(p, _)| p);
        assert_eq!(upper(&bytes), Some(17));
        bytes[43] = 8;
        assert_eq!(upper(&bytes), None);
        assert_eq!(upper(&packet()), Some(58));
        let mut cut = packet();
        cut[6] = FRAGMENT;
        assert_eq!(upper(&cut), None);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(refused(|b| b.truncate(39)), ("ipv6", 0, 40, 39));
        assert_eq!(refused(|b| b[0] = 0x40), ("ipv6.version", 0, 6, 4));
        assert_eq!(refused(|b| b[5] = 3), ("ipv6.plen", 4, 4, 3));
        assert_eq!(refused(|b| b.truncate(40)), ("ipv6.plen", 4, 0, 4));
        assert_eq!(refused(|b| b.push(0)), ("ipv6.plen", 4, 5, 4));
    }
}
