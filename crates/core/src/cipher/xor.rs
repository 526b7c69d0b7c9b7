//! XOR with a repeating key, the cipher of the original program. It protects nothing.
//!
//! Byte i of the text is `XORed` with byte i mod n of a key of n bytes, and the key starts anew with
//! each packet. So the keystream of every packet is the same: it is written out once, as long as
//! the longest packet, and enciphering is two arrays met element by element, which compilers turn
//! into vectors of 16 bytes and more, whatever the length of the key.

use std::fmt;
use std::ops::Range;

/// Bytes of keystream written out: as many as the longest packet has.
const KEYSTREAM_BYTES: usize = 65_536;

/// A key ready for use.
#[derive(Clone)]
pub struct Xor {
    /// The key again and again, a whole number of times.
    keystream: Vec<u8>,
}

/// The key has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyKey;

impl Xor {
    /// Prepares a key of any length from 1 byte.
    ///
    /// # Errors
    /// [`EmptyKey`] if `key` has no bytes.
    pub fn new(key: &[u8]) -> Result<Self, EmptyKey> {
        if key.is_empty() {
            return Err(EmptyKey);
        }
        let times = KEYSTREAM_BYTES.div_ceil(key.len());
        Ok(Self { keystream: key.repeat(times) })
    }

    /// The keystream for the bytes of a text at `range`; nothing if it is not written out so far, as
    /// it is for at least 65,536 bytes.
    #[must_use]
    pub fn keystream(&self, range: Range<usize>) -> Option<&[u8]> {
        self.keystream.get(range)
    }

    /// Enciphers `text` in place, or deciphers it: XOR is its own inverse.
    pub fn apply(&self, text: &mut [u8]) {
        // The keystream holds the key a whole number of times, so a longer text begins it again.
        for part in text.chunks_mut(self.keystream.len()) {
            for (byte, key) in part.iter_mut().zip(&self.keystream) {
                *byte ^= key;
            }
        }
    }
}

impl fmt::Debug for Xor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Xor(key hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, in one line.
    fn defined(text: &[u8], key: &[u8]) -> Vec<u8> {
        text.iter().enumerate().map(|(i, byte)| byte ^ key[i % key.len()]).collect()
    }

    #[test]
    fn literal_bytes() {
        let mut text = *b"\x45\x00\x00\x54\xc0";
        Xor::new(&[0x12, 0x34, 0xab, 0xcd]).unwrap().apply(&mut text);
        assert_eq!(text, *b"\x57\x34\xab\x99\xd2");
    }

    #[test]
    fn an_empty_key_is_refused() {
        assert_eq!(Xor::new(&[]).unwrap_err(), EmptyKey);
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", Xor::new(&[7]).unwrap()), "Xor(key hidden)");
    }

    #[test]
    fn every_short_length_alignment_and_key() {
        let source: Vec<u8> = (0..=255).collect();
        for key_length in 1..=40 {
            let xor = Xor::new(&source[..key_length]).unwrap();
            for start in 0..16 {
                for length in 0..=80 {
                    let mut text = source[start..start + length].to_vec();
                    // Shifted inside a larger buffer, so that the text starts at every alignment.
                    let mut shifted = vec![0; start];
                    shifted.append(&mut text);
                    xor.apply(&mut shifted[start..]);
                    let expected = defined(&source[start..start + length], &source[..key_length]);
                    assert_eq!(shifted[start..], expected);
                }
            }
        }
    }

    #[test]
    fn a_text_longer_than_the_keystream_goes_on_in_step() {
        for key_length in [1, 3, 7, 1000, 65_535, 65_536, 65_537, 70_001] {
            let key: Vec<u8> = (0..=250).cycle().take(key_length).collect();
            let mut text = vec![0; 200_003];
            let expected = defined(&text, &key);
            Xor::new(&key).unwrap().apply(&mut text);
            assert!(text == expected, "key of {key_length} bytes");
        }
    }

    proptest! {
        #[test]
        fn equals_its_definition(
            buffer in proptest::collection::vec(any::<u8>(), 0..5000),
            key in proptest::collection::vec(any::<u8>(), 1..600),
            start in 0usize..64,
        ) {
            let start = start.min(buffer.len());
            let mut text = buffer.clone();
            let xor = Xor::new(&key).unwrap();
            xor.apply(&mut text[start..]);
            prop_assert_eq!(&text[..start], &buffer[..start]);
            prop_assert_eq!(&text[start..], &defined(&buffer[start..], &key)[..]);
            xor.apply(&mut text[start..]);
            prop_assert_eq!(text, buffer);
        }
    }
}
