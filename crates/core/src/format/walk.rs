//! One walk over a datagram, field by field: where each lies, and whether it holds what it should.
//!
//! [`Walk::outer`] goes as far as can be gone while the enciphered fields are closed, and
//! [`Walk::inner`] goes over those once they are open. What does not fit is collected, so that a
//! decoder shows all of it; [`Walk::drop`] chooses what a tunnel says.

use super::bits::Bits;
use super::elements::{elements, list_drop};
use super::ends::{End, Ends, Rule, Split};
use super::{
    Accept, Condition, Endian, Field, Format, Kind, Literal, MAX_FIELDS, Range, Role, Subject,
};
use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::packet::{Ipv4, Ipv6, ipv4, ipv6};
use std::ops;

/// The fields of a list of which some lie in a datagram.
pub(super) struct Walk<'a> {
    format: &'a Format,
    fields: &'a [Field],
    /// The fields that are enciphered.
    covers: Option<Range>,
    /// Bytes of the datagram.
    bytes: usize,
    places: [Place; MAX_FIELDS],
    /// Where the enciphered bytes lie, if there are any.
    region: Option<ops::Range<usize>>,
    /// Where packet and padding end together, from when the packet is met until the padding is.
    padding_end: Option<usize>,
    problems: Vec<Drop>,
    /// The last of the problems ended the walk.
    stopped: bool,
}

/// What is known of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing yet.
    Unknown,
    /// It is not there.
    Absent,
    /// It lies there.
    There {
        /// Its first bit.
        first: usize,
        /// The bit behind its last.
        end: usize,
        /// What it holds, if it is an integer.
        number: u64,
    },
}

impl<'a> Walk<'a> {
    fn new(format: &'a Format, fields: &'a [Field], covers: Option<Range>, bytes: usize) -> Self {
        Self {
            format,
            fields,
            covers,
            bytes,
            places: [Place::Unknown; MAX_FIELDS],
            region: None,
            padding_end: None,
            problems: Vec::new(),
            stopped: false,
        }
    }

    /// Goes over the fields that are not enciphered.
    pub(super) fn outer(format: &'a Format, datagram: &[u8]) -> Self {
        let covers = format.cipher.as_ref().map(|cipher| cipher.covers);
        let mut walk = Self::new(format, &format.fields, covers, datagram.len());
        match walk.place_outer(datagram) {
            Ok(()) => {}
            Err(drop) => walk.stop(drop),
        }
        walk.judge(datagram, |place| !covers.is_some_and(|covers| covers.contains(place)));
        walk
    }

    /// Goes over the enciphered fields, which have been deciphered in place.
    pub(super) fn inner(&mut self, datagram: &[u8]) {
        let (Some(covers), Some(region), false) = (self.covers, self.region.clone(), self.stopped)
        else {
            return;
        };
        let (start, limit) = (region.start * 8, region.end * 8);
        let placed = self
            .place_all(covers.first..covers.last + 1, start, limit, datagram)
            .and_then(|bit| self.refuse_rest(bit, limit));
        if let Err(drop) = placed {
            self.stop(drop);
        }
        let fields = self.fields;
        self.judge(datagram, |place| {
            // A length outside that counts what is inside can be told only now.
            let counts_inside = matches!(fields.get(place), Some(Field { role: Role::Length { counts, .. }, .. })
                if counts.first <= covers.last && covers.first <= counts.last);
            covers.contains(place) || counts_inside
        });
    }

    /// Goes over the element of a list that begins where `bits` do, and gives the bit behind it too.
    /// Nothing if something is wrong with it, or if it has no bits: it would never come to an end.
    pub(super) fn element(
        format: &'a Format,
        fields: &'a [Field],
        bits: ops::Range<usize>,
        datagram: &[u8],
    ) -> Option<(Self, usize)> {
        let mut walk = Self::new(format, fields, None, datagram.len());
        let end = walk.place_all(0..fields.len(), bits.start, bits.end, datagram).ok()?;
        walk.judge(datagram, |_| true);
        (end > bits.start && walk.problems.is_empty()).then_some((walk, end))
    }

