//! Datagrams taken apart one after the other: every field with its bits and its number, and
//! everything that is wrong. What is found goes into [`Parts`], which are used again and again.

use super::codec::{inside, sum_problems};
use super::elements::elements;
use super::opener::Opener;
use super::plan::Plan;
use super::walk::Walk;
use super::{Field, Format, Kind, Otherwise, PacketKind, Role};
use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::packet::{ipv4, ipv6};
use std::ops::Range;

/// A format, and a key if there is one, ready to take datagrams apart.
#[derive(Debug, Clone)]
pub struct Decoder {
    pub(super) format: Format,
    pub(super) opener: Opener,
    /// The layout, if every datagram has the same.
    plan: Option<Plan>,
    /// The place of the field that says what the packet is.
    next: Option<usize>,
}

/// A datagram taken apart. Places are bits from the datagram's first, also of what was enciphered.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// What is there, in wire order. A list comes before its elements, and an element before its
    /// fields.
    pub parts: Vec<Part>,
    /// What does not fit the description, as it was met.
    pub problems: Vec<Drop>,
    /// The packet's bytes, if there is one and it could be deciphered.
    pub packet: Option<Range<usize>>,
    /// What kind of packet that is, as far as the header tells or the format says; nothing if the
    /// header names a kind that the format does not know.
    pub kind: Option<PacketKind>,
    /// A field named another kind of packet than came; worth a note.
    pub next_differs: bool,
    /// The enciphered bytes, if there are any.
    pub enciphered: Option<Range<usize>>,
    /// They were deciphered.
    pub opened: bool,
    /// Why there is no packet, or what there is is none: `no_packet`, `empty`, `not_a_packet`.
    /// Nothing while it is still enciphered.
    pub refused: Option<Drop>,
}

/// A part of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub what: What,
    /// Its first bit.
    pub first: usize,
    /// The bit behind its last.
    pub end: usize,
    /// What it holds, if it is an integer.
    pub number: u64,
}

/// What a part is. Places are those in the format's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A field of the format.
    Field(usize),
    /// All that is enciphered, as it was sent.
    Ciphertext,
    /// An element of the list at a place.
    Element(usize),
    /// A field of such an element: the list's place, and the field's own in the element.
    ElementField(usize, usize),
}

