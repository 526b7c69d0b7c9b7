//! The fields that are made anew for each datagram, and checked in each.

use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::format::bits::Bits;
use crate::format::ends::Split;
use crate::format::shape::{self, Count, Edge, Lengths, Shape, Side, Spot};
use crate::format::walk::{self, Walk};
use crate::format::{Accept, Checksum, Field, Format, Kind, Range, Role};
use crate::packet::checksum;
use std::ops;

/// The fields that differ from datagram to datagram, or are checked for each.
#[derive(Debug, Clone, Default)]
pub(super) struct Patches {
    pub(super) outer: Zone,
    pub(super) inner: Zone,
    pub(super) nexts: Vec<(usize, Spot)>,
    pub(super) counters: Vec<(usize, Spot)>,
    pub(super) randoms: Vec<Spot>,
    /// There is padding.
    pub(super) padded: bool,
    /// The length that tells it from the packet; if there is none, the IP packet does.
    pub(super) padding_length: Option<LengthPatch>,
}

/// What is made of other bytes, among the fields that are enciphered or those that are not.
#[derive(Debug, Clone, Default)]
pub(super) struct Zone {
    pub(super) lengths: Vec<LengthPatch>,
    /// In the order in which they are made: one that covers another comes after it.
    pub(super) checksums: Vec<ChecksumPatch>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LengthPatch {
    pub(super) place: usize,
    pub(super) spot: Spot,
    pub(super) count: Count,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ChecksumPatch {
    pub(super) place: usize,
    pub(super) spot: Spot,
    pub(super) covers: (Edge, Edge),
    pub(super) algorithm: Checksum,
}

impl Patches {
    pub(super) fn new(format: &Format, shape: &Shape, side: Side) -> Self {
        let mut patches = Self::default();
        for (place, spot, field) in shape.fields(format) {
            let Self { inner, outer, .. } = &mut patches;
            let zone = if format.enciphers(place) { inner } else { outer };
            match &field.role {
                Role::Length { counts, unit } => {
                    let count = shape.count(format, *counts, *unit);
                    zone.lengths.push(LengthPatch { place, spot, count });
                }
                Role::Next { .. } => patches.nexts.push((place, spot)),
                Role::Counter { .. } => patches.counters.push((place, spot)),
                Role::Random => patches.randoms.push(spot),
                // A receiver that takes any does not look.
                Role::Checksum { .. } if side == Side::Receive && field.accept == Accept::Any => {}
                Role::Checksum { covers, algorithm } => {
                    let (covers, algorithm) = (shape.edges(format, *covers), *algorithm);
                    zone.checksums.push(ChecksumPatch { place, spot, covers, algorithm });
                }
                _ => {}
            }
        }
        let order = checksum_order(format);
        let rank = |patch: &ChecksumPatch| order.iter().position(|place| *place == patch.place);
        patches.inner.checksums.sort_by_key(rank);
        patches.outer.checksums.sort_by_key(rank);
        patches.padded = shape.padding.is_some();
        let split = shape.padding.and_then(|padding| shape::split(format, padding, side));
        if let Some(Split::Length(place)) = split {
            let length = patches.lengths().find(|length| length.place == place).copied();
            patches.padding_length = length;
        }
        patches
    }

    pub(super) fn lengths(&self) -> impl Iterator<Item = &LengthPatch> {
        self.outer.lengths.iter().chain(&self.inner.lengths)
    }
}

impl Zone {
    /// Writes the checksums.
    #[inline]
    pub(super) fn sum(&self, datagram: &mut [u8], lengths: Lengths) {
        for checksum in &self.checksums {
            let (bits, covers) = checksum.at(lengths);
            bits.write(datagram, 0);
            let sum = summed(datagram, covers, checksum.algorithm);
            bits.write(datagram, sum);
        }
    }

    #[inline]
    pub(super) fn sums_fit(&self, datagram: &mut [u8], lengths: Lengths) -> bool {
        self.checksums.iter().all(|checksum| {
            let (bits, covers) = checksum.at(lengths);
            wrong_sum(datagram, bits, covers, checksum.algorithm).is_none()
        })
    }

    #[inline]
    pub(super) fn lengths_fit(&self, datagram: &[u8], lengths: Lengths) -> bool {
        self.lengths.iter().all(|length| {
            let found = length.spot.in_datagram(lengths.tail_start()).read(datagram);
            length.count.number(lengths.packet, lengths.padding) == Some(found)
        })
    }
}

impl LengthPatch {
    /// The drop for a packet that it cannot count.
    pub(super) fn refuse(&self, lengths: Lengths) -> Drop {
        let bytes = self.count.bytes(lengths.packet, lengths.padding);
        Drop {
            field: drop::Field::Format(self.place),
            ..Drop::whole(
                Reason::Length,
                Layer::Header,
                bytes >> self.count.unit_shift << self.count.unit_shift,
                bytes,
            )
        }
    }
}

impl ChecksumPatch {
    fn at(&self, lengths: Lengths) -> (Bits, ops::Range<usize>) {
        let (start, end) = self.covers;
        let bits = self.spot.in_datagram(lengths.tail_start());
        (bits, start.offset(lengths)..end.offset(lengths))
    }
}

/// The enciphered bytes of a datagram, by how many of head and tail they reach into.
pub(super) fn enciphered(
    (in_head, in_tail): (usize, usize),
    lengths: Lengths,
) -> ops::Range<usize> {
    lengths.head - in_head..lengths.tail_start() + in_tail
}

/// Tells packet and padding apart, which were taken together.
pub(super) fn split_padding(
    length: Option<&LengthPatch>,
    datagram: &[u8],
    closed: Lengths,
) -> Option<Lengths> {
    let padding = if let Some(length) = length {
        let number = length.spot.in_datagram(closed.tail_start()).read(datagram);
        let bytes = usize::try_from(number).ok()?.checked_mul(1 << length.count.unit_shift)?;
        bytes.checked_sub(length.count.fixed)?
    } else {
        let both = datagram.get(closed.head..closed.tail_start())?;
        both.len() - walk::ip_bytes(both)
    };
    Some(Lengths { packet: closed.packet.checked_sub(padding)?, padding, ..closed })
}

/// The checksums' places in the order in which they are made: one that covers another comes later.
fn checksum_order(format: &Format) -> Vec<usize> {
    let mut waiting: Vec<(usize, Range)> = Vec::new();
    for (place, field) in format.fields.iter().enumerate() {
        if let Role::Checksum { covers, .. } = field.role {
            waiting.push((place, covers));
        }
    }
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let covers_none = |(place, covers): &(usize, Range)| {
            !waiting.iter().any(|(other, _)| other != place && covers.contains(*other))
        };
        // The checks of the description leave none that cover each other.
        let next = waiting.iter().position(covers_none).unwrap_or_default();
        order.push(waiting.remove(next).0);
    }
    order
}

fn summed(datagram: &[u8], covers: ops::Range<usize>, algorithm: Checksum) -> u64 {
    let bytes = datagram.get(covers).unwrap_or_default();
    match algorithm {
        Checksum::Internet => checksum::internet(bytes).into(),
        Checksum::Crc32 => checksum::crc32(bytes).into(),
    }
}

/// What a checksum should be, and what it is, if these differ.
fn wrong_sum(
    datagram: &mut [u8],
    bits: Bits,
    covers: ops::Range<usize>,
    algorithm: Checksum,
) -> Option<(u64, u64)> {
    let found = bits.read(datagram);
    bits.write(datagram, 0);
    let expected = summed(datagram, covers, algorithm);
    bits.write(datagram, found);
    // The Internet checksum knows two zeros (RFC 1624, section 3).
    let zeros = [0, 0xffff];
    let same =
        algorithm == Checksum::Internet && zeros.contains(&found) && zeros.contains(&expected);
    (found != expected && !same).then_some((expected, found))
}

/// Checks the checksums of a datagram that was walked over.
pub(super) fn sums_by_walk(
    format: &Format,
    walk: &Walk<'_>,
    datagram: &mut [u8],
    enciphered: bool,
) -> Result<(), Drop> {
    match sum_problems(format, walk, datagram, enciphered).next() {
        None => Ok(()),
        Some(drop) => Err(drop),
    }
}

/// What the checksums should be, among those that are enciphered or those that are not: those that
/// are right as they are given as they stand.
pub(in crate::format) fn sum_expected<'a>(
    format: &'a Format,
    walk: &'a Walk<'a>,
    datagram: &[u8],
    enciphered: bool,
) -> Vec<(Bits, u64)> {
    let mut datagram = datagram.to_vec();
    let order = checksum_order(format);
    let sums = order.into_iter().filter_map(|place| {
        let (integer, covers, algorithm) = sum_at(format, walk, place, enciphered)?;
        let found = integer.read(&datagram);
        let wrong = wrong_sum(&mut datagram, integer, covers, algorithm);
        Some((integer, wrong.map_or(found, |(expected, _)| expected)))
    });
    sums.collect()
}

