//! A datagram encoded again from what it was decoded to, and held against what was captured.
//!
//! Each field is either taken from the datagram (what the description leaves open: given fields,
//! counters, random bytes, reserved bits, the packet) or computed from the description and the rest
//! (constants, lengths, checksums, padding, what names the kind of packet).

use super::bits::Bits;
use super::codec::{inside, sum_expected};
use super::decoder::{Decoder, Parts};
use super::walk::{self, Walk};
use super::{Accept, Field, Format, Kind, Literal, Otherwise, Range, Role};
use crate::drop::{Drop, Value};
use std::ops;

/// What encoding a datagram again gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Again {
    /// The datagram as its description would have it.
    pub datagram: Vec<u8>,
    /// The fields in which it differs from what was captured, in wire order.
    pub differences: Vec<Difference>,
    /// The packet, deciphered, if there is one and it is open.
    pub packet: Option<Vec<u8>>,
    /// There is something enciphered that stayed closed.
    pub closed: bool,
}

/// A field that is not as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its place in the format's list.
    pub place: usize,
    /// Where it begins, in bytes from the datagram's first.
    pub offset: usize,
    /// What it should hold.
    pub described: Value,
    /// What it holds.
    pub captured: Value,
}

impl Decoder {
    /// Decodes a datagram and encodes it again.
    ///
    /// # Errors
    /// The drop, if it cannot be taken apart to its end.
    pub fn again(&self, captured: &[u8]) -> Result<Again, Drop> {
        let format = &self.format;
        let mut open = captured.to_vec();
        let mut walk = Walk::outer(format, &open);
        if let Some(drop) = walk.stop_drop() {
            return Err(drop);
        }
        let region = walk.region();
        let opened = match region.clone() {
            Some(region) => self.opener.open(&walk, &mut open, region)?,
            None => false,
        };
        if opened {
            walk.inner(&open);
            if let Some(drop) = walk.stop_drop() {
                return Err(drop);
            }
        }
        let closed = region.is_some() && !opened;
        let mut parts = Parts::default();
        self.decode(&mut captured.to_vec(), &mut parts);
        let packet = parts.packet.and_then(|packet| open.get(packet));
        let inside = parts.kind.zip(packet).and_then(|(kind, packet)| inside(kind, packet).ok());
        let mut described = open.clone();
        for (place, field) in format.fields.iter().enumerate() {
            let Some(bits) = walk.bits(place) else { continue };
            let value = match &field.role {
                Role::Next { table, value, otherwise: Otherwise::Drop } if !closed => {
                    let number = inside.and_then(|inside| table.number(inside));
                    value.or(number).map(Literal::Number)
                }
                Role::Length { counts, unit } => {
                    length(&walk, *counts, (*unit).into()).map(Literal::Number)
                }
                _ => constant(format, &walk, place, field, &open),
            };
            if let Some(value) = value {
                write(&mut described, field, bits, &value);
            }
        }
        // A checksum that is enciphered sums what is open, any other what was sent.
        let inner = sum_expected(format, &walk, &open, true);
        for (bits, sum) in inner.into_iter().chain(sum_expected(format, &walk, captured, false)) {
            bits.write(&mut described, sum);
        }
        let mut differences = Vec::new();
        for (place, field) in format.fields.iter().enumerate() {
            let Some(bits) = walk.bits(place) else { continue };
            let (expected, found) = (told(field, &bits, &described), told(field, &bits, &open));
            if expected != found {
                let offset = bits.start / 8;
                let (described, captured) = (shown(&expected), shown(&found));
                differences.push(Difference { place, offset, described, captured });
            }
        }
        let packet = packet.map(<[u8]>::to_vec);
        if let (true, Some(region)) = (opened, region) {
            self.opener.close(&mut described, region);
        }
        Ok(Again { datagram: described, differences, packet, closed })
    }
}

/// What a constant or given field should hold, or padding; nothing if it holds what it should, or
/// may hold anything.
fn constant(
    format: &Format,
    walk: &Walk<'_>,
    place: usize,
    field: &Field,
    datagram: &[u8],
) -> Option<Literal> {
    let (value, expect) = match &field.role {
        Role::Constant { value, expect } => (Some(value), expect.as_ref()),
        Role::Given { value, expect } => (value.as_ref(), expect.as_ref()),
        Role::Content if matches!(field.kind, Kind::Padding { .. }) => {
            return Some(Literal::Bytes(Vec::new()));
        }
        _ => return None,
    };
    if field.accept == Accept::Any {
        return None;
    }
    let bits = walk.bits(place)?;
    let found = told(field, &bits, datagram);
    // A capture holds both directions.
    let fits = |value: &Literal| match (value, &found) {
        (Literal::Bytes(value), Literal::Bytes(found)) if format.fixed_bits(field).is_some() => {
            let mut padded = value.clone();
            padded.resize(found.len(), 0);
            padded == *found
        }
        (value, found) => value == found,
    };
    if [value, expect].into_iter().flatten().any(fits) { None } else { value.cloned() }
}

