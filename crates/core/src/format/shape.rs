//! The datagram as one side writes it: which fields are there, and where each of them lies.
//!
//! Conditions test only settings and fields that are given or constant, so for a sender all of them
//! are decided before the first packet: its datagrams are a head, the packet, padding and a tail.

use super::bits::Bits;
use super::ends::Ends;
use super::{
    Accept, Endian, Field, Format, Kind, Literal, MAX_FIXED_BYTES, Range, Role, RunProblem, Subject,
};

/// Whose values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What we write.
    Send,
    /// What we expect that the peer writes.
    Receive,
}

/// A datagram but for packet and padding.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) head: Template,
    pub(super) tail: Template,
    /// Where each field lies that is there and of known size.
    spots: Vec<Option<Spot>>,
    /// Enciphered bytes at the end of the head and at the start of the tail, if any are.
    pub(super) region: Option<(usize, usize)>,
    /// The padding's place, if there is one.
    pub(super) padding: Option<usize>,
}

/// The bytes before the packet, or those behind the padding.
#[derive(Debug, Clone, Default)]
pub(super) struct Template {
    /// Constants in their places, zeros elsewhere.
    pub(super) bytes: Vec<u8>,
    /// The bits that a receiver compares before it deciphers.
    pub(super) outer: Vec<u8>,
    /// Those that it compares after that.
    pub(super) inner: Vec<u8>,
    bits: usize,
}

/// Where a field lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// In the tail, not in the head.
    pub(super) tail: bool,
    /// Its bits, from the start of head or tail.
    pub(super) bits: Bits,
}

/// Where a range begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// So many bytes behind the datagram's first.
    Head(usize),
    /// Behind the packet.
    PacketEnd,
    /// So many bytes behind the tail's first.
    Tail(usize),
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// Bytes of fields of known size.
    pub(super) fixed: usize,
    /// The packet too.
    pub(super) packet: bool,
    /// The padding too.
    pub(super) padding: bool,
    /// One stands for 2 to the power of this many bytes.
    pub(super) unit_shift: u32,
}

/// The lengths that differ from datagram to datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    pub(super) head: usize,
    pub(super) packet: usize,
    pub(super) padding: usize,
    pub(super) tail: usize,
}

impl Shape {
    /// Lays the fields out that one side writes.
    ///
    /// # Errors
    /// What must be given first, or cannot be sent.
    pub(super) fn new(format: &Format, side: Side) -> Result<Self, Vec<RunProblem>> {
        let present = present(format, side);
        let mut shape = Self {
            head: Template::default(),
            tail: Template::default(),
            spots: Vec::new(),
            region: None,
            padding: None,
        };
        let mut problems = Vec::new();
        let bytes = fixed_bytes(format, side, &present);
        if bytes > MAX_FIXED_BYTES {
            return Err(vec![RunProblem::too_many_bytes(bytes)]);
        }
        let mut behind = false;
        for (place, (field, present)) in format.fields.iter().zip(&present).enumerate() {
            let mut spot = None;
            match &field.kind {
                _ if !present => {}
                Kind::Packet => behind = true,
                Kind::Padding { .. } => shape.padding = Some(place),
                Kind::List { until: Some(_), .. } => {
                    problems.push(RunProblem::list_never_empty(&field.name));
                }
                Kind::List { .. } => {}
                _ => match literal(field, side) {
                    // A field of no bytes has nothing to be given.
                    None if matches!(field.role, Role::Given { .. })
                        && format.fixed_bits(field) != Some(0) =>
                    {
                        problems.push(RunProblem::must_be_set(format, place));
                    }
                    value => {
                        let template = if behind { &mut shape.tail } else { &mut shape.head };
                        let compare = compared(format, place, field);
                        let enciphered = format.enciphers(place);
                        spot = Some(Spot {
                            tail: behind,
                            bits: template.push(format, field, value, compare, enciphered),
                        });
                    }
                },
            }
            shape.spots.push(spot);
        }
        if !behind {
            problems = vec![RunProblem::no_packet(format)];
        }
        if problems.is_empty() {
            shape.region = shape.find_region(format, &present);
            problems = shape.length_problems(format);
        }
        if problems.is_empty() { Ok(shape) } else { Err(problems) }
    }

