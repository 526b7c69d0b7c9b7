//! Integers of 1 to 64 bits anywhere in a datagram.

use super::Endian;

/// Where an integer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    /// Its first bit; the most significant of byte 0 is bit 0.
    pub(super) first: usize,
    /// How many bits, 1 to 64.
    pub(super) count: usize,
    /// The order of its bytes; little only for whole bytes.
    pub(super) endian: Endian,
}

impl Bits {
    /// The number that stands there; 0 if not all of its bytes are there.
    pub(super) fn read(self, bytes: &[u8]) -> u64 {
        let bytes = bytes.get(self.bytes()).unwrap_or_default();
        let append = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        let number = match self.endian {
            Endian::Big => bytes.iter().fold(0, append),
            Endian::Little => bytes.iter().rev().fold(0, append),
        };
        low(number >> self.bits_behind(), self.count)
    }

    /// Writes the low bits of a number, and leaves the bits beside them as they are.
    pub(super) fn write(self, bytes: &mut [u8], number: u64) {
        let place = |number: u64| u128::from(low(number.into(), self.count)) << self.bits_behind();
        let (mut number, mut mask) = (place(number), place(u64::MAX));
        let put = |byte: &mut u8| {
            let ([new, ..], [changed, ..]) = (number.to_le_bytes(), mask.to_le_bytes());
            *byte = *byte & !changed | new;
            number >>= 8;
            mask >>= 8;
        };
        let bytes = bytes.get_mut(self.bytes()).unwrap_or_default();
        match self.endian {
            Endian::Big => bytes.iter_mut().rev().for_each(put),
            Endian::Little => bytes.iter_mut().for_each(put),
        }
    }

    /// The bytes that it touches: at most 9.
    fn bytes(self) -> std::ops::Range<usize> {
        self.first / 8..(self.first + self.count).div_ceil(8)
    }

    /// Bits of the last byte that it touches that are not its own.
    fn bits_behind(self) -> usize {
        self.bytes().end * 8 - self.first - self.count
    }
}

/// The low bits of a number.
#[expect(clippy::cast_possible_truncation, reason = "at most 64 bits are left")]
fn low(number: u128, bits: usize) -> u64 {
    (number & ((1 << bits) - 1)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn big(first: usize, count: usize) -> Bits {
        Bits { first, count, endian: Endian::Big }
    }

    #[test]
    fn literal_places() {
        let bytes = [0b0001_0010, 0x34, 0x56, 0x78];
        assert_eq!(big(0, 4).read(&bytes), 1);
        assert_eq!(big(4, 12).read(&bytes), 0x234);
        assert_eq!(big(3, 1).read(&bytes), 1);
        assert_eq!(big(0, 32).read(&bytes), 0x1234_5678);
        assert_eq!(Bits { first: 8, count: 16, endian: Endian::Little }.read(&bytes), 0x5634);
        assert_eq!(big(24, 16).read(&bytes), 0, "beyond the end");
    }

    #[test]
    fn writing_leaves_the_neighbours() {
        let mut bytes = [0xff; 3];
        big(6, 9).write(&mut bytes, 0);
        assert_eq!(bytes, [0b1111_1100, 0b0000_0001, 0xff]);
        let mut bytes = [0; 3];
        big(6, 9).write(&mut bytes, 0b1_0000_0001);
        assert_eq!(bytes, [0b10, 0b10, 0]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            first in 0usize..40, count in 1usize..=64, number: u64, mut bytes: [u8; 16],
        ) {
            let before = bytes;
            big(first, count).write(&mut bytes, number);
            prop_assert_eq!(big(first, count).read(&bytes), low(number.into(), count));
            for bit in (0..first).chain(first + count..128) {
                prop_assert_eq!(big(bit, 1).read(&bytes), big(bit, 1).read(&before));
            }
        }

        #[test]
        fn little_is_big_turned_round(first in 0usize..8, width in 1usize..=8, bytes: [u8; 16]) {
            let little = Bits { first: first * 8, count: width * 8, endian: Endian::Little };
            let mut turned = bytes;
            turned[first..first + width].reverse();
            prop_assert_eq!(little.read(&bytes), big(first * 8, width * 8).read(&turned));
            let mut written = [0; 16];
            little.write(&mut written, little.read(&bytes));
            prop_assert_eq!(little.read(&written), little.read(&bytes));
        }
    }
}
