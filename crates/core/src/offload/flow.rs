//! What makes packets one flow, and what makes one packet follow another so that both can be merged.

use super::head::{Head, Link, Protocol, TCP_BYTES, Version};
use super::segments::PSH;
use super::{read, read_u16};
use std::ops::{Range, RangeInclusive};

/// TCP flags that the packets of a super-packet may have beside PSH (RFC 9293, RFC 3168). ACK must
/// be there. All others say something about one packet alone.
const ACK: u8 = 0x10;
const ECE: u8 = 0x40;

/// A flow. Those between the same two addresses stand together in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    /// Source and destination, zeros behind.
    addresses: [u8; 32],
    version: Version,
    protocol: Protocol,
    /// Source and destination.
    ports: [u8; 4],
}

impl Flow {
    /// The flow of a packet whose headers were found.
    pub(super) fn of(head: &Head, packet: &[u8]) -> Self {
        Self {
            addresses: addresses(head.version, head.network, packet),
            version: head.version,
            protocol: head.protocol,
            ports: read(packet, head.transport),
        }
    }

    /// All flows between the addresses of an IP packet of no flow: it may be a part of any.
    pub(super) fn all_between(link: Link, packet: &[u8]) -> Option<RangeInclusive<Self>> {
        let (network, ethertype) = link.network(packet)?;
        let version = Version::of_ethertype(ethertype)?;
        let addresses = addresses(version, network, packet);
        let flow = |protocol, ports| Self { addresses, version, protocol, ports };
        Some(flow(Protocol::Tcp, [0; 4])..=flow(Protocol::Udp, [0xff; 4]))
    }
}

fn addresses(version: Version, network: usize, packet: &[u8]) -> [u8; 32] {
    match version {
        Version::V4 => {
            let mut addresses = [0; 32];
            super::write(&mut addresses, 0, read::<8>(packet, network + 12));
            addresses
        }
        Version::V6 => read(packet, network + 8),
    }
}

/// A packet that may be merged with others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) payload_bytes: usize,
    /// Of TCP.
    sequence: u32,
    pub(super) pushes: bool,
}

impl Candidate {
    /// Looks whether the packet of `length` bytes, that begins with `packet`, may be merged: nothing
    /// if splitting could not make it again bit by bit. Its checksums are looked at later.
    pub(super) fn of(head: &Head, packet: &[u8], length: usize) -> Option<Self> {
        let Head { version, protocol, network, transport, payload } = *head;
        let payload_bytes = length.checked_sub(payload).filter(|bytes| *bytes > 0)?;
        // The other zero, which nobody writes who computes a checksum.
        if version == Version::V4 && read(packet, network + 10) == [0xff; 2] {
            return None;
        }
        let checksum: [u8; 2] = read(packet, transport + protocol.checksum_offset());
        let (sequence, flags) = match protocol {
            Protocol::Tcp => {
                let [offset, flags] = read(packet, transport + 12);
                let common = flags & !(PSH | ECE) == ACK && offset << 4 == 0;
                if !common || checksum == [0xff; 2] {
                    return None;
                }
                (u32::from_be_bytes(read(packet, transport + 4)), flags)
            }
            Protocol::Udp if checksum == [0, 0] => return None,
            Protocol::Udp => (0, 0),
        };
        Some(Self { payload_bytes, sequence, pushes: flags & PSH != 0 })
    }

    /// The sequence number that must follow.
    pub(super) fn next_sequence(&self) -> u32 {
        self.sequence.wrapping_add(u32::try_from(self.payload_bytes).unwrap_or(0))
    }

    /// Whether this packet continues a flow at `sequence`; UDP always does.
    pub(super) fn continues(&self, head: &Head, sequence: u32) -> bool {
        head.protocol == Protocol::Udp || self.sequence == sequence
    }
}

/// Whether `packet` is of the same flow as `first`, and has the headers that splitting would give the
/// one that comes `number` after it, as far as lengths, sequence number and checksums do not tell.
/// Both have their headers at the same places.
pub(super) fn has_headers_of(head: &Head, first: &[u8], packet: &[u8], number: u16) -> bool {
    let Head { version, protocol, network, transport, payload } = *head;
    let differs = |offset: usize, mask: [u8; 16]| {
        let word = |bytes| u128::from_le_bytes(read(bytes, offset));
        (word(first) ^ word(packet)) & u128::from_le_bytes(mask) != 0
    };
    match version {
        Version::V4 => {
            let id = read_u16(first, network + 4).wrapping_add(number);
            if differs(network, IPV4_MASK)
                || read::<4>(first, network + 16) != read(packet, network + 16)
                || read_u16(packet, network + 4) != id
            {
                return false;
            }
        }
        Version::V6 => {
            if differs(network, IPV6_MASK)
                || differs(network + 16, [0xff; 16])
                || read::<8>(first, network + 32) != read(packet, network + 32)
            {
                return false;
            }
        }
    }
    let same_transport = match protocol {
        Protocol::Tcp => {
            !differs(transport, TCP_MASK)
                && read::<2>(first, transport + 18) == read(packet, transport + 18)
                && same_words(first, packet, transport + TCP_BYTES..payload)
        }
        Protocol::Udp => read::<4>(first, transport) == read(packet, transport),
    };
    same_transport && (network == 0 || first.get(..network) == packet.get(..network))
}

/// Whether options are the same: whole words of four bytes.
fn same_words<'a>(first: &'a [u8], packet: &'a [u8], options: Range<usize>) -> bool {
    let words = |bytes: &'a [u8]| Some(bytes.get(options.clone())?.as_chunks::<4>());
    let (Some((first, _)), Some((packet, _))) = (words(first), words(packet)) else {
        return false;
    };
    let differs =
        |sum, (a, b): (&[u8; 4], &[u8; 4])| sum | (u32::from_le_bytes(*a) ^ u32::from_le_bytes(*b));
    first.iter().zip(packet).fold(0, differs) == 0
}

/// What must be the same in the first 16 bytes of an IPv4 header: all but total length,
/// identification and checksum.
const IPV4_MASK: [u8; 16] =
    [0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff];
/// Of an IPv6 header: all but the payload length.
const IPV6_MASK: [u8; 16] = {
    let mut mask = [0xff; 16];
    mask[4] = 0;
    mask[5] = 0;
    mask
};
/// Of a TCP header: all but the sequence number and PSH.
const TCP_MASK: [u8; 16] =
    [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, !PSH, 0xff, 0xff];
