//! The packets that a super-packet stands for: their headers, one after the other.
//!
//! The kernel leaves to whoever reads a super-packet what `tcp_gso_segment` and
//! `__udp_gso_segment` (`net/ipv4/tcp_offload.c`, `udp_offload.c`) would do: lengths, the IPv4
//! identification counted on, sequence numbers, FIN and PSH on the last only, CWR on the first only,
//! all checksums.

use super::checksum::Sum;
use super::head::{Head, Link, MAX_HEAD_BYTES, Protocol, Version};
use super::virtio::{self, Header};
use super::{read, read_u16, write};
use crate::packet::{Ip, Malformed, ipv4, ipv6};
use std::ops::Range;

/// The most packets that one super-packet may stand for. Linux lets no segment be shorter than 48
/// bytes less its options (`TCP_MIN_SND_MSS`), so none of its own has more.
pub const MAX_SEGMENTS: usize = 2048;

/// TCP flags (RFC 9293, section 3.1; RFC 3168 for CWR).
pub(super) const FIN: u8 = 0x01;
pub(super) const PSH: u8 = 0x08;
pub(super) const CWR: u8 = 0x80;

/// A super-packet, checked.
#[derive(Debug)]
pub struct Segments<'a> {
    packet: &'a [u8],
    head: Head,
    /// Payload bytes of each but the last.
    size: usize,
    count: usize,
    /// The headers, with zeros wherever segments differ.
    template: [u8; MAX_HEAD_BYTES],
    /// Sum of the template's IPv4 header; of nothing for IPv6.
    network_sum: Sum,
    /// Sum of the template's TCP or UDP header and of the pseudo-header without its length.
    transport_sum: Sum,
    /// The first segment's IPv4 identification, TCP sequence number and flags.
    identification: u16,
    sequence: u32,
    flags: u8,
}

/// What is wrong with a virtio header, by the name of its field.
pub(super) fn malformed(field: &'static str, expected: usize, found: usize) -> Malformed {
    Malformed { field, offset: 0, expected: expected as u64, found: found as u64 }
}

/// Finishes the L4 checksum of a packet that is no super-packet, if `header` says that it needs it.
///
/// # Errors
/// [`Malformed`] if the checksum would lie outside of the packet.
pub fn finish_checksum(header: &Header, packet: &mut [u8]) -> Result<(), Malformed> {
    if !header.needs_checksum() {
        return Ok(());
    }
    let (start, offset) = (usize::from(header.csum_start), usize::from(header.csum_offset));
    let length = packet.len();
    let Some(counted) = packet.get_mut(start..).filter(|counted| offset + 2 <= counted.len())
    else {
        return Err(malformed("virtio_net_hdr.csum_start", length, start + offset + 2));
    };
    // The place holds the pseudo-header's sum, so it is counted with the rest.
    let mut checksum = Sum::of(counted).checksum();
    if offset == Protocol::Udp.checksum_offset() {
        checksum = never_zero(checksum);
    }
    write(counted, offset, checksum);
    Ok(())
}

/// In UDP zero stands for no checksum, so the other zero is sent (RFC 768).
fn never_zero(checksum: [u8; 2]) -> [u8; 2] {
    if checksum == [0, 0] { [0xff, 0xff] } else { checksum }
}

impl<'a> Segments<'a> {
    /// Looks a super-packet over. `hdr_len` is not looked at: where the payload begins follows from
    /// the headers themselves.
    ///
    /// # Errors
    /// [`Malformed`] names the field of the virtio header, or of the packet, that does not fit.
    pub fn parse(link: Link, header: &Header, packet: &'a [u8]) -> Result<Self, Malformed> {
        let head = find_head(link, header, packet)?;
        let size = usize::from(header.gso_size);
        if size == 0 {
            return Err(malformed("virtio_net_hdr.gso_size", 1, 0));
        }
        let count = (packet.len() - head.payload).div_ceil(size).max(1);
        if count > MAX_SEGMENTS {
            return Err(malformed("virtio_net_hdr.gso_size", MAX_SEGMENTS, count));
        }

        let mut template = [0; MAX_HEAD_BYTES];
        for (to, from) in template.iter_mut().zip(packet.iter().take(head.payload)) {
            *to = *from;
        }
        let network_sum = match head.version {
            Version::V4 => {
                write(&mut template, head.network + 2, [0; 4]);
                write(&mut template, head.network + 10, [0; 2]);
                Sum::of(template.get(head.network..head.transport).unwrap_or_default())
            }
            Version::V6 => {
                write(&mut template, head.network + 4, [0; 2]);
                Sum::default()
            }
        };
        match head.protocol {
            Protocol::Tcp => {
                write(&mut template, head.transport + 4, [0; 4]);
                write(&mut template, head.transport + 13, [0]);
            }
            Protocol::Udp => write(&mut template, head.transport + 4, [0; 2]),
        }
        let checksum_at = head.transport + head.protocol.checksum_offset();
        write(&mut template, checksum_at, [0; 2]);
        let pseudo_header = if header.needs_checksum() {
            // As the kernel does: what it wrote there is right even behind a routing header.
            Sum::number(read_u16(packet, checksum_at)) - length_sum(packet.len() - head.transport)
        } else {
            let network = packet.get(head.network..).unwrap_or_default();
            Sum::pseudo_header(network, head.version, head.protocol.number())
        };
        let transport = template.get(head.transport..head.payload).unwrap_or_default();
        Ok(Self {
            network_sum,
            transport_sum: pseudo_header + Sum::of(transport),
            identification: read_u16(packet, head.network + 4),
            sequence: u32::from_be_bytes(read(packet, head.transport + 4)),
            flags: read::<1>(packet, head.transport + 13)[0],
            packet,
            head,
            size,
            count,
            template,
        })
    }

