//! Where in its row a field begins.

use super::ROW_BITS;
use crate::format::{Condition, Field, Format, Kind, Literal, Range, Role, Size, Term};

/// The fields of one list, asked for the columns at which they begin.
pub(super) struct Columns<'a> {
    format: &'a Format,
    fields: &'a [Field],
    /// Fields that are whole rows together, each with the place of the one that makes them so.
    whole_rows: Vec<(usize, Range)>,
}

impl<'a> Columns<'a> {
    /// Of a format's own fields, or of the element of a list, in which nothing is enciphered.
    pub(super) fn new(format: &'a Format, fields: &'a [Field], enciphered: Option<Range>) -> Self {
        let is_row = |bytes: usize| (bytes * 8).is_multiple_of(ROW_BITS);
        let whole_rows = fields.iter().enumerate().filter_map(|(place, field)| {
            let range = match (&field.role, &field.kind) {
                (Role::Length { counts, unit }, _) if is_row((*unit).into()) => *counts,
                (_, Kind::Padding { multiple }) if is_row((*multiple).into()) => enciphered
                    .filter(|range| range.contains(place))
                    .unwrap_or(Range { first: place.saturating_sub(1), last: place }),
                _ => return None,
            };
            Some((place, range))
        });
        Self { format, fields, whole_rows: whole_rows.collect() }
    }

    /// The column at which the field at `place` begins; nothing if that differs from datagram to
    /// datagram.
    pub(super) fn start(&self, place: usize) -> Option<usize> {
        let field = self.fields.get(place)?;
        if matches!(field.kind, Kind::Padding { .. }) {
            return None;
        }
        // Fields under the same condition are there together, wherever they stand.
        let mut sums: Vec<(&Condition, Option<usize>)> = Vec::new();
        for (before, other) in self.fields.iter().enumerate().take(place) {
            let bits = self.bits(before);
            match sums.iter_mut().find(|(when, _)| **when == other.when) {
                Some((_, sum)) => *sum = sum.zip(bits).map(|(sum, bits)| sum + bits),
                None => sums.push((&other.when, bits)),
            }
        }
        sums.into_iter().try_fold(0, |column, (when, bits)| match presence(when, &field.when) {
            Presence::Never => Some(column),
            Presence::Always => Some((column + bits?) % ROW_BITS),
            Presence::Sometimes => bits?.is_multiple_of(ROW_BITS).then_some(column),
        })
    }

    /// Bits of the field at `place`, less whole rows; nothing if that differs.
    fn bits(&self, place: usize) -> Option<usize> {
        let field = self.fields.get(place)?;
        match &field.kind {
            Kind::Bytes { size: Size::Setting(setting) }
            | Kind::Text { size: Size::Setting(setting) } => {
                let values = &self.format.settings.get(*setting)?.values;
                let mut bits = values.iter().map(|value| match value {
                    Literal::Number(bytes) => usize::try_from(bytes % 4 * 8).ok(),
                    Literal::Bytes(_) => None,
                });
                let first = bits.next()??;
                bits.all(|other| other == Some(first)).then_some(first)
            }
            // What a packet and its padding have together is counted for the packet.
            Kind::Padding { .. } => self.open_bits(place.checked_sub(1)?).map(|_| 0),
            _ => self
                .format
                .fixed_bits(field)
                .map(|bits| bits % ROW_BITS)
                .or_else(|| self.open_bits(place)),
        }
    }

    /// Bits of an open field, less whole rows, if it fills up such with fields of known size.
    fn open_bits(&self, place: usize) -> Option<usize> {
        let field = self.fields.get(place)?;
        let padding = match (&field.kind, self.fields.get(place + 1)) {
            (Kind::Packet, Some(Field { kind: Kind::Padding { .. }, .. })) => Some(place + 1),
            _ => None,
        };
        self.whole_rows.iter().find_map(|(by, range)| {
            let maker = self.fields.get(*by)?;
            let counts = range.contains(place)
                && padding.is_none_or(|padding| range.contains(padding))
                && presence(&maker.when, &field.when) == Presence::Always;
            if !counts {
                return None;
            }
            let others = (range.first..=range.last)
                .filter(|other| *other != place && Some(*other) != padding)
                .filter_map(|other| self.fields.get(other));
            let sum = others.into_iter().try_fold(0, |sum, other| {
                match presence(&other.when, &field.when) {
                    Presence::Never => Some(sum),
                    Presence::Always => Some(sum + self.format.fixed_bits(other)? % ROW_BITS),
                    Presence::Sometimes => None,
                }
            });
            sum.map(|sum| (ROW_BITS - sum % ROW_BITS) % ROW_BITS)
        })
    }
}

/// When something is there, if something else is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Never,
    Sometimes,
    Always,
}

/// When something under `condition` is there, if `given` holds.
pub(super) fn presence(condition: &Condition, given: &Condition) -> Presence {
    if condition.parts.iter().all(|part| given.parts.contains(part)) {
        Presence::Always
    } else if contradicts(condition, given) || contradicts(given, condition) {
        Presence::Never
    } else {
        Presence::Sometimes
    }
}

/// Whether each text of some part of `condition` has a term that cannot hold if `given` does.
fn contradicts(condition: &Condition, given: &Condition) -> bool {
    let certain: Vec<Term> = given
        .parts
        .iter()
        .filter_map(|part| match part.as_slice() {
            [only] => Some(only),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    let opposed = |term: &Term| {
        certain.iter().any(|other| {
            term.subject == other.subject
                && if term.number == other.number {
                    term.equal != other.equal
                } else {
                    term.equal && other.equal
                }
        })
    };
    condition.parts.iter().any(|texts| texts.iter().all(|terms| terms.iter().any(opposed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Subject;

    fn term(place: usize, equal: bool, number: u64) -> Term {
        Term { subject: Subject::Field(place), equal, number }
    }

    fn all(terms: &[Term]) -> Condition {
        Condition { parts: vec![vec![terms.to_vec()]] }
    }

    #[test]
    fn conditions_tell_of_each_other() {
        let is_one = term(0, true, 1);
        let not_one = term(0, false, 1);
        let is_two = term(0, true, 2);
        let other = term(1, true, 1);
        let either = Condition { parts: vec![vec![vec![not_one], vec![other]]] };
        let inside = Condition { parts: [all(&[is_one]).parts, all(&[other]).parts].concat() };

        assert_eq!(presence(&Condition::default(), &all(&[is_one])), Presence::Always);
        assert_eq!(presence(&all(&[is_one]), &inside), Presence::Always);
        assert_eq!(presence(&inside, &all(&[is_one])), Presence::Sometimes);
        assert_eq!(presence(&all(&[is_one]), &Condition::default()), Presence::Sometimes);
        assert_eq!(presence(&all(&[is_one]), &all(&[is_two])), Presence::Never);
        assert_eq!(presence(&all(&[is_one]), &all(&[not_one])), Presence::Never);
        assert_eq!(presence(&all(&[not_one]), &all(&[is_two])), Presence::Sometimes);
        assert_eq!(presence(&all(&[is_one]), &all(&[other])), Presence::Sometimes);
        assert_eq!(presence(&either, &all(&[is_one])), Presence::Sometimes);
        assert_eq!(presence(&either, &all(&[is_one, term(1, true, 2)])), Presence::Never);
        assert_eq!(presence(&all(&[is_one, term(1, true, 2)]), &either), Presence::Never);
    }
}