    /// The lengths that can never say what they count, whatever the packet.
    fn length_problems(&self, format: &Format) -> Vec<RunProblem> {
        let multiple = self.multiple(format);
        let (in_head, in_tail) = self.region.unwrap_or_default();
        let mut problems = Vec::new();
        for (_, spot, field) in self.fields(format) {
            let Role::Length { counts, unit } = field.role else { continue };
            let count = self.count(format, counts, unit);
            let unit = usize::from(unit);
            let numbers = usize::try_from(u64::MAX >> (64 - spot.bits.count.clamp(1, 64)));
            let most = numbers.unwrap_or(usize::MAX).saturating_mul(unit);
            let least = count.fixed + if count.padding { multiple - 1 } else { 0 };
            if least > most {
                let bits = spot.bits.count;
                problems.push(RunProblem::length_too_narrow(&field.name, least, bits, most));
                continue;
            }
            // Packet and padding fill what is enciphered up to a multiple.
            let always = match (count.packet, count.padding) {
                (false, false) => Some(count.fixed),
                (true, true) if multiple.is_multiple_of(unit) => {
                    let filled = (in_head + in_tail).next_multiple_of(multiple);
                    Some(count.fixed + filled - in_head - in_tail)
                }
                _ => None,
            };
            if let Some(bytes) = always.filter(|bytes| !bytes.is_multiple_of(unit)) {
                problems.push(RunProblem::unit_never_divides(&field.name, bytes, unit));
            }
        }
        problems
    }

    /// What the length of the enciphered bytes, or of packet and padding, is made a multiple of.
    pub(super) fn multiple(&self, format: &Format) -> usize {
        let padding = self.padding.and_then(|place| format.fields.get(place));
        match padding.map(|field| &field.kind) {
            Some(Kind::Padding { multiple }) => usize::from(*multiple).max(1),
            _ => 1,
        }
    }

    /// The most bytes that a datagram has more than its packet.
    pub(super) fn overhead(&self, format: &Format) -> usize {
        self.head.bytes.len() + self.multiple(format) - 1 + self.tail.bytes.len()
    }

    /// Where a field lies that is there and of known size.
    pub(super) fn spot(&self, place: usize) -> Option<Spot> {
        self.spots.get(place).copied().flatten()
    }

    /// The places and fields that lie somewhere.
    pub(super) fn fields<'a>(
        &'a self,
        format: &'a Format,
    ) -> impl Iterator<Item = (usize, Spot, &'a Field)> {
        let fields = format.fields.iter().zip(&self.spots).enumerate();
        fields.filter_map(|(place, (field, spot))| spot.map(|spot| (place, spot, field)))
    }

    /// What a length that counts a range counts here.
    pub(super) fn count(&self, format: &Format, counts: Range, unit: u8) -> Count {
        let bits = |place| self.spot(place).map_or(0, |spot| spot.bits.count);
        Count {
            fixed: (counts.first..=counts.last).map(bits).sum::<usize>() / 8,
            packet: format.packet_place().is_some_and(|place| counts.contains(place)),
            padding: self.padding.is_some_and(|place| counts.contains(place)),
            unit_shift: unit.trailing_zeros(),
        }
    }

    /// Where a range begins and ends.
    pub(super) fn edges(&self, format: &Format, range: Range) -> (Edge, Edge) {
        let packet = format.packet_place().unwrap_or_default();
        let (head, tail) = (self.head.bytes.len(), 0);
        let places = || range.first..=range.last;
        let spots = |in_tail| {
            places().filter_map(|place| self.spot(place)).filter(move |spot| spot.tail == in_tail)
        };
        let padded = self.padding.is_some_and(|place| range.contains(place));
        let start = match (spots(false).next(), spots(true).next()) {
            (Some(spot), _) => Edge::Head(spot.bits.first / 8),
            _ if range.first <= packet => Edge::Head(head),
            _ if padded => Edge::PacketEnd,
            (None, Some(spot)) => Edge::Tail(spot.bits.first / 8),
            (None, None) => Edge::Tail(tail),
        };
        let end = match (spots(true).next_back(), spots(false).next_back()) {
            (Some(spot), _) => Edge::Tail((spot.bits.first + spot.bits.count) / 8),
            _ if padded => Edge::Tail(tail),
            _ if range.contains(packet) => Edge::PacketEnd,
            (None, Some(spot)) => Edge::Head((spot.bits.first + spot.bits.count) / 8),
            (None, None) => start,
        };
        (start, end)
    }

    fn find_region(&self, format: &Format, present: &[bool]) -> Option<(usize, usize)> {
        let covers = format.cipher.as_ref()?.covers;
        (covers.first..=covers.last).any(|place| present.get(place) == Some(&true)).then(|| {
            let (start, end) = self.edges(format, covers);
            let head = match start {
                Edge::Head(start) => self.head.bytes.len() - start,
                Edge::PacketEnd | Edge::Tail(_) => 0,
            };
            let tail = match end {
                Edge::Tail(end) => end,
                Edge::Head(_) | Edge::PacketEnd => 0,
            };
            (head, tail)
        })
    }
}

