//! What travels inside: the protocols of a packet, one a file, all of one shape.
//!
//! Each file has a view `Name<'a>` over borrowed bytes. `Name::parse` checks that the lengths which
//! the header states fit the bytes that are there, and says what is wrong as [`Malformed`]; after
//! that the accessors cannot fail.

pub mod checksum;
pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
pub mod udp;

pub use ethernet::Ethernet;
pub use ipv4::Ipv4;
pub use ipv6::Ipv6;
pub use udp::Udp;

use std::net::IpAddr;

/// What is wrong with a packet, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The field that was refused, by Wireshark's name for it.
    pub field: &'static str,
    /// Where the field begins, in bytes from the packet's first.
    pub offset: usize,
    /// What would have fitted.
    pub expected: u64,
    /// What stood there.
    pub found: u64,
}

/// An IP packet whose stated lengths are exactly the bytes that are there.
#[derive(Debug, Clone, Copy)]
pub enum Ip<'a> {
    /// IP version 4.
    V4(Ipv4<'a>),
    /// IP version 6.
    V6(Ipv6<'a>),
}

/// What a packet is, for a field that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// An Ethernet frame.
    Ethernet,
}

impl<'a> Ip<'a> {
    /// Reads an IP packet that fills `bytes` to the last one.
    ///
    /// # Errors
    /// [`Malformed`] names the field: the version nibble is neither 4 nor 6, or a length in the
    /// header is not that of the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        match bytes.first().map(|byte| byte >> 4) {
            Some(ipv4::VERSION) => Ipv4::parse(bytes).map(Self::V4),
            Some(ipv6::VERSION) => Ipv6::parse(bytes).map(Self::V6),
            version => Err(Malformed {
                field: "ip.version",
                offset: 0,
                expected: 4,
                found: version.unwrap_or_default().into(),
            }),
        }
    }

    /// Which version it is.
    #[must_use]
    pub fn inside(&self) -> Inside {
        match self {
            Self::V4(_) => Inside::Ipv4,
            Self::V6(_) => Inside::Ipv6,
        }
    }

    /// Where the packet goes.
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        match self {
            Self::V4(packet) => packet.destination().into(),
            Self::V6(packet) => packet.destination().into(),
        }
    }

    /// The UDP datagram inside, or the beginning of it in a first fragment. Extension headers of
    /// IPv6 other than that of a fragment are not followed.
    #[must_use]
    pub fn udp(&self) -> Option<Udp<'a>> {
        let (protocol, payload) = match self {
            Self::V4(packet) if packet.is_fragment() => return None,
            Self::V4(packet) => (packet.protocol(), packet.payload()),
            Self::V6(packet) => packet.upper_layer()?,
        };
        (protocol == udp::PROTOCOL).then(|| Udp::parse(payload).ok()).flatten()
    }
}

/// The bytes at `offset`, or zeros where a header was not checked to be there: never a panic.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_version_4_nor_6() {
        for first in [0x00, 0x10, 0x50, 0x70, 0xf5] {
            let error = Ip::parse(&[first; 40]).unwrap_err();
            assert_eq!((error.field, error.offset), ("ip.version", 0));
            assert_eq!(error.found, u64::from(first >> 4));
        }
        assert_eq!(Ip::parse(&[]).unwrap_err().field, "ip.version");
    }

    #[test]
    fn udp_is_found_in_both_versions_but_not_in_a_fragment() {
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet.extend([0x05, 0x39, 0x12, 0x34, 0, 8, 0, 0]);
        let udp = Ip::parse(&packet).unwrap().udp().unwrap();
        assert_eq!((udp.source_port(), udp.destination_port()), (1337, 0x1234));
        assert_eq!(Ip::parse(&packet).unwrap().destination().to_string(), "10.0.0.2");
        packet[7] = 1;
        assert!(Ip::parse(&packet).unwrap().udp().is_none());

        let mut packet = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
        packet.extend([0xfd; 16]);
        packet.extend([0xfe; 16]);
        packet.extend([0x05, 0x39, 0x12, 0x34, 0, 8, 0, 0]);
        assert_eq!(Ip::parse(&packet).unwrap().udp().unwrap().source_port(), 1337);
        packet[6] = 6;
        assert!(Ip::parse(&packet).unwrap().udp().is_none());
    }
}
