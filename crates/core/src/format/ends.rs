//! Where a field of unknown size ends, and where a frame ends on TCP.
//!
//! One set of rules, asked by the checker for every combination of conditions, and by the walk over
//! a datagram for the one that it meets. A field of unknown size ends, in this order,
//!
//! 1. where a length before it says that counts it, if all else that it counts is known;
//! 2. if it is a list with `until`: behind the element for which that holds;
//! 3. where all that is left ends, less the fields of known size behind it. What is left is the
//!    datagram, or what is enciphered.
//!
//! The packet and the padding straight behind it end together; then a length behind the padding
//! tells them apart (ESP), or else the length that the IP packet states (`WireGuard`).

use super::{Carrier, Field, Format, Kind, PacketKind, Range, Role, Subject};

/// Why the ends of a format's fields cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndProblem {
    /// Both fields would take the rest of the datagram.
    TwoRests {
        /// The earlier one, by its place.
        field: usize,
        /// The later one.
        other: usize,
    },
    /// The end of a field depends on whether a field behind it is there, and that on a field that
    /// stands behind it too, or is enciphered with it.
    DependsBehind {
        /// The field that cannot end.
        field: usize,
        /// The field that would have to be read first.
        on: usize,
    },
    /// No length counts an open field of a list's element.
    ElementOpen {
        /// The list, by its place.
        list: usize,
        /// The open field, by its place in the element.
        element: usize,
    },
    /// Padding that does not stand straight behind the packet.
    PaddingApart {
        /// The padding, by its place.
        field: usize,
    },
    /// A checksum that is not enciphered itself and covers only a part of what is: where the part
    /// ends may be known only when it is open.
    PartOfRegion {
        /// The checksum, by its place.
        field: usize,
    },
    /// There are more combinations of conditions than are looked at.
    TooManyCombinations {
        /// How many at most.
        most: usize,
    },
}

/// Where a field of unknown size ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// What tells.
    pub(super) rule: Rule,
    /// The last field that ends there: the field itself, or the padding straight behind a packet.
    pub(super) last: usize,
}

/// What tells where a field of unknown size ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A length, by its place.
    Length(usize),
    /// The elements themselves.
    Until,
    /// All that is left, less the fields of known size behind it.
    Rest,
}

/// What tells the packet from the padding straight behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// A length behind the padding, by its place.
    Length(usize),
    /// The length that the IP packet states.
    Ip,
}

/// How a frame is found in a TCP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a length: a field, by its place.
    Length(usize),
    /// By the length that the IP packet states.
    Ip,
}

/// Combinations of conditions that are looked at: as many as 12 flags have.
const MAX_COMBINATIONS: usize = 4096;

/// A list of fields of which some are there.
pub(super) struct Ends<'a, P> {
    pub(super) format: &'a Format,
    pub(super) fields: &'a [Field],
    /// The fields enciphered together, if these are a format's own fields and it has a cipher.
    pub(super) region: Option<Range>,
    /// Whether the field at a place is there; or the field that must be read first to tell.
    pub(super) present: P,
}

