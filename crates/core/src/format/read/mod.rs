//! Reading and checking descriptions.
//!
//! In passes, each over what the one before made of it: TOML; the keys of its tables; the list of
//! fields with blocks opened; where fields lie in bytes; conditions; the cipher; ranges and roles;
//! the whole. A pass leaves out what is broken, so that all errors come at once and what depends on
//! a broken part is not reported again.

mod across;
mod build;
mod cipher;
mod condition;
mod diagnostic;
mod field;
mod finding;
pub(super) mod keys;
mod layout;
mod list;
mod range;
mod reader;
mod satisfiable;
mod source;
mod table;
mod value;
mod whole;
mod words;

pub use across::{Read, check_files};
pub use diagnostic::{Code, Diagnostic, Place, Related, Severity, error_reference};

use super::{Format, LANGUAGE, NoncePart};
use build::Around;
use cipher::Fields;
use finding::{Finding, Findings, Span};
use keys::{NameOf, Part};
use reader::Reader;
use source::harmless;
pub(super) use source::is_treacherous;
use std::collections::BTreeSet;
use table::{Table, pairs};
use toml::de::{DeTable, DeValue};
use value::{Class, greatest};

/// The most bytes that the file of a description may have.
pub const MAX_FILE_BYTES: usize = 65_536;

/// What is read of a file: a format, unless there are errors, and where the names of its fields
/// stand.
#[derive(Default)]
struct Outcome {
    format: Option<Format>,
    findings: Findings,
    /// Places of the names of the fields, in the order of [`field_types`](across::field_types).
    names: Vec<Span>,
}

fn read(text: &str) -> Outcome {
    let mut outcome = Outcome::default();
    if text.len() > MAX_FILE_BYTES {
        let message = format!("{} bytes, more than {MAX_FILE_BYTES}", text.len());
        outcome.findings.add(Finding::new(Code::F07, None, message));
        return outcome;
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text);
    let mut broken_lines = BTreeSet::new();
    let mut last = None;
    for error in &errors {
        let span = error.span().map(Span::from);
        let message = format!("TOML: {}", harmless(error.message()));
        // Of brackets that are not closed, the parser says it for each.
        if last.replace((span, message.clone())) == Some((span, message.clone())) {
            continue;
        }
        // A key given twice breaks nothing else.
        if error.message() != "duplicate key" {
            broken_lines.insert(span.map_or(0, |span| reader.lines.number(span)));
        }
        outcome.findings.add(Finding::new(Code::F01, span, message));
    }
    let read = reader.description(document.get_ref());
    let Reader { lines, findings: mut found, .. } = reader;
    if !broken_lines.is_empty() {
        // What is missing or does not fit may be what the parser could not read.
        found.list.retain(|finding| {
            finding.code != Code::F03
                && finding.code <= Code::F13
                && finding.span.is_some_and(|span| !broken_lines.contains(&lines.number(span)))
        });
    }
    outcome.findings.list.append(&mut found.list);
    if outcome.findings.errors() == 0 {
        (outcome.format, outcome.names) =
            read.map_or((None, Vec::new()), |(format, names)| (Some(format), names));
    }
    outcome
}

impl<'a> Reader<'a> {
    /// Reads the whole description: the format and where its fields' names stand.
    fn description(&mut self, document: &'a DeTable<'a>) -> Option<(Format, Vec<Span>)> {
        if let Some(finding) = newer_language(document) {
            self.findings.add(finding);
            return None;
        }
        let whole = Span { start: 0, end: 0 };
        let top = Table::read(Part::Top, whole, pairs(document), self.text, &mut self.findings);
        let name = self.name(NameOf::Format, top.word("name"));
        let filter = self.name(NameOf::Filter, top.word("filter"));
        self.number_in(&top, "language");
        let endian = self.endian(top.word("endian"));
        self.endian = endian.unwrap_or(self.endian);
        let carrier = self.carrier(top.get("carrier"));

        let before = self.findings.errors();
        let kinds = top.get("packet").map(|node| self.packet(node)).unwrap_or_default();
        self.read_settings(top.get("settings"));
        let list = top.get("fields").and_then(|node| self.fields(node))?;
        let layout = self.layout(&list);
        let parts = self.conditions(&list);
        let packet = list.drafts.iter().position(|draft| draft.class == Some(Class::Packet));
        let fields = Fields { list: &list, layout: &layout, parts: &parts, packet };
        self.packet_fields(&top, &kinds, fields);
        let cipher = self.cipher(top.get("cipher"), fields);
        let nonce = nonce_fields(cipher.as_ref());
        let decode_only = top.text("decode_only");
        let built = self.build(Around {
            fields,
            in_element: false,
            nonce: &nonce,
            decode_only: decode_only.is_some(),
        });
        let sound = self.findings.errors() == before;
        let name = name.map_or("", |name| name.text).to_owned();
        let format = Format {
            title: top.text("title").unwrap_or_else(|| name.clone()),
            doc: top.text("doc").unwrap_or_default(),
            filter: filter.map_or_else(|| name.replace('-', "_"), |filter| filter.text.to_owned()),
            carrier: carrier.unwrap_or_default(),
            packet: kinds,
            cipher,
            settings: self.settings.clone(),
            decode_only,
            fields: built.filter(|_| sound)?,
            name,
        };
        self.next_numbers(&format, &list, top.get("packet"));
        self.checksum_circles(&format, &list);
        self.ends(&format, &list, &top);
        Some((format, across::name_spans(&list)))
    }
}

/// A description in a newer language may have anything: that it is newer is all that is said.
fn newer_language(document: &DeTable<'_>) -> Option<Finding> {
    let (_, value) = document.iter().find(|(key, _)| key.get_ref() == "language")?;
    let DeValue::Integer(number) = value.get_ref() else { return None };
    let digits = number.as_str();
    if digits.starts_with('-') {
        return None;
    }
    let language = u64::from_str_radix(digits, number.radix()).unwrap_or(greatest(64));
    (language > LANGUAGE).then(|| {
        let message =
            format!("written for language {language}, this program reads up to {LANGUAGE}");
        Finding::new(Code::F05, Span::from(value.span()), message)
            .hint("a newer crapvpn".to_owned())
    })
}

fn nonce_fields(cipher: Option<&super::Cipher>) -> Vec<usize> {
    let parts = cipher.map_or(&[][..], |cipher| &cipher.nonce);
    parts
        .iter()
        .filter_map(|part| match part {
            NoncePart::Field { field, .. } => Some(*field),
            _ => None,
        })
        .collect()
}
