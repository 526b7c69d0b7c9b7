//! A datagram taken apart: every field with its bits and its value, and everything that is wrong.

use super::codec::sum_problems;
use super::elements::elements;
use super::opener::Opener;
use super::walk::{self, Walk};
use super::{Field, Format, Kind, Literal};
use crate::drop::Drop;
use std::ops::Range;

/// A datagram taken apart. Places are bits from the datagram's first, also of what was enciphered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The fields that are there, in wire order. A list comes before the fields of its elements.
    pub fields: Vec<DecodedField>,
    /// What does not fit the description, as it was met.
    pub problems: Vec<Drop>,
    /// The packet's bytes, if there is one and it could be deciphered.
    pub packet: Option<Range<usize>>,
    /// The enciphered bytes, if there are any.
    pub enciphered: Option<Range<usize>>,
}

/// A field of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedField {
    /// Its place in the format's list.
    pub place: usize,
    /// If it belongs to an element of the list at that place: the element's number, from 0, and its
    /// own place in the element.
    pub element: Option<(usize, usize)>,
    /// Where it lies.
    pub bits: Range<usize>,
    /// What it holds, as it stood there.
    pub value: Literal,
}

/// Takes a datagram apart. It is deciphered in place if there is a key for its cipher; with an AEAD,
/// `key` may be several, one behind the other. What they do not open is a problem like any other, and
/// stays closed.
#[must_use]
pub fn decode(format: &Format, key: &[u8], datagram: &mut [u8]) -> Decoded {
    let mut walk = Walk::outer(format, datagram);
    let mut problems = walk.problems().to_vec();
    problems.extend(sum_problems(format, &walk, datagram, false));
    let before = walk.problems().len();
    let enciphered = walk.region();
    if let Some(region) = enciphered.clone() {
        match Opener::new(format, key).open(&walk, datagram, region) {
            Ok(false) => {}
            Ok(true) => {
                walk.inner(datagram);
                problems.extend(walk.problems().iter().skip(before));
                problems.extend(sum_problems(format, &walk, datagram, true));
            }
            Err(drop) => problems.push(drop),
        }
    }
    let mut fields = Vec::new();
    for (place, field) in format.fields.iter().enumerate() {
        let Some(bits) = walk.bits(place) else { continue };
        fields.push(DecodedField {
            place,
            element: None,
            bits: bits.clone(),
            value: value(field, bits.clone(), datagram),
        });
        let elements = elements(format, place, bits, datagram).flatten();
        for (number, element) in elements.enumerate() {
            for (inner, field) in list_fields(field).iter().enumerate() {
                let Some(bits) = element.walk.bits(inner) else { continue };
                fields.push(DecodedField {
                    place,
                    element: Some((number, inner)),
                    bits: bits.clone(),
                    value: value(field, bits, datagram),
                });
            }
        }
    }
    let packet = format.packet_place().and_then(|place| walk.bits(place));
    let packet = packet.map(|bits| bits.start / 8..bits.end / 8);
    Decoded { fields, problems, packet, enciphered }
}

impl DecodedField {
    /// The field as the format describes it.
    #[must_use]
    pub fn described<'a>(&self, format: &'a Format) -> Option<&'a Field> {
        let field = format.fields.get(self.place)?;
        match self.element {
            None => Some(field),
            Some((_, inner)) => list_fields(field).get(inner),
        }
    }

    /// What filters call it: `geneve.vni`, `geneve.option.class`.
    #[must_use]
    pub fn filter_name(&self, format: &Format) -> String {
        let name =
            |field: Option<&Field>| field.map(|field| field.name.clone()).unwrap_or_default();
        let own = name(format.fields.get(self.place));
        match self.element {
            None => format!("{}.{own}", format.filter),
            Some(_) => format!("{}.{own}.{}", format.filter, name(self.described(format))),
        }
    }
}

fn list_fields(field: &Field) -> &[Field] {
    match &field.kind {
        Kind::List { fields, .. } => fields,
        _ => &[],
    }
}

fn value(field: &Field, bits: Range<usize>, datagram: &[u8]) -> Literal {
    match field.kind {
        Kind::Uint { bits: count, endian } => {
            Literal::Number(walk::integer(bits.start, count, endian).read(datagram))
        }
        _ => Literal::Bytes(datagram.get(bits.start / 8..bits.end / 8).unwrap_or_default().into()),
    }
}
