//! Where the headers of a packet lie: Ethernet, IP, TCP or UDP.

use super::{read, read_u16};
use crate::packet::{ipv4, ipv6, udp};

/// Bytes of an Ethernet header (`ETH_HLEN`, `linux/if_ether.h`).
const ETHERNET_BYTES: usize = 14;
/// Bytes of a VLAN tag (IEEE 802.1Q).
const TAG_BYTES: usize = 4;
/// The most VLAN tags that are looked behind: a frame with more is none of any flow.
const MAX_TAGS: usize = 2;
/// The `EtherTypes` of VLAN tags (`ETH_P_8021Q`, `ETH_P_8021AD`).
const TAGS: [u16; 2] = [0x8100, 0x88a8];
/// The number of TCP in IP headers.
pub(super) const TCP: u8 = 6;
/// Bytes of a TCP header without options (RFC 9293, section 3.1).
pub(super) const TCP_BYTES: usize = 20;
/// The longest headers of a super-packet, from the first byte to the payload: more than Linux keeps
/// room for.
pub(super) const MAX_HEAD_BYTES: usize = 256;

/// What a device's packets begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// IP: a TUN.
    Ip,
    /// Ethernet, perhaps with VLAN tags: a TAP.
    Ethernet,
}

impl Link {
    /// The longest way to the first byte behind a TCP header's length field: so much of a packet
    /// must be plain before [`Head::of`] can look at it.
    pub(super) fn head_bytes(self) -> usize {
        match self {
            Self::Ip => 64,
            Self::Ethernet => 64 + 32,
        }
    }

    /// Where the network header begins, and its `EtherType`. Bare IP tells its own by the version.
    pub(super) fn network(self, bytes: &[u8]) -> Option<(usize, u16)> {
        if self == Self::Ip {
            return match bytes.first()? >> 4 {
                ipv4::VERSION => Some((0, ipv4::ETHERTYPE)),
                ipv6::VERSION => Some((0, ipv6::ETHERTYPE)),
                _ => None,
            };
        }
        (0..=MAX_TAGS)
            .map(|tags| ETHERNET_BYTES + tags * TAG_BYTES)
            .take_while(|end| *end <= bytes.len())
            .map(|end| (end, read_u16(bytes, end - 2)))
            .find(|(_, ethertype)| !TAGS.contains(ethertype))
    }
}

/// Version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V4,
    V6,
}

impl Version {
    pub(super) fn of_ethertype(ethertype: u16) -> Option<Self> {
        match ethertype {
            ipv4::ETHERTYPE => Some(Self::V4),
            ipv6::ETHERTYPE => Some(Self::V6),
            _ => None,
        }
    }
}

/// What is over IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub(super) fn of_number(number: u8) -> Option<Self> {
        match number {
            TCP => Some(Self::Tcp),
            udp::PROTOCOL => Some(Self::Udp),
            _ => None,
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::Tcp => TCP,
            Self::Udp => udp::PROTOCOL,
        }
    }

    /// Where in its header the checksum stands.
    pub(super) fn checksum_offset(self) -> usize {
        match self {
            Self::Tcp => 16,
            Self::Udp => 6,
        }
    }

    /// Bytes of the header at `transport`; nothing if it is cut by `end` or says less than it must.
    pub(super) fn header_bytes(self, bytes: &[u8], transport: usize, end: usize) -> Option<usize> {
        let length = match self {
            Self::Tcp => usize::from(read::<1>(bytes, transport + 12)[0] >> 4) * 4,
            Self::Udp => udp::HEADER_BYTES,
        };
        let least = if self == Self::Tcp { TCP_BYTES } else { udp::HEADER_BYTES };
        (length >= least && transport + least <= end && transport + length <= end).then_some(length)
    }
}

/// Where the headers lie, in bytes from the packet's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) protocol: Protocol,
    /// The IP header.
    pub(super) network: usize,
    /// The TCP or UDP header.
    pub(super) transport: usize,
    /// What follows.
    pub(super) payload: usize,
}

