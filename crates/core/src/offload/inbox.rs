//! Messages from the carrier, and the datagrams in them.

use std::ops::Range;

/// Integers of an entry of the table of what was received.
pub const ENTRY_WORDS: usize = 3;

/// A message from the carrier: one datagram, or several of equal size. All fields are of 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Received {
    /// Number of the room it lies in.
    pub message: u32,
    /// Bytes in all.
    pub bytes: u32,
    /// Bytes of each datagram but the last, which may be shorter; 0: it is one datagram.
    pub datagram_bytes: u32,
}

const _: () = assert!(size_of::<Received>() == 4 * ENTRY_WORDS);

/// Messages from the carrier that wait.
#[derive(Debug)]
pub struct Inbox {
    /// The rooms, one behind the other.
    pub(super) rooms: Vec<u8>,
    pub(super) room_bytes: usize,
    table: Vec<Received>,
    /// Entries of the table that were received.
    count: usize,
    /// The entry, and the place in its message, of the next datagram.
    next: (usize, usize),
}

impl Inbox {
    /// Makes `messages` rooms of so many bytes.
    #[must_use]
    pub fn new(messages: usize, room_bytes: usize) -> Self {
        let rooms = vec![0; messages * room_bytes];
        let table = vec![Received::default(); messages];
        Self { rooms, room_bytes, table, count: 0, next: (0, 0) }
    }

    /// The rooms, one behind the other.
    pub fn rooms(&mut self) -> &mut [u8] {
        &mut self.rooms
    }

    /// The table: [`receive`](Self::receive) tells how many of its entries count.
    pub fn table(&mut self) -> &mut [Received] {
        &mut self.table
    }

    /// Takes the first `entries` of the table; what waited before is forgotten.
    pub fn receive(&mut self, entries: usize) {
        self.count = entries.min(self.table.len());
        self.next = (0, 0);
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current().is_none()
    }

    /// The entry whose datagrams are next.
    fn current(&self) -> Option<&Received> {
        self.table.get(..self.count)?.get(self.next.0)
    }

    /// The next datagram: the number of its room, and where it lies; nothing of that if it lies
    /// outside of the room.
    pub(super) fn peek(&self) -> Option<(usize, Option<Range<usize>>)> {
        let entry = self.current()?;
        let (message, bytes) = (entry.message as usize, entry.bytes as usize);
        if bytes > self.room_bytes || message >= self.table.len() {
            return Some((message, None));
        }
        let size = if entry.datagram_bytes == 0 { bytes } else { entry.datagram_bytes as usize };
        let start = message * self.room_bytes;
        let end = (self.next.1 + size).min(bytes);
        Some((message, Some(start + self.next.1..start + end)))
    }

    /// Goes on to the datagram behind the next one, which is `bytes` long.
    pub(super) fn advance(&mut self, bytes: usize) {
        let there = self.current().map_or(0, |entry| entry.bytes as usize);
        self.next.1 += bytes;
        if bytes == 0 || self.next.1 >= there {
            self.next = (self.next.0 + 1, 0);
        }
    }
}
