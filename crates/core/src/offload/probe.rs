//! Super-packets that nobody gets: written to a device, they tell whether its kernel takes their
//! kind.
//!
//! Some kernels refuse a super-packet with a short last segment, so these have one. The kernel
//! refuses it at the write, by its virtio header, or else drops the packet silently behind the
//! device: that of IPv4 has a wrong header checksum, that of IPv6 comes from `::1`. Over Ethernet it
//! goes to an address that no bridge forwards to.

use super::checksum::Sum;
use super::head::{Head, Link, MAX_HEAD_BYTES, Version};
use super::item::merged_header;
use super::segments::length_sum;
use super::virtio::{GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, HEADER_BYTES};
use super::write as put;
use crate::packet::{ipv4, ipv6, udp};

/// Payload bytes of the first segment, and of the last.
const PAYLOAD_BYTES: [usize; 2] = [100, 60];
/// 192.0.2.1 to 192.0.2.2, of TEST-NET-1 (RFC 5737).
const IPV4_ADDRESSES: [u8; 8] = [192, 0, 2, 1, 192, 0, 2, 2];
/// The port that discards what it gets (RFC 863).
const DISCARD: [u8; 2] = [0, 9];

/// The MAC addresses of a pause frame (IEEE 802.3x), which ends at the first bridge, and of nobody.
const ETHERNET_ADDRESSES: [u8; 12] = [0x01, 0x80, 0xc2, 0, 0, 1, 0x02, 0, 0, 0, 0, 1];

/// What to write to a device with this link, virtio header and all, for a kind of super-packet, by
/// virtio's number for it. Nothing for an unknown one.
pub(super) fn write(link: Link, kind: u8) -> Option<Vec<u8>> {
    let (version, protocol, header_bytes) = match kind {
        GSO_TCPV4 => (Version::V4, super::head::TCP, super::head::TCP_BYTES),
        GSO_TCPV6 => (Version::V6, super::head::TCP, super::head::TCP_BYTES),
        GSO_UDP_L4 => (Version::V4, udp::PROTOCOL, udp::HEADER_BYTES),
        _ => return None,
    };
    let mut packet = link_header(link, version);
    let network = packet.len();
    packet.extend(ip_header(version, protocol));
    let transport = packet.len();
    packet.resize(transport + header_bytes + PAYLOAD_BYTES.iter().sum::<usize>(), 0);
    let length = u16::try_from(packet.len() - network).ok()?;
    let transport_length = u16::try_from(packet.len() - transport).ok()?;
    match version {
        Version::V4 => put(&mut packet, network + 2, length.to_be_bytes()),
        Version::V6 => put(&mut packet, network + 4, transport_length.to_be_bytes()),
    }
    put(&mut packet, transport, DISCARD);
    put(&mut packet, transport + 2, DISCARD);
    if protocol == udp::PROTOCOL {
        put(&mut packet, transport + 4, transport_length.to_be_bytes());
    } else {
        // A header of 20 bytes, ACK.
        put(&mut packet, transport + 12, [0x50, 0x10]);
    }
    let head = Head::of(link, &packet, packet.len())?;
    let pseudo_header = Sum::pseudo_header(packet.get(network..)?, version, protocol);
    let sum = pseudo_header + length_sum(transport_length.into());
    put(&mut packet, transport + head.protocol.checksum_offset(), sum.folded());
    if version == Version::V4 {
        let right = Sum::of(packet.get(network..transport)?).checksum();
        put(&mut packet, network + 10, right.map(|byte| !byte));
    }
    let mut bytes = vec![0; HEADER_BYTES];
    merged_header(&head, PAYLOAD_BYTES[0]).write(&mut bytes);
    bytes.extend(packet);
    Some(bytes)
}

/// What stands before the IP header.
fn link_header(link: Link, version: Version) -> Vec<u8> {
    let ethertype = match version {
        Version::V4 => ipv4::ETHERTYPE,
        Version::V6 => ipv6::ETHERTYPE,
    };
    match link {
        Link::Ip => Vec::new(),
        Link::Ethernet => [&ETHERNET_ADDRESSES[..], &ethertype.to_be_bytes()].concat(),
    }
}

/// An IP header without lengths and checksum.
fn ip_header(version: Version, protocol: u8) -> Vec<u8> {
    let mut header = Vec::with_capacity(MAX_HEAD_BYTES);
    match version {
        Version::V4 => {
            header.extend([0x45, 0, 0, 0, 0, 0, 0x40, 0, 1, protocol, 0, 0]);
            header.extend(IPV4_ADDRESSES);
        }
        Version::V6 => {
            header.extend([0x60, 0, 0, 0, 0, 0, protocol, 1]);
            header.extend(std::net::Ipv6Addr::LOCALHOST.octets());
            // Of the addresses for documents (RFC 3849).
            header.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::super::segments::Segments;
    use super::super::virtio::Header;
    use super::*;

    #[test]
    fn each_is_a_pair_with_a_short_tail_that_the_kernel_drops() {
        for (link, network) in [(Link::Ip, 0), (Link::Ethernet, 14)] {
            for kind in [GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4] {
                let bytes = write(link, kind).unwrap();
                let (header, packet) = Header::parse(&bytes).unwrap();
                let segments = Segments::parse(link, &header, packet).unwrap();
                assert_eq!((header.kind(), segments.count()), (kind, 2));
                assert_eq!(segments.payload(1).len(), 60);
                let ip = &packet[network..];
                if kind == GSO_TCPV6 {
                    assert_eq!(ip[8..24], std::net::Ipv6Addr::LOCALHOST.octets());
                } else {
                    assert!(!Sum::of(&ip[..20]).is_right());
                }
            }
            assert!(write(link, 0).is_none() && write(link, 3).is_none());
        }
    }

    #[test]
    fn no_bridge_forwards_it() {
        let bytes = write(Link::Ethernet, GSO_TCPV4).unwrap();
        // IEEE 802.1Q, table 8-1: 01-80-C2-00-00-00 to -0F are kept from every other port.
        assert_eq!(bytes[10..15], [0x01, 0x80, 0xc2, 0, 0]);
        assert!(bytes[15] <= 0x0f);
    }
}