impl Head {
    /// Finds the headers of a packet of `length` bytes, whose first bytes are in `bytes`. Nothing
    /// unless it is TCP or UDP in one piece, straight in IP without options or extension headers,
    /// and all lengths say that it fills the packet to the last byte.
    pub(super) fn of(link: Link, bytes: &[u8], length: usize) -> Option<Self> {
        let (network, ethertype) = link.network(bytes)?;
        let (version, transport, protocol) = match Version::of_ethertype(ethertype)? {
            Version::V4 => {
                let whole = read_u16(bytes, network + 6) & 0xbfff == 0;
                let ends = network + usize::from(read_u16(bytes, network + 2)) == length;
                if read(bytes, network) != [0x45] || !whole || !ends {
                    return None;
                }
                let transport = network + ipv4::MIN_HEADER_BYTES;
                (Version::V4, transport, read::<1>(bytes, network + 9))
            }
            Version::V6 => {
                let transport = network + ipv6::HEADER_BYTES;
                let ends = transport + usize::from(read_u16(bytes, network + 4)) == length;
                if read::<1>(bytes, network)[0] >> 4 != ipv6::VERSION || !ends {
                    return None;
                }
                (Version::V6, transport, read::<1>(bytes, network + 6))
            }
        };
        let protocol = Protocol::of_number(protocol[0])?;
        let payload = transport + protocol.header_bytes(bytes, transport, length)?;
        let udp_end = transport + usize::from(read_u16(bytes, transport + 4));
        if protocol == Protocol::Udp && udp_end != length {
            return None;
        }
        Some(Self { version, protocol, network, transport, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Packet, TCP_ACK};
    use super::*;

    fn head(link: Link, bytes: &[u8]) -> Option<Head> {
        Head::of(link, bytes, bytes.len())
    }

    #[test]
    fn tcp_and_udp_over_both_versions() {
        let tcp = Packet::tcp(1, TCP_ACK, b"hello").build();
        let found = head(Link::Ip, &tcp).unwrap();
        assert_eq!((found.network, found.transport, found.payload), (0, 20, 40));
        assert_eq!((found.version, found.protocol), (Version::V4, Protocol::Tcp));

        let udp = Packet::udp(b"hello").over_ipv6().build();
        let found = head(Link::Ip, &udp).unwrap();
        assert_eq!((found.network, found.transport, found.payload), (0, 40, 48));
        assert_eq!((found.version, found.protocol), (Version::V6, Protocol::Udp));
    }

    #[test]
    fn ethernet_and_its_tags() {
        for tags in 0..=3 {
            let frame = Packet::udp(b"hello").in_ethernet(tags).build();
            let found = head(Link::Ethernet, &frame).map(|head| head.network);
            assert_eq!(found, (tags <= 2).then_some(14 + 4 * tags));
        }
        let padded = [Packet::udp(b"hello").in_ethernet(0).build(), vec![0; 13]].concat();
        assert_eq!(head(Link::Ethernet, &padded), None, "a frame that was padded to 60 bytes");
    }

    #[test]
    fn what_is_of_no_flow() {
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut bytes = Packet::tcp(1, TCP_ACK, b"hello").build();
            change(&mut bytes);
            head(Link::Ip, &bytes)
        };
        assert!(changed(|_| ()).is_some());
        assert_eq!(changed(Vec::clear), None);
        assert_eq!(changed(|b| b[0] = 0x46), None, "options");
        assert_eq!(changed(|b| b[6] = 0x20), None, "more fragments");
        assert_eq!(changed(|b| b[7] = 1), None, "a later fragment");
        assert_eq!(changed(|b| b[6] = 0x80), None, "the reserved flag");
        assert_eq!(changed(|b| b[9] = 1), None, "ICMP");
        assert_eq!(changed(|b| b[32] = 0x40), None, "a TCP header of 16 bytes");
        assert_eq!(changed(|b| b[32] = 0xf0), None, "a TCP header longer than the packet");
        assert_eq!(changed(|b| b.truncate(39)), None, "cut");
        assert_eq!(changed(|b| b.push(0)), None, "something behind");
        let mut udp = Packet::udp(b"hello").build();
        udp[25] -= 1;
        assert_eq!(head(Link::Ip, &udp), None, "a UDP length that says less");
    }
}
