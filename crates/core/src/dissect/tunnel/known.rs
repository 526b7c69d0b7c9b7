//! A format that is looked for: its decoder, and its fields as the registry knows them.

use crate::dissect::{Definition, FieldId, Kind, Names, Registry};
use crate::format::{self, Checksum, Claim, Decoder, Field, Format, Frames, Role, What};
use std::borrow::Cow;

/// What a check of the ladder found.
const CHECKS: Names = Names::Values(Cow::Borrowed(&[
    (0, Cow::Borrowed("failed")),
    (1, Cow::Borrowed("passed")),
    (2, Cow::Borrowed("not there to check")),
    (3, Cow::Borrowed("left to the network card")),
]));

/// A format that is looked for.
#[derive(Debug)]
pub struct Known {
    pub(super) decoder: Decoder,
    pub(super) claim: Claim,
    /// How its frames are found in a TCP stream, if they can be.
    pub(super) frames: Option<Frames>,
    /// What the list calls it: `CRAPVPN`.
    pub(super) column: String,
    /// The number of its protocol in the registry.
    protocol: u8,
    /// For each field, the number of the first field of its elements, if it is a list.
    elements: Vec<u8>,
    own: Own,
}

/// Fields that no description has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// All that is enciphered.
    pub(super) ciphertext: FieldId,
    /// Why a tunnel would refuse the datagram.
    pub(super) drop: FieldId,
    /// What else is to be said.
    pub(super) note: FieldId,
    /// Whether what was deciphered is a whole packet.
    pub(super) check: FieldId,
    /// The checks of the ladder.
    pub(super) rungs: [FieldId; 4],
}

impl Known {
    /// Makes a format ready, and its fields known; nothing if there are too many protocols.
    pub(super) fn new(format: &Format, key: &[u8], registry: &mut Registry) -> Option<Self> {
        let mut fields = Fields { format, list: Vec::new(), elements: Vec::new() };
        let own = fields.collect();
        let Fields { list, elements, .. } = fields;
        let protocol = registry.add(list)?;
        let id = |field| FieldId::new(protocol, field);
        Some(Self {
            decoder: Decoder::new(format, key),
            claim: Claim::new(format),
            frames: Frames::new(format),
            column: format.name.to_uppercase(),
            protocol,
            elements,
            own: Own {
                ciphertext: id(own.ciphertext),
                drop: id(own.drop),
                note: id(own.note),
                check: id(own.check),
                rungs: own.rungs.map(id),
            },
        })
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> &Format {
        self.decoder.format()
    }

    /// What takes its datagrams apart.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The format itself, as a field.
    pub(super) fn itself(&self) -> FieldId {
        FieldId::new(self.protocol, 0)
    }

    pub(super) fn own(&self) -> Own {
        self.own
    }

    /// The field of a part.
    pub(super) fn field(&self, what: What) -> FieldId {
        let number = match what {
            What::Ciphertext => return self.own.ciphertext,
            // Field 0 is the format itself.
            What::Field(place) | What::Element(place) => place + 1,
            What::ElementField(list, inner) => {
                usize::from(self.elements.get(list).copied().unwrap_or_default()) + inner
            }
        };
        FieldId::new(self.protocol, u8::try_from(number).unwrap_or_default())
    }
}

/// The definitions of a format's fields.
struct Fields<'a> {
    format: &'a Format,
    list: Vec<Definition>,
    elements: Vec<u8>,
}

/// The numbers of the fields that no description has.
struct OwnNumbers {
    ciphertext: u8,
    drop: u8,
    note: u8,
    check: u8,
    rungs: [u8; 4],
}

