//! Several descriptions at once: names that they share.

use super::diagnostic::{Code, Diagnostic, Severity};
use super::finding::{Finding, Span};
use super::list::List;
use super::read;
use super::source::{Source, harmless, quoted};
use crate::format::{Field, Format, Kind};
use std::fmt::Write as _;

/// The most diagnostics of one file that are given.
const MAX_DIAGNOSTICS: usize = 100;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The format, if there is no error.
    pub format: Option<Format>,
    /// All that was found, in the order of the file; what is about the file as a whole comes first.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there are than are given.
    pub left_off: usize,
}

impl Read {
    /// Whether the format can be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.format.is_some()
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
    }

    /// All diagnostics as people read them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text: String = self.diagnostics.iter().map(ToString::to_string).collect();
        if self.left_off > 0 {
            let _ = writeln!(text, "and {} more", self.left_off);
        }
        text
    }
}

impl Format {
    /// Reads and checks one description. `file` is the name that diagnostics give.
    #[must_use]
    pub fn read(file: &str, text: &str) -> Read {
        check_files(&[(file, text)], &[]).pop().unwrap_or(Read {
            format: None,
            diagnostics: Vec::new(),
            left_off: 0,
        })
    }
}

/// Reads and checks descriptions, each by itself and against each other and `known` formats, which
/// come with what messages call them: formats that share a filter name must agree on what a field is.
/// A known format with the name of a file's is one that the file stands for, and left out.
#[must_use]
pub fn check_files(files: &[(&str, &str)], known: &[(&str, &Format)]) -> Vec<Read> {
    let mut outcomes: Vec<_> = files.iter().map(|(_, text)| read(text)).collect();
    for place in 0..outcomes.len() {
        let (before, rest) = outcomes.split_at_mut(place);
        let Some(outcome) = rest.first_mut() else { break };
        let Some(format) = &outcome.format else { continue };
        let others = before
            .iter()
            .zip(files)
            .filter_map(|(other, (file, _))| other.format.as_ref().map(|format| (*file, format)));
        let is_replaced = |name: &str| {
            before.iter().any(|other| other.format.as_ref().is_some_and(|other| other.name == name))
        };
        let known = known
            .iter()
            .copied()
            .filter(|(_, other)| other.name != format.name && !is_replaced(&other.name));
        let clashes: Vec<_> = others
            .chain(known)
            .flat_map(|(file, other)| clashes(format, &outcome.names, file, other))
            .collect();
        for clash in clashes {
            outcome.findings.add(clash);
        }
    }
    outcomes
        .into_iter()
        .zip(files)
        .map(|(outcome, (file, text))| {
            let source = Source::new(file, text);
            let errors = outcome.findings.errors();
            let mut list = outcome.findings.list;
            list.sort_by_key(|finding| {
                (finding.span.map(|span| (span.start, span.end)), finding.code)
            });
            let left_off = list.len().saturating_sub(MAX_DIAGNOSTICS);
            list.truncate(MAX_DIAGNOSTICS);
            Read {
                format: outcome.format.filter(|_| errors == 0),
                diagnostics: list.into_iter().map(|finding| source.diagnostic(finding)).collect(),
                left_off,
            }
        })
        .collect()
}

/// The fields with names that both formats have and types that differ.
fn clashes(format: &Format, names: &[Span], file: &str, other: &Format) -> Vec<Finding> {
    if format.filter != other.filter {
        return Vec::new();
    }
    let others = field_types(other);
    let fields = field_types(format).into_iter().zip(names);
    fields
        .filter_map(|((name, kind), span)| {
            let (_, found) = others.iter().find(|(other, _)| *other == name)?;
            if *found == kind {
                return None;
            }
            let whole = quoted(&format!("{}.{name}", format.filter));
            let message = format!("{whole} is {kind} here and {found} in {}", harmless(file));
            Some(Finding::new(Code::F62, *span, message).hint("other `filter`".to_owned()))
        })
        .collect()
}

/// The names of all fields in filters, less the format's own, and their types.
fn field_types(format: &Format) -> Vec<(String, String)> {
    let mut types = Vec::new();
    for field in &format.fields {
        types.push((field.name.clone(), type_word(field)));
        if let Kind::List { fields, .. } = &field.kind {
            types.extend(
                fields
                    .iter()
                    .map(|inner| (format!("{}.{}", field.name, inner.name), type_word(inner))),
            );
        }
    }
    types
}

/// Where the names of [`field_types`] stand, in its order.
pub(super) fn name_spans(list: &List<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    for draft in &list.drafts {
        spans.push(draft.span());
        let inner = draft.element.iter().flat_map(|element| &element.drafts);
        spans.extend(inner.map(super::field::Draft::span));
    }
    spans
}

fn type_word(field: &Field) -> String {
    match &field.kind {
        Kind::Uint { bits, .. } => return format!("u{bits}"),
        Kind::Bytes { .. } => "bytes",
        Kind::Text { .. } => "text",
        Kind::Mac => "mac",
        Kind::Ipv4 => "ipv4",
        Kind::Ipv6 => "ipv6",
        Kind::Packet => "packet",
        Kind::Padding { .. } => "padding",
        Kind::List { .. } => "list",
    }
    .to_owned()
}
