//! One pass over the bytes of a packet: copy, encipher and sum at once.
//!
//! The sum is that of the Internet checksum (RFC 1071) over the *plain* bytes, whichever side of the
//! cipher they are on. Four sums run side by side, so that none waits for the other.

use super::checksum::{Sum, words_of};
use super::lanes::{LANE_BYTES, Lane, Sums};

/// Lanes of one round of a loop.
const ROUND: usize = 4;
/// So many bytes are summed before a sum of 32 bits could overflow, even if all went into one: each
/// lane adds twice 65,535 to it at most.
const PART_BYTES: usize = 1 << 19;

const _: () = assert!((PART_BYTES / LANE_BYTES) as u64 * 2 * 0xffff <= u32::MAX as u64);

/// The sum of `bytes`.
#[must_use]
pub fn sum(bytes: &[u8]) -> Sum {
    if bytes.len() <= PART_BYTES {
        return sum_part(bytes);
    }
    bytes.chunks(PART_BYTES).fold(Sum::default(), |sum, part| sum + sum_part(part))
}

/// Copies `from` to `to`, which is as long, and sums it.
pub fn copy(to: &mut [u8], from: &[u8]) -> Sum {
    debug_assert_eq!(to.len(), from.len());
    if to.len() <= PART_BYTES {
        return copy_part(to, from);
    }
    let parts = to.chunks_mut(PART_BYTES).zip(from.chunks(PART_BYTES));
    parts.fold(Sum::default(), |sum, (to, from)| sum + copy_part(to, from))
}

/// Copies `from`, which is plain, `XORed` with `key` to `to`. All three are equally long. The sum is
/// that of `from`.
pub fn encipher(to: &mut [u8], from: &[u8], key: &[u8]) -> Sum {
    xor::<true>(to, from, key)
}

/// Copies `from`, which is enciphered, `XORed` with `key` to `to`. All three are equally long. The
/// sum is that of `to`.
pub fn decipher(to: &mut [u8], from: &[u8], key: &[u8]) -> Sum {
    xor::<false>(to, from, key)
}

/// `XORs` a few bytes in place.
pub(super) fn apply(text: &mut [u8], key: &[u8]) {
    let (lanes, rest) = text.as_chunks_mut::<LANE_BYTES>();
    let (key_lanes, key_rest) = key.as_chunks::<LANE_BYTES>();
    let key_rest = key_lanes.get(lanes.len()).map_or(key_rest, |lane| lane);
    for (lane, key) in lanes.iter_mut().zip(key_lanes) {
        Lane::load(lane).xor(Lane::load(key)).store(lane);
    }
    for (byte, key) in rest.iter_mut().zip(key_rest) {
        *byte ^= key;
    }
}

/// Copies a few bytes, of which there are as many on both sides. The compiler is not to see that it is
/// a copy: it would call for one, which in wasm takes longer than the copying.
pub(super) fn copy_few(to: &mut [u8], from: &[u8]) {
    static ZEROS: [u8; 512] = [0; 512];
    match ZEROS.get(..to.len()) {
        Some(zeros) => {
            xor_part::<true>(to, from, zeros);
        }
        None => to.copy_from_slice(from),
    }
}

/// Sums what is read, which is plain on the way out, or what is written, plain on the way in.
fn xor<const SUM_READ: bool>(to: &mut [u8], from: &[u8], key: &[u8]) -> Sum {
    debug_assert!(to.len() == from.len() && to.len() == key.len());
    if to.len() <= PART_BYTES {
        return xor_part::<SUM_READ>(to, from, key);
    }
    let parts = to.chunks_mut(PART_BYTES).zip(from.chunks(PART_BYTES)).zip(key.chunks(PART_BYTES));
    parts.fold(Sum::default(), |sum, ((to, from), key)| sum + xor_part::<SUM_READ>(to, from, key))
}

fn sum_part(bytes: &[u8]) -> Sum {
    let (lanes, rest) = bytes.as_chunks::<LANE_BYTES>();
    let (rounds, last) = lanes.as_chunks::<ROUND>();
    let mut sums = [Sums::zero(); ROUND];
    for round in rounds {
        for (sum, lane) in sums.iter_mut().zip(round) {
            sum.add(Lane::load(lane));
        }
    }
    let [sum, ..] = &mut sums;
    for lane in last {
        sum.add(Lane::load(lane));
    }
    total(sums) + Sum::of_few(rest)
}

