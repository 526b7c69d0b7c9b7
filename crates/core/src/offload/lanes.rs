//! Sixteen bytes at a time, in safe code: vectors of wasm where it has them, else words that
//! compilers turn into vectors.

pub(super) use machine::{Lane, Sums};

/// Bytes of a lane.
pub(super) const LANE_BYTES: usize = 16;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod machine {
    use super::LANE_BYTES;
    use core::arch::wasm32::{
        i32x4_add, u32x4_extadd_pairwise_u16x8, u32x4_extract_lane, u32x4_splat, u64x2,
        u64x2_extract_lane, v128, v128_xor,
    };

    /// Sixteen bytes.
    #[derive(Clone, Copy)]
    pub(crate) struct Lane(v128);

    impl Lane {
        #[inline]
        pub(crate) fn load(bytes: &[u8; LANE_BYTES]) -> Self {
            // Two halves next to each other: compiled to one load of a vector, as below to one store.
            let half = |at| bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
            let number = |at| u64::from_le_bytes(half(at).unwrap_or_default());
            Self(u64x2(number(0), number(8)))
        }

        #[inline]
        pub(crate) fn store(self, bytes: &mut [u8; LANE_BYTES]) {
            let (low, high) = bytes.split_at_mut(LANE_BYTES / 2);
            low.copy_from_slice(&u64x2_extract_lane::<0>(self.0).to_le_bytes());
            high.copy_from_slice(&u64x2_extract_lane::<1>(self.0).to_le_bytes());
        }

        #[inline]
        pub(crate) fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }
    }

    /// Four sums of 16-bit words.
    #[derive(Clone, Copy)]
    pub(crate) struct Sums(v128);

    impl Sums {
        #[inline]
        pub(crate) fn zero() -> Self {
            Self(u32x4_splat(0))
        }

        #[inline]
        pub(crate) fn add(&mut self, lane: Lane) {
            self.0 = i32x4_add(self.0, u32x4_extadd_pairwise_u16x8(lane.0));
        }

        #[inline]
        pub(crate) fn join(&mut self, other: Self) {
            self.0 = i32x4_add(self.0, other.0);
        }

        #[inline]
        pub(crate) fn total(self) -> u64 {
            u64::from(u32x4_extract_lane::<0>(self.0))
                + u64::from(u32x4_extract_lane::<1>(self.0))
                + u64::from(u32x4_extract_lane::<2>(self.0))
                + u64::from(u32x4_extract_lane::<3>(self.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod machine {
    use super::LANE_BYTES;

    /// Sixteen bytes.
    #[derive(Clone, Copy)]
    pub(crate) struct Lane([u32; 4]);

    impl Lane {
        #[inline]
        pub(crate) fn load(bytes: &[u8; LANE_BYTES]) -> Self {
            let mut words = [0; 4];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            Self(words)
        }

        #[inline]
        pub(crate) fn store(self, bytes: &mut [u8; LANE_BYTES]) {
            for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
                *bytes = word.to_le_bytes();
            }
        }

        #[inline]
        pub(crate) fn xor(self, other: Self) -> Self {
            let mut words = self.0;
            for (word, other) in words.iter_mut().zip(other.0) {
                *word ^= other;
            }
            Self(words)
        }
    }

    /// Four sums of 16-bit words.
    #[derive(Clone, Copy)]
    pub(crate) struct Sums([u32; 4]);

    impl Sums {
        #[inline]
        pub(crate) fn zero() -> Self {
            Self([0; 4])
        }

        #[inline]
        pub(crate) fn add(&mut self, lane: Lane) {
            for (sum, word) in self.0.iter_mut().zip(lane.0) {
                *sum += (word & 0xffff) + (word >> 16);
            }
        }

        #[inline]
        pub(crate) fn join(&mut self, other: Self) {
            for (sum, other) in self.0.iter_mut().zip(other.0) {
                *sum += other;
            }
        }

        #[inline]
        pub(crate) fn total(self) -> u64 {
            self.0.into_iter().map(u64::from).sum()
        }
    }
}
