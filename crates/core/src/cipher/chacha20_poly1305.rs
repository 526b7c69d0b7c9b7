//! `AEAD_CHACHA20_POLY1305` (RFC 8439, section 2.8), with four blocks of `ChaCha20` side by side.
//!
//! Word i of each vector belongs to block i of four, so a round is the RFC's own, on vectors. There is
//! no branch and no index that depends on a key, a nonce or a text: only on lengths. Poly1305, and the
//! comparison of tags, are those of the `poly1305` crate.

use super::aead::{Nonce, TAG_BYTES, Tag};
use super::lanes::{LANES, Lanes, transpose};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a block.
const BLOCK_BYTES: usize = 64;
/// Bytes of the blocks that are made at a time.
const GROUP_BYTES: usize = LANES * BLOCK_BYTES;
/// Bytes of the key of Poly1305, which block 0 begins with (RFC 8439, section 2.6).
const MAC_KEY_BYTES: usize = 32;
/// The most bytes of a text: blocks are counted in 32 bits (RFC 8439, section 2.8).
const MAX_TEXT_BYTES: u64 = (u32::MAX as u64 - 3) * BLOCK_BYTES as u64;
/// "expand 32-byte k".
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// A key, ready for use. It is wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct ChaCha20Poly1305 {
    key: [u32; 8],
}

/// The blocks of four consecutive counters.
type Group = [u8; GROUP_BYTES];

impl ChaCha20Poly1305 {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { key: words(key) }
    }

    /// Enciphers `text` and gives the tag; nothing if it is too long.
    pub(super) fn seal(&self, nonce: &Nonce, ad: &[u8], text: &mut [u8]) -> Option<Tag> {
        if text.len() as u64 > MAX_TEXT_BYTES {
            return None;
        }
        let mut first = self.group(nonce, 0);
        self.apply(nonce, &first, text);
        let tag = mac(&first, ad, text).finalize();
        first.zeroize();
        Some(tag.into())
    }

    /// Deciphers `text` if the tag holds, and says whether it does. If not, it stays as it was.
    pub(super) fn open(&self, nonce: &Nonce, ad: &[u8], text: &mut [u8], tag: &Tag) -> bool {
        if text.len() as u64 > MAX_TEXT_BYTES {
            return false;
        }
        let mut first = self.group(nonce, 0);
        let holds = mac(&first, ad, text).verify(tag.into()).is_ok();
        if holds {
            self.apply(nonce, &first, text);
        }
        first.zeroize();
        holds
    }

    /// XORs a text with the blocks from 1 on; `first` begins with block 0.
    fn apply(&self, nonce: &Nonce, first: &Group, text: &mut [u8]) {
        let (_, blocks) = first.split_at(BLOCK_BYTES);
        let (begin, rest) = text.split_at_mut(text.len().min(blocks.len()));
        xor(begin, blocks);
        let mut counter = 0;
        for part in rest.chunks_mut(GROUP_BYTES) {
            counter += 4;
            xor(part, &self.group(nonce, counter));
        }
    }

    /// Four blocks, of which the first has the number `counter`.
    fn group(&self, nonce: &Nonce, counter: u32) -> Group {
        let [n0, n1, n2] = words(nonce);
        let [c0, c1, c2, c3] = CONSTANTS.map(Lanes::splat);
        let [k0, k1, k2, k3, k4, k5, k6, k7] = self.key.map(Lanes::splat);
        let counters = Lanes::new([counter, counter + 1, counter + 2, counter + 3]);
        let [n0, n1, n2] = [n0, n1, n2].map(Lanes::splat);
        let input = [c0, c1, c2, c3, k0, k1, k2, k3, k4, k5, k6, k7, counters, n0, n1, n2];
        let mut state = input;
        for _ in 0..10 {
            state = double_round(state);
        }
        let mut group = [0; GROUP_BYTES];
        let mut at = 0;
        let rows = state.as_chunks::<4>().0.iter().zip(input.as_chunks::<4>().0);
        for ([a, b, c, d], [e, f, g, h]) in rows {
            let columns = transpose([a.add(*e), b.add(*f), c.add(*g), d.add(*h)]);
            for (block, column) in group.as_chunks_mut::<BLOCK_BYTES>().0.iter_mut().zip(columns) {
                if let Some(bytes) = block.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                    column.store(bytes);
                }
            }
            at += 16;
        }
        group
    }
}

