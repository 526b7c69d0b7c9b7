//! pcapng files: sections of blocks (draft-ietf-opsawg-pcapng).

use super::MAX_FRAME_BYTES;
use super::block::{At, Record, Step, number, size};
use super::error::Fault;
use super::link::LinkType;
use super::options::{Options, padded};
use super::order::Order;
use super::time::Resolution;

/// The block that begins a section; the number reads the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// The obsolete "packet block".
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const MAJOR: u16 = 1;

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Bytes of type and length before a block's body.
const HEADER_BYTES: usize = 8;
/// Bytes of the length behind it.
const TRAILER_BYTES: usize = 4;
/// A block without a body.
const MIN_BLOCK_BYTES: usize = HEADER_BYTES + TRAILER_BYTES;

/// The most bytes of a block (`MAX_BLOCK_SIZE` of Wireshark).
pub(super) const MAX_BLOCK_BYTES: usize = 16 * 1024 * 1024;
/// The most interfaces of a section.
pub(super) const MAX_INTERFACES: usize = 65_536;
/// No more of an interface's name is kept.
const MAX_NAME_BYTES: usize = 255;

/// Whether a file that begins like this is a pcapng file.
pub(super) fn is_pcapng(bytes: &[u8]) -> bool {
    Order::Big.u32(bytes, 0) == SECTION
}

/// What the blocks read so far say of those to come.
#[derive(Debug)]
pub(super) struct Pcapng {
    pub(super) order: Order,
    interfaces: Vec<Interface>,
}

/// Where frames were recorded.
#[derive(Debug)]
struct Interface {
    link: LinkType,
    snap_length: u32,
    resolution: Resolution,
    /// Seconds to add to each time.
    offset: i64,
    name: Option<Box<str>>,
}

