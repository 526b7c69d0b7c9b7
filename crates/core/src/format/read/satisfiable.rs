//! Whether conditions can hold together: a search for numbers that fulfil them all.

use super::condition::{MAX_TERMS, Part, Parts};
use super::list::List;
use super::reader::Reader;
use super::value::{Class, greatest};
use crate::format::{Literal, SettingKind, Subject, Term};

/// Steps that the search for numbers that fulfil conditions may take for a whole file.
const MAX_STEPS: u32 = 20_000;

impl<'a> Reader<'a> {
    /// Whether all of these can hold; `parts` are the conditions of the list.
    pub(super) fn satisfiable(&self, list: &List<'a>, parts: &Parts, wanted: &[&Part]) -> bool {
        Search { reader: self, list, parts }.fulfils(wanted.to_vec(), &[])
    }
}

/// What is known of a subject while conditions are put together.
#[derive(Clone)]
struct Fact {
    subject: Subject,
    equal: Option<u64>,
    other_than: Vec<u64>,
}

/// The search for numbers that fulfil conditions.
struct Search<'s, 'a> {
    reader: &'s Reader<'a>,
    list: &'s List<'a>,
    parts: &'s Parts,
}

impl<'s> Search<'s, '_> {
    /// Whether all of these can hold with the facts; yes, if it takes too long to tell.
    fn fulfils(&self, mut wanted: Vec<&'s Part>, facts: &[Fact]) -> bool {
        let steps = &self.reader.search_steps;
        steps.set(steps.get() + 1);
        if steps.get() > MAX_STEPS || wanted.len() > MAX_TERMS {
            return true;
        }
        let Some(part) = wanted.pop() else { return true };
        part.iter().any(|terms| {
            let mut facts = facts.to_vec();
            let mut wanted = wanted.clone();
            terms.iter().all(|term| self.learn(*term, &mut facts, &mut wanted))
                && self.fulfils(wanted, &facts)
        })
    }

    /// Adds a term to the facts; whether they still can all be.
    fn learn(&self, term: Term, facts: &mut Vec<Fact>, wanted: &mut Vec<&'s Part>) -> bool {
        let known = facts.iter().position(|fact| fact.subject == term.subject);
        let place = known.unwrap_or_else(|| {
            facts.push(Fact { subject: term.subject, equal: None, other_than: Vec::new() });
            // A term about an absent field is false: the field must be there.
            if let Subject::Field(place) = term.subject {
                let whens = self.list.drafts.get(place).map_or(&[][..], |draft| &draft.whens);
                wanted.extend(whens.iter().filter_map(|when| self.parts.get(*when)?.as_ref()));
            }
            facts.len() - 1
        });
        let Some(fact) = facts.get_mut(place) else { return true };
        match (term.equal, fact.equal) {
            (true, Some(number)) => number == term.number,
            (true, None) => {
                fact.equal = Some(term.number);
                !fact.other_than.contains(&term.number) && self.is_allowed(fact)
            }
            (false, Some(number)) => number != term.number,
            (false, None) => {
                if !fact.other_than.contains(&term.number) {
                    fact.other_than.push(term.number);
                }
                self.is_allowed(fact)
            }
        }
    }

    /// Whether there is a number left that the subject may hold.
    fn is_allowed(&self, fact: &Fact) -> bool {
        let (bits, values) = match fact.subject {
            Subject::Field(place) => {
                match self.list.drafts.get(place).and_then(|draft| draft.class) {
                    Some(Class::Uint(bits)) => (bits, &[][..]),
                    _ => return true,
                }
            }
            Subject::Setting(place) => match self.reader.settings.get(place) {
                Some(setting) => match setting.kind {
                    SettingKind::Uint { bits } => (bits, setting.values.as_slice()),
                    SettingKind::Bytes { .. } => return true,
                },
                None => return true,
            },
        };
        let fits = |number: u64| {
            number <= greatest(bits)
                && (values.is_empty() || values.contains(&Literal::Number(number)))
        };
        match fact.equal {
            Some(number) => fits(number),
            None if values.is_empty() => {
                fact.other_than.len() as u64 <= greatest(bits)
            }
            None => values.iter().any(|value| {
                matches!(value, Literal::Number(number) if !fact.other_than.contains(number))
            }),
        }
    }
}
