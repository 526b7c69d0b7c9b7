//! The list of fields: blocks opened, names unique.

use super::diagnostic::Code;
use super::field::Draft;
use super::finding::{Finding, Span};
use super::keys::{Kind, Part};
use super::reader::Reader;
use super::table::{Node, Word, expect_entry};
use crate::format::MAX_FIELDS;

/// The deepest that blocks may nest.
const MAX_DEPTH: usize = 16;

/// A list of fields as far as it is read.
#[derive(Debug, Default)]
pub(super) struct List<'a> {
    pub(super) drafts: Vec<Draft<'a>>,
    pub(super) conditions: Vec<When<'a>>,
    /// Whether something in it could not be read, so that more may be meant than there is.
    pub(super) is_incomplete: bool,
}

/// A condition in a list.
#[derive(Debug)]
pub(super) struct When<'a> {
    pub(super) node: Node<'a>,
    /// The place of the first field that it decides about.
    pub(super) first: usize,
    /// The conditions of the blocks that it stands in, by their places, the outermost first.
    pub(super) inside: Vec<usize>,
}

/// Whether the fields are those of the datagram or of the element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Datagram,
    Element,
}

impl<'a> List<'a> {
    /// Adds a condition on what is added next, and puts it to those that hold there.
    pub(super) fn add_condition(&mut self, node: Node<'a>, whens: &mut Vec<usize>) {
        let inside = whens.clone();
        whens.push(self.conditions.len());
        self.conditions.push(When { node, first: self.drafts.len(), inside });
    }
}

impl<'a> Reader<'a> {
    /// Reads the fields of the datagram; nothing if there are too many.
    pub(super) fn fields(&mut self, node: Node<'a>) -> Option<List<'a>> {
        let count = count_fields(node);
        if count > MAX_FIELDS {
            let message = format!("{count} fields, more than {MAX_FIELDS}");
            self.findings.add(Finding::new(Code::F07, node.span, message));
            return None;
        }
        let mut list = List::default();
        self.entries(node, Of::Datagram, &[], &mut list);
        self.unique_names(&mut list);
        Some(list)
    }

    pub(super) fn entries(&mut self, node: Node<'a>, of: Of, whens: &[usize], list: &mut List<'a>) {
        let entries = node.elements();
        if entries.is_empty() {
            self.findings.add(Finding::new(Code::F26, node.span, "the list of fields is empty"));
            list.is_incomplete = true;
        }
        for entry in entries {
            if !expect_entry("fields", Kind::Table, entry, &mut self.findings) {
                list.is_incomplete = true;
                continue;
            }
            if is_block(entry) {
                self.block(entry, of, whens, list);
            } else {
                self.field(entry, of, whens, list);
            }
        }
    }

    fn block(&mut self, node: Node<'a>, of: Of, whens: &[usize], list: &mut List<'a>) {
        if of == Of::Element {
            let message = "the element of a list cannot have a block";
            self.findings.add(Finding::new(Code::F29, node.span, message));
            return;
        }
        let table = self.table(Part::Block, node);
        if whens.len() == MAX_DEPTH {
            let message = format!("blocks in more than {MAX_DEPTH} others");
            self.findings.add(Finding::new(Code::F07, node.span, message));
            list.is_incomplete = true;
            return;
        }
        let mut whens = whens.to_vec();
        if let Some(node) = table.get("when") {
            list.add_condition(node, &mut whens);
        }
        match table.get("fields") {
            Some(fields) => self.entries(fields, of, &whens, list),
            None => list.is_incomplete = true,
        }
    }

    /// Takes the name from a field whose name another one has; settings come first.
    pub(super) fn unique_names(&mut self, list: &mut List<'a>) {
        let mut seen: Vec<(String, Span)> = self
            .settings
            .iter()
            .zip(&self.setting_spans)
            .map(|(setting, span)| (setting.name.clone(), *span))
            .collect();
        for draft in &mut list.drafts {
            let Some(name) = draft.name else { continue };
            if let Some((_, first)) = seen.iter().find(|(other, _)| other == name.text) {
                self.taken(name, Some(*first));
                draft.name = None;
                continue;
            }
            seen.push((name.text.to_owned(), name.span));
        }
        // In filters, the fields of an element stand under the list's name.
        for draft in &mut list.drafts {
            let (Some(list_name), Some(element)) = (draft.name, &mut draft.element) else {
                continue;
            };
            for inner in &mut element.drafts {
                let Some(name) = inner.name else { continue };
                let whole = format!("{}.{}", list_name.text, name.text);
                if let Some((_, first)) = seen.iter().find(|(other, _)| *other == whole) {
                    self.taken(Word { text: &whole, span: name.span }, Some(*first));
                    inner.name = None;
                }
            }
        }
    }
}

/// Whether an entry is a block: it has fields or a condition, but neither name nor type.
fn is_block(node: Node<'_>) -> bool {
    let pairs = node.pairs();
    let has = |key: &str| pairs.iter().any(|(word, _)| word.text == key);
    !has("name") && !has("type") && (has("fields") || has("when"))
}

/// How many fields there are, blocks opened and the elements of lists counted.
fn count_fields(node: Node<'_>) -> usize {
    let in_entry = |entry: Node<'_>| {
        let pairs = entry.pairs();
        let inner = pairs.iter().find(|(word, _)| word.text == "fields");
        let inner = inner.map_or(0, |(_, fields)| count_fields(*fields));
        if is_block(entry) { inner } else { 1 + inner }
    };
    node.elements().into_iter().map(in_entry).sum()
}
