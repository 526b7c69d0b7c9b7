//! Bytes of a file on their way through: written behind, read in front.

/// A buffer whose unread bytes lie together. What is unread is moved only when new bytes need the
/// room before it: less than a record for each piece of the file.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// What is unread: `bytes[start..end]`.
    start: usize,
    end: usize,
    /// Where `start` is in the file.
    offset: u64,
}

impl Buffer {
    /// What was not read yet.
    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The bytes that were read last.
    pub(super) fn read_last(&self, count: usize) -> &[u8] {
        self.bytes.get(self.start.saturating_sub(count)..self.start).unwrap_or_default()
    }

    /// Where the unread bytes begin in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Counts `count` unread bytes as read; they stay where they are until there is something new.
    pub(super) fn read(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Room for at least `least` new bytes.
    pub(super) fn space(&mut self, least: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < least {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.bytes.len() - self.end < least {
                self.bytes.resize((self.end + least).next_power_of_two(), 0);
            }
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes the first `count` bytes of [`Buffer::space`] as new.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Takes a copy of `bytes` as new.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.space(bytes.len()).get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.filled(bytes.len());
    }
}