    /// Whether a condition on these fields holds.
    pub(super) fn fulfils(&self, condition: &Condition) -> bool {
        condition.holds(|subject| self.subject(subject))
    }

    /// The enciphered bytes, if there are any.
    pub(super) fn region(&self) -> Option<ops::Range<usize>> {
        self.region.clone()
    }

    /// The bits of a field that is there.
    pub(super) fn bits(&self, place: usize) -> Option<ops::Range<usize>> {
        match self.places.get(place) {
            Some(Place::There { first, end, .. }) => Some(*first..*end),
            _ => None,
        }
    }

    /// The number in a field that is there and an integer.
    pub(super) fn number(&self, place: usize) -> Option<u64> {
        match (self.places.get(place), self.fields.get(place)) {
            (Some(Place::There { number, .. }), Some(Field { kind: Kind::Uint { .. }, .. })) => {
                Some(*number)
            }
            _ => None,
        }
    }

    /// The bytes of the fields of a range that are there, which lie side by side; those that are
    /// still enciphered count as one.
    pub(super) fn range(&self, range: Range) -> ops::Range<usize> {
        let closed = |place| match (&self.region, self.places_unknown(place)) {
            (Some(region), true) => Some(region.start * 8..region.end * 8),
            _ => None,
        };
        let mut there = (range.first..=range.last)
            .filter_map(|place| self.bits(place).or_else(|| closed(place)));
        let Some(first) = there.next() else { return 0..0 };
        let end = there.next_back().map_or(first.end, |last| last.end);
        first.start / 8..end / 8
    }

    /// The same, if all of them are open.
    pub(super) fn range_known(&self, range: Range) -> Option<ops::Range<usize>> {
        let known = |place| !self.places_unknown(place);
        (range.first..=range.last).all(known).then(|| self.range(range))
    }

    /// What kept the walk from going on, if something did; or a list that has no end.
    pub(super) fn stop_drop(&self) -> Option<Drop> {
        let list = self.problems.iter().find(|drop| drop.reason == Reason::List).copied();
        if self.stopped { self.drop() } else { list }
    }

    /// Everything that does not fit, as it was met.
    pub(super) fn problems(&self) -> &[Drop] {
        &self.problems
    }

    /// What a tunnel says of a datagram that does not fit: that it is of another protocol, if so;
    /// else that it is cut, if so; else what was met first.
    pub(super) fn drop(&self) -> Option<Drop> {
        let of = |reason| self.problems.iter().find(move |drop| drop.reason == reason);
        of(Reason::NotOurs).or_else(|| of(Reason::TooShort)).or(self.problems.first()).copied()
    }

    /// The packet's bytes.
    ///
    /// # Errors
    /// `no_packet` if the datagram has none, and `empty` if it has no bytes.
    pub(super) fn packet(&self) -> Result<ops::Range<usize>, Drop> {
        let place = self.format.packet_place();
        let Some(bits) = place.and_then(|place| self.bits(place)) else {
            return Err(self.no_packet(place));
        };
        match bits.start / 8..bits.end / 8 {
            packet if packet.is_empty() => Err(empty(packet.start, self.bytes)),
            packet => Ok(packet),
        }
    }

    fn stop(&mut self, drop: Drop) {
        self.problems.push(drop);
        self.stopped = true;
    }

    fn place_outer(&mut self, datagram: &[u8]) -> Result<(), Drop> {
        let limit = datagram.len() * 8;
        let count = self.fields.len();
        let bit = match self.covers {
            None => self.place_all(0..count, 0, limit, datagram)?,
            Some(covers) => {
                let start = self.place_all(0..covers.first, 0, limit, datagram)?;
                let end = self.place_region(covers, start, limit)?;
                self.place_all(covers.last + 1..count, end, limit, datagram)?
            }
        };
        self.refuse_rest(bit, limit)
    }

    fn place_all(
        &mut self,
        places: ops::Range<usize>,
        mut bit: usize,
        limit: usize,
        datagram: &[u8],
    ) -> Result<usize, Drop> {
        for place in places {
            bit = self.place(place, bit, limit, datagram)?;
        }
        Ok(bit)
    }

