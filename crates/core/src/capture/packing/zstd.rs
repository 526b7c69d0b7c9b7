//! zstd: frames one behind the other, each of blocks (RFC 8878).

use super::{PIECE_BYTES, Progress};
use crate::capture::block::size;
use crate::capture::buffer::Buffer;
use crate::capture::error::Fault;
use crate::capture::order::Order;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fmt;
use std::io::Read;

const MAGIC: u32 = 0xfd2f_b528;
/// Frames of other content have one of 16 numbers.
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;
const SKIPPABLE_HEADER_BYTES: usize = 8;
const BLOCK_HEADER_BYTES: usize = 3;
/// A block of one byte, repeated.
const RLE: u32 = 1;
const MAX_BLOCK_BYTES: usize = 128 * 1024;
const CHECKSUM_BYTES: usize = 4;
/// A block without bytes that ends its frame.
const LAST_EMPTY_BLOCK: &[u8] = &[1, 0, 0];

/// The most that is held of what was unpacked, to copy from: what `zstd -19` needs is a quarter of
/// it.
const MAX_WINDOW_BYTES: u64 = 32 * 1024 * 1024;

/// Unpacks frames.
pub(in crate::capture) struct Zstd {
    state: State,
    decoder: FrameDecoder,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    /// Bytes of a skippable frame that are still to come.
    Skips(usize),
    Blocks {
        has_checksum: bool,
    },
    /// All blocks were read.
    Checksum {
        has_checksum: bool,
    },
    /// The frame was read, not all that it made is drained.
    Drains,
    /// No block can follow; what the ones before made is not all drained.
    Ends(Ending),
}

/// What ends a file before its frame does.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Cut,
    Damage,
}

/// Whether a file that begins like this is packed by zstd.
pub(super) fn begins(beginning: [u8; 4]) -> bool {
    let magic = u32::from_le_bytes(beginning);
    magic == MAGIC || magic & !0xf == SKIPPABLE_MAGIC
}

impl Default for Zstd {
    fn default() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW_BYTES);
        Self { state: State::Header, decoder }
    }
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").field("state", &self.state).finish_non_exhaustive()
    }
}

fn damaged(what: &'static str) -> Fault {
    Fault::Packing { by: "zstd", what }
}

impl Zstd {
    pub(super) fn unpack(
        &mut self,
        packed: &[u8],
        is_last: bool,
        out: &mut Buffer,
    ) -> Result<Progress, Fault> {
        match self.state {
            State::Header => self.header(packed, is_last),
            State::Skips(bytes) => {
                let taken = bytes.min(packed.len());
                let left = bytes - taken;
                self.state = if left == 0 { State::Header } else { State::Skips(left) };
                Ok(if taken == 0 && left > 0 { Progress::Needs } else { Progress::Took(taken) })
            }
            _ if self.decoder.can_collect() > 0 => self.drain(out),
            State::Blocks { has_checksum } => {
                let progress = self.block(packed, has_checksum);
                Ok(self.or_give_up(progress, is_last))
            }
            State::Checksum { has_checksum } => {
                let progress = self.checksum(packed, has_checksum);
                Ok(self.or_give_up(progress, is_last))
            }
            State::Drains => self.end(),
            State::Ends(Ending::Cut) => Ok(Progress::Needs),
            State::Ends(Ending::Damage) => Err(unreadable()),
        }
    }

    fn header(&mut self, packed: &[u8], is_last: bool) -> Result<Progress, Fault> {
        if packed.is_empty() {
            return Ok(Progress::Between);
        }
        let Some(magic) = packed.first_chunk().copied().map(u32::from_le_bytes) else {
            return if is_last { Err(followed()) } else { Ok(Progress::Needs) };
        };
        if magic & !0xf == SKIPPABLE_MAGIC {
            if packed.len() < SKIPPABLE_HEADER_BYTES {
                return Ok(Progress::Needs);
            }
            self.state = State::Skips(size(Order::Little.u32(packed, 4)));
            return Ok(Progress::Took(SKIPPABLE_HEADER_BYTES));
        }
        if magic != MAGIC {
            return Err(followed());
        }
        let Some(&descriptor) = packed.get(4) else { return Ok(Progress::Needs) };
        let Some(header) = packed.get(..header_bytes(descriptor)) else {
            return Ok(Progress::Needs);
        };
        if descriptor & 0b11 != 0 {
            return Err(Fault::Packed { by: "zstd with a dictionary" });
        }
        self.decoder.reset(header).map_err(|error| match error {
            FrameDecoderError::WindowSizeTooBig { .. } => {
                Fault::Packed { by: "zstd with a window of more than 32 MiB" }
            }
            _ => damaged("has an unknown header"),
        })?;
        self.state = State::Blocks { has_checksum: descriptor & 0b100 != 0 };
        Ok(Progress::Took(header.len()))
    }

