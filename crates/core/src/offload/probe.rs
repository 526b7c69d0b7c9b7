//! Super-packets that nobody gets: written to a device, they tell whether its kernel takes their
//! kind.
//!
//! Some kernels refuse a super-packet with a short last segment, so these have one. The kernel
//! refuses it at the write, by its virtio header, or else drops the packet silently behind the
//! device: that of IPv4 has a wrong header checksum, that of IPv6 comes from `::1`.

use super::checksum::Sum;
use super::head::{Head, Link, MAX_HEAD_BYTES, Version};
use super::item::merged_header;
use super::segments::length_sum;
use super::virtio::{GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, HEADER_BYTES};
use super::write as put;
use crate::packet::udp;

/// Payload bytes of the first segment, and of the last.
const PAYLOAD_BYTES: [usize; 2] = [100, 60];
/// 192.0.2.1 to 192.0.2.2, of TEST-NET-1 (RFC 5737).
const IPV4_ADDRESSES: [u8; 8] = [192, 0, 2, 1, 192, 0, 2, 2];
/// The port that discards what it gets (RFC 863).
const DISCARD: [u8; 2] = [0, 9];

/// What to write to a device, virtio header and all, for a kind of super-packet, by virtio's number
/// for it. Nothing for an unknown one.
pub(super) fn write(kind: u8) -> Option<Vec<u8>> {
    let (version, protocol, header_bytes) = match kind {
        GSO_TCPV4 => (Version::V4, super::head::TCP, super::head::TCP_BYTES),
        GSO_TCPV6 => (Version::V6, super::head::TCP, super::head::TCP_BYTES),
        GSO_UDP_L4 => (Version::V4, udp::PROTOCOL, udp::HEADER_BYTES),
        _ => return None,
    };
    let mut packet = ip_header(version, protocol);
    let transport = packet.len();
    packet.resize(transport + header_bytes + PAYLOAD_BYTES.iter().sum::<usize>(), 0);
    let length = u16::try_from(packet.len()).ok()?;
    let transport_length = u16::try_from(packet.len() - transport).ok()?;
    match version {
        Version::V4 => put(&mut packet, 2, length.to_be_bytes()),
        Version::V6 => put(&mut packet, 4, transport_length.to_be_bytes()),
    }
    put(&mut packet, transport, DISCARD);
    put(&mut packet, transport + 2, DISCARD);
    if protocol == udp::PROTOCOL {
        put(&mut packet, transport + 4, transport_length.to_be_bytes());
    } else {
        // A header of 20 bytes, ACK.
        put(&mut packet, transport + 12, [0x50, 0x10]);
    }
    let head = Head::of(Link::Ip, &packet, packet.len())?;
    let pseudo_header = Sum::pseudo_header(&packet, version, protocol);
    let sum = pseudo_header + length_sum(transport_length.into());
    put(&mut packet, transport + head.protocol.checksum_offset(), sum.folded());
    if version == Version::V4 {
        let right = Sum::of(packet.get(..transport)?).checksum();
        put(&mut packet, 10, right.map(|byte| !byte));
    }
    let mut bytes = vec![0; HEADER_BYTES];
    merged_header(&head, PAYLOAD_BYTES[0]).write(&mut bytes);
    bytes.extend(packet);
    Some(bytes)
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
        for kind in [GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4] {
            let bytes = write(kind).unwrap();
            let (header, packet) = Header::parse(&bytes).unwrap();
            let segments = Segments::parse(Link::Ip, &header, packet).unwrap();
            assert_eq!((header.kind(), segments.count()), (kind, 2));
            assert_eq!(segments.payload(1).len(), 60);
            if kind == GSO_TCPV6 {
                assert_eq!(packet[8..24], std::net::Ipv6Addr::LOCALHOST.octets());
            } else {
                assert!(!Sum::of(&packet[..20]).is_right());
            }
        }
        assert!(write(0).is_none() && write(3).is_none());
    }
}
