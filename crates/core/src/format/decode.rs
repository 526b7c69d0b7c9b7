//! A datagram taken apart, as plain values that own what they hold.

use super::decoder::{Decoder, Part, Parts, What};
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

/// Takes a datagram apart. It is deciphered in place if there is a key for its cipher. Many of them
/// are taken apart quicker by a [`Decoder`].
#[must_use]
pub fn decode(format: &Format, key: &[u8], datagram: &mut [u8]) -> Decoded {
    let mut parts = Parts::default();
    Decoder::new(format, key).decode(datagram, &mut parts);
    let (mut fields, mut elements) = (Vec::new(), 0);
    for part in &parts.parts {
        let (place, element) = match part.what {
            What::Ciphertext => continue,
            What::Element(_) => {
                elements += 1;
                continue;
            }
            What::Field(place) => {
                elements = 0;
                (place, None)
            }
            What::ElementField(list, inner) => (list, Some((elements - 1, inner))),
        };
        let Some(field) = part.what.described(format) else { continue };
        let value = part.value(field, datagram);
        fields.push(DecodedField { place, element, bits: part.first..part.end, value });
    }
    let Parts { problems, packet, enciphered, .. } = parts;
    Decoded { fields, problems, packet, enciphered }
}

impl Part {
    /// What it holds, as it stands in the datagram.
    #[must_use]
    pub fn value(&self, field: &Field, datagram: &[u8]) -> Literal {
        if let Kind::Uint { .. } = field.kind {
            return Literal::Number(self.number);
        }
        let bytes = datagram.get(self.first / 8..self.end / 8);
        Literal::Bytes(bytes.unwrap_or_default().into())
    }
}

impl DecodedField {
    /// The field as the format describes it.
    #[must_use]
    pub fn described<'a>(&self, format: &'a Format) -> Option<&'a Field> {
        let what = match self.element {
            None => What::Field(self.place),
            Some((_, inner)) => What::ElementField(self.place, inner),
        };
        what.described(format)
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
