//! Four 32-bit words side by side, in safe code: a vector of wasm where it has them, else an array.
//!
//! No operation takes longer for some values than for others.

/// Words of a vector.
pub(super) const LANES: usize = 4;

/// Rows become columns: word i of vector j becomes word j of vector i.
pub(super) fn transpose([a, b, c, d]: [Lanes; LANES]) -> [Lanes; LANES] {
    let (low, high) = (a.zip_low(b), a.zip_high(b));
    let (other_low, other_high) = (c.zip_low(d), c.zip_high(d));
    [
        low.join_low(other_low),
        low.join_high(other_low),
        high.join_low(other_high),
        high.join_high(other_high),
    ]
}

pub(super) use machine::Lanes;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod machine {
    use core::arch::wasm32::{
        i8x16_shuffle, u32x4, u32x4_add, u32x4_shl, u32x4_shr, u32x4_shuffle, u32x4_splat,
        u64x2_extract_lane, v128, v128_or, v128_xor,
    };

    /// Four words.
    #[derive(Clone, Copy)]
    pub(crate) struct Lanes(v128);

    impl Lanes {
        #[inline]
        pub(crate) fn splat(word: u32) -> Self {
            Self(u32x4_splat(word))
        }

        #[inline]
        pub(crate) fn new([a, b, c, d]: [u32; 4]) -> Self {
            Self(u32x4(a, b, c, d))
        }

        #[inline]
        pub(crate) fn add(self, other: Self) -> Self {
            Self(u32x4_add(self.0, other.0))
        }

        /// The exclusive or, each word then rotated left by N bits.
        #[inline]
        pub(crate) fn xor_rotate<const N: u32>(self, other: Self) -> Self {
            let word = v128_xor(self.0, other.0);
            // Moving whole bytes is one instruction.
            Self(match N {
                16 => i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(
                    word, word,
                ),
                8 => i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(
                    word, word,
                ),
                _ => v128_or(u32x4_shl(word, N), u32x4_shr(word, 32 - N)),
            })
        }

        #[inline]
        pub(super) fn zip_low(self, other: Self) -> Self {
            Self(u32x4_shuffle::<0, 4, 1, 5>(self.0, other.0))
        }

        #[inline]
        pub(super) fn zip_high(self, other: Self) -> Self {
            Self(u32x4_shuffle::<2, 6, 3, 7>(self.0, other.0))
        }

        #[inline]
        pub(super) fn join_low(self, other: Self) -> Self {
            Self(u32x4_shuffle::<0, 1, 4, 5>(self.0, other.0))
        }

        #[inline]
        pub(super) fn join_high(self, other: Self) -> Self {
            Self(u32x4_shuffle::<2, 3, 6, 7>(self.0, other.0))
        }

        /// The words one after the other, little-endian.
        #[inline]
        pub(crate) fn store(self, bytes: &mut [u8; 16]) {
            // Two halves next to each other: compiled to one store of a vector.
            let (low, high) = bytes.split_at_mut(8);
            low.copy_from_slice(&u64x2_extract_lane::<0>(self.0).to_le_bytes());
            high.copy_from_slice(&u64x2_extract_lane::<1>(self.0).to_le_bytes());
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod machine {
    /// Four words.
    #[derive(Clone, Copy)]
    pub(crate) struct Lanes([u32; 4]);

    impl Lanes {
        #[inline]
        pub(crate) fn splat(word: u32) -> Self {
            Self([word; 4])
        }

        #[inline]
        pub(crate) fn new(words: [u32; 4]) -> Self {
            Self(words)
        }

        #[inline]
        pub(crate) fn add(self, other: Self) -> Self {
            self.both(other, u32::wrapping_add)
        }

        /// The exclusive or, each word then rotated left by N bits.
        #[inline]
        pub(crate) fn xor_rotate<const N: u32>(self, other: Self) -> Self {
            self.both(other, |a, b| (a ^ b).rotate_left(N))
        }

        #[inline]
        fn both(self, other: Self, join: impl Fn(u32, u32) -> u32) -> Self {
            let mut words = self.0;
            for (word, other) in words.iter_mut().zip(other.0) {
                *word = join(*word, other);
            }
            Self(words)
        }

        #[inline]
        pub(super) fn zip_low(self, other: Self) -> Self {
            let (Self([a, b, ..]), Self([e, f, ..])) = (self, other);
            Self([a, e, b, f])
        }

        #[inline]
        pub(super) fn zip_high(self, other: Self) -> Self {
            let (Self([.., c, d]), Self([.., g, h])) = (self, other);
            Self([c, g, d, h])
        }

        #[inline]
        pub(super) fn join_low(self, other: Self) -> Self {
            let (Self([a, b, ..]), Self([e, f, ..])) = (self, other);
            Self([a, b, e, f])
        }

        #[inline]
        pub(super) fn join_high(self, other: Self) -> Self {
            let (Self([.., c, d]), Self([.., g, h])) = (self, other);
            Self([c, d, g, h])
        }

        /// The words one after the other, little-endian.
        #[inline]
        pub(crate) fn store(self, bytes: &mut [u8; 16]) {
            for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(self.0) {
                *bytes = word.to_le_bytes();
            }
        }
    }
}
