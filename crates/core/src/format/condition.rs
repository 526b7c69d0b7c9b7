//! Conditions: whether a field is there, and whether an element of a list is the last.

use super::{Field, Format};

/// Holds if all of its parts hold; a part holds if any of its texts does; a text, if all of its
/// terms do. A condition without parts always holds. A field in blocks has a part for each of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The parts: lists of texts, which are lists of terms.
    pub parts: Vec<Vec<Vec<Term>>>,
}

/// `NAME`, `!NAME`, `NAME = NUMBER`, `NAME != NUMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// What is compared.
    pub subject: Subject,
    /// Whether it has to be the number, or has not to be.
    pub equal: bool,
    /// The number.
    pub number: u64,
}

/// What a term compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A field of the same list, by its place.
    Field(usize),
    /// A setting, by its place.
    Setting(usize),
}

impl Condition {
    /// Whether it holds whatever comes.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.parts.is_empty()
    }

    /// Every term in it.
    pub fn terms(&self) -> impl Iterator<Item = Term> + '_ {
        self.parts.iter().flatten().flatten().copied()
    }

    /// Whether it holds. `number` tells what a subject holds, or nothing if it is absent: a term
    /// about what is absent is false, negated or not.
    pub fn holds(&self, number: impl Fn(Subject) -> Option<u64>) -> bool {
        let term = |term: &Term| {
            number(term.subject).is_some_and(|found| (found == term.number) == term.equal)
        };
        self.parts.iter().all(|texts| texts.iter().any(|terms| terms.iter().all(term)))
    }

    /// The condition in the words of the language, with "and" and "or" between its texts and parts.
    /// `fields` is the list that it speaks about.
    #[must_use]
    pub fn text(&self, format: &Format, fields: &[Field]) -> String {
        let name = |subject| match subject {
            Subject::Field(place) => fields.get(place).map_or("", |field| field.name.as_str()),
            Subject::Setting(place) => {
                format.settings.get(place).map_or("", |setting| setting.name.as_str())
            }
        };
        let term = |term: &Term| match (term.equal, term.number) {
            (false, 0) => name(term.subject).to_owned(),
            (true, 0) => format!("!{}", name(term.subject)),
            (true, number) => format!("{} = {number}", name(term.subject)),
            (false, number) => format!("{} != {number}", name(term.subject)),
        };
        let text = |terms: &Vec<Term>| terms.iter().map(term).collect::<Vec<_>>().join(" & ");
        let part = |texts: &Vec<Vec<Term>>| texts.iter().map(text).collect::<Vec<_>>().join(" or ");
        match self.parts.as_slice() {
            [only] => part(only),
            parts => {
                let bracketed = |texts: &Vec<Vec<Term>>| match texts.len() {
                    1 => part(texts),
                    _ => format!("({})", part(texts)),
                };
                parts.iter().map(bracketed).collect::<Vec<_>>().join(" & ")
            }
        }
    }
}