/// What a length should say, if all that it counts is known and the unit divides it.
fn length(walk: &Walk<'_>, counts: Range, unit: usize) -> Option<u64> {
    let bytes = walk.range_known(counts)?.len();
    bytes.is_multiple_of(unit).then_some((bytes / unit) as u64)
}

fn write(datagram: &mut [u8], field: &Field, bits: ops::Range<usize>, value: &Literal) {
    match (value, &field.kind) {
        (Literal::Number(number), Kind::Uint { bits: count, endian }) => {
            walk::integer(bits.start, *count, *endian).write(datagram, *number);
        }
        (Literal::Bytes(bytes), _) => {
            let place = datagram.get_mut(bits.start / 8..bits.end / 8).unwrap_or_default();
            let zeros = std::iter::repeat(&0);
            place.iter_mut().zip(bytes.iter().chain(zeros)).for_each(|(to, from)| *to = *from);
        }
        (Literal::Number(_), _) => {}
    }
}

fn told(field: &Field, bits: &ops::Range<usize>, datagram: &[u8]) -> Literal {
    if let Kind::Uint { bits: count, endian } = field.kind {
        let bits: Bits = walk::integer(bits.start, count, endian);
        return Literal::Number(bits.read(datagram));
    }
    let bytes = datagram.get(bits.start / 8..bits.end / 8);
    Literal::Bytes(bytes.unwrap_or_default().into())
}

fn shown(value: &Literal) -> Value {
    match value {
        Literal::Number(number) => Value::Number(*number),
        Literal::Bytes(bytes) => Value::bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::Reason;

    fn again(format: &str, datagram: &[u8]) -> Result<Again, Drop> {
        Decoder::new(&Format::built_in(format).unwrap(), &[0x12, 0x34]).again(datagram)
    }

    fn differences(format: &str, datagram: &[u8]) -> Vec<(usize, usize, String, String)> {
        let again = again(format, datagram).unwrap();
        let told =
            |d: Difference| (d.place, d.offset, d.described.to_string(), d.captured.to_string());
        again.differences.into_iter().map(told).collect()
    }

    const DATAGRAM: &[u8] = b"crap\0\x04\x08\0\x01\x02\x03\x04";

    #[test]
    fn what_is_as_described_is_the_same() {
        let again = again("crapvpn", DATAGRAM).unwrap();
        assert_eq!(again.datagram, DATAGRAM);
        assert_eq!(again.differences, []);
        assert_eq!(again.packet.unwrap(), [0x13, 0x36, 0x11, 0x30]);
    }

    #[test]
    fn what_differs_is_told_with_field_and_offset() {
        let mut bytes = DATAGRAM.to_vec();
        bytes[3] = b'P';
        let told = (0, 0, "63 72 61 70".into(), "63 72 61 50".into());
        assert_eq!(differences("crapvpn", &bytes), [told]);
        // VXLAN without its flag, and with reserved bits that may be any.
        let told = (1, 0, "1".into(), "0".into());
        assert_eq!(differences("vxlan", &[0xf0, 1, 2, 3, 0, 0, 7, 9, 1]), [told]);
    }

    #[test]
    fn checksums_and_padding_are_computed() {
        let mut gre = [0x80, 0, 8, 0, 0, 0, 0, 0, 0x45, 0, 0, 20].to_vec();
        gre.resize(28, 1);
        let sum = crate::packet::checksum::internet(&gre);
        let told = differences("gre-udp", &gre);
        assert_eq!(told, [(8, 4, sum.to_string(), "0".into())]);
        gre[4..6].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(differences("gre-udp", &gre), []);
    }

    #[test]
    fn a_length_that_leads_nowhere_is_a_drop() {
        let mut bytes = DATAGRAM.to_vec();
        bytes[5] = 5;
        assert_eq!(again("crapvpn", &bytes).unwrap_err().reason, Reason::Length);
        bytes[5] = 3;
        assert_eq!(again("crapvpn", &bytes).unwrap_err().reason, Reason::Trailing);
        assert_eq!(again("crapvpn", b"crap").unwrap_err().reason, Reason::TooShort);
    }

    #[test]
    fn without_a_key_the_rest_is_still_held_against_the_description() {
        let decoder = Decoder::new(&Format::built_in("crapvpn").unwrap(), &[]);
        let again = decoder.again(DATAGRAM).unwrap();
        assert!(again.closed && again.packet.is_none() && again.differences.is_empty());
    }
}
