//! Frames in a TCP stream: where one ends and the next begins.

use super::bits::Bits;
use super::ends::{self, Framing};
use super::shape::{self, Side};
use super::{Accept, Field, Format, Kind, Literal, Role};
use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::packet::{Ipv4, Ipv6, ipv4, ipv6};

/// The longest packet that any packet's own length states: an IPv6 header and 65,535 bytes.
const MAX_PACKET_BYTES: usize = ipv6::HEADER_BYTES + 65_535;

/// Finds the frames of a format in a stream.
#[derive(Debug, Clone)]
pub struct Frames {
    /// Constant bytes that every frame begins with.
    leading: Vec<u8>,
    end: End,
    /// The most bytes that a frame may have.
    most: usize,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// By a length.
    Length {
        place: usize,
        bits: Bits,
        unit: usize,
        /// Bytes of the frame that it does not count.
        beside: usize,
        /// The least bytes that it has to count.
        least: usize,
    },
    /// By the length that the IP packet states, which begins so many bytes behind the frame's
    /// first, and has so many behind it.
    Ip { before: usize, behind: usize },
}

/// What stands at the beginning of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// So many bytes must be there to tell more.
    Needs(usize),
    /// A frame of so many bytes.
    Bytes(usize),
    /// No frame: `framing_lost`.
    Lost(Drop),
}

impl Frames {
    /// Finds how a format's frames end; nothing if nothing says so.
    #[must_use]
    pub fn new(format: &Format) -> Option<Self> {
        let bytes = |places: std::ops::Range<usize>| {
            let present = shape::present(format, Side::Receive);
            let here = places.filter(|place| present.get(*place) == Some(&true));
            let fields = here.filter_map(|place| format.fields.get(place));
            fields.filter_map(|field| format.fixed_bits(field)).sum::<usize>()
        };
        // Other layouts than ours may have more fields, or fewer.
        let sum = |places: std::ops::Range<usize>, counts: &dyn Fn(&Field) -> bool| {
            let fields = places.filter_map(|place| format.fields.get(place));
            fields.filter(|field| counts(field)).filter_map(|field| format.fixed_bits(field)).sum()
        };
        let always = |places| -> usize { sum(places, &|field| field.when.is_always()) };
        let count = format.fields.len();
        let most: usize = sum(0..count, &|_| true);
        let end = match ends::framing(format)? {
            Framing::Length(place) => {
                let field = format.fields.get(place)?;
                let Field {
                    role: Role::Length { counts, unit },
                    kind: Kind::Uint { bits, endian },
                    ..
                } = field
                else {
                    return None;
                };
                End::Length {
                    place,
                    bits: Bits { first: bytes(0..place), count: (*bits).into(), endian: *endian },
                    unit: (*unit).into(),
                    beside: (bytes(0..counts.first) + bytes(counts.last + 1..count)) / 8,
                    least: always(counts.first..counts.last + 1) / 8,
                }
            }
            Framing::Ip => {
                let packet = format.packet_place()?;
                End::Ip { before: bytes(0..packet) / 8, behind: bytes(packet + 1..count) / 8 }
            }
        };
        let leading = match format.fields.first() {
            Some(field) if field.when.is_always() && field.accept == Accept::Exact => {
                match shape::literal(field, Side::Receive) {
                    Some(Literal::Bytes(bytes)) => bytes.clone(),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        Some(Self { leading, end, most: 65_535 + most / 8 })
    }

    /// The most bytes that a frame may have.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match self.end {
            End::Length { .. } => self.most,
            End::Ip { before, behind } => before + MAX_PACKET_BYTES + behind,
        }
    }

    /// Whether frames begin with constant bytes that are found again where the stream was lost: two
    /// of them at least.
    #[must_use]
    pub fn has_leading(&self) -> bool {
        self.leading.len() >= 2
    }

    /// How many bytes of a stream to pass over, where no frame begins at the first of them: up to
    /// the next place where one may begin. Without leading constants to look for: all.
    #[must_use]
    pub fn skip(&self, stream: &[u8]) -> usize {
        if !self.has_leading() {
            return stream.len();
        }
        let begins =
            |rest: &[u8]| self.leading.iter().zip(rest).all(|(expected, found)| expected == found);
        let places = 1..stream.len();
        let place = places.into_iter().find(|place| stream.get(*place..).is_some_and(begins));
        place.unwrap_or(stream.len())
    }

    /// Looks at the beginning of a stream.
    #[must_use]
    pub fn next(&self, stream: &[u8]) -> Frame {
        let wrong = self.leading.iter().zip(stream).any(|(expected, found)| expected != found);
        if wrong {
            let found = stream.get(..self.leading.len()).unwrap_or(stream);
            return Frame::Lost(Drop {
                expected: Value::bytes(&self.leading),
                found: Value::bytes(found),
                field: drop::Field::Format(0),
                ..Drop::whole(Reason::FramingLost, Layer::Header, 0, 0)
            });
        }
        match self.end {
            End::Length { place, bits, unit, beside, least } => {
                let needed = (bits.first + bits.count) / 8;
                if stream.len() < needed {
                    return Frame::Needs(needed);
                }
                let number = bits.read(stream);
                let counted = usize::try_from(number).ok().and_then(|n| n.checked_mul(unit));
                let frame = counted.and_then(|counted| counted.checked_add(beside));
                match (frame, counted) {
                    (Some(frame), Some(counted)) if frame <= self.most && counted >= least => {
                        Frame::Bytes(frame)
                    }
                    _ => Frame::Lost(Drop {
                        reason: Reason::FramingLost,
                        layer: Layer::Header,
                        field: drop::Field::Format(place),
                        offset: bits.first / 8,
                        expected: Value::Number(match counted {
                            Some(counted) if counted < least => least.div_ceil(unit) as u64,
                            _ => (self.most.saturating_sub(beside) / unit) as u64,
                        }),
                        found: Value::Number(number),
                    }),
                }
            }
            End::Ip { before, behind } => next_ip(stream, before, behind),
        }
    }
}

fn next_ip(stream: &[u8], before: usize, behind: usize) -> Frame {
    let packet = stream.get(before..).unwrap_or_default();
    let Some(version) = packet.first().map(|byte| byte >> 4) else {
        return Frame::Needs(before + 1);
    };
    let lost = |field, offset, expected: u64, found: u64| {
        Frame::Lost(Drop {
            reason: Reason::FramingLost,
            layer: Layer::Packet,
            field: drop::Field::Packet(field),
            offset: before + offset,
            expected: Value::Number(expected),
            found: Value::Number(found),
        })
    };
    let (stated, least, needed) = match version {
        ipv4::VERSION => (Ipv4::stated_bytes(packet), ipv4::MIN_HEADER_BYTES, 4),
        ipv6::VERSION => (Ipv6::stated_bytes(packet), ipv6::HEADER_BYTES, 6),
        _ => return lost("ip.version", 0, ipv4::VERSION.into(), version.into()),
    };
    match stated {
        None => Frame::Needs(before + needed),
        Some(stated) if stated < least => lost("ip.len", 2, least as u64, stated as u64),
        Some(stated) => Frame::Bytes(before + stated + behind),
    }
}