fn copy_part(to: &mut [u8], from: &[u8]) -> Sum {
    let (to, to_rest) = to.as_chunks_mut::<LANE_BYTES>();
    let (from, from_rest) = from.as_chunks::<LANE_BYTES>();
    let (to, to_last) = to.as_chunks_mut::<ROUND>();
    let (from, from_last) = from.as_chunks::<ROUND>();
    let mut sums = [Sums::zero(); ROUND];
    let one = |sum: &mut Sums, to: &mut [u8; LANE_BYTES], from: &[u8; LANE_BYTES]| {
        let lane = Lane::load(from);
        sum.add(lane);
        lane.store(to);
    };
    for (to, from) in to.iter_mut().zip(from) {
        for ((sum, to), from) in sums.iter_mut().zip(to).zip(from) {
            one(sum, to, from);
        }
    }
    let [sum, ..] = &mut sums;
    for (to, from) in to_last.iter_mut().zip(from_last) {
        one(sum, to, from);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
    }
    total(sums) + Sum::of_few(from_rest)
}

fn xor_part<const SUM_READ: bool>(to: &mut [u8], from: &[u8], key: &[u8]) -> Sum {
    let (to, to_rest) = to.as_chunks_mut::<LANE_BYTES>();
    let (from, from_rest) = from.as_chunks::<LANE_BYTES>();
    let (key, key_rest) = key.as_chunks::<LANE_BYTES>();
    let (to, to_last) = to.as_chunks_mut::<ROUND>();
    let (from, from_last) = from.as_chunks::<ROUND>();
    let (key, key_last) = key.as_chunks::<ROUND>();
    let mut sums = [Sums::zero(); ROUND];
    let one = |sum: &mut Sums, to: &mut [u8; LANE_BYTES], from: &_, key: &_| {
        let read = Lane::load(from);
        let written = read.xor(Lane::load(key));
        sum.add(if SUM_READ { read } else { written });
        written.store(to);
    };
    for ((to, from), key) in to.iter_mut().zip(from).zip(key) {
        for (((sum, to), from), key) in sums.iter_mut().zip(to).zip(from).zip(key) {
            one(sum, to, from, key);
        }
    }
    let [sum, ..] = &mut sums;
    for ((to, from), key) in to_last.iter_mut().zip(from_last).zip(key_last) {
        one(sum, to, from, key);
    }
    total(sums) + xor_few::<SUM_READ>(to_rest, from_rest, key_rest)
}

/// What is left behind the last lane: words of 8 bytes, of 2, and a byte, since copying so little
/// costs more than enciphering it.
fn xor_few<const SUM_READ: bool>(to: &mut [u8], from: &[u8], key: &[u8]) -> Sum {
    let (to_long, to) = to.as_chunks_mut::<8>();
    let (from_long, from) = from.as_chunks::<8>();
    let (key_long, key) = key.as_chunks::<8>();
    let mut sum = 0;
    for ((to, from), key) in to_long.iter_mut().zip(from_long).zip(key_long) {
        let read = u64::from_le_bytes(*from);
        let written = read ^ u64::from_le_bytes(*key);
        *to = written.to_le_bytes();
        sum += words_of(if SUM_READ { read } else { written });
    }
    let (to_short, to) = to.as_chunks_mut::<2>();
    let (from_short, from) = from.as_chunks::<2>();
    let (key_short, key) = key.as_chunks::<2>();
    for ((to, from), key) in to_short.iter_mut().zip(from_short).zip(key_short) {
        let read = u16::from_le_bytes(*from);
        let written = read ^ u16::from_le_bytes(*key);
        *to = written.to_le_bytes();
        sum += u64::from(if SUM_READ { read } else { written });
    }
    for ((to, from), key) in to.iter_mut().zip(from).zip(key) {
        *to = from ^ key;
        sum += u64::from(if SUM_READ { *from } else { *to });
    }
    Sum::of_words(sum)
}

