//! Writes pcapng.

use super::block::number;
use super::link::LinkType;
use super::options::{COMMENT, HEADER_BYTES, padded};
use super::time::Time;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Length of a section that nobody knows before its end.
const UNKNOWN_LENGTH: u64 = u64::MAX;

const END_OF_OPTIONS: u16 = 0;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const NANOSECONDS: u8 = 9;
const EPB_DROPCOUNT: u16 = 4;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// The most bytes that an option holds, so that it ends at a multiple of 4.
const MAX_OPTION_BYTES: usize = 65_532;

/// A pcapng file in the making: one section, little-endian, times in nanoseconds. What was written
/// is taken with [`Writer::take`] or [`Writer::bytes`] whenever there is somebody to take it; each
/// call that adds something adds whole blocks.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    interfaces: u32,
}

/// A frame to write.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The number that [`Writer::interface`] gave.
    pub interface: u32,
    /// When it was there. None, and times that nanoseconds since 1970 do not tell, become 0.
    pub time: Option<Time>,
    /// What is recorded of it, at most [`super::MAX_FRAME_BYTES`]; more is cut off.
    pub bytes: &'a [u8],
    /// Bytes that it had; fewer than are recorded means as many.
    pub original_length: u32,
    /// What to write to it. A long comment ends after 65,532 bytes.
    pub comment: Option<&'a str>,
    /// How many frames of the interface were lost since the one before.
    pub lost: u64,
}

impl<'a> Packet<'a> {
    /// A whole frame, without time and comment.
    #[must_use]
    pub fn new(interface: u32, bytes: &'a [u8]) -> Self {
        let original_length = number(bytes.len());
        Self { interface, time: None, bytes, original_length, comment: None, lost: 0 }
    }
}

impl Writer {
    /// Begins a file. `application` is the program that makes it, with its version.
    #[must_use]
    pub fn new(application: &str) -> Self {
        let mut writer = Self { out: Vec::new(), interfaces: 0 };
        writer.block(SECTION, |out| {
            out.extend(BYTE_ORDER_MAGIC.to_le_bytes());
            out.extend(1u16.to_le_bytes());
            out.extend(0u16.to_le_bytes());
            out.extend(UNKNOWN_LENGTH.to_le_bytes());
            text(out, SHB_USERAPPL, application);
            option(out, END_OF_OPTIONS, &[]);
        });
        writer
    }

    /// Adds an interface with a name (none if empty): its number.
    pub fn interface(&mut self, name: &str, link: LinkType) -> u32 {
        self.block(INTERFACE, |out| {
            out.extend(link.0.to_le_bytes());
            out.extend(0u16.to_le_bytes());
            // No limit to the length of frames.
            out.extend(0u32.to_le_bytes());
            if !name.is_empty() {
                text(out, IF_NAME, name);
            }
            option(out, IF_TSRESOL, &[NANOSECONDS]);
            option(out, END_OF_OPTIONS, &[]);
        });
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// Adds a frame. One of an interface that was not added is left out, for it would make the file
    /// unreadable; says whether it was written.
    pub fn packet(&mut self, packet: &Packet<'_>) -> bool {
        if packet.interface >= self.interfaces {
            return false;
        }
        let bytes = packet.bytes.get(..super::MAX_FRAME_BYTES).unwrap_or(packet.bytes);
        let captured = number(bytes.len());
        let time = packet.time.and_then(Time::nanoseconds_since_1970).unwrap_or_default();
        self.block(ENHANCED_PACKET, |out| {
            out.extend(packet.interface.to_le_bytes());
            timestamp(out, time);
            out.extend(captured.to_le_bytes());
            out.extend(packet.original_length.max(captured).to_le_bytes());
            pad(out, bytes);
            if let Some(comment) = packet.comment {
                text(out, COMMENT, comment);
            }
            if packet.lost > 0 {
                option(out, EPB_DROPCOUNT, &packet.lost.to_le_bytes());
            }
            if packet.comment.is_some() || packet.lost > 0 {
                option(out, END_OF_OPTIONS, &[]);
            }
        });
        true
    }

    /// Adds how many frames an interface had until now, and how many of them are not in the file.
    /// Says whether there is such an interface.
    pub fn statistics(&mut self, interface: u32, time: Time, received: u64, lost: u64) -> bool {
        if interface >= self.interfaces {
            return false;
        }
        self.block(STATISTICS, |out| {
            out.extend(interface.to_le_bytes());
            timestamp(out, time.nanoseconds_since_1970().unwrap_or_default());
            option(out, ISB_IFRECV, &received.to_le_bytes());
            option(out, ISB_IFDROP, &lost.to_le_bytes());
            option(out, END_OF_OPTIONS, &[]);
        });
        true
    }

    /// Makes room for so many bytes more, so that writing them takes no memory anew.
    pub fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    /// What was written and not taken yet.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Forgets [`Writer::bytes`], and keeps their room.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Takes [`Writer::bytes`].
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Adds a block around what `body` writes, a multiple of 4 bytes.
    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend(kind.to_le_bytes());
        self.out.extend([0; 4]);
        body(&mut self.out);
        let length = number(self.out.len() + 4 - start).to_le_bytes();
        self.out.extend(length);
        if let Some(place) = self.out.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&length);
        }
    }
}

/// The upper half of a time goes first.
fn timestamp(out: &mut Vec<u8>, nanoseconds: u64) {
    out.extend(nanoseconds.rotate_left(32).to_le_bytes());
}

fn pad(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len() + padded(bytes.len()) - bytes.len(), 0);
}

fn option(out: &mut Vec<u8>, number: u16, value: &[u8]) {
    debug_assert!(value.len() <= MAX_OPTION_BYTES && HEADER_BYTES == 4);
    out.extend(number.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or_default().to_le_bytes());
    pad(out, value);
}

/// An option of text, as much as fits.
fn text(out: &mut Vec<u8>, number: u16, text: &str) {
    let end = text.floor_char_boundary(MAX_OPTION_BYTES);
    option(out, number, text.get(..end).unwrap_or_default().as_bytes());
}
