//! The order of a file's bytes: that of the machine which wrote it.

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// The number at `offset`, or 0 where the bytes are not there: callers check lengths before.
    pub(super) fn u16(self, bytes: &[u8], offset: usize) -> u16 {
        let bytes = array(bytes, offset);
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// As [`Order::u16`].
    pub(super) fn u32(self, bytes: &[u8], offset: usize) -> u32 {
        let bytes = array(bytes, offset);
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// As [`Order::u16`].
    pub(super) fn i64(self, bytes: &[u8], offset: usize) -> i64 {
        let bytes = array(bytes, offset);
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }
}

/// The bytes at `offset`, or zeros.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}