    /// How many there are, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the headers of each.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        self.head.payload
    }

    /// Bytes of the longest of the packets.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.head.payload + self.payload(0).len()
    }

    /// Bytes of all the packets.
    #[must_use]
    pub fn total(&self) -> usize {
        self.packet.len() + (self.count - 1) * self.head.payload
    }

    /// The payload of segment `number`.
    #[must_use]
    pub fn payload(&self, number: usize) -> &'a [u8] {
        let start = self.head.payload + number * self.size;
        let end = (start + self.size).min(self.packet.len());
        self.packet.get(start..end).unwrap_or_default()
    }

    /// The headers of segment `number`, whose payload sums to `sum`.
    pub fn head(&mut self, number: usize, sum: Sum) -> &[u8] {
        let Range { start: network, end: transport } = self.head.network..self.head.transport;
        let length = self.head.payload + self.payload(number).len();
        let template = &mut self.template;
        match self.head.version {
            Version::V4 => {
                let id = self.identification.wrapping_add(low_16(number));
                let total = low_16(length - network);
                write(template, network + 2, total.to_be_bytes());
                write(template, network + 4, id.to_be_bytes());
                let sum = self.network_sum + Sum::number(total) + Sum::number(id);
                write(template, network + 10, sum.checksum());
            }
            Version::V6 => {
                let payload = low_16(length - network - ipv6::HEADER_BYTES);
                write(template, network + 4, payload.to_be_bytes());
            }
        }
        let mut sum = self.transport_sum + sum + length_sum(length - transport);
        let checksum_at = transport + self.head.protocol.checksum_offset();
        let checksum = match self.head.protocol {
            Protocol::Tcp => {
                let sequence = self.sequence.wrapping_add(low_32(number * self.size));
                let last = if number + 1 == self.count { 0 } else { FIN | PSH };
                let first = if number == 0 { 0 } else { CWR };
                let flags = self.flags & !last & !first;
                let [high, low] = [sequence >> 16, sequence & 0xffff];
                sum = sum + Sum::number(flags.into());
                sum = sum + Sum::number(low_16(high as usize)) + Sum::number(low_16(low as usize));
                write(template, transport + 4, sequence.to_be_bytes());
                write(template, transport + 13, [flags]);
                sum.checksum()
            }
            Protocol::Udp => {
                let udp_length = low_16(length - transport);
                sum = sum + Sum::number(udp_length);
                write(template, transport + 4, udp_length.to_be_bytes());
                never_zero(sum.checksum())
            }
        };
        write(template, checksum_at, checksum);
        template.get(..self.head.payload).unwrap_or_default()
    }
}

/// The length in a pseudo-header. No super-packet is longer than 65,535 bytes behind its Ethernet.
pub(super) fn length_sum(length: usize) -> Sum {
    Sum::number(low_16(length))
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
pub(super) fn low_16(number: usize) -> u16 {
    number as u16
}

#[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
fn low_32(number: usize) -> u32 {
    number as u32
}

/// Finds the headers of a super-packet: by `csum_start` if that is given, so that IPv4 options and
/// IPv6 extension headers are no hindrance.
fn find_head(link: Link, header: &Header, packet: &[u8]) -> Result<Head, Malformed> {
    let kind = usize::from(header.kind());
    let wrong_kind = || malformed("virtio_net_hdr.gso_type", 0, kind);
    let (network, ethertype) = link.network(packet).ok_or_else(wrong_kind)?;
    let version = Version::of_ethertype(ethertype).ok_or_else(wrong_kind)?;
    let protocol = match (header.kind(), version) {
        (virtio::GSO_TCPV4, Version::V4) | (virtio::GSO_TCPV6, Version::V6) => Protocol::Tcp,
        (virtio::GSO_UDP_L4, _) => Protocol::Udp,
        _ => return Err(wrong_kind()),
    };
    let ip = Ip::parse(packet.get(network..).unwrap_or_default())
        .map_err(|error| Malformed { offset: network + error.offset, ..error })?;
    let (least, most, number) = match ip {
        Ip::V4(ip) => {
            let fragment = read_u16(packet, network + 6) & 0x3fff;
            if fragment != 0 {
                return Err(Malformed {
                    offset: network + 6,
                    ..malformed("ip.frag_offset", 0, fragment.into())
                });
            }
            let end = network + ip.header_length();
            (end, end, ip.protocol())
        }
        Ip::V6(ip) => (network + ipv6::HEADER_BYTES, MAX_HEAD_BYTES, ip.next_header()),
    };
    let transport = if header.needs_checksum() { usize::from(header.csum_start) } else { least };
    if transport < least || transport > most {
        return Err(malformed("virtio_net_hdr.csum_start", least, transport));
    }
    let offset = if header.needs_checksum() {
        usize::from(header.csum_offset)
    } else {
        protocol.checksum_offset()
    };
    if offset != protocol.checksum_offset() {
        let expected = protocol.checksum_offset();
        return Err(malformed("virtio_net_hdr.csum_offset", expected, offset));
    }
    // Behind extension headers the number stands elsewhere.
    if transport == least && number != protocol.number() {
        let expected = usize::from(protocol.number());
        return Err(malformed("virtio_net_hdr.gso_type", expected, number.into()));
    }
    let length = protocol
        .header_bytes(packet, transport, packet.len().min(MAX_HEAD_BYTES))
        .ok_or_else(|| malformed("virtio_net_hdr.csum_start", packet.len(), transport))?;
    Ok(Head { version, protocol, network, transport, payload: transport + length })
}

const _: () = assert!(ipv4::MIN_HEADER_BYTES + 40 < MAX_HEAD_BYTES);
