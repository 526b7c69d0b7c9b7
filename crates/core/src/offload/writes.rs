//! Packets on their way to the device: each with its virtio header, one write each.

use super::head::{Link, MAX_HEAD_BYTES, Protocol};
use super::pass;
use super::segments::Segments;
use super::sends::word;
use super::virtio::{HEADER_BYTES, Header};

/// The most packets that are merged in one round.
pub const MAX_PACKETS: usize = 4096;
/// The most packets of one write: as many as a super-packet of TCP has with segments of 536 bytes.
const MAX_MERGED: usize = 128;
/// The most of UDP (`UDP_MAX_SEGMENTS`, `linux/udp.h`, before Linux 6.11).
const MAX_MERGED_UDP: usize = 64;
/// Integers of an entry of the table.
pub const ENTRY_WORDS: usize = 4;
/// Bytes of packets, with their virtio headers, that one round makes at most.
const ROUND_BYTES: usize = 1 << 20;
/// Room behind them for the packets of one write that was taken apart again.
const SPARE_BYTES: usize = 65_600 + MAX_MERGED * (HEADER_BYTES + MAX_HEAD_BYTES);
/// Entries of the table.
const ENTRIES: usize = MAX_PACKETS + MAX_MERGED;

/// One write, as the table holds it. All fields are of 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Write {
    /// Where it begins in the area, in bytes: at its virtio header, if there is one.
    pub offset: u32,
    /// Bytes in all.
    pub bytes: u32,
    /// How many packets.
    pub packets: u32,
    /// Their bytes.
    pub packet_bytes: u32,
}

const _: () = assert!(size_of::<Write>() == 4 * ENTRY_WORDS);

/// The area that packets are made in, and the table of writes.
#[derive(Debug)]
pub struct Writes {
    area: Vec<u8>,
    used: usize,
    table: Vec<Write>,
    count: usize,
    device_header: bool,
}

/// The most packets that are merged to one.
pub(super) fn most_merged(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Tcp => MAX_MERGED,
        Protocol::Udp => MAX_MERGED_UDP,
    }
}

impl Writes {
    /// Makes the area. `device_header`: each packet has a virtio header before it.
    #[must_use]
    pub fn new(device_header: bool) -> Self {
        let table = vec![Write::default(); ENTRIES];
        let area = vec![0; ROUND_BYTES + SPARE_BYTES];
        Self { area, used: 0, table, count: 0, device_header }
    }

    /// Whether each packet has a virtio header before it.
    #[must_use]
    pub fn device_header(&self) -> bool {
        self.device_header
    }

    /// Bytes in front of each packet.
    pub(super) fn header_bytes(&self) -> usize {
        if self.device_header { HEADER_BYTES } else { 0 }
    }

    /// Whether a round may have so many packets, of so many bytes together.
    pub(super) fn has_room(&self, packets: usize, packet_bytes: usize) -> bool {
        packets <= MAX_PACKETS && packet_bytes + packets * self.header_bytes() <= ROUND_BYTES
    }

    /// The free part of the area: the next write is made at its start.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.area.get_mut(self.used..).unwrap_or_default()
    }

    /// Takes the write of `bytes` that was made at the start of [`room`](Self::room).
    pub(super) fn push(&mut self, bytes: usize, packets: usize, packet_bytes: usize) {
        let Some(entry) = self.table.get_mut(self.count) else { return };
        let (packets, packet_bytes) = (word(packets), word(packet_bytes));
        *entry = Write { offset: word(self.used), bytes: word(bytes), packets, packet_bytes };
        self.count += 1;
        self.used += bytes;
    }

    /// Forgets all writes.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.count = 0;
    }

    /// The writes of this round.
    #[must_use]
    pub fn table(&self) -> &[Write] {
        self.table.get(..self.count).unwrap_or_default()
    }

    /// The area, from its first byte.
    #[must_use]
    pub fn area(&self) -> &[u8] {
        &self.area
    }

    /// Every entry of the table, used or not: it stays where it is.
    #[must_use]
    pub fn all_entries(&self) -> &[Write] {
        &self.table
    }

    /// The bytes of a write.
    #[must_use]
    pub fn bytes(&self, write: &Write) -> &[u8] {
        let start = write.offset as usize;
        self.area.get(start..start + write.bytes as usize).unwrap_or_default()
    }

    /// Takes write `number`, that the device refused, apart: its packets stand one by one at the
    /// start of the table, and those behind it follow. Those before it are gone. What is one packet
    /// stays as it is. Only one write can be apart at a time: all are put into the same spare room.
    pub fn unmerge(&mut self, link: Link, number: usize) {
        let Some(refused) = self.table().get(number).copied() else { return };
        let (round, spare) = self.area.split_at_mut(ROUND_BYTES);
        let start = refused.offset as usize;
        let bytes = round.get(start..start + refused.bytes as usize).unwrap_or_default();
        let merged = Header::parse(bytes)
            .filter(|_| self.device_header)
            .and_then(|(header, packet)| Segments::parse(link, &header, packet).ok());
        let Some(mut segments) = merged else {
            self.table.copy_within(number..self.count, 0);
            self.count -= number;
            return;
        };
        let apart = segments.count();
        let behind = number + 1..self.count;
        self.count = apart + behind.len();
        self.table.copy_within(behind, apart);
        let mut used = 0;
        for (place, entry) in self.table.iter_mut().take(apart).enumerate() {
            let payload = segments.payload(place);
            let length = segments.head_bytes() + payload.len();
            let Some(room) = spare.get_mut(used..used + HEADER_BYTES + length) else { return };
            Header::default().write(room);
            let (_, packet) = room.split_at_mut(HEADER_BYTES);
            let (head, body) = packet.split_at_mut(segments.head_bytes());
            let sum = pass::copy(body, payload);
            head.copy_from_slice(segments.head(place, sum));
            *entry = Write {
                offset: word(ROUND_BYTES + used),
                bytes: word(HEADER_BYTES + length),
                packets: 1,
                packet_bytes: word(length),
            };
            used += HEADER_BYTES + length;
        }
    }
}