    /// Finds where a field lies that begins at `bit` if it is there. Returns the bit behind it.
    fn place(
        &mut self,
        place: usize,
        bit: usize,
        limit: usize,
        datagram: &[u8],
    ) -> Result<usize, Drop> {
        let Some(field) = self.fields.get(place) else { return Ok(bit) };
        let there = self.present(place) == Ok(true);
        if !there {
            self.know(place, Place::Absent);
            return Ok(bit);
        }
        let end = match self.format.fixed_bits(field) {
            Some(bits) => bit.saturating_add(bits),
            None => self.open_end(place, bit, limit, datagram)?,
        };
        if end > limit {
            return Err(self.too_short(place, bit));
        }
        let number = match field.kind {
            Kind::Uint { endian, .. } => {
                Bits { first: bit, count: end - bit, endian }.read(datagram)
            }
            _ => 0,
        };
        self.know(place, Place::There { first: bit, end, number });
        Ok(end)
    }

    /// Where the field at `place` ends, whose size only the datagram tells.
    fn open_end(
        &mut self,
        place: usize,
        bit: usize,
        limit: usize,
        datagram: &[u8],
    ) -> Result<usize, Drop> {
        if let Some(end) = self.padding_end.take() {
            return Ok(end);
        }
        // The checks of the description leave no field without a rule.
        let End { rule, last } =
            self.ends().end_of(place).unwrap_or(End { rule: Rule::Rest, last: place });
        let end = match rule {
            Rule::Length(length) => self.counted_end(length, bit, last, limit)?,
            Rule::Until => return self.until_end(place, bit, limit, datagram),
            Rule::Rest => {
                let zone_end = self.ends().last_beside(place) + 1;
                self.rest_end(last + 1..zone_end, bit, limit)
                    .ok_or_else(|| self.too_short(place, bit))?
            }
        };
        if last == place {
            return Ok(end);
        }
        let padding_bytes = if let Ok(Split::Length(length)) = self.ends().split(last) {
            self.padding_counted(last, length, bit..end, datagram)?
        } else {
            let both = datagram.get(bit / 8..end / 8).unwrap_or_default();
            both.len() - ip_bytes(both)
        };
        self.padding_end = Some(end);
        let packet_end = end.checked_sub(padding_bytes * 8).filter(|end| *end >= bit);
        packet_end.ok_or_else(|| self.too_short(place, bit))
    }

    /// Where a field ends that begins at `bit` and takes all that is left but the fields `behind`.
    fn rest_end(&self, behind: ops::Range<usize>, bit: usize, limit: usize) -> Option<usize> {
        let end = limit.checked_sub(self.ends().fixed_bits(behind)?)?;
        (end >= bit).then_some(end)
    }

    /// Where the fields up to `last` end by a length that counts them; the first of those that are
    /// not known yet begins at `bit`.
    fn counted_end(
        &self,
        length: usize,
        bit: usize,
        last: usize,
        limit: usize,
    ) -> Result<usize, Drop> {
        let Some(Field { role: Role::Length { counts, unit }, .. }) = self.fields.get(length)
        else {
            return Ok(bit);
        };
        let unit_bits = usize::from(*unit) * 8;
        let ends = self.ends();
        let known = (counts.first..=last).find_map(|place| self.bits(place));
        // Enciphered fields before the first that is counted are of known size.
        let skipped = self.covers.map_or(Some(0), |covers| {
            if known.is_none() && counts.first > covers.first && self.places_unknown(covers.first) {
                ends.fixed_bits(covers.first..counts.first)
            } else {
                Some(0)
            }
        });
        let start = known.map_or(bit + skipped.unwrap_or_default(), |bits| bits.start);
        let behind = ends.fixed_bits(last + 1..counts.last + 1).unwrap_or_default();
        let beyond = ends.fixed_bits(counts.last + 1..last + 1).unwrap_or_default();
        let number = self.number(length).unwrap_or_default();
        let counted = usize::try_from(number).ok().and_then(|number| number.checked_mul(unit_bits));
        let end = counted.and_then(|bits| bits.checked_add(start));
        let refuse = |expected: usize| Err(self.wrong(Reason::Length, length, expected as u64));
        // What is counted may go on behind what is enciphered.
        let zone_end = ends.last_beside(last);
        let (limit, zone_end) = if counts.last > zone_end || self.region.is_none() {
            (limit.max(self.bytes * 8), self.fields.len())
        } else {
            (limit, zone_end + 1)
        };
        let Some(end) = end.filter(|end| end.saturating_add(beyond) <= limit) else {
            let after = ends.fixed_bits(last.max(counts.last) + 1..zone_end).unwrap_or_default();
            let room = limit.saturating_sub(after + beyond);
            return refuse(room.saturating_sub(start) / unit_bits);
        };
        match end.checked_sub(behind).map(|end| end + beyond) {
            Some(end) if end >= bit => Ok(end),
            _ => refuse((bit + behind).saturating_sub(start + beyond).div_ceil(unit_bits)),
        }
    }

