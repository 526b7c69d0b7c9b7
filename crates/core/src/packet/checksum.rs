//! Checksums: the Internet checksum and CRC-32.

/// The Internet checksum (RFC 1071) of `bytes`: the complement of the sum of all words of 16 bits,
/// a last odd byte filled up with zero.
#[must_use]
pub fn internet(bytes: &[u8]) -> u16 {
    let word = |word: &[u8]| match word {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(*high) << 8,
        _ => 0,
    };
    let mut sum: u64 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the sum is folded to 16 bits")]
    let folded = sum as u16;
    !folded
}

/// The CRC-32 of Ethernet and zip (ISO 3309, reflected, polynomial 0x04c11db7).
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071() {
        // Section 3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(internet(&bytes), !0xddf2);
        assert_eq!(internet(&bytes[..7]), !(0xddf2 - 0xf7));
        assert_eq!(internet(&[]), 0xffff);
        assert_eq!(internet(&vec![0xff; 70_000]), 0);
    }

    #[test]
    fn the_check_value_of_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    proptest! {
        #[test]
        fn bytes_with_their_checksum_sum_to_nothing(mut bytes: Vec<u8>) {
            if bytes.len() % 2 == 1 {
                bytes.push(0);
            }
            bytes.extend(internet(&bytes).to_be_bytes());
            prop_assert_eq!(internet(&bytes), 0);
        }
    }
}
