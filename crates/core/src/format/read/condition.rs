//! Conditions: read from text, and held against what they speak about.

use super::diagnostic::Code;
use super::field::Draft;
use super::finding::{Finding, Span};
use super::keys::{CONDITION_FORMS, Kind};
use super::list::List;
use super::reader::Reader;
use super::source::quoted;
use super::table::{Node, Word, expect_entry};
use super::value::{Class, greatest, parse_number};
use crate::format::{Condition, SettingKind, Subject, Term};

/// The most terms of one condition.
pub(super) const MAX_TERMS: usize = 64;

/// Texts, any of which must hold.
pub(super) type Part = Vec<Vec<Term>>;

/// What the names in a condition may be.
#[derive(Clone, Copy)]
struct Scope<'s, 'a> {
    list: &'s List<'a>,
    /// The place of the first field decided about; nothing if the condition ends a list.
    first: Option<usize>,
}

/// The conditions of a list, by their places; nothing where one is broken.
pub(super) type Parts = Vec<Option<Part>>;

impl<'a> Reader<'a> {
    /// Reads the conditions of a list's fields and blocks, and reports those that never hold.
    pub(super) fn conditions(&mut self, list: &List<'a>) -> Parts {
        let mut parts = Vec::new();
        for when in &list.conditions {
            let scope = Scope { list, first: Some(when.first) };
            parts.push(self.condition("when", when.node, scope));
        }
        let mut impossible: Vec<usize> = Vec::new();
        for (place, when) in list.conditions.iter().enumerate() {
            // What an outer condition makes impossible is said once, of the outer one.
            if !when.inside.iter().any(|outer| impossible.contains(outer)) {
                let all: Vec<_> = when.inside.iter().copied().chain([place]).collect();
                if self.never_holds(list, &parts, &all) {
                    impossible.push(place);
                    self.report_never(list, &all);
                }
            }
        }
        parts
    }

    /// The condition that ends a list.
    pub(super) fn until(&mut self, node: Node<'a>, element: &List<'a>) -> Option<Condition> {
        let part = self.condition("until", node, Scope { list: element, first: None })?;
        if !self.satisfiable(element, &Vec::new(), &[&part]) {
            let message = format!("the condition can never hold: {}", shown(node));
            self.findings.add(Finding::new(Code::F34, node.span, message));
        }
        Some(Condition { parts: vec![part] })
    }

    fn condition(&mut self, key: &str, node: Node<'a>, scope: Scope<'_, 'a>) -> Option<Part> {
        let texts = if node.kind() == Kind::Array { node.elements() } else { vec![node] };
        let mut part = Some(Part::new());
        let mut count = 0;
        for text in &texts {
            if !expect_entry(key, Kind::Text, *text, &mut self.findings) {
                part = None;
                continue;
            }
            let Some(word) = text.word() else { continue };
            count += word.text.split('&').count();
            if count > MAX_TERMS {
                let message = format!("a condition of more than {MAX_TERMS} terms");
                self.findings.add(Finding::new(Code::F07, node.span, message));
                return None;
            }
            let terms = self.terms(word, scope);
            part = part.zip(terms).map(|(mut part, terms)| {
                part.push(terms);
                part
            });
        }
        if texts.is_empty() {
            let finding = Finding::new(Code::F30, node.span, "cannot read the condition \"\"");
            self.findings.add(finding.expected(CONDITION_FORMS));
            return None;
        }
        part
    }

    fn terms(&mut self, word: Word<'a>, scope: Scope<'_, 'a>) -> Option<Vec<Term>> {
        let mut forms = Vec::new();
        for text in word.text.split('&') {
            let Some(form) = Form::parse(text) else {
                let message = format!("cannot read the condition {}", quoted(word.text));
                let finding = Finding::new(Code::F30, word.span, message);
                self.findings.add(finding.expected(CONDITION_FORMS).hint(hint_for(word.text)));
                return None;
            };
            forms.push(form);
        }
        let mut terms = Some(Vec::new());
        for form in forms {
            let span = self.part_span(word, form.name);
            let term = self.term(&form, span, scope);
            terms = terms.zip(term).map(|(mut terms, term)| {
                terms.push(term);
                terms
            });
        }
        terms
    }

    fn term(&mut self, form: &Form<'a>, span: Span, scope: Scope<'_, 'a>) -> Option<Term> {
        let name = Word { text: form.name, span };
        let subject = self.subject(name, scope)?;
        let bits = match subject {
            Subject::Field(place) => match scope.list.drafts.get(place)?.class? {
                Class::Uint(bits) => bits,
                other => return self.no_number(name, other.family()),
            },
            Subject::Setting(place) => match self.settings.get(place)?.kind {
                SettingKind::Uint { bits } => bits,
                SettingKind::Bytes { .. } => return self.no_number(name, "bytes"),
            },
        };
        if form.number > greatest(bits) {
            let (written, expected) = (form.number.to_string(), format!("0..{}", greatest(bits)));
            self.does_not_fit(
                span,
                &written,
                &format!("{} (u{bits})", quoted(form.name)),
                &expected,
            );
            return None;
        }
        Some(Term { subject, equal: form.equal, number: form.number })
    }

    fn no_number(&mut self, name: Word<'_>, found: &str) -> Option<Term> {
        let message =
            format!("a condition compares a number, but {} is {found}", quoted(name.text));
        self.findings.add(Finding::new(Code::F36, name.span, message));
        None
    }