    /// Bytes of the padding, by a length behind it.
    fn padding_counted(
        &self,
        padding: usize,
        length: usize,
        both: ops::Range<usize>,
        datagram: &[u8],
    ) -> Result<usize, Drop> {
        let Some(Field {
            role: Role::Length { counts, unit },
            kind: Kind::Uint { bits, endian },
            ..
        }) = self.fields.get(length)
        else {
            return Ok(0);
        };
        let ends = self.ends();
        let between = ends.fixed_bits(padding + 1..length).unwrap_or_default();
        let others = ends.fixed_bits(padding + 1..counts.last + 1).unwrap_or_default();
        let bits = Bits { first: both.end + between, count: (*bits).into(), endian: *endian };
        let number = bits.read(datagram);
        let counted = usize::try_from(number).ok().and_then(|n| n.checked_mul((*unit).into()));
        let padding_bytes = counted.and_then(|bytes| bytes.checked_sub(others / 8));
        padding_bytes.filter(|bytes| *bytes <= both.len() / 8).ok_or_else(|| Drop {
            reason: Reason::Length,
            layer: Layer::Header,
            field: drop::Field::Format(length),
            offset: bits.first / 8,
            expected: Value::Number(((both.len() + others) / 8 / usize::from(*unit)) as u64),
            found: Value::Number(number),
        })
    }

    /// Where a list ends whose last element says so.
    fn until_end(
        &self,
        place: usize,
        bit: usize,
        limit: usize,
        datagram: &[u8],
    ) -> Result<usize, Drop> {
        let mut end = bit;
        for element in elements(self.format, place, bit..limit, datagram) {
            let element = element?;
            end = element.end;
            if element.last {
                return Ok(end);
            }
        }
        Err(list_drop(place, end))
    }

    /// Finds where the enciphered bytes lie.
    fn place_region(&mut self, covers: Range, bit: usize, limit: usize) -> Result<usize, Drop> {
        let absent = |place| self.present(place) == Ok(false);
        if (covers.first..=covers.last).all(absent) {
            (covers.first..=covers.last).for_each(|place| self.know(place, Place::Absent));
            return Ok(bit);
        }
        let rule = self.ends().region_rule(covers).unwrap_or(Rule::Rest);
        let end = match rule {
            Rule::Length(length) => self.counted_end(length, bit, covers.last, limit)?,
            Rule::Until | Rule::Rest => self
                .rest_end(covers.last + 1..self.fields.len(), bit, limit)
                .ok_or_else(|| self.too_short(covers.first, bit))?,
        };
        self.region = Some(bit / 8..end / 8);
        Ok(end)
    }

