//! Tables of the description: their keys in file order, each of the right kind.

use super::diagnostic::Code;
use super::finding::{Finding, Findings, Span};
use super::keys::{Key, Kind, Part, Shape};
use super::source::quoted;
use super::words::did_you_mean;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) value: &'a DeValue<'a>,
}

/// A text and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) span: Span,
    pub(super) text: &'a str,
}

/// A key of a table.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    key: &'static Key,
    key_span: Span,
    node: Node<'a>,
    /// Whether its value is of the right kind.
    sound: bool,
}

/// A table whose keys all exist.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) span: Span,
    entries: Vec<Entry<'a>>,
}

impl<'a> Node<'a> {
    pub(super) fn new(spanned: &'a Spanned<DeValue<'a>>) -> Self {
        Self { span: spanned.span().into(), value: spanned.get_ref() }
    }

    pub(super) fn kind(self) -> Kind {
        match self.value {
            DeValue::String(_) => Kind::Text,
            DeValue::Integer(_) => Kind::Integer,
            DeValue::Float(_) => Kind::Float,
            DeValue::Boolean(_) => Kind::Boolean,
            DeValue::Datetime(_) => Kind::Date,
            DeValue::Array(_) => Kind::Array,
            DeValue::Table(_) => Kind::Table,
        }
    }

    /// The text that it is.
    pub(super) fn word(self) -> Option<Word<'a>> {
        self.value.as_str().map(|text| Word { span: self.span, text })
    }

    /// The text that it is, or the texts in the array that it is.
    pub(super) fn texts(self) -> Vec<Word<'a>> {
        let elements = self.elements().into_iter().filter_map(Self::word);
        self.word().into_iter().chain(elements).collect()
    }

    /// The elements, if it is an array.
    pub(super) fn elements(self) -> Vec<Self> {
        let array = self.value.as_array();
        array.into_iter().flat_map(|array| array.iter()).map(Self::new).collect()
    }

    /// The keys and values in file order, if it is a table.
    pub(super) fn pairs(self) -> Vec<(Word<'a>, Self)> {
        self.value.as_table().map(pairs).unwrap_or_default()
    }
}

/// The keys and values of a table in file order.
pub(super) fn pairs<'a>(table: &'a DeTable<'a>) -> Vec<(Word<'a>, Node<'a>)> {
    let mut pairs: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            (Word { span: key.span().into(), text: key.get_ref() }, Node::new(value))
        })
        .collect();
    pairs.sort_by_key(|(key, _)| key.span);
    pairs
}

impl<'a> Table<'a> {
    /// Reads the keys of a table, and reports those that are unknown, missing or of another kind.
    pub(super) fn read(
        part: Part,
        span: Span,
        pairs: Vec<(Word<'a>, Node<'a>)>,
        source: &str,
        findings: &mut Findings,
    ) -> Self {
        let mut entries = Vec::new();
        for (key_word, node) in pairs {
            let Some(key) = part.key(key_word.text) else {
                findings.add(unknown_key(part, key_word, span, source));
                continue;
            };
            let sound = expect_kind(key.name, key.shape.kinds(), node, findings);
            entries.push(Entry { key, key_span: key_word.span, node, sound });
        }
        let table = Self { span, entries };
        for key in part.keys().iter().filter(|key| key.required && !table.has(key.name)) {
            // A table without a place is the file as a whole.
            let place = (part != Part::Top).then_some(span);
            let message = match (part, key.name) {
                (Part::Top, "carrier") => {
                    let finding = Finding::new(Code::F60, None, "no carrier");
                    findings.add(finding.expected("{ udp = PORT }, { tcp = PORT }"));
                    continue;
                }
                (Part::Top, name) => format!("missing key {}", quoted(name)),
                (_, name) => format!("missing key {} {}", quoted(name), part.place()),
            };
            findings.add(Finding::new(Code::F03, place, message));
        }
        table
    }

    /// The value of a key, if it is there and of the right kind.
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        self.entry(name).filter(|entry| entry.sound).map(|entry| entry.node)
    }

    /// The value of a key with what the key holds, if it is there and of the right kind.
    pub(super) fn shaped(&self, name: &str) -> Option<(Node<'a>, Shape)> {
        self.entry(name).filter(|entry| entry.sound).map(|entry| (entry.node, entry.key.shape))
    }

    /// The text of a key, if it is there and text.
    pub(super) fn word(&self, name: &str) -> Option<Word<'a>> {
        self.get(name).and_then(Node::word)
    }

    /// The text of a key for people, or nothing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.word(name).map(|word| word.text.to_owned())
    }

    /// Whether a key is there, be its value sound or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Where a key stands.
    pub(super) fn key_span(&self, name: &str) -> Option<Span> {
        self.entry(name).map(|entry| entry.key_span)
    }

    /// Its keys in file order, and where they stand.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'static Key, Span)> + '_ {
        self.entries.iter().map(|entry| (entry.key, entry.key_span))
    }

    fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }
}

/// Reports the value of a key that is none of these kinds.
pub(super) fn expect_kind(
    key: &str,
    kinds: &[Kind],
    node: Node<'_>,
    findings: &mut Findings,
) -> bool {
    expect(&quoted(key), kinds, node, findings)
}

/// Reports an element of a key's array that is not of this kind.
pub(super) fn expect_entry(key: &str, kind: Kind, node: Node<'_>, findings: &mut Findings) -> bool {
    expect(&format!("an entry of {}", quoted(key)), &[kind], node, findings)
}

fn expect(what: &str, kinds: &[Kind], node: Node<'_>, findings: &mut Findings) -> bool {
    let sound = kinds.contains(&node.kind());
    if !sound {
        let wanted: Vec<_> = kinds.iter().map(|kind| kind.words()).collect();
        let (wanted, found) = (wanted.join(" or "), node.kind().words());
        let message = format!("{what} must be {wanted}, this is {found}");
        findings.add(Finding::new(Code::F04, node.span, message));
    }
    sound
}

fn unknown_key(part: Part, key: Word<'_>, table: Span, source: &str) -> Finding {
    let known: Vec<_> = part.keys().iter().map(|key| key.name).collect();
    let message = format!("unknown key {} {}", quoted(key.text), part.place());
    let finding = Finding::new(Code::F02, key.span, message).expected(known.join(", "));
    if part != Part::Top && Part::Top.key(key.text).is_some() {
        let is_inline = source.as_bytes().get(table.start) == Some(&b'{');
        let hint =
            if is_inline { "it belongs to the top" } else { "move it above the first [table]" };
        return finding.hint(hint.to_owned());
    }
    finding.hint(did_you_mean(key.text, known))
}
