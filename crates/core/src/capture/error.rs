//! Why a file cannot be read on, and where.

use super::MAX_FRAME_BYTES;
use super::pcapng::{MAX_BLOCK_BYTES, MAX_INTERFACES};
use std::fmt;

/// A file that cannot be read on. All frames before were whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureError {
    /// What is wrong.
    pub fault: Fault,
    /// Where: bytes from the beginning of the file.
    pub file_offset: u64,
    /// Whether `file_offset` counts bytes of the unpacked file, not of the one that was given.
    pub is_unpacked: bool,
}

/// What can be wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There are no bytes at all.
    Empty,
    /// The file begins as no capture does.
    NotACapture {
        /// Its first bytes.
        found: [u8; 4],
    },
    /// The file is packed in a way that is not read.
    Packed {
        /// The program that unpacks it.
        by: &'static str,
    },
    /// What the file packs is damaged.
    Packing {
        /// The program that packed it.
        by: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file ends inside what it packs.
    PackingCut {
        /// The program that packed it.
        by: &'static str,
    },
    /// The file ends inside a record, block or header.
    Cut {
        /// What it ends in.
        inside: &'static str,
        /// Bytes that this has, at least.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A version of the file format that is not known.
    Version {
        /// The first number, the last one is not looked at.
        major: u16,
        /// The second number.
        minor: u16,
    },
    /// A record states more bytes than a frame may have ([`MAX_FRAME_BYTES`]).
    FrameTooLong {
        /// Bytes that it states.
        bytes: u32,
    },
    /// A section says neither of the two byte orders.
    ByteOrder {
        /// What it says.
        found: [u8; 4],
    },
    /// The length of a block is less than its fields, more than 16 MiB, or no multiple of 4.
    BlockLength {
        /// The length.
        bytes: u32,
        /// The least that would fit a block of this type.
        least: u32,
    },
    /// A block's length does not stand again at its end.
    BlockTrailer {
        /// The length at the beginning.
        first: u32,
        /// The number at the end.
        last: u32,
    },
    /// A block's frame has more bytes than the block.
    FrameInBlock {
        /// Bytes that the frame is said to have.
        bytes: u32,
        /// Bytes that the block has for it.
        room: u32,
    },
    /// The options of a block do not end where the block does.
    Options,
    /// An option that tells times has a wrong length.
    OptionLength {
        /// The option's number.
        option: u16,
        /// Its length.
        bytes: u16,
    },
    /// A frame of an interface that no block described.
    Interface {
        /// The number of the interface.
        number: u32,
        /// How many interfaces there are, numbered from 0.
        count: u32,
    },
    /// More interfaces than anybody has.
    TooManyInterfaces,
}

impl Fault {
    /// The name used in JSON. Names are stable: they are only ever added to.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotACapture { .. } => "not_a_capture",
            Self::Packed { .. } => "packed",
            Self::Packing { .. } => "packing",
            Self::PackingCut { .. } => "packing_cut",
            Self::Cut { .. } => "cut",
            Self::Version { .. } => "version",
            Self::FrameTooLong { .. } => "frame_too_long",
            Self::ByteOrder { .. } => "byte_order",
            Self::BlockLength { .. } => "block_length",
            Self::BlockTrailer { .. } => "block_trailer",
            Self::FrameInBlock { .. } => "frame_in_block",
            Self::Options => "options",
            Self::OptionLength { .. } => "option_length",
            Self::Interface { .. } => "interface",
            Self::TooManyInterfaces => "too_many_interfaces",
        }
    }
}

/// One sentence: where, what, and what to do. It does not name the file.
impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unpacked = if self.is_unpacked { " of the unpacked file" } else { "" };
        if self.file_offset > 0 {
            write!(f, "at byte {}{unpacked}: ", self.file_offset)?;
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for CaptureError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty: record it again"),
            Self::NotACapture { found } => write!(
                f,
                "the file begins with {}, as no capture does: give a pcap or pcapng file, plain \
                 or packed by gzip or zstd",
                Hex(found)
            ),
            Self::Packed { by } => {
                write!(f, "the file is packed by {by}, which is not read: unpack it first")
            }
            Self::Packing { by, what } => {
                write!(f, "what {by} packed {what}: {DAMAGED}")
            }
            Self::PackingCut { by } => write!(
                f,
                "the file ends inside what {by} packed: what stands before is whole, for the rest \
                 get the file again"
            ),
            Self::Cut { inside, expected, found } => write!(
                f,
                "the file ends inside {inside}, after {found} of {expected} bytes: what stands \
                 before is whole, for the rest get the file again"
            ),
            Self::Version { major, minor } => write!(
                f,
                "version {major}.{minor} of the file format is not known: save the file as pcapng \
                 with another program"
            ),
            Self::FrameTooLong { bytes } => write!(
                f,
                "a frame of {bytes} bytes, but none has more than {MAX_FRAME_BYTES}: {DAMAGED}"
            ),
            Self::ByteOrder { found } => write!(
                f,
                "a section whose byte order mark is {}, not 1a 2b 3c 4d in either direction: \
                 {DAMAGED}",
                Hex(found)
            ),
            Self::BlockLength { bytes, least } => write!(
                f,
                "a block of {bytes} bytes, but it has from {least} to {MAX_BLOCK_BYTES}, in steps \
                 of 4: {DAMAGED}"
            ),
            Self::BlockTrailer { first, last } => write!(
                f,
                "a block whose length is {first} at its beginning and {last} at its end: {DAMAGED}"
            ),
            Self::FrameInBlock { bytes, room } => {
                write!(f, "a frame of {bytes} bytes in a block that has room for {room}: {DAMAGED}")
            }
            Self::Options => {
                write!(f, "options that do not end where their block does: {DAMAGED}")
            }
            Self::OptionLength { option, bytes } => {
                write!(f, "option {option} of an interface with {bytes} bytes: {DAMAGED}")
            }
            Self::Interface { number, count } => write!(
                f,
                "a frame of interface {number}, but only {count} were described before: {DAMAGED}"
            ),
            Self::TooManyInterfaces => write!(
                f,
                "a section with more than {MAX_INTERFACES} interfaces: split the file with another \
                 program"
            ),
        }
    }
}

/// What to do where only damage explains what was found.
const DAMAGED: &str = "the file is damaged here, get it again";

/// Bytes as people write them.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}