impl Decoder {
    /// Makes a format ready. An empty key deciphers nothing.
    #[must_use]
    pub fn new(format: &Format, key: &[u8]) -> Self {
        let opener = Opener::new(format, key);
        let next = |field: &Field| matches!(field.role, Role::Next { .. });
        Self {
            plan: Plan::new(format, &opener),
            opener,
            next: format.fields.iter().position(next),
            format: format.clone(),
        }
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Whether there is a cipher and nothing to open it with.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.opener, Opener::Closed)
    }

    /// Takes a datagram apart. It is deciphered in place if there is a key for its cipher.
    pub fn decode(&self, datagram: &mut [u8], parts: &mut Parts) {
        parts.clear();
        if !self.plan.as_ref().is_some_and(|plan| plan.decode(&self.opener, datagram, parts)) {
            parts.clear();
            self.walk(datagram, parts);
        }
        self.tell_kind(datagram, parts);
        if let (Some(packet), Some(kind)) = (parts.packet.clone(), parts.kind) {
            let bytes = datagram.get(packet.clone()).unwrap_or_default();
            let refuse = |malformed| Drop::not_a_packet(malformed, packet.start);
            parts.refused = parts.refused.or(inside(kind, bytes).map_err(refuse).err());
        }
    }

    /// Takes a datagram apart field by field.
    fn walk(&self, datagram: &mut [u8], parts: &mut Parts) {
        let format = &self.format;
        let mut walk = Walk::outer(format, datagram);
        parts.problems.extend(walk.problems());
        parts.problems.extend(sum_problems(format, &walk, datagram, false));
        let before = walk.problems().len();
        parts.enciphered = walk.region();
        if let Some(region) = walk.region() {
            match self.opener.open(&walk, datagram, region) {
                Ok(opened) => parts.opened = opened,
                Err(drop) => parts.problems.push(drop),
            }
        }
        if parts.opened {
            walk.inner(datagram);
            parts.problems.extend(walk.problems().iter().skip(before));
            parts.problems.extend(sum_problems(format, &walk, datagram, true));
        }
        let covers_first = format.cipher.as_ref().map(|cipher| cipher.covers.first);
        for (place, field) in format.fields.iter().enumerate() {
            if let (true, Some(region)) = (covers_first == Some(place), walk.region()) {
                parts.push(What::Ciphertext, region.start * 8..region.end * 8, 0);
            }
            let Some(bits) = walk.bits(place) else { continue };
            let number = walk.number(place).unwrap_or_default();
            parts.push(What::Field(place), bits.clone(), number);
            let Kind::List { fields, .. } = &field.kind else { continue };
            let mut start = bits.start;
            for element in elements(format, place, bits, datagram).flatten() {
                parts.push(What::Element(place), start..element.end, 0);
                start = element.end;
                for inner in 0..fields.len() {
                    if let Some(bits) = element.walk.bits(inner) {
                        let number = element.walk.number(inner).unwrap_or_default();
                        parts.push(What::ElementField(place, inner), bits, number);
                    }
                }
            }
        }
        let closed = parts.enciphered.is_some() && !parts.opened;
        match walk.packet() {
            Ok(packet) => parts.packet = Some(packet),
            // What is wrong already is why there is none.
            Err(drop) => {
                parts.refused = Some(drop).filter(|_| !closed && parts.problems.is_empty());
            }
        }
    }

    /// Finds out what the packet is: what the header names, if that is a kind that the format
    /// carries; else what the packet's first byte looks like, if the format allows that.
    fn tell_kind(&self, datagram: &[u8], parts: &mut Parts) {
        let Some(packet) = parts.packet.clone() else { return };
        let kinds = self.format.packet.as_slice();
        let looks_like_ip = datagram
            .get(packet.start)
            .is_some_and(|byte| [ipv4::VERSION, ipv6::VERSION].contains(&(byte >> 4)));
        let default = kinds.first().copied();
        let looked = match kinds {
            [_, _, ..] if looks_like_ip => Some(PacketKind::Ip),
            [_, _, ..] => Some(PacketKind::Ethernet),
            _ => default,
        };
        let next = self.next.and_then(|place| Some((place, parts.field(place)?)));
        let Some((place, part)) = next else {
            parts.kind = default;
            return;
        };
        let role = self.format.fields.get(place).map(|field| &field.role);
        let Some(Role::Next { table, value, otherwise }) = role else { return };
        let named = kinds.iter().find(|kind| table.names(part.number, **kind)).copied();
        let version = datagram.get(packet.start).map(|byte| byte >> 4);
        let fits = match named {
            Some(PacketKind::Ip) => {
                let number = match version {
                    Some(ipv4::VERSION) => table.ipv4,
                    Some(ipv6::VERSION) => table.ipv6,
                    // What is no packet is of no kind.
                    _ => Some(part.number),
                };
                number == Some(part.number)
            }
            Some(PacketKind::Ethernet) => true,
            None => false,
        };
        parts.kind = match otherwise {
            Otherwise::Look => named.or(looked),
            Otherwise::Drop => named,
        };
        if fits || *value == Some(part.number) {
            parts.kind = parts.kind.or(looked);
            return;
        }
        parts.next_differs = true;
        if *otherwise == Otherwise::Drop {
            parts.problems.push(Drop {
                reason: Reason::UnknownNext,
                layer: Layer::Header,
                field: drop::Field::Format(place),
                offset: part.first / 8,
                expected: match version.filter(|_| named.is_some()) {
                    Some(ipv4::VERSION) => table.ipv4.map_or(Value::Nothing, Value::Number),
                    Some(ipv6::VERSION) => table.ipv6.map_or(Value::Nothing, Value::Number),
                    _ => Value::Nothing,
                },
                found: Value::Number(part.number),
            });
        }
    }
}

impl Parts {
    /// Leaves nothing in it but its room.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.problems.clear();
        self.packet = None;
        self.kind = None;
        self.next_differs = false;
        self.enciphered = None;
        self.opened = false;
        self.refused = None;
    }

    /// Leaves out what lies behind the first `bytes`, since the capture lacks it, and with it all
    /// that was said of the whole.
    pub fn cut(&mut self, bytes: usize) {
        let there = |part: &Part| part.end <= bytes * 8 || part.what == What::Ciphertext;
        self.parts.retain(there);
        for part in &mut self.parts {
            part.end = part.end.min(bytes * 8).max(part.first);
        }
        self.problems.clear();
        self.refused = None;
        let cut = |range: Range<usize>| range.start.min(bytes)..range.end.min(bytes);
        self.packet = self.packet.take().map(cut);
        self.enciphered = self.enciphered.take().map(cut);
    }

    /// The part that is the field at a place of the format's list.
    #[must_use]
    pub fn field(&self, place: usize) -> Option<Part> {
        self.parts.iter().find(|part| part.what == What::Field(place)).copied()
    }

    /// What a tunnel says of a datagram that does not fit: that it is of another protocol, if so;
    /// else that it is cut, if so; else what was met first.
    #[must_use]
    pub fn drop(&self) -> Option<Drop> {
        let of = |reason| self.problems.iter().find(move |drop| drop.reason == reason);
        let first = of(Reason::NotOurs).or_else(|| of(Reason::TooShort)).or(self.problems.first());
        first.copied().or(self.refused)
    }

    pub(super) fn push(&mut self, what: What, bits: Range<usize>, number: u64) {
        self.parts.push(Part { what, first: bits.start, end: bits.end, number });
    }
}

