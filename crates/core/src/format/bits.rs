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
    #[inline]
    pub(super) fn read(self, bytes: &[u8]) -> u64 {
        let bytes = bytes.get(self.bytes()).unwrap_or_default();
        if bytes.len() > 8 {
            return self.read_nine(bytes);
        }
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = match (self.endian, bytes) {
            // By far the most frequent width.
            (Endian::Big, [high, low]) => u16::from_be_bytes([*high, *low]).into(),
            (Endian::Big, _) => bytes.iter().fold(0, append),
            (Endian::Little, _) => bytes.iter().rev().fold(0, append),
        };
        number >> self.bits_behind() & low(self.count)
    }

    /// Writes the low bits of a number, and leaves the bits beside them as they are.
    #[inline]
    pub(super) fn write(self, bytes: &mut [u8], number: u64) {
        let behind = self.bits_behind();
        let bytes = bytes.get_mut(self.bytes()).unwrap_or_default();
        if bytes.len() > 8 {
            return self.write_nine(bytes, number);
        }
        if let (Endian::Big, 16, [high, low]) = (self.endian, self.count, &mut *bytes) {
            // By far the most frequent width.
            [.., *high, *low] = number.to_be_bytes();
            return;
        }
        let mut mask = low(self.count) << behind;
        let mut number = number << behind & mask;
        let put = |byte: &mut u8| {
            let ([new, ..], [changed, ..]) = (number.to_le_bytes(), mask.to_le_bytes());
            *byte = *byte & !changed | new;
            number >>= 8;
            mask >>= 8;
        };
        match self.endian {
            Endian::Big => bytes.iter_mut().rev().for_each(put),
            Endian::Little => bytes.iter_mut().for_each(put),
        }
    }

    /// Of more than 56 bits that begin inside a byte: they touch nine, always in network order.
    #[expect(clippy::cast_possible_truncation, reason = "what is left has at most 64 bits")]
    fn read_nine(self, bytes: &[u8]) -> u64 {
        let number = bytes.iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        (number >> self.bits_behind()) as u64 & low(self.count)
    }

    fn write_nine(self, bytes: &mut [u8], number: u64) {
        let (head, tail) = bytes.split_at_mut(8);
        // The last byte has the lowest bits; what is above them begins in the first.
        let in_tail = 8 - self.bits_behind();
        let first = self.first % 8;
        Self { first: 0, count: in_tail, endian: Endian::Big }.write(tail, number);
        Self { first, count: self.count - in_tail, endian: Endian::Big }
            .write(head, number >> in_tail);
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

/// As many low bits as are asked for, 1 to 64.
#[inline]
fn low(bits: usize) -> u64 {
    u64::MAX >> (64 - bits.clamp(1, 64))
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
            prop_assert_eq!(big(first, count).read(&bytes), number & low(count));
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