impl Fields<'_> {
    /// The format itself, its fields, those of elements, then those that no description has.
    fn collect(&mut self) -> OwnNumbers {
        let format = self.format;
        let filter = format.filter.as_str();
        self.push(filter.into(), &format.title, Kind::Protocol, Names::None);
        for field in &format.fields {
            self.push_field(&format!("{filter}.{}", field.name), field);
        }
        for field in &format.fields {
            self.elements.push(self.next());
            if let format::Kind::List { fields, .. } = &field.kind {
                for inner in fields {
                    self.push_field(&format!("{filter}.{}.{}", field.name, inner.name), inner);
                }
            }
        }
        let packet = format.packet_place();
        let alone = format.cipher.as_ref().is_some_and(|cipher| {
            cipher.covers.first == cipher.covers.last && Some(cipher.covers.first) == packet
        });
        let ciphertext = match packet {
            Some(place) if alone => u8::try_from(place + 1).unwrap_or_default(),
            _ => self.push(format!("{filter}.ciphertext"), "Ciphertext", Kind::Bytes, Names::None),
        };
        let rung = |fields: &mut Self, name: &str, label: &str| {
            fields.push(format!("{filter}.check.{name}"), label, Kind::Decimal, CHECKS)
        };
        OwnNumbers {
            ciphertext,
            drop: self.push(format!("{filter}.drop"), "Dropped", Kind::Text, Names::None),
            note: self.push(format!("{filter}.note"), "Note", Kind::Text, Names::None),
            check: self.push(
                format!("{filter}.check"),
                "Whole packet",
                Kind::Flag,
                Names::Flag("yes", "no"),
            ),
            rungs: [
                rung(self, "version", "Version"),
                rung(self, "length", "Length"),
                rung(self, "header", "Header checksum"),
                rung(self, "payload", "Payload checksum"),
            ],
        }
    }

    fn next(&self) -> u8 {
        u8::try_from(self.list.len()).unwrap_or(u8::MAX)
    }

    fn push_field(&mut self, name: &str, field: &Field) {
        let mut names: Vec<(u64, Cow<'static, str>)> =
            field.names.iter().map(|(value, name)| (*value, name.clone().into())).collect();
        names.sort_by_key(|(value, _)| *value);
        let names = if names.is_empty() { Names::None } else { Names::Values(names.into()) };
        self.push(name.into(), &field.title, kind(field), names);
    }

    /// Adds a definition, and gives its number.
    fn push(&mut self, name: String, label: &str, kind: Kind, names: Names) -> u8 {
        let number = self.next();
        let label = label.to_owned().into();
        self.list.push(Definition { name: name.into(), label, kind, names, also: None });
        number
    }
}

/// How the value of a field is shown.
fn kind(field: &Field) -> Kind {
    let is_hex = match &field.role {
        Role::Next { table, .. } => table.name.as_deref() == Some("ethertype"),
        Role::Checksum { algorithm: Checksum::Internet | Checksum::Crc32, .. } => true,
        _ => false,
    };
    match field.kind {
        format::Kind::Uint { bits: 1, .. } => Kind::Flag,
        format::Kind::Uint { bits, .. } if is_hex => Kind::Hex(bits.div_ceil(4)),
        format::Kind::Uint { .. } => Kind::Decimal,
        format::Kind::Text { .. } => Kind::Text,
        format::Kind::Mac => Kind::Ether,
        format::Kind::Ipv4 => Kind::Ipv4,
        format::Kind::Ipv6 => Kind::Ipv6,
        format::Kind::List { .. } => Kind::Heading,
        format::Kind::Bytes { .. } | format::Kind::Packet | format::Kind::Padding { .. } => {
            Kind::Bytes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::BUILT_IN;

    #[test]
    fn every_field_of_every_format_is_known_by_its_name() {
        let mut registry = Registry::default();
        for (name, _) in BUILT_IN {
            let format = Format::built_in(name).unwrap();
            let known = Known::new(&format, &[], &mut registry).unwrap();
            let told = |what| registry.get(known.field(what)).unwrap().name.to_string();
            for (place, field) in format.fields.iter().enumerate() {
                assert_eq!(told(What::Field(place)), format!("{}.{}", format.filter, field.name));
                let format::Kind::List { fields, .. } = &field.kind else { continue };
                for (inner, element) in fields.iter().enumerate() {
                    let name = format!("{}.{}.{}", format.filter, field.name, element.name);
                    assert_eq!(told(What::ElementField(place, inner)), name);
                }
            }
            let own = known.own();
            assert_eq!(registry.get(own.rungs[3]).unwrap().label, "Payload checksum");
            assert_eq!(registry.get(own.drop).unwrap().label, "Dropped");
        }
    }
}
