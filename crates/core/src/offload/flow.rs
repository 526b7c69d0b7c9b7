//! What makes packets one flow, and what makes one packet follow another so that both can be merged.

use super::head::{Head, Link, Protocol, Version};
use super::segments::PSH;
use super::{read, read_u16};
use std::ops::RangeInclusive;

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

/// Whether `packet` has the headers that splitting would give the one that comes `number` after
/// `first`, as far as lengths, sequence number and checksums do not tell. Both have their headers at
/// the same places, and are of the same flow.
pub(super) fn has_headers_of(head: &Head, first: &[u8], packet: &[u8], number: u16) -> bool {
    let Head { version, protocol, network, transport, payload } = *head;
    let same = |start: usize, end: usize| first.get(start..end) == packet.get(start..end);
    let same_network = match version {
        // Type of service; flags, time to live; and the identification counted on.
        Version::V4 => {
            let id = read_u16(first, network + 4).wrapping_add(number);
            read::<2>(first, network) == read(packet, network)
                && read::<4>(first, network + 6) == read(packet, network + 6)
                && read_u16(packet, network + 4) == id
        }
        // Traffic class and flow label; hop limit.
        Version::V6 => {
            read::<4>(first, network) == read(packet, network)
                && read::<1>(first, network + 7) == read(packet, network + 7)
        }
    };
    let same_transport = match protocol {
        // Acknowledgement, length, flags but PSH; window; urgent pointer and options.
        Protocol::Tcp => {
            let flags = |bytes| read::<1>(bytes, transport + 13)[0] & !PSH;
            read::<5>(first, transport + 8) == read(packet, transport + 8)
                && flags(first) == flags(packet)
                && read::<2>(first, transport + 14) == read(packet, transport + 14)
                && same(transport + 18, payload)
        }
        Protocol::Udp => true,
    };
    same_network && same_transport && (network == 0 || same(0, network))
}
