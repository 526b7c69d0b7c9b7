//! Files packed by gzip or zstd, unpacked a little at a time: however much there is inside, only as
//! much is unpacked as is read.

mod gzip;
mod zstd;

use super::buffer::Buffer;
use super::error::Fault;

/// Bytes unpacked at a time, at most.
const PIECE_BYTES: usize = 128 * 1024;
/// Bytes that tell how a file is packed.
const MAGIC_BYTES: usize = 4;

/// Ways to pack a file that are known but not read, by the bytes that it begins with.
const NOT_READ: [(&[u8], &str); 5] = [
    (&[0xfd, b'7', b'z', b'X'], "xz"),
    (b"BZh", "bzip2"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (b"PK\x03\x04", "zip"),
    (&[b'7', b'z', 0xbc, 0xaf], "7-Zip"),
];

/// Unpacks a file.
#[derive(Debug)]
pub(super) enum Unpacker {
    Gzip(Box<gzip::Gzip>),
    Zstd(Box<zstd::Zstd>),
}

/// What an unpacker did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It took so many bytes, and may have unpacked some.
    Took(usize),
    /// It needs more than there is.
    Needs,
    /// It stands between two parts, and there is nothing: the file may end here.
    Between,
}

impl Unpacker {
    /// The unpacker of a file that begins like this; nothing if it is not packed.
    ///
    /// # Errors
    /// [`Fault::Packed`] if it is packed in a way that is not read.
    pub(super) fn new(beginning: [u8; MAGIC_BYTES]) -> Result<Option<Self>, Fault> {
        if beginning.starts_with(&gzip::MAGIC) {
            return Ok(Some(Self::Gzip(Box::default())));
        }
        if zstd::begins(beginning) {
            return Ok(Some(Self::Zstd(Box::default())));
        }
        match NOT_READ.iter().find(|(magic, _)| beginning.starts_with(magic)) {
            Some((_, by)) => Err(Fault::Packed { by }),
            None => Ok(None),
        }
    }

    /// The program that packs like this.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
        }
    }

    /// Unpacks a piece of `packed`. `is_last` says that nothing follows it.
    pub(super) fn unpack(
        &mut self,
        packed: &[u8],
        is_last: bool,
        out: &mut Buffer,
    ) -> Result<Progress, Fault> {
        match self {
            Self::Gzip(gzip) => gzip.unpack(packed, is_last, out),
            Self::Zstd(zstd) => zstd.unpack(packed, is_last, out),
        }
    }
}