/// Two rounds: one on the columns of the state, one on its diagonals (RFC 8439, section 2.3).
#[inline]
fn double_round(
    [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3]: [Lanes; 16],
) -> [Lanes; 16] {
    let [a0, b0, c0, d0] = quarter_round(a0, b0, c0, d0);
    let [a1, b1, c1, d1] = quarter_round(a1, b1, c1, d1);
    let [a2, b2, c2, d2] = quarter_round(a2, b2, c2, d2);
    let [a3, b3, c3, d3] = quarter_round(a3, b3, c3, d3);
    let [a0, b1, c2, d3] = quarter_round(a0, b1, c2, d3);
    let [a1, b2, c3, d0] = quarter_round(a1, b2, c3, d0);
    let [a2, b3, c0, d1] = quarter_round(a2, b3, c0, d1);
    let [a3, b0, c1, d2] = quarter_round(a3, b0, c1, d2);
    [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3]
}

/// RFC 8439, section 2.1.
#[inline]
fn quarter_round(a: Lanes, b: Lanes, c: Lanes, d: Lanes) -> [Lanes; 4] {
    let a = a.add(b);
    let d = d.xor_rotate::<16>(a);
    let c = c.add(d);
    let b = b.xor_rotate::<12>(c);
    let a = a.add(b);
    let d = d.xor_rotate::<8>(a);
    let c = c.add(d);
    let b = b.xor_rotate::<7>(c);
    [a, b, c, d]
}

/// Poly1305 over associated data and ciphertext, each filled up to whole blocks, and their lengths.
fn mac(first: &Group, ad: &[u8], text: &[u8]) -> Poly1305 {
    let mut key = [0; MAC_KEY_BYTES];
    key.copy_from_slice(first.split_at(MAC_KEY_BYTES).0);
    let mut mac = Poly1305::new(&key.into());
    key.zeroize();
    mac.update_padded(ad);
    mac.update_padded(text);
    let mut lengths = [0; TAG_BYTES];
    let (ad_bytes, text_bytes) = lengths.split_at_mut(TAG_BYTES / 2);
    ad_bytes.copy_from_slice(&(ad.len() as u64).to_le_bytes());
    text_bytes.copy_from_slice(&(text.len() as u64).to_le_bytes());
    mac.update(&[lengths.into()]);
    mac
}

fn xor(text: &mut [u8], keystream: &[u8]) {
    for (byte, key) in text.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}

/// Bytes as little-endian words.
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20poly1305::ChaCha20Poly1305 as Reference;
    use chacha20poly1305::aead::{AeadInOut, KeyInit};
    use proptest::prelude::*;

    /// RFC 8439, section 2.3.2: block 1, and with it its neighbours' places.
    #[test]
    fn a_block_is_that_of_the_rfc() {
        let key: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let nonce = [0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0];
        let cipher = ChaCha20Poly1305::new(&key);
        let expected = [
            0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20,
            0x71, 0xc4,
        ];
        let block = |first: u32, place: usize| {
            cipher.group(&nonce, first)[place * BLOCK_BYTES..][..16].to_vec()
        };
        assert_eq!(block(0, 1), expected);
        assert_eq!(block(1, 0), expected);
        assert_ne!(block(0, 0), expected);
    }

    /// The crate that this stands in for: slow here, and well kept.
    fn check(key: [u8; 32], nonce: Nonce, ad: &[u8], plain: &[u8]) {
        let cipher = ChaCha20Poly1305::new(&key);
        let mut expected = plain.to_vec();
        let expected_tag: Tag = Reference::new(&key.into())
            .encrypt_inout_detached(&nonce.into(), ad, (&mut expected[..]).into())
            .unwrap()
            .into();
        let mut text = plain.to_vec();
        let tag = cipher.seal(&nonce, ad, &mut text).unwrap();
        assert!(tag == expected_tag && text == expected, "{} bytes", plain.len());
        let mut wrong = tag;
        wrong[plain.len() % 16] ^= 1;
        assert!(!cipher.open(&nonce, ad, &mut text, &wrong));
        assert!(text == expected);
        assert!(cipher.open(&nonce, ad, &mut text, &tag));
        assert!(text == plain);
    }

    #[test]
    fn every_length_equals_the_reference() {
        let bytes: Vec<u8> = (0..=250).cycle().take(3000).collect();
        for length in (0..1100).chain([1420, 1421, 2047, 2048, 2049, 2999]) {
            let key = std::array::from_fn(|i| bytes[i * 7 + length % 100]);
            let nonce = std::array::from_fn(|i| bytes[i * 11 + length % 50]);
            check(key, nonce, &bytes[..length % 40], &bytes[..length]);
        }
        check([0xff; 32], [0xff; 12], &[], &vec![0xff; 65_535]);
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_equals_the_reference(
            key in any::<[u8; 32]>(), nonce in any::<Nonce>(),
            ad in proptest::collection::vec(any::<u8>(), 0..70),
            text in proptest::collection::vec(any::<u8>(), 0..1500),
        ) {
            check(key, nonce, &ad, &text);
        }
    }
}