impl Spot {
    /// Its bits in a whole datagram, whose tail begins so many bytes behind its first.
    pub(super) fn in_datagram(self, tail_start: usize) -> Bits {
        let start = if self.tail { tail_start * 8 } else { 0 };
        Bits { first: start + self.bits.first, ..self.bits }
    }
}

impl Edge {
    /// The place in a datagram, in bytes from its first.
    pub(super) fn offset(self, lengths: Lengths) -> usize {
        match self {
            Self::Head(offset) => offset,
            Self::PacketEnd => lengths.head + lengths.packet,
            Self::Tail(offset) => lengths.tail_start() + offset,
        }
    }
}

impl Count {
    /// What is counted, in bytes.
    #[inline]
    pub(super) fn bytes(self, packet: usize, padding: usize) -> usize {
        let packet = if self.packet { packet } else { 0 };
        self.fixed + packet + if self.padding { padding } else { 0 }
    }

    /// The number that says so; nothing if the unit does not divide the bytes.
    pub(super) fn number(self, packet: usize, padding: usize) -> Option<u64> {
        let bytes = self.bytes(packet, padding);
        let number = bytes >> self.unit_shift;
        (number << self.unit_shift == bytes).then_some(number as u64)
    }
}

impl Lengths {
    /// Where the tail begins.
    pub(super) fn tail_start(self) -> usize {
        self.head + self.packet + self.padding
    }

    /// The whole datagram.
    pub(super) fn datagram(self) -> usize {
        self.tail_start() + self.tail
    }
}

impl Template {
    /// Whether `bytes` are the template's where they are to be compared.
    #[inline]
    pub(super) fn matches(&self, bytes: &[u8], mask: &[u8]) -> bool {
        let bytes = bytes.get(..self.bytes.len()).unwrap_or(bytes);
        let (found, found_rest) = bytes.as_chunks::<8>();
        let (sent, sent_rest) = self.bytes.as_chunks::<8>();
        let (masks, mask_rest) = mask.as_chunks::<8>();
        // Eight bytes at a time: most heads are not much longer.
        let eight = found.iter().zip(sent).zip(masks).fold(0, |sum, ((found, sent), mask)| {
            let [found, sent, mask] = [found, sent, mask].map(|bytes| u64::from_ne_bytes(*bytes));
            sum | (found ^ sent) & mask
        });
        let rest = found_rest.iter().zip(sent_rest).zip(mask_rest);
        eight == 0 && rest.fold(0, |sum, ((found, sent), mask)| sum | (found ^ sent) & mask) == 0
    }

