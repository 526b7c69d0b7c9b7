//! pcap files: a header, then records (draft-ietf-opsawg-pcap; pcap-savefile(5)).

use super::MAX_FRAME_BYTES;
use super::block::{At, Record, Step, size};
use super::error::Fault;
use super::link::LinkType;
use super::order::Order;
use super::time::Resolution;

/// Timestamps in microseconds.
const MAGIC: u32 = 0xa1b2_c3d4;
/// Timestamps in nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Microseconds, and 8 more bytes in each record's header (Kuznetzov's libpcap).
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;

pub(super) const HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
const MODIFIED_RECORD_HEADER_BYTES: usize = 24;

/// The major version that there is, and the last minor one whose records have the two lengths
/// exchanged (some writers; libpcap's `sf-pcap.c` tells).
const MAJOR: u16 = 2;
const LAST_EXCHANGED_MINOR: u16 = 2;
/// In version 2.3 some writers exchanged the lengths: the shorter is the captured one.
const UNSURE_MINOR: u16 = 3;

/// What the header says of all records.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    resolution: Resolution,
    record_header_bytes: usize,
    lengths: Lengths,
    link: LinkType,
}

/// The order of a record's two lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    Unsure,
}

/// Byte order, resolution and bytes of a record's header, as the first four bytes say; nothing if
/// this is no pcap file.
fn magic(bytes: &[u8]) -> Option<(Order, Resolution, usize)> {
    [Order::Little, Order::Big].into_iter().find_map(|order| {
        Some(match order.u32(bytes, 0) {
            MAGIC => (order, Resolution::Microseconds, RECORD_HEADER_BYTES),
            MAGIC_NANOSECONDS => (order, Resolution::Nanoseconds, RECORD_HEADER_BYTES),
            MAGIC_MODIFIED => (order, Resolution::Microseconds, MODIFIED_RECORD_HEADER_BYTES),
            _ => return None,
        })
    })
}

/// Whether a file that begins like this is a pcap file.
pub(super) fn is_pcap(bytes: &[u8]) -> bool {
    magic(bytes).is_some()
}

impl Pcap {
    /// Reads the header; nothing if `bytes` are too few of them.
    pub(super) fn new(bytes: &[u8]) -> Result<Option<Self>, At> {
        let (Some(header), Some((order, resolution, record_header_bytes))) =
            (bytes.get(..HEADER_BYTES), magic(bytes))
        else {
            return Ok(None);
        };
        let (major, minor) = (order.u16(header, 4), order.u16(header, 6));
        if major != MAJOR {
            return Err(At(4, Fault::Version { major, minor }));
        }
        let lengths = match minor {
            ..=LAST_EXCHANGED_MINOR => Lengths::OriginalFirst,
            UNSURE_MINOR => Lengths::Unsure,
            _ => Lengths::CapturedFirst,
        };
        // The upper half tells of checksums behind each frame.
        let link = u16::try_from(order.u32(header, 20) & 0xffff).unwrap_or_default();
        let link = LinkType::of_file(link);
        Ok(Some(Self { order, resolution, record_header_bytes, lengths, link }))
    }

    /// Looks at a record.
    pub(super) fn step(&self, bytes: &[u8]) -> Result<Step, At> {
        let start = self.record_header_bytes;
        let Some(header) = bytes.get(..start) else {
            return Ok(Step::Needs(start, "the header of a frame"));
        };
        let number = |offset| self.order.u32(header, offset);
        let (first, second) = (number(8), number(12));
        let (captured, original_length) = match self.lengths {
            Lengths::OriginalFirst => (second, first),
            Lengths::Unsure => (first.min(second), first.max(second)),
            Lengths::CapturedFirst => (first, second),
        };
        if size(captured) > MAX_FRAME_BYTES {
            return Err(At(0, Fault::FrameTooLong { bytes: captured }));
        }
        let end = start + size(captured);
        if bytes.len() < end {
            return Ok(Step::Needs(end, "a frame"));
        }
        let units_a_second = match self.resolution {
            Resolution::Nanoseconds => 1_000_000_000,
            _ => 1_000_000,
        };
        let units = u64::from(number(0)) * units_a_second + u64::from(number(4));
        Ok(Step::Frame(Record {
            length: end,
            bytes: start..end,
            options: end..end,
            original_length,
            time: Some(self.resolution.time(units, 0)),
            decimals: self.resolution.decimals(),
            interface: 0,
            link: self.link,
        }))
    }
}
