//! Packets that wait to be written, and the runs that they form.

use super::flow::{Candidate, has_headers_of};
use super::head::Head;
use super::segments::low_16;
use super::writes::most_merged;

/// The longest IP packet, merged or not.
const MAX_IP_BYTES: usize = 65_535;

/// A packet of this round, in its room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) start: usize,
    pub(super) bytes: usize,
    /// Bytes of its headers, if they were found; so many at least are plain.
    pub(super) plain: usize,
    /// Whether the others are enciphered still.
    pub(super) hidden: bool,
    /// The packet behind it in its run.
    pub(super) next: Option<usize>,
}

/// Packets of one flow that follow one another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) count: usize,
    /// Where the headers lie, if it has more than one packet or may have.
    pub(super) head: Option<Head>,
    /// Payload bytes of each but the last.
    size: usize,
    /// Bytes of the merged packet.
    bytes: usize,
    next_sequence: u32,
    is_open: bool,
}

impl Packet {
    /// The plain bytes that it begins with.
    pub(super) fn bytes_in<'a>(&self, rooms: &'a [u8]) -> &'a [u8] {
        rooms.get(self.start..self.start + self.plain).unwrap_or_default()
    }
}

impl Run {
    /// A packet that nothing can be merged with.
    pub(super) fn alone(packet: usize) -> Self {
        Self {
            first: packet,
            last: packet,
            count: 1,
            head: None,
            size: 0,
            bytes: 0,
            next_sequence: 0,
            is_open: false,
        }
    }

    /// A packet that others may follow.
    pub(super) fn of(packet: usize, head: Head, candidate: &Candidate, bytes: usize) -> Self {
        Self {
            head: Some(head),
            size: candidate.payload_bytes,
            bytes,
            next_sequence: candidate.next_sequence(),
            is_open: !candidate.pushes,
            ..Self::alone(packet)
        }
    }

    /// Whether a packet with these headers may follow. `first` are those of the run's first packet.
    pub(super) fn takes(
        &self,
        head: &Head,
        candidate: &Candidate,
        first: &[u8],
        bytes: &[u8],
    ) -> bool {
        self.is_open
            && self.head.as_ref() == Some(head)
            && candidate.payload_bytes <= self.size
            && self.bytes + candidate.payload_bytes - head.network <= MAX_IP_BYTES
            && self.count < most_merged(head.protocol)
            && candidate.continues(head, self.next_sequence)
            && has_headers_of(head, first, bytes, low_16(self.count))
    }

    /// Counts a packet that follows. One that is shorter, or pushes, is the last.
    pub(super) fn add(&mut self, candidate: &Candidate) {
        self.count += 1;
        self.bytes += candidate.payload_bytes;
        self.next_sequence = candidate.next_sequence();
        self.is_open = candidate.payload_bytes == self.size && !candidate.pushes;
    }
}