    /// What a name in a condition is, if a condition may speak of it there.
    fn subject(&mut self, name: Word<'_>, scope: Scope<'_, 'a>) -> Option<Subject> {
        if let Some(place) = self.settings.iter().position(|setting| setting.name == name.text) {
            return Some(Subject::Setting(place));
        }
        let Some(place) = place_of(scope.list, name.text) else {
            if !scope.list.drafts.iter().any(|draft| draft.names_itself(name.text)) {
                self.unknown_subject(name, scope.list);
            }
            return None;
        };
        let (Some(draft), Some(first)) = (scope.list.drafts.get(place), scope.first) else {
            return Some(Subject::Field(place));
        };
        let decided = scope.list.drafts.get(first).map_or_else(String::new, Draft::quoted);
        if place >= first {
            let message = if place == first {
                format!("{decided} cannot decide about itself")
            } else {
                format!("{} stands after {decided} and cannot decide about it", quoted(name.text))
            };
            self.findings.add(
                Finding::new(Code::F32, name.span, message)
                    .related(draft.span(), format!("the field {}", quoted(name.text))),
            );
            return None;
        }
        if let Some(role) = draft.role() {
            let message = format!(
                "{} is filled by a role and cannot decide about {decided}",
                quoted(name.text)
            );
            self.findings.add(
                Finding::new(Code::F33, name.span, message)
                    .related(draft.span(), format!("its role is {}", quoted(role))),
            );
            return None;
        }
        Some(Subject::Field(place))
    }

    fn unknown_subject(&mut self, name: Word<'_>, list: &List<'a>) {
        let settings = self.settings.iter().zip(&self.setting_spans);
        let settings = settings.map(|(setting, span)| (setting.name.as_str(), *span));
        let known: Vec<_> = names_of(list).chain(settings).collect();
        let hint = self.did_you_mean_at(name.text, known.iter().copied());
        let message = format!("no field or setting {}", quoted(name.text));
        self.findings.add(Finding::new(Code::F31, name.span, message).hint(hint));
    }

    /// Where a part of a text stands, if the text is written as it is read; else the whole text.
    pub(super) fn part_span(&self, word: Word<'_>, part: &str) -> Span {
        if part.len() == word.text.len() || part.is_empty() {
            return word.span;
        }
        let written = self.text.get(word.span.start..word.span.end).unwrap_or_default();
        let offset = part.as_ptr().addr().wrapping_sub(word.text.as_ptr().addr());
        let start = word.span.start + 1 + offset;
        let is_plain = written.len() == word.text.len() + 2
            && self.text.get(start..).is_some_and(|rest| rest.starts_with(part));
        if is_plain { Span { start, end: start + part.len() } } else { word.span }
    }

    /// Whether no numbers fulfil all these conditions together.
    fn never_holds(&self, list: &List<'a>, parts: &Parts, whens: &[usize]) -> bool {
        let wanted: Option<Vec<_>> = whens.iter().map(|when| parts.get(*when)?.as_ref()).collect();
        wanted.is_some_and(|wanted| !self.satisfiable(list, parts, &wanted))
    }

    fn report_never(&mut self, list: &List<'a>, whens: &[usize]) {
        let nodes: Vec<_> = whens
            .iter()
            .filter_map(|when| list.conditions.get(*when))
            .map(|when| when.node)
            .collect();
        let shown: Vec<_> = nodes.iter().map(|node| shown(*node)).collect();
        let message = format!("the condition can never hold: {}", shown.join(" in "));
        let span = nodes.last().map(|node| node.span);
        self.findings.add(Finding::new(Code::F34, span, message));
    }
}

/// A condition as it is written, on one line.
fn shown(node: Node<'_>) -> String {
    let words = node.texts();
    words.into_iter().map(|word| quoted(word.text)).collect::<Vec<_>>().join(" or ")
}

/// The place of the field with this name.
pub(super) fn place_of(list: &List<'_>, name: &str) -> Option<usize> {
    list.drafts.iter().position(|draft| draft.name.is_some_and(|word| word.text == name))
}

/// The names of a list, and where they stand.
pub(super) fn names_of<'l>(list: &'l List<'_>) -> impl Iterator<Item = (&'l str, Span)> + Clone {
    list.drafts.iter().filter_map(|draft| draft.name.map(|name| (name.text, name.span)))
}

/// A term as it is written.
struct Form<'a> {
    name: &'a str,
    equal: bool,
    number: u64,
}

impl<'a> Form<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_matches(' ');
        let (name, equal, number) = if let Some(name) = text.strip_prefix('!') {
            (name, true, 0)
        } else if let Some((name, number)) = text.split_once("!=") {
            (name, false, parse_number(number.trim_matches(' '))?)
        } else if let Some((name, number)) = text.split_once('=') {
            (name, true, parse_number(number.trim_matches(' '))?)
        } else {
            (text, false, 0)
        };
        let name = name.trim_matches(' ');
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        is_name.then_some(Self { name, equal, number })
    }
}

fn hint_for(text: &str) -> Option<String> {
    let hint = if text.contains("==") {
        "\"=\" for equal"
    } else if text.contains("&&") || text.contains(" and ") {
        "\"&\" for and"
    } else if text.contains('|') || text.contains(" or ") {
        "an array for or: [\"a\", \"b\"]"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_have_four_forms() {
        let read = |text| Form::parse(text).map(|form| (form.name, form.equal, form.number));
        assert_eq!(read("a"), Some(("a", false, 0)));
        assert_eq!(read(" ! a.b_1 "), Some(("a.b_1", true, 0)));
        assert_eq!(read("a=0x10"), Some(("a", true, 16)));
        assert_eq!(read("a != 7 "), Some(("a", false, 7)));
        for text in
            ["", "!", "a == 4", "a = b", "4", "a b", "a = -1", "a\t", "!a = 1", "a =", "=1", "é"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