impl Pcapng {
    pub(super) fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new() }
    }

    /// The name of an interface of the section, if it has one.
    pub(super) fn interface_name(&self, interface: u32) -> Option<&str> {
        self.interfaces.get(size(interface))?.name.as_deref()
    }

    /// Looks at a block.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, At> {
        const BLOCK: &str = "a block";
        if bytes.len() < MIN_BLOCK_BYTES {
            return Ok(Step::Needs(MIN_BLOCK_BYTES, BLOCK));
        }
        let kind = self.order.u32(bytes, 0);
        if kind == SECTION {
            self.order = byte_order(bytes)?;
        }
        let length = self.order.u32(bytes, 4);
        let fields = least_body_bytes(kind);
        let shortest = MIN_BLOCK_BYTES + fields;
        if !(shortest..=MAX_BLOCK_BYTES).contains(&size(length)) || !length.is_multiple_of(4) {
            return Err(At(4, Fault::BlockLength { bytes: length, least: number(shortest) }));
        }
        let length = size(length);
        let Some(block) = bytes.get(..length) else { return Ok(Step::Needs(length, BLOCK)) };
        let end = length - TRAILER_BYTES;
        let last = self.order.u32(block, end);
        if size(last) != length {
            return Err(At(end, Fault::BlockTrailer { first: number(length), last }));
        }
        match kind {
            ENHANCED_PACKET => {
                let interface = self.order.u32(block, 8);
                self.packet(block, interface).map(Step::Frame)
            }
            SIMPLE_PACKET => self.simple_packet(block).map(Step::Frame),
            OBSOLETE_PACKET => {
                let interface = self.order.u16(block, 8).into();
                self.packet(block, interface).map(Step::Frame)
            }
            INTERFACE => self.interface(block).map(|()| Step::Passes(length)),
            SECTION => self.section(block).map(|()| Step::Passes(length)),
            _ => Ok(Step::Passes(length)),
        }
    }

    fn section(&mut self, block: &[u8]) -> Result<(), At> {
        let (major, minor) = (self.order.u16(block, 12), self.order.u16(block, 14));
        if major != MAJOR {
            return Err(At(12, Fault::Version { major, minor }));
        }
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&mut self, block: &[u8]) -> Result<(), At> {
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(At(0, Fault::TooManyInterfaces));
        }
        let mut interface = Interface {
            link: LinkType::of_file(self.order.u16(block, 8)),
            snap_length: self.order.u32(block, 12),
            resolution: Resolution::Microseconds,
            offset: 0,
            name: None,
        };
        for (option, value) in self.options(block, 16)? {
            match (option, value) {
                (IF_NAME, name) => {
                    let name = name.get(..MAX_NAME_BYTES).unwrap_or(name);
                    interface.name = Some(String::from_utf8_lossy(name).into());
                }
                (IF_TSRESOL, [byte]) => interface.resolution = Resolution::new(*byte),
                (IF_TSOFFSET, value) if value.len() == 8 => {
                    interface.offset = self.order.i64(value, 0);
                }
                (IF_TSRESOL | IF_TSOFFSET, value) => {
                    let bytes = u16::try_from(value.len()).unwrap_or(u16::MAX);
                    return Err(At(16, Fault::OptionLength { option, bytes }));
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// The enhanced packet block, and the obsolete one: they differ in how wide the interface's
    /// number is.
    fn packet(&self, block: &[u8], interface: u32) -> Result<Record, At> {
        const DATA: usize = 28;
        let info = self.described(interface)?;
        let word = |offset| self.order.u32(block, offset);
        let captured = word(20);
        let options = data(block, DATA, captured, 20)?;
        let time = u64::from(word(12)) << 32 | u64::from(word(16));
        self.options(block, options)?;
        Ok(Record {
            length: block.len(),
            bytes: DATA..DATA + size(captured),
            options: options..block.len() - TRAILER_BYTES,
            original_length: word(24),
            time: Some(info.resolution.time(time, info.offset)),
            decimals: info.resolution.decimals(),
            interface,
            link: info.link,
        })
    }

    /// A frame of the first interface, without time; it is as long as it was, or as the interface's
    /// limit.
    fn simple_packet(&self, block: &[u8]) -> Result<Record, At> {
        const DATA: usize = 12;
        let info = self.described(0)?;
        let original_length = self.order.u32(block, 8);
        let captured = match info.snap_length {
            0 => original_length,
            limit => original_length.min(limit),
        };
        let options = data(block, DATA, captured, 8)?;
        Ok(Record {
            length: block.len(),
            bytes: DATA..DATA + size(captured),
            options: options..options,
            original_length,
            time: None,
            decimals: 0,
            interface: 0,
            link: info.link,
        })
    }

    fn described(&self, interface: u32) -> Result<&Interface, At> {
        let count = number(self.interfaces.len());
        let unknown = At(8, Fault::Interface { number: interface, count });
        self.interfaces.get(size(interface)).ok_or(unknown)
    }

    /// The options of a block that begin at `start`.
    fn options<'a>(&self, block: &'a [u8], start: usize) -> Result<Options<'a>, At> {
        let bytes = block.get(start..block.len() - TRAILER_BYTES).unwrap_or_default();
        let options = Options::new(bytes, self.order);
        if options.clone().fit() { Ok(options) } else { Err(At(start, Fault::Options)) }
    }
}

/// Checks that a frame of so many bytes, at `start`, fits its block: where it ends with its
/// padding. `told` is where the number stands.
fn data(block: &[u8], start: usize, captured: u32, told: usize) -> Result<usize, At> {
    if size(captured) > MAX_FRAME_BYTES {
        return Err(At(told, Fault::FrameTooLong { bytes: captured }));
    }
    let end = block.len() - TRAILER_BYTES;
    let options = start + padded(size(captured));
    if options > end {
        let room = number(end.saturating_sub(start));
        return Err(At(told, Fault::FrameInBlock { bytes: captured, room }));
    }
    Ok(options)
}

/// Bytes that a block's fields have beside type and lengths.
fn least_body_bytes(kind: u32) -> usize {
    match kind {
        SECTION => 16,
        INTERFACE => 8,
        OBSOLETE_PACKET | ENHANCED_PACKET => 20,
        SIMPLE_PACKET => 4,
        _ => 0,
    }
}

/// The byte order of the section that begins here.
fn byte_order(bytes: &[u8]) -> Result<Order, At> {
    let magic = bytes.get(HEADER_BYTES..).and_then(<[u8]>::first_chunk);
    let found = magic.copied().unwrap_or_default();
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(&found, 0) == BYTE_ORDER_MAGIC)
        .ok_or(At(HEADER_BYTES, Fault::ByteOrder { found }))
}
