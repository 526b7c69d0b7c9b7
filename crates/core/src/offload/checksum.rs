//! The Internet checksum (RFC 1071): the complement of the one's-complement sum of 16-bit words.
//!
//! The sum of words in one byte order is that in the other with its bytes swapped, so bytes are
//! summed little-endian, as machines have them, and the result is stored as it lies.

use super::head::Version;
use super::{pass, read};
use std::ops::{Add, Sub};

/// A sum in the making. Pieces of even length may be summed apart; only the last may be odd.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        pass::sum(bytes)
    }

    /// A number of two bytes, as headers hold it.
    #[must_use]
    pub fn number(number: u16) -> Self {
        Self(u16::from_le_bytes(number.to_be_bytes()).into())
    }

    /// Words added up by someone else.
    pub(super) fn of_words(sum: u64) -> Self {
        Self(sum)
    }

    /// The sum of a few bytes, such as a header: quicker than [`of`](Self::of) up to some sixty.
    #[inline]
    pub(super) fn of_few(bytes: &[u8]) -> Self {
        let (long, rest) = bytes.as_chunks::<8>();
        let sum = long.iter().fold(0, |sum, bytes| sum + words_of(u64::from_le_bytes(*bytes)));
        let (pairs, last) = rest.as_chunks::<2>();
        let sum = pairs.iter().fold(sum, |sum, pair| sum + u64::from(u16::from_le_bytes(*pair)));
        Self(last.iter().fold(sum, |sum, byte| sum + u64::from(*byte)))
    }

    /// The pseudo-header's sum without the length (RFC 9293, section 3.1; RFC 8200, section 8.1),
    /// for the IP header at the start of `header`.
    #[must_use]
    pub(super) fn pseudo_header(header: &[u8], version: Version, protocol: u8) -> Self {
        let addresses = match version {
            Version::V4 => Self::of_few(&read::<8>(header, 12)),
            Version::V6 => Self::of_few(&read::<32>(header, 8)),
        };
        addresses + Self::number(protocol.into())
    }

    /// The sum folded to 16 bits, not complemented: what `virtio_net_hdr` wants in the checksum's
    /// place.
    #[must_use]
    pub fn folded(self) -> [u8; 2] {
        // Two rounds for each half of 64 bits, then one for the last carry.
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        let [low, high, ..] = sum.to_le_bytes();
        [low, high]
    }

    /// The checksum: the complement.
    #[must_use]
    pub fn checksum(self) -> [u8; 2] {
        self.folded().map(|byte| !byte)
    }

    /// Whether this is the sum of something with its right checksum in it.
    #[must_use]
    pub fn is_right(self) -> bool {
        self.folded() == [0xff, 0xff]
    }
}

/// The sum of the four words of 16 bits in one of 64.
#[inline]
pub(super) fn words_of(bytes: u64) -> u64 {
    let pairs = (bytes & 0x0000_ffff_0000_ffff) + (bytes >> 16 & 0x0000_ffff_0000_ffff);
    (pairs & 0xffff_ffff) + (pairs >> 32)
}

impl Add for Sum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Sum {
    type Output = Self;

    /// Takes a sum away: adds its complement.
    #[expect(clippy::suspicious_arithmetic_impl, reason = "so one's complement subtracts")]
    fn sub(self, other: Self) -> Self {
        Self(self.0 + u64::from(u16::from_le_bytes(other.checksum())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        // Section 3: 0001 f203 f4f5 f6f7 sum to ddf2.
        let sum = Sum::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), [0xdd, 0xf2]);
        assert_eq!(sum.checksum(), [0x22, 0x0d]);
    }

    #[test]
    fn a_real_ipv4_header() {
        let header = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8,
            0, 0xc7,
        ];
        assert!(Sum::of(&header).is_right());
        let mut without = header;
        without[10..12].fill(0);
        assert_eq!(Sum::of(&without).checksum(), [0xb8, 0x61]);
        assert!(!Sum::of(&without).is_right());
    }

    #[test]
    fn carries_fold_however_great_the_sum() {
        for sum in [0xffff_u64, 0x1_0000, 0xffff_ffff, 0xffff_ffff_0000, u64::MAX, u64::MAX - 1] {
            let expected = match sum % 0xffff {
                0 => 0xffff,
                rest => rest,
            };
            assert_eq!(u16::from_le_bytes(Sum(sum).folded()), u16::try_from(expected).unwrap());
        }
        assert_eq!(Sum::default().folded(), [0, 0]);
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let sum = Sum::of(&[1, 2, 3, 4, 5, 6]);
        let more = sum + Sum::number(0x1234);
        assert_eq!((more - Sum::number(0x1234)).folded(), sum.folded());
        assert_eq!(Sum::number(0x1234).folded(), [0x12, 0x34]);
    }
}
