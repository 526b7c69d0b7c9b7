//! Bytes that a protocol has to read, and where they lie in their source.

use std::ops::Range;

/// Some bytes of a source.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    bytes: &'a [u8],
    source: u8,
    offset: u32,
    stated: u32,
}

impl<'a> Span<'a> {
    /// All bytes of a source, of which there were `stated` before the capture cut them.
    #[must_use]
    pub fn new(source: u8, bytes: &'a [u8], stated: u32) -> Self {
        let there = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { bytes, source, offset: 0, stated: stated.max(there) }
    }

    /// The bytes that are there.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The number of the source.
    #[must_use]
    pub const fn source(self) -> u8 {
        self.source
    }

    /// Where the first byte lies, from the source's first.
    #[must_use]
    pub const fn offset(self) -> u32 {
        self.offset
    }

    /// How many bytes are there.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "`new` has counted them")]
    pub const fn len(self) -> u32 {
        self.bytes.len() as u32
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes there were before the capture cut them.
    #[must_use]
    pub const fn stated(self) -> u32 {
        self.stated
    }

    /// Whether the capture lacks bytes at the end.
    #[must_use]
    pub const fn is_cut(self) -> bool {
        self.stated > self.len()
    }

    /// The same bytes as the beginning of so many, if there are more than are stated here.
    #[must_use]
    pub fn stating(self, count: u32) -> Self {
        Self { stated: self.stated.max(count), ..self }
    }

    /// The bytes from a place on: none if it lies behind the end.
    #[must_use]
    pub fn skip(self, count: u32) -> Self {
        let there = count.min(self.len());
        Self {
            bytes: self.bytes.get(there as usize..).unwrap_or_default(),
            offset: self.offset + there,
            stated: self.stated.saturating_sub(count),
            ..self
        }
    }

    /// The first bytes, or as many as there are.
    #[must_use]
    pub fn take(self, count: u32) -> Self {
        let there = count.min(self.len());
        Self {
            bytes: self.bytes.get(..there as usize).unwrap_or_default(),
            stated: self.stated.min(count),
            ..self
        }
    }

    /// The bytes of a range, or as many of them as there are.
    #[must_use]
    pub fn part(self, range: Range<u32>) -> Self {
        self.skip(range.start).take(range.end.saturating_sub(range.start))
    }

    /// The first `N` bytes.
    #[must_use]
    pub fn first<const N: usize>(self) -> Option<&'a [u8; N]> {
        self.bytes.first_chunk()
    }

    /// The `N` bytes at a place.
    #[must_use]
    pub fn array<const N: usize>(self, at: u32) -> Option<[u8; N]> {
        self.bytes.get(at as usize..)?.first_chunk().copied()
    }

    /// The byte at a place.
    #[must_use]
    pub fn u8(self, at: u32) -> Option<u8> {
        self.bytes.get(at as usize).copied()
    }

    /// The number of 16 bits at a place, its most significant byte first.
    #[must_use]
    pub fn u16(self, at: u32) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// The number of 32 bits at a place, its most significant byte first.
    #[must_use]
    pub fn u32(self, at: u32) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }
}