impl<P: Fn(usize) -> Result<bool, usize>> Ends<'_, P> {
    /// Where an open field ends. A packet that no length counts alone ends together with the
    /// padding straight behind it.
    pub(super) fn end_of(&self, place: usize) -> Result<End, EndProblem> {
        if let Some(length) = self.length_of(place, place) {
            return Ok(End { rule: Rule::Length(length), last: place });
        }
        let last = self.padding_of(place).unwrap_or(place);
        if let Some(length) = self.length_of(place, last) {
            return Ok(End { rule: Rule::Length(length), last });
        }
        if let Some(Kind::List { until: Some(_), .. }) = self.kind(place) {
            return Ok(End { rule: Rule::Until, last: place });
        }
        self.closed(place, last, self.last_beside(place))?;
        Ok(End { rule: Rule::Rest, last })
    }

    /// The last field of those that share what is left with the field at `place`.
    pub(super) fn last_beside(&self, place: usize) -> usize {
        match self.region {
            Some(region) if region.contains(place) => region.last,
            _ => self.fields.len().saturating_sub(1),
        }
    }

    /// The rule for where the enciphered fields end, asked before they are deciphered.
    pub(super) fn region_rule(&self, region: Range) -> Result<Rule, EndProblem> {
        let inside = |place: &usize| (self.present)(*place) == Ok(true) && self.is_open(*place);
        let Some(last_open) = (region.first..=region.last).rev().find(inside) else {
            return Ok(Rule::Rest);
        };
        // Where the range begins must be known while all is still enciphered.
        let counts = |range: Range| {
            range.contains(last_open)
                && !(region.first..range.first).any(|place| inside(&place))
                && self.closed(region.first, last_open, range.last.max(region.last)).is_ok()
        };
        let found = self.lengths_before(region.first).find(|(_, range)| counts(*range));
        if let Some((length, _)) = found {
            return Ok(Rule::Length(length));
        }
        self.closed(region.first, region.last, self.fields.len().saturating_sub(1))?;
        Ok(Rule::Rest)
    }

    /// The padding straight behind a packet, if it is there.
    pub(super) fn padding_of(&self, packet: usize) -> Option<usize> {
        let behind = packet + 1;
        let is_padding = matches!(self.kind(behind), Some(Kind::Padding { .. }));
        (self.kind(packet) == Some(&Kind::Packet)
            && is_padding
            && (self.present)(behind) == Ok(true))
        .then_some(behind)
    }

    /// What tells a packet from the padding at `padding`.
    pub(super) fn split(&self, padding: usize) -> Result<Split, EndProblem> {
        let end = self.fields.len();
        let length = (padding + 1..end).find(|place| {
            (self.present)(*place) == Ok(true)
                && matches!(self.role(*place), Some(Role::Length { counts, .. })
                    if counts.contains(padding)
                        && !counts.contains(padding - 1)
                        && self.closed(padding, padding, counts.last).is_ok())
                && self.closed(padding, padding, *place).is_ok()
        });
        match length {
            Some(place) => Ok(Split::Length(place)),
            None if self.format.packet == [PacketKind::Ip] => Ok(Split::Ip),
            None => Err(EndProblem::TwoRests { field: padding - 1, other: padding }),
        }
    }

    /// Bits of the fields in `places` that are there and of known size; nothing if one is open.
    pub(super) fn fixed_bits(&self, places: std::ops::Range<usize>) -> Option<usize> {
        let mut sum = 0usize;
        for place in places {
            if (self.present)(place) == Ok(true) {
                let field = self.fields.get(place)?;
                sum = sum.saturating_add(self.format.fixed_bits(field)?);
            }
        }
        Some(sum)
    }

    /// A length before `place` that counts it, with all behind `last` that it counts of known size.
    fn length_of(&self, place: usize, last: usize) -> Option<usize> {
        let counts = |range: Range| {
            range.contains(place)
                && range.contains(last)
                && self.closed(place, last, range.last).is_ok()
        };
        let found = self.lengths_before(place).find(|(_, range)| counts(*range));
        found.map(|(length, _)| length)
    }

    fn lengths_before(&self, place: usize) -> impl Iterator<Item = (usize, Range)> + '_ {
        (0..place).filter_map(|length| match self.role(length) {
            Some(Role::Length { counts, .. }) if (self.present)(length) == Ok(true) => {
                Some((length, *counts))
            }
            _ => None,
        })
    }

    /// Whether all fields from behind `last` to `end` are absent or of known size, as far as can be
    /// told when `place` is reached.
    fn closed(&self, place: usize, last: usize, end: usize) -> Result<(), EndProblem> {
        for other in last + 1..=end {
            match (self.present)(other) {
                Ok(true) if self.is_open(other) => {
                    return Err(EndProblem::TwoRests { field: place, other });
                }
                Ok(_) => {}
                Err(on) => return Err(EndProblem::DependsBehind { field: place, on }),
            }
        }
        Ok(())
    }

    pub(super) fn is_open(&self, place: usize) -> bool {
        self.fields.get(place).is_some_and(|field| self.format.fixed_bits(field).is_none())
    }

    fn kind(&self, place: usize) -> Option<&Kind> {
        self.fields.get(place).map(|field| &field.kind)
    }

    fn role(&self, place: usize) -> Option<&Role> {
        self.fields.get(place).map(|field| &field.role)
    }
}