    /// Unpacks one block, so that a file of many small ones that make much is held within bounds.
    /// The decoder never hears that it is the last one: it would want the checksum with it.
    fn block(&mut self, packed: &[u8], has_checksum: bool) -> Result<Progress, Fault> {
        let Some(&[low, middle, high]) = packed.first_chunk::<BLOCK_HEADER_BYTES>() else {
            return Ok(Progress::Needs);
        };
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let content = if header >> 1 & 0b11 == RLE { 1 } else { size(header >> 3) };
        if content > MAX_BLOCK_BYTES {
            return Err(unreadable());
        }
        let length = BLOCK_HEADER_BYTES + content;
        let Some(content) = packed.get(BLOCK_HEADER_BYTES..length) else {
            return Ok(Progress::Needs);
        };
        self.decode([low & !1, middle, high].chain(content))?;
        if header & 1 != 0 {
            self.state = State::Checksum { has_checksum };
        }
        Ok(Progress::Took(length))
    }

    fn decode(&mut self, block: impl Read) -> Result<(), Fault> {
        let decoded = self.decoder.decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1));
        decoded.map(|_| ()).map_err(|_| unreadable())
    }

    fn checksum(&mut self, packed: &[u8], has_checksum: bool) -> Result<Progress, Fault> {
        let length = if has_checksum { CHECKSUM_BYTES } else { 0 };
        let Some(checksum) = packed.get(..length) else { return Ok(Progress::Needs) };
        self.decode(LAST_EMPTY_BLOCK.chain(checksum))?;
        self.state = State::Drains;
        Ok(Progress::Took(length))
    }

    fn or_give_up(&mut self, progress: Result<Progress, Fault>, is_last: bool) -> Progress {
        match progress {
            Ok(Progress::Needs) if is_last => self.give_up(Ending::Cut),
            Ok(progress) => progress,
            Err(_) => self.give_up(Ending::Damage),
        }
    }

    /// Ends the frame here, so that the decoder lets go of what it holds to copy from.
    fn give_up(&mut self, ending: Ending) -> Progress {
        // If that is refused, there is only less to drain.
        let _ = self.decode(LAST_EMPTY_BLOCK.chain(&[0; CHECKSUM_BYTES][..]));
        self.state = State::Ends(ending);
        Progress::Took(0)
    }

    fn drain(&mut self, out: &mut Buffer) -> Result<Progress, Fault> {
        let space = out.space(PIECE_BYTES);
        let length = space.len().min(PIECE_BYTES);
        let space = space.get_mut(..length).unwrap_or_default();
        let made = self.decoder.read(space).map_err(|_| unreadable())?;
        out.filled(made);
        Ok(Progress::Took(0))
    }

    fn end(&mut self) -> Result<Progress, Fault> {
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            return Err(damaged("has a wrong checksum"));
        }
        self.state = State::Header;
        Ok(Progress::Took(0))
    }
}

fn followed() -> Fault {
    damaged("is followed by something else")
}

fn unreadable() -> Fault {
    damaged("cannot be unpacked")
}

/// Bytes of a frame's header with this descriptor.
fn header_bytes(descriptor: u8) -> usize {
    let has_window = descriptor & 0b10_0000 == 0;
    let dictionary = match descriptor & 0b11 {
        3 => 4,
        width => usize::from(width),
    };
    let content_size = match descriptor >> 6 {
        0 => usize::from(!has_window),
        width => 1 << width,
    };
    5 + usize::from(has_window) + dictionary + content_size
}
