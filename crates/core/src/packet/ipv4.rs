//! Internet Protocol, version 4 (RFC 791).

use super::{Malformed, array};
use std::net::Ipv4Addr;

/// The version nibble.
pub const VERSION: u8 = 4;
/// The `EtherType` (`ETH_P_IP`, `linux/if_ether.h`).
pub const ETHERTYPE: u16 = 0x0800;
/// Bytes of a header without options.
pub const MIN_HEADER_BYTES: usize = 20;

/// A view of an IPv4 packet.
#[derive(Debug, Clone, Copy)]
pub struct Ipv4<'a> {
    bytes: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// Reads a packet that fills `bytes` to the last one.
    ///
    /// # Errors
    /// [`Malformed`] if the version is not 4, the header is cut or shorter than 20 bytes, or the
    /// total length is not that of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let packet = Self { bytes };
        let wrong = |field, offset, expected: usize, found: usize| {
            Err(Malformed { field, offset, expected: expected as u64, found: found as u64 })
        };
        if bytes.len() < MIN_HEADER_BYTES {
            return wrong("ip", 0, MIN_HEADER_BYTES, bytes.len());
        }
        if packet.version() != VERSION {
            return wrong("ip.version", 0, VERSION.into(), packet.version().into());
        }
        if packet.header_length() < MIN_HEADER_BYTES {
            return wrong("ip.hdr_len", 0, MIN_HEADER_BYTES, packet.header_length());
        }
        if packet.total_length() != bytes.len() {
            return wrong("ip.len", 2, bytes.len(), packet.total_length());
        }
        if packet.header_length() > bytes.len() {
            return wrong("ip.hdr_len", 0, bytes.len(), packet.header_length());
        }
        Ok(packet)
    }

    /// Bytes of the packet that begins with `bytes`, as its header states them; nothing if the
    /// header's beginning is cut.
    #[must_use]
    pub fn stated_bytes(bytes: &[u8]) -> Option<usize> {
        bytes.get(2..4).map(|_| Ipv4 { bytes }.total_length())
    }

    fn version(&self) -> u8 {
        array::<1>(self.bytes, 0)[0] >> 4
    }

    /// Bytes of the header with its options.
    #[must_use]
    pub fn header_length(&self) -> usize {
        usize::from(array::<1>(self.bytes, 0)[0] & 0x0f) * 4
    }

    /// Bytes of the whole packet, as its header states them.
    #[must_use]
    pub fn total_length(&self) -> usize {
        u16::from_be_bytes(array(self.bytes, 2)).into()
    }

    /// Whether this is a fragment other than the first, so that no header of the next protocol is
    /// in it.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        u16::from_be_bytes(array(self.bytes, 6)) & 0x1fff != 0
    }

    /// The number of the protocol inside.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        array::<1>(self.bytes, 9)[0]
    }

    /// The address that the packet goes to.
    #[must_use]
    pub fn destination(&self) -> Ipv4Addr {
        array::<4>(self.bytes, 16).into()
    }

    /// What follows the header.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.header_length()..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10.0.0.1 → 10.0.0.2, a header and 4 bytes.
    const PACKET: [u8; 24] =
        [0x45, 0, 0, 24, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4];

    fn refused(change: impl Fn(&mut Vec<u8>)) -> (&'static str, usize, u64, u64) {
        let mut bytes = PACKET.to_vec();
        change(&mut bytes);
        let error = Ipv4::parse(&bytes).unwrap_err();
        (error.field, error.offset, error.expected, error.found)
    }

    #[test]
    fn a_packet_that_fits() {
        let packet = Ipv4::parse(&PACKET).unwrap();
        assert_eq!(packet.header_length(), 20);
        assert_eq!(packet.total_length(), 24);
        assert_eq!(packet.protocol(), 17);
        assert_eq!(packet.destination(), Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(packet.payload(), [1, 2, 3, 4]);
        assert!(!packet.is_fragment());
    }

    #[test]
    fn options_belong_to_the_header() {
        let mut bytes = PACKET;
        bytes[0] = 0x46;
        assert!(Ipv4::parse(&bytes).unwrap().payload().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(refused(|b| b.truncate(19)), ("ip", 0, 20, 19));
        assert_eq!(refused(std::vec::Vec::clear), ("ip", 0, 20, 0));
        assert_eq!(refused(|b| b[0] = 0x65), ("ip.version", 0, 4, 6));
        assert_eq!(refused(|b| b[0] = 0x44), ("ip.hdr_len", 0, 20, 16));
        assert_eq!(refused(|b| b[0] = 0x47), ("ip.hdr_len", 0, 24, 28));
        assert_eq!(refused(|b| b[3] = 23), ("ip.len", 2, 24, 23));
        assert_eq!(refused(|b| b.push(0)), ("ip.len", 2, 25, 24));
        assert_eq!(refused(|b| b[2] = 1), ("ip.len", 2, 24, 280));
    }
}