    /// Refuses bits left over at the end: a length that should count them is named, if there is one.
    fn refuse_rest(&mut self, bit: usize, limit: usize) -> Result<(), Drop> {
        if bit >= limit {
            return Ok(());
        }
        let last = (0..self.fields.len()).rev().find(|place| self.present(*place) != Ok(false));
        let length = self.fields.iter().enumerate().find_map(|(place, field)| match field.role {
            Role::Length { counts, unit } if last.is_some_and(|last| counts.contains(last)) => {
                self.number(place).map(|number| (place, unit, number))
            }
            _ => None,
        });
        Err(match length {
            Some((length, unit, number)) => {
                let left = (limit - bit) / 8 / usize::from(unit);
                self.wrong(Reason::Trailing, length, number.saturating_add(left as u64))
            }
            None => Drop {
                offset: bit / 8,
                ..Drop::whole(Reason::Trailing, Layer::Header, bit / 8, limit / 8)
            },
        })
    }

    /// Holds the fields that `here` chooses against what the description says of them.
    fn judge(&mut self, datagram: &[u8], here: impl Fn(usize) -> bool) {
        // What ended the walk comes last, since all else stands before it.
        let stop = if self.stopped { self.problems.pop() } else { None };
        let stopped = self.stopped;
        for place in (0..self.fields.len()).filter(|place| here(*place)) {
            let (Some(field), Some(bits)) = (self.fields.get(place), self.bits(place)) else {
                continue;
            };
            let problem = match &field.role {
                Role::Constant { value, expect } if field.accept == Accept::Exact => {
                    self.compare(place, expect.as_ref().unwrap_or(value), datagram)
                }
                Role::Given { value, expect } if field.accept == Accept::Exact => {
                    let expected = expect.as_ref().or(value.as_ref());
                    expected.and_then(|expected| self.compare(place, expected, datagram))
                }
                Role::Length { counts, unit } if !stopped => {
                    self.recount(place, *counts, (*unit).into())
                }
                Role::Content => match field.kind {
                    Kind::List { .. } => {
                        elements(self.format, place, bits, datagram).find_map(Result::err)
                    }
                    _ => None,
                },
                _ => None,
            };
            self.problems.extend(problem);
        }
        self.problems.extend(stop);
    }

    /// The drop if a field does not hold what it should.
    fn compare(&self, place: usize, expected: &Literal, datagram: &[u8]) -> Option<Drop> {
        let field = self.fields.get(place)?;
        let bits = self.bits(place)?;
        match expected {
            Literal::Number(expected) if self.number(place) == Some(*expected) => None,
            Literal::Number(expected) => Some(self.wrong(Reason::Value, place, *expected)),
            Literal::Bytes(expected) => {
                let found = datagram.get(bits.start / 8..bits.end / 8).unwrap_or_default();
                let mut padded = expected.clone();
                // What has a size is filled up with zeros; anything else has the length it has.
                if self.format.fixed_bits(field).is_some() {
                    padded.resize(found.len(), 0);
                }
                let foreign = matches!(field.role, Role::Constant { .. })
                    && matches!(field.kind, Kind::Bytes { .. } | Kind::Text { .. });
                (padded != found).then(|| Drop {
                    reason: if foreign { Reason::NotOurs } else { Reason::Value },
                    layer: Layer::Header,
                    field: drop::Field::Format(place),
                    offset: bits.start / 8,
                    expected: Value::bytes(&padded),
                    found: Value::bytes(found),
                })
            }
        }
    }

    /// The drop if a length does not count what is there.
    fn recount(&self, length: usize, counts: Range, unit: usize) -> Option<Drop> {
        if (counts.first..=counts.last).any(|place| self.places_unknown(place)) {
            // Enciphered fields: they are counted when they are open.
            return None;
        }
        let bytes = self.range(counts).len();
        let expected = (bytes / unit) as u64;
        let found = self.number(length)?;
        let fits = found == expected && bytes.is_multiple_of(unit);
        let reason = if found < expected { Reason::Trailing } else { Reason::Length };
        (!fits).then(|| self.wrong(reason, length, expected))
    }

    /// The drop for a field that holds another number than expected.
    fn wrong(&self, reason: Reason, place: usize, expected: u64) -> Drop {
        Drop {
            reason,
            layer: Layer::Header,
            field: drop::Field::Format(place),
            offset: self.bits(place).unwrap_or_default().start / 8,
            expected: Value::Number(expected),
            found: Value::Number(self.number(place).unwrap_or_default()),
        }
    }