fn total(sums: [Sums; ROUND]) -> Sum {
    let [mut first, second, third, fourth] = sums;
    first.join(second);
    first.join(third);
    first.join(fourth);
    Sum::of_words(first.total())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(length: usize, seed: usize) -> Vec<u8> {
        let mix = |i: usize| (i + seed).wrapping_mul(0x9e37_79b9) >> 13;
        (0..length).map(|i| mix(i).to_le_bytes()[0]).collect()
    }

    /// All passes over `length` bytes at these alignments against their definitions.
    fn check(length: usize, to_at: usize, from_at: usize, key_at: usize, key_bytes: usize) {
        let from = noise(from_at + length, 1)[from_at..].to_vec();
        let one_key = noise(key_bytes, 2);
        let key: Vec<u8> = (0..length).map(|i| one_key[(i + key_at) % key_bytes]).collect();
        let enciphered: Vec<u8> = from.iter().zip(&key).map(|(a, b)| a ^ b).collect();
        let case = format!("{length} bytes to {to_at} from {from_at}, key {key_bytes} at {key_at}");

        let shifted = |bytes: &[u8], by: usize| [vec![0xaa; by], bytes.to_vec()].concat();
        let (source, keys) = (shifted(&from, from_at), shifted(&key, key_at));
        let mut to = vec![0x55; to_at + length + 1];
        let room = to_at..to_at + length;

        let summed = copy(&mut to[room.clone()], &source[from_at..]);
        assert!(to[room.clone()] == from[..], "copy of {case}");
        assert_eq!(summed.folded(), defined(&from), "copy of {case}");
        assert_eq!(sum(&source[from_at..]).folded(), defined(&from), "sum of {case}");

        let summed = encipher(&mut to[room.clone()], &source[from_at..], &keys[key_at..]);
        assert!(to[room.clone()] == enciphered[..], "encipher of {case}");
        assert_eq!(summed.folded(), defined(&from), "encipher of {case}");

        to[room.clone()].copy_from_slice(&from);
        apply(&mut to[room.clone()], &[&keys[key_at..], &[0x77; 99]].concat());
        assert!(to[room.clone()] == enciphered[..], "apply of {case}");

        let source = shifted(&enciphered, from_at);
        let summed = decipher(&mut to[room.clone()], &source[from_at..], &keys[key_at..]);
        assert!(to[room] == from[..], "decipher of {case}");
        assert_eq!(summed.folded(), defined(&from), "decipher of {case}");
        assert_eq!(to[to_at + length], 0x55, "nothing behind is touched: {case}");
        assert!(to[..to_at].iter().all(|byte| *byte == 0x55), "nothing before: {case}");
    }

    /// RFC 1071 in one line: words of two bytes, a zero behind an odd one, carries folded back.
    fn defined(bytes: &[u8]) -> [u8; 2] {
        let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        let sum = bytes.chunks(2).map(word).fold(0, |sum, word| {
            let sum = sum + word;
            (sum & 0xffff) + (sum >> 16)
        });
        u16::try_from(sum).unwrap().to_be_bytes()
    }

    #[test]
    fn every_short_length_at_every_alignment() {
        for length in 0..=150 {
            for at in 0..16 {
                check(length, at, 15 - at, at * 3 % 16, 1 + at);
            }
        }
    }

    #[test]
    fn long_ones_and_the_greatest_sums() {
        for length in [1399, 1400, 1448, 9000, 16_383, 65_483, 65_507, 65_534, 65_535, 65_536] {
            for key_bytes in [3, 1000] {
                check(length, 5, 2, 11, key_bytes);
            }
        }
        let ones = vec![0xff; PART_BYTES * 2 + 7];
        assert_eq!(sum(&ones).folded(), defined(&ones));
        assert_eq!(copy(&mut vec![0; ones.len()], &ones).folded(), defined(&ones));
        let mut zeros = ones.clone();
        assert_eq!(encipher(&mut zeros, &ones, &ones).folded(), defined(&ones));
        assert!(zeros.iter().all(|byte| *byte == 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn equal_their_definitions(
            length in 0usize..65_536,
            to_at in 0usize..64,
            from_at in 0usize..64,
            key_at in 0usize..64,
            key_bytes in 1usize..300,
        ) {
            check(length, to_at, from_at, key_at, key_bytes);
        }
    }
}
