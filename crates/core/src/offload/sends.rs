//! Datagrams on their way to the carrier: one behind the other, grouped to sends.
//!
//! `UDP_SEGMENT` (`linux/udp.h`) cuts one send into datagrams of equal size, of which only the last
//! may be shorter: at most [`MAX_DATAGRAMS`] and [`MAX_SEND_BYTES`] bytes. Datagrams that come from
//! different packets are grouped just the same if their sizes fit.

use crate::tunnel::MAX_DATAGRAM_BYTES;

/// The most datagrams of one send (`UDP_MAX_SEGMENTS`, `linux/udp.h`, before Linux 6.11).
pub const MAX_DATAGRAMS: usize = 64;
/// The most bytes of one send, as if it were one datagram.
pub const MAX_SEND_BYTES: usize = MAX_DATAGRAM_BYTES;
/// Integers of an entry of the table.
pub const ENTRY_WORDS: usize = 5;
/// Entries of the table.
pub(super) const ENTRIES: usize = 4096;

/// One send, as the table holds it. All fields are of 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Send {
    /// Where it begins in the area, in bytes.
    pub offset: u32,
    /// Bytes in all.
    pub bytes: u32,
    /// Bytes of each datagram but the last, which may be shorter.
    pub datagram_bytes: u32,
    /// How many datagrams.
    pub datagrams: u32,
    /// Bytes of the packets in them.
    pub packet_bytes: u32,
}

const _: () = assert!(size_of::<Send>() == 4 * ENTRY_WORDS);

/// The area that datagrams are made in, and the table of sends.
#[derive(Debug)]
pub struct Sends {
    area: Vec<u8>,
    used: usize,
    table: Vec<Send>,
    count: usize,
    /// The most datagrams of one send.
    limit: u32,
}

impl Sends {
    /// Makes an area of so many bytes.
    #[must_use]
    pub fn new(area_bytes: usize) -> Self {
        let table = vec![Send::default(); ENTRIES];
        Self { area: vec![0; area_bytes], used: 0, table, count: 0, limit: 64 }
    }

    /// Whether `datagrams` of `bytes` together are sure to fit.
    #[must_use]
    pub fn has_room(&self, bytes: usize, datagrams: usize) -> bool {
        bytes <= self.area.len() - self.used && datagrams <= self.table.len() - self.count
    }

    /// Limits the datagrams of one send, 1 to [`MAX_DATAGRAMS`].
    pub fn limit(&mut self, datagrams: usize) {
        let datagrams = u32::try_from(datagrams).unwrap_or(u32::MAX);
        self.limit = datagrams.clamp(1, 64);
    }

    /// The free part of the area: the next datagram is made at its start.
    pub fn room(&mut self) -> &mut [u8] {
        self.area.get_mut(self.used..).unwrap_or_default()
    }

    /// Takes the datagram of `bytes`, with a packet of `packet_bytes`, that was made at the start of
    /// [`room`](Self::room).
    pub fn push(&mut self, bytes: usize, packet_bytes: usize) {
        let bytes = bytes.min(self.area.len() - self.used);
        let offset = word(self.used);
        self.used += bytes;
        let (bytes, packet_bytes) = (word(bytes), word(packet_bytes));
        let limit = self.limit;
        let last = self.count.checked_sub(1).and_then(|last| self.table.get_mut(last));
        match last {
            Some(last) if last.takes(bytes, limit) => {
                last.bytes += bytes;
                last.datagrams += 1;
                last.packet_bytes += packet_bytes;
            }
            _ => {
                if let Some(entry) = self.table.get_mut(self.count) {
                    *entry =
                        Send { offset, bytes, datagram_bytes: bytes, datagrams: 1, packet_bytes };
                    self.count += 1;
                }
            }
        }
    }

    /// The sends since the last [`clear`](Self::clear).
    #[must_use]
    pub fn table(&self) -> &[Send] {
        self.table.get(..self.count).unwrap_or_default()
    }

    /// The area, from its first byte.
    #[must_use]
    pub fn area(&self) -> &[u8] {
        &self.area
    }

    /// Forgets all sends.
    pub fn clear(&mut self) {
        self.used = 0;
        self.count = 0;
    }

    /// Every entry of the table, used or not: it stays where it is.
    #[must_use]
    pub fn all_entries(&self) -> &[Send] {
        &self.table
    }
}

impl Send {
    /// Whether a datagram of `bytes` may follow the last one.
    fn takes(&self, bytes: u32, limit: u32) -> bool {
        self.bytes == self.datagram_bytes * self.datagrams
            && bytes <= self.datagram_bytes
            && bytes > 0
            && self.datagrams < limit
            && (self.bytes + bytes) as usize <= MAX_SEND_BYTES
    }

    /// The places of the datagrams in the area.
    pub fn datagrams(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let (start, end) = (self.offset as usize, (self.offset + self.bytes) as usize);
        let size = (self.datagram_bytes as usize).max(1);
        (start..end).step_by(size).map(move |at| at..(at + size).min(end))
    }
}

/// A place or length in an area, all of which are far smaller than 4 GiB.
#[expect(clippy::cast_possible_truncation, reason = "areas have a few MiB")]
pub(super) fn word(number: usize) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The datagrams of each send when datagrams of these sizes are pushed.
    fn grouped(sizes: &[usize], limit: usize) -> Vec<u32> {
        let mut sends = Sends::new(1 << 20);
        sends.limit(limit);
        for size in sizes {
            sends.push(*size, size - 1);
        }
        let table = sends.table();
        let places: Vec<usize> =
            table.iter().flat_map(Send::datagrams).map(|place| place.len()).collect();
        assert_eq!(places, sizes);
        let packet_bytes: u32 = table.iter().map(|send| send.packet_bytes).sum();
        assert_eq!(packet_bytes as usize, sizes.iter().sum::<usize>() - sizes.len());
        table.iter().map(|send| send.datagrams).collect()
    }

    #[test]
    fn equal_ones_are_grouped_and_a_shorter_one_ends_it() {
        assert_eq!(grouped(&[100, 100, 100], 64), [3]);
        assert_eq!(grouped(&[100, 100, 99, 99], 64), [3, 1]);
        assert_eq!(grouped(&[100, 101], 64), [1, 1]);
        assert_eq!(grouped(&[100; 130], 64), [64, 64, 2]);
        assert_eq!(grouped(&[100; 3], 1), [1, 1, 1]);
        assert_eq!(grouped(&[100; 3], 0), [1, 1, 1]);
        assert_eq!(grouped(&[1472; 46], 64), [44, 2]);
        assert_eq!(grouped(&[65_507, 1], 64), [1, 1]);
    }

    #[test]
    fn room_ends() {
        let mut sends = Sends::new(100);
        assert!(sends.has_room(100, ENTRIES) && !sends.has_room(101, 1));
        assert!(!sends.has_room(1, ENTRIES + 1));
        sends.push(60, 60);
        assert!(sends.has_room(40, ENTRIES - 1) && !sends.has_room(41, 1));
        assert_eq!(sends.room().len(), 40);
        sends.clear();
        assert!(sends.has_room(100, 1) && sends.table().is_empty());
    }
}
