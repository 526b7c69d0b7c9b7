//! gzip: members one behind the other, each a deflated part of the file (RFC 1952).

use super::{PIECE_BYTES, Progress};
use crate::capture::buffer::Buffer;
use crate::capture::error::Fault;
use crate::capture::order::Order;
use flate2::{Decompress, FlushDecompress, Status};

pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;

const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
/// Names and comments in a header end somewhere.
const MAX_HEADER_BYTES: usize = 256 * 1024;

const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// Unpacks members.
#[derive(Debug)]
pub(in crate::capture) struct Gzip {
    state: State,
    deflated: Decompress,
    checksum: crc32fast::Hasher,
    /// Bytes unpacked of the member, modulo 2³².
    bytes: u32,
    is_first: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Body,
    Trailer,
    /// What was unpacked before the damage was given.
    Damaged,
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            state: State::Header,
            deflated: Decompress::new(false),
            checksum: crc32fast::Hasher::new(),
            bytes: 0,
            is_first: true,
        }
    }
}

fn damaged(what: &'static str) -> Fault {
    Fault::Packing { by: "gzip", what }
}

impl Gzip {
    pub(super) fn unpack(
        &mut self,
        packed: &[u8],
        is_last: bool,
        out: &mut Buffer,
    ) -> Result<Progress, Fault> {
        match self.state {
            State::Header => self.header(packed, is_last),
            State::Body => Ok(self.body(packed, out)),
            State::Trailer => self.trailer(packed),
            State::Damaged => Err(damaged("cannot be unpacked")),
        }
    }

    fn header(&mut self, packed: &[u8], is_last: bool) -> Result<Progress, Fault> {
        if packed.is_empty() {
            return Ok(Progress::Between);
        }
        // Tapes and some tools pad with zeros.
        let zeros = packed.iter().take_while(|byte| **byte == 0).count();
        if !self.is_first && zeros > 0 {
            return Ok(Progress::Took(zeros));
        }
        let is_other = MAGIC.iter().zip(packed).any(|(expected, found)| expected != found);
        if is_other || (is_last && packed.len() < MAGIC.len()) {
            return Err(damaged("is followed by something else"));
        }
        let Some(length) = header_bytes(packed)? else { return Ok(Progress::Needs) };
        self.deflated.reset(false);
        self.checksum = crc32fast::Hasher::new();
        self.bytes = 0;
        self.is_first = false;
        self.state = State::Body;
        Ok(Progress::Took(length))
    }

    fn body(&mut self, packed: &[u8], out: &mut Buffer) -> Progress {
        let space = out.space(PIECE_BYTES);
        let (taken_before, made_before) = (self.deflated.total_in(), self.deflated.total_out());
        let length = space.len().min(PIECE_BYTES);
        let space = space.get_mut(..length).unwrap_or_default();
        let status = self.deflated.decompress(packed, space, FlushDecompress::None);
        let count = |now: u64, before| usize::try_from(now - before).unwrap_or_default();
        let taken = count(self.deflated.total_in(), taken_before);
        let made = count(self.deflated.total_out(), made_before);
        let new = space.get(..made).unwrap_or_default();
        self.checksum.update(new);
        self.bytes = self.bytes.wrapping_add(u32::try_from(made).unwrap_or_default());
        out.filled(made);
        match status {
            Ok(Status::StreamEnd) => self.state = State::Trailer,
            Ok(_) if taken == 0 && made == 0 => return Progress::Needs,
            Ok(_) => {}
            Err(_) => self.state = State::Damaged,
        }
        Progress::Took(taken)
    }

    fn trailer(&mut self, packed: &[u8]) -> Result<Progress, Fault> {
        if packed.len() < TRAILER_BYTES {
            return Ok(Progress::Needs);
        }
        if Order::Little.u32(packed, 0) != self.checksum.clone().finalize() {
            return Err(damaged("has a wrong checksum"));
        }
        if Order::Little.u32(packed, 4) != self.bytes {
            return Err(damaged("has a wrong length"));
        }
        self.state = State::Header;
        Ok(Progress::Took(TRAILER_BYTES))
    }
}

/// Bytes of a member's header; nothing if more must be there to tell.
fn header_bytes(packed: &[u8]) -> Result<Option<usize>, Fault> {
    let Some([_, _, method, flags, ..]) = packed.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    if *method != DEFLATE || flags & RESERVED != 0 {
        return Err(damaged("has an unknown header"));
    }
    let mut length = HEADER_BYTES;
    if flags & FEXTRA != 0 {
        length += 2 + usize::from(Order::Little.u16(packed, length));
    }
    for text in [FNAME, FCOMMENT] {
        if flags & text != 0 {
            let rest = packed.get(length..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == 0) else {
                return if packed.len() > MAX_HEADER_BYTES {
                    Err(damaged("has an endless header"))
                } else {
                    Ok(None)
                };
            };
            length += end + 1;
        }
    }
    if flags & FHCRC != 0 {
        length += 2;
    }
    Ok((packed.len() >= length).then_some(length))
}