impl What {
    /// What is described there, if it is a field.
    #[must_use]
    pub fn described(self, format: &Format) -> Option<&Field> {
        match self {
            Self::Field(place) => format.fields.get(place),
            Self::ElementField(list, inner) => match &format.fields.get(list)?.kind {
                Kind::List { fields, .. } => fields.get(inner),
                _ => None,
            },
            Self::Ciphertext | Self::Element(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo request without checksums, enciphered with `key`, in a datagram of `crapvpn`.
    fn datagram(ethertype: u16, key: u8) -> Vec<u8> {
        let mut datagram = b"crap\0\x18".to_vec();
        datagram.extend(ethertype.to_be_bytes());
        let packet =
            [0x45, 0, 0, 24, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0];
        datagram.extend(packet.map(|byte| byte ^ key));
        datagram
    }

    fn parts(format: &str, key: &[u8], datagram: &[u8]) -> Parts {
        let mut parts = Parts::default();
        let decoder = Decoder::new(&Format::built_in(format).unwrap(), key);
        decoder.decode(&mut datagram.to_vec(), &mut parts);
        parts
    }

    #[test]
    fn with_the_key_the_packet_is_found() {
        let parts = parts("crapvpn", &[7], &datagram(0x0800, 7));
        let whats: Vec<What> = parts.parts.iter().map(|part| part.what).collect();
        let fields =
            [What::Field(0), What::Field(1), What::Field(2), What::Ciphertext, What::Field(3)];
        assert_eq!(whats, fields);
        assert_eq!((parts.packet.clone(), parts.opened), (Some(8..32), true));
        assert_eq!(parts.kind, Some(PacketKind::Ip));
        assert_eq!((parts.problems.len(), parts.next_differs), (0, false));
        assert_eq!(parts.field(1).unwrap().number, 24);
    }

    #[test]
    fn without_a_key_it_stays_closed() {
        let parts = parts("crapvpn", &[], &datagram(0, 7));
        assert_eq!((parts.packet.clone(), parts.opened), (None, false));
        assert_eq!(parts.enciphered, Some(8..32));
        assert_eq!(parts.parts.last().unwrap().what, What::Ciphertext);
        assert!(parts.problems.is_empty());
    }

    #[test]
    fn a_number_that_names_no_kind_is_noted_or_refused() {
        let other = parts("crapvpn", &[7], &datagram(0x1234, 7));
        assert_eq!((other.kind, other.next_differs), (Some(PacketKind::Ip), true));
        assert!(other.problems.is_empty(), "only a note");
        let zero = parts("crapvpn", &[7], &datagram(0, 7));
        assert_eq!((zero.kind, zero.next_differs), (Some(PacketKind::Ip), false));
        let foreign = parts("crapvpn-ethernet", &[7], &datagram(0x0800, 7));
        assert_eq!(foreign.drop().unwrap().reason, Reason::UnknownNext);
        assert_eq!(foreign.kind, None);
        // EtherType of IPv6, packet of IPv4.
        let wrong = parts("crapvpn", &[7], &datagram(0x86dd, 7));
        assert!(wrong.next_differs);
    }

    #[test]
    fn what_is_wrong_is_collected() {
        let mut bytes = datagram(0, 7);
        bytes[0] = b'C';
        bytes[5] = 25;
        let parts = parts("crapvpn", &[7], &bytes);
        let reasons: Vec<Reason> = parts.problems.iter().map(|drop| drop.reason).collect();
        assert_eq!(reasons, [Reason::NotOurs, Reason::Length]);
        assert_eq!(parts.drop().unwrap().reason, Reason::NotOurs);
    }
}