    /// The drop for a datagram that ends before the field at `place` does, which begins at `bit`.
    fn too_short(&self, place: usize, bit: usize) -> Drop {
        let needed = (place..self.fields.len())
            .filter(|other| self.present(*other) == Ok(true))
            .filter_map(|other| self.fields.get(other))
            .filter_map(|field| self.format.fixed_bits(field))
            .fold(bit, usize::saturating_add);
        Drop {
            offset: self.bytes,
            ..Drop::whole(Reason::TooShort, Layer::Header, needed.div_ceil(8), self.bytes)
        }
    }

    /// The drop for a message without a packet: it names the field that says so.
    fn no_packet(&self, packet: Option<usize>) -> Drop {
        let terms = packet.and_then(|place| self.fields.get(place)).map(|field| &field.when);
        let decisive = terms.into_iter().flat_map(Condition::terms).find_map(|term| {
            let Subject::Field(place) = term.subject else { return None };
            let found = self.number(place)?;
            ((found == term.number) != term.equal).then_some((place, term))
        });
        match decisive {
            None => Drop::whole(Reason::NoPacket, Layer::Header, 0, self.bytes),
            Some((place, term)) => Drop {
                expected: if term.equal { Value::Number(term.number) } else { Value::Nothing },
                ..self.wrong(Reason::NoPacket, place, term.number)
            },
        }
    }

    fn ends(&self) -> Ends<'a, impl Fn(usize) -> Result<bool, usize> + use<'a, '_>> {
        Ends {
            format: self.format,
            fields: self.fields,
            region: self.covers,
            present: |place| self.present(place),
        }
    }

    /// Whether a field is there; or the field that must be known to tell.
    fn present(&self, place: usize) -> Result<bool, usize> {
        match (self.places.get(place), self.fields.get(place)) {
            (Some(Place::There { .. }), _) => Ok(true),
            (Some(Place::Unknown), Some(field)) => {
                let unknown = field.when.terms().find_map(|term| match term.subject {
                    Subject::Field(place) if self.places_unknown(place) => Some(place),
                    _ => None,
                });
                match unknown {
                    Some(place) => Err(place),
                    None => Ok(self.fulfils(&field.when)),
                }
            }
            _ => Ok(false),
        }
    }

    fn places_unknown(&self, place: usize) -> bool {
        self.places.get(place) == Some(&Place::Unknown)
    }

    fn subject(&self, subject: Subject) -> Option<u64> {
        match subject {
            Subject::Field(place) => self.number(place),
            Subject::Setting(place) => match self.format.settings.get(place)?.value {
                Some(Literal::Number(number)) => Some(number),
                _ => None,
            },
        }
    }

    fn know(&mut self, place: usize, what: Place) {
        if let Some(known) = self.places.get_mut(place) {
            *known = what;
        }
    }
}

/// The drop for a datagram of `bytes` whose packet, at `offset`, has none of them.
pub(super) fn empty(offset: usize, bytes: usize) -> Drop {
    Drop { offset, ..Drop::whole(Reason::Empty, Layer::Packet, offset + 1, bytes) }
}

/// The bytes that an IP packet at the start of `bytes` states to have; all, if it states more, or
/// less than its header, or there is none.
pub(super) fn ip_bytes(bytes: &[u8]) -> usize {
    let (stated, least) = match bytes.first().map(|byte| byte >> 4) {
        Some(ipv4::VERSION) => (Ipv4::stated_bytes(bytes), ipv4::MIN_HEADER_BYTES),
        Some(ipv6::VERSION) => (Ipv6::stated_bytes(bytes), ipv6::HEADER_BYTES),
        _ => (None, 0),
    };
    stated.filter(|stated| (least..=bytes.len()).contains(stated)).unwrap_or(bytes.len())
}

/// The integer of a field of `bits` bits at `first`.
pub(super) fn integer(first: usize, bits: u8, endian: Endian) -> Bits {
    Bits { first, count: bits.into(), endian }
}