/// Looks at every combination of conditions, and gives each problem once, in the fields' order.
pub(crate) fn check(format: &Format) -> Vec<EndProblem> {
    let mut problems = check_lists(format);
    let apart = format.fields.iter().enumerate().filter(|(place, field)| {
        let before = place.checked_sub(1).and_then(|place| format.fields.get(place));
        matches!(field.kind, Kind::Padding { .. })
            && before.is_none_or(|field| field.kind != Kind::Packet)
    });
    problems.extend(apart.map(|(field, _)| EndProblem::PaddingApart { field }));
    problems.extend(parts_of_region(format));
    let classes = classes(format);
    let combinations = classes.iter().try_fold(1usize, |product, (_, numbers)| {
        product.checked_mul(numbers.len()).filter(|product| *product <= MAX_COMBINATIONS)
    });
    let Some(combinations) = combinations else {
        problems.push(EndProblem::TooManyCombinations { most: MAX_COMBINATIONS });
        return problems;
    };
    for combination in 0..combinations {
        for problem in check_combination(format, &classes, combination) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// Every subject of a condition with the numbers that can make a difference: those that conditions
/// name, and one other.
fn classes(format: &Format) -> Vec<(Subject, Vec<u64>)> {
    let mut classes: Vec<(Subject, Vec<u64>)> = Vec::new();
    for term in format.fields.iter().flat_map(|field| field.when.terms()) {
        match classes.iter_mut().find(|(subject, _)| *subject == term.subject) {
            Some((_, numbers)) if numbers.contains(&term.number) => {}
            Some((_, numbers)) => numbers.push(term.number),
            None => classes.push((term.subject, vec![term.number])),
        }
    }
    for (_, numbers) in &mut classes {
        let other = (0..=u64::MAX).find(|number| !numbers.contains(number));
        numbers.extend(other);
    }
    classes
}

fn check_combination(
    format: &Format,
    classes: &[(Subject, Vec<u64>)],
    combination: usize,
) -> Vec<EndProblem> {
    // The combination is a number whose digits choose from each class.
    let mut digits = Vec::with_capacity(classes.len());
    let mut rest = combination;
    for (subject, numbers) in classes {
        let number = numbers.get(rest % numbers.len()).copied().unwrap_or_default();
        digits.push((*subject, number));
        rest /= numbers.len();
    }
    let mut present: Vec<bool> = Vec::with_capacity(format.fields.len());
    for field in &format.fields {
        let holds = field.when.holds(|subject| {
            let absent = matches!(subject, Subject::Field(place)
                if present.get(place) != Some(&true));
            let digit = digits.iter().find(|(known, _)| *known == subject);
            if absent { None } else { digit.map(|(_, number)| *number) }
        });
        present.push(holds);
    }
    let region = format.cipher.as_ref().map(|cipher| cipher.covers);
    let known_at = |reached: usize, place: usize| {
        let subjects = format.fields.get(place).into_iter().flat_map(|field| field.when.terms());
        let mut behind = subjects.filter_map(|term| match term.subject {
            Subject::Field(on) if on >= reached => Some(on),
            _ => None,
        });
        match behind.next() {
            Some(on) if place >= reached => Err(on),
            _ => Ok(present.get(place) == Some(&true)),
        }
    };
    let ends = |reached: usize| Ends {
        format,
        fields: &format.fields,
        region,
        present: move |place| known_at(reached, place),
    };
    let mut problems = Vec::new();
    if let Some(region) = region
        && region.first <= region.last
        && (region.first..=region.last).any(|place| present.get(place) == Some(&true))
    {
        problems.extend(ends(region.first).region_rule(region).err());
    }
    let mut told = None;
    for place in 0..format.fields.len() {
        let ends = ends(place);
        if present.get(place) != Some(&true) || !ends.is_open(place) || told == Some(place) {
            continue;
        }
        let problem = match ends.end_of(place) {
            Err(problem) => Some(problem),
            Ok(End { last, .. }) if last == place => None,
            Ok(End { last: padding, .. }) => {
                told = Some(padding);
                ends.split(padding).err()
            }
        };
        if let Some(EndProblem::TwoRests { other, .. }) = problem {
            told = Some(other);
        }
        problems.extend(problem);
    }
    problems
}

fn parts_of_region(format: &Format) -> Vec<EndProblem> {
    let Some(region) = format.cipher.as_ref().map(|cipher| cipher.covers) else {
        return Vec::new();
    };
    let part = |(field, described): (usize, &Field)| match described.role {
        Role::Checksum { covers, .. } if !region.contains(field) => {
            let touches = covers.first <= region.last && region.first <= covers.last;
            let all = covers.first <= region.first && region.last <= covers.last;
            (touches && !all).then_some(EndProblem::PartOfRegion { field })
        }
        _ => None,
    };
    format.fields.iter().enumerate().filter_map(part).collect()
}

/// The open fields of lists' elements, which only a length of the element may count.
fn check_lists(format: &Format) -> Vec<EndProblem> {
    let mut problems = Vec::new();
    for (list, field) in format.fields.iter().enumerate() {
        let Kind::List { fields, .. } = &field.kind else { continue };
        let ends = Ends { format, fields, region: None, present: |_| Ok(true) };
        for element in 0..fields.len() {
            if ends.is_open(element)
                && !matches!(ends.end_of(element), Ok(End { rule: Rule::Length(_), .. }))
            {
                problems.push(EndProblem::ElementOpen { list, element });
            }
        }
    }
    problems
}

/// How a frame is found in a TCP stream; nothing if nothing says where it ends.
pub(crate) fn framing(format: &Format) -> Option<Framing> {
    // A condition on settings alone is decided before the stream begins.
    let decided =
        |field: &Field| field.when.terms().all(|term| matches!(term.subject, Subject::Setting(_)));
    let plain = |place: usize| {
        format
            .fields
            .get(place)
            .is_some_and(|field| decided(field) && format.fixed_bits(field).is_some())
    };
    let enciphered =
        |place: usize| format.cipher.as_ref().is_some_and(|cipher| cipher.covers.contains(place));
    let count = format.fields.len();
    let length = (0..count).find(|place| match format.fields.get(*place) {
        Some(Field { role: Role::Length { counts, .. }, when, .. }) => {
            when.is_always()
                && (0..=*place).all(|before| plain(before) && !enciphered(before))
                && (0..counts.first).all(plain)
                && (counts.last + 1..count).all(plain)
        }
        _ => false,
    });
    let packet = format.packet_place();
    match (length, packet) {
        (Some(length), _) => Some(Framing::Length(length)),
        (None, Some(packet))
            if format.packet == [PacketKind::Ip]
                && format.cipher.is_none()
                && (0..count).all(|place| place == packet || plain(place)) =>
        {
            Some(Framing::Ip)
        }
        _ => None,
    }
}

impl Carrier {
    /// Whether its datagrams may be frames of a TCP stream.
    #[must_use]
    pub fn has_tcp(&self) -> bool {
        self.tcp.is_some()
    }
}