    /// Appends a field.
    fn push(
        &mut self,
        format: &Format,
        field: &Field,
        value: Option<&Literal>,
        compare: bool,
        enciphered: bool,
    ) -> Bits {
        let count = format.fixed_bits(field).unwrap_or_else(|| match value {
            Some(Literal::Bytes(bytes)) => bytes.len() * 8,
            _ => 0,
        });
        let endian = match field.kind {
            Kind::Uint { endian, .. } => endian,
            _ => Endian::Big,
        };
        let bits = Bits { first: self.bits, count, endian };
        self.bits += count;
        let bytes = self.bits.div_ceil(8);
        self.bytes.resize(bytes, 0);
        self.outer.resize(bytes, 0);
        self.inner.resize(bytes, 0);
        let mask = if enciphered { &mut self.inner } else { &mut self.outer };
        let range = bits.first / 8..bytes;
        match value {
            Some(Literal::Number(number)) => {
                bits.write(&mut self.bytes, *number);
                if compare {
                    bits.write(mask, u64::MAX);
                }
            }
            Some(Literal::Bytes(value)) => {
                let field = self.bytes.get_mut(range.clone()).unwrap_or_default();
                field.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
                if compare {
                    mask.get_mut(range).unwrap_or_default().fill(0xff);
                }
            }
            None => {}
        }
        bits
    }
}

impl Format {
    /// Whether the field at a place is enciphered.
    #[must_use]
    pub fn enciphers(&self, place: usize) -> bool {
        self.cipher.as_ref().is_some_and(|cipher| cipher.covers.contains(place))
    }
}

/// The bytes that a side writes beside packet and padding.
fn fixed_bytes(format: &Format, side: Side, present: &[bool]) -> usize {
    let fields = format.fields.iter().zip(present).filter(|(_, present)| **present);
    let bits = fields.map(|(field, _)| match (format.fixed_bits(field), literal(field, side)) {
        (Some(bits), _) => bits,
        (None, Some(Literal::Bytes(bytes))) => bytes.len().saturating_mul(8),
        (None, _) => 0,
    });
    bits.fold(0, usize::saturating_add).div_ceil(8)
}

/// What a side writes in a field that is constant or given.
pub(super) fn literal(field: &Field, side: Side) -> Option<&Literal> {
    match (&field.role, side) {
        (Role::Constant { value, expect }, Side::Receive) => Some(expect.as_ref().unwrap_or(value)),
        (Role::Constant { value, .. }, Side::Send) => Some(value),
        (Role::Given { value, expect }, Side::Receive) => expect.as_ref().or(value.as_ref()),
        (Role::Given { value, .. }, Side::Send) => value.as_ref(),
        _ => None,
    }
}

/// Which fields a side writes.
pub(super) fn present(format: &Format, side: Side) -> Vec<bool> {
    let mut present: Vec<bool> = Vec::with_capacity(format.fields.len());
    for field in &format.fields {
        let number = |subject| {
            let literal = match subject {
                Subject::Setting(place) => format.settings.get(place)?.value.as_ref(),
                Subject::Field(place) if present.get(place) == Some(&true) => {
                    format.fields.get(place).and_then(|field| literal(field, side))
                }
                Subject::Field(_) => None,
            };
            match literal {
                Some(Literal::Number(number)) => Some(*number),
                _ => None,
            }
        };
        let holds = field.when.holds(number);
        present.push(holds);
    }
    present
}

/// Whether a receiver compares a field: what must be exactly so, and what decides which fields are
/// there, so that datagrams of another layout are told.
fn compared(format: &Format, place: usize, field: &Field) -> bool {
    let tests =
        |other: &Field| other.when.terms().any(|term| term.subject == Subject::Field(place));
    field.accept == Accept::Exact || format.fields.iter().any(tests)
}

/// What tells the packet from the padding behind it in this shape.
pub(super) fn split(format: &Format, padding: usize, side: Side) -> Option<super::ends::Split> {
    let present = present(format, side);
    let ends = Ends {
        format,
        fields: &format.fields,
        region: format.cipher.as_ref().map(|cipher| cipher.covers),
        present: |place| Ok(present.get(place) == Some(&true)),
    };
    ends.split(padding).ok()
}