/// Where a checksum lies that is checked, what it covers and how, if it is there.
fn sum_at(
    format: &Format,
    walk: &Walk<'_>,
    place: usize,
    enciphered: bool,
) -> Option<(Bits, ops::Range<usize>, Checksum)> {
    let Field {
        role: Role::Checksum { covers, algorithm },
        kind: Kind::Uint { bits, endian },
        accept: Accept::Exact,
        ..
    } = format.fields.get(place)?
    else {
        return None;
    };
    let at = walk.bits(place).filter(|_| format.enciphers(place) == enciphered)?;
    Some((walk::integer(at.start, *bits, *endian), walk.range(*covers), *algorithm))
}

/// The checksums that are wrong, among those that are enciphered or those that are not.
pub(in crate::format) fn sum_problems<'a>(
    format: &'a Format,
    walk: &'a Walk<'a>,
    datagram: &'a mut [u8],
    enciphered: bool,
) -> impl Iterator<Item = Drop> + 'a {
    checksum_order(format).into_iter().filter_map(move |place| {
        let (integer, covers, algorithm) = sum_at(format, walk, place, enciphered)?;
        let (expected, found) = wrong_sum(datagram, integer, covers, algorithm)?;
        Some(Drop {
            reason: Reason::Checksum,
            layer: Layer::Header,
            field: drop::Field::Format(place),
            offset: integer.first / 8,
            expected: Value::Number(expected),
            found: Value::Number(found),
        })
    })
}
