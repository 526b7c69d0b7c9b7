//! The list of fields: blocks opened, and each field read as far as it says by itself what it is.

use super::diagnostic::Code;
use super::finding::{Finding, Span};
use super::keys::{
    ELEMENT_ROLES, ELEMENT_TYPES, Key, Kind, NEEDED, NO_ROLE, NameOf, Part, ROLES, TYPES, UINT,
};
use super::reader::{Reader, title_of};
use super::source::quoted;
use super::table::{Node, Table, Word, expect_entry, expect_kind};
use super::value::{Class, greatest, parse_number};
use crate::format::{Accept, Literal, MAX_FIELDS, Size, TAG_BYTES};

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

/// A field as far as it says by itself what it is.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) table: Table<'a>,
    /// Nothing if it is missing, or no name, or taken.
    pub(super) name: Option<Word<'a>>,
    /// Nothing if it is missing or unknown.
    pub(super) class: Option<Class>,
    /// [`NO_ROLE`] if it has none; nothing if it is unknown.
    pub(super) role: Option<&'static str>,
    pub(super) size: Option<Size>,
    pub(super) value: Option<Literal>,
    pub(super) accept: Accept,
    pub(super) names: Vec<(u64, String)>,
    /// The conditions that it stands under, by their places, the outermost first.
    pub(super) whens: Vec<usize>,
    pub(super) element: Option<List<'a>>,
}

impl<'a> List<'a> {
    /// Adds a condition on what is added next, and puts it to those that hold there.
    fn add_condition(&mut self, node: Node<'a>, whens: &mut Vec<usize>) {
        let inside = whens.clone();
        whens.push(self.conditions.len());
        self.conditions.push(When { node, first: self.drafts.len(), inside });
    }
}

impl Draft<'_> {
    /// Where it is, for what is wrong with it as a whole.
    pub(super) fn span(&self) -> Span {
        self.name.map_or(self.table.span, |name| name.span)
    }

    /// Its name as messages call it.
    pub(super) fn quoted(&self) -> String {
        self.name.map_or_else(|| "a field without a name".to_owned(), |name| quoted(name.text))
    }

    /// Its role, if it has one and that is known.
    pub(super) fn role(&self) -> Option<&'static str> {
        self.role.filter(|role| *role != NO_ROLE)
    }

    /// Whether this is the name that it was given, even if that was refused.
    pub(super) fn names_itself(&self, name: &str) -> bool {
        self.table.word("name").is_some_and(|word| word.text == name)
    }

    pub(super) fn title(&self) -> String {
        let name = self.name.map_or("", |name| name.text);
        self.table.text("title").unwrap_or_else(|| title_of(name))
    }
}

/// Whether the fields are those of the datagram or of the element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Datagram,
    Element,
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

    fn entries(&mut self, node: Node<'a>, of: Of, whens: &[usize], list: &mut List<'a>) {
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

    fn field(&mut self, node: Node<'a>, of: Of, whens: &[usize], list: &mut List<'a>) {
        let table = self.table(Part::Field, node);
        let name = self.name(NameOf::Field, table.word("name"));
        let class = table.word("type").and_then(|word| self.field_class(word, of));
        let role = match table.word("role") {
            Some(word) => self.one_of(Code::F11, "role", word, &ROLES),
            None => (!table.has("role")).then_some(NO_ROLE),
        };
        self.ownership(&table, class, role);
        if let Some(span) = table.key_span("when")
            && of == Of::Element
        {
            let message = "a field of a list's element cannot have \"when\"";
            self.findings.add(Finding::new(Code::F29, span, message));
        }
        if let (Some(word), Some(role)) = (table.word("role"), role)
            && of == Of::Element
            && !ELEMENT_ROLES.contains(&role)
        {
            let message =
                format!("a field of a list's element cannot have the role {}", quoted(role));
            self.findings.add(Finding::new(Code::F29, word.span, message));
        }
        let (value, size) = self.value_and_size(&table, class, role);
        let mut draft = Draft {
            name,
            class,
            role,
            size,
            value,
            accept: self.accept(&table),
            names: self.number_names(&table, class),
            whens: whens.to_vec(),
            element: None,
            table,
        };
        if let Some(node) = draft.table.get("when").filter(|_| of == Of::Datagram) {
            list.add_condition(node, &mut draft.whens);
        }
        self.needed_keys(&draft);
        self.role_fits(&draft);
        if class == Some(Class::List)
            && let Some(node) = draft.table.get("fields")
        {
            let mut element = List::default();
            self.entries(node, Of::Element, &[], &mut element);
            self.unique_names(&mut element);
            draft.element = Some(element);
        }
        list.is_incomplete |= draft.class.is_none();
        list.drafts.push(draft);
    }

    fn field_class(&mut self, word: Word<'a>, of: Of) -> Option<Class> {
        let known: &[&'static str] = if of == Of::Element { &ELEMENT_TYPES } else { &TYPES };
        if of == Of::Element && TYPES.contains(&word.text) && !known.contains(&word.text) {
            let message =
                format!("the element of a list cannot have a field of type {}", quoted(word.text));
            self.findings.add(Finding::new(Code::F29, word.span, message));
            return None;
        }
        self.class(word, known)
    }

    /// Reports keys that belong to other types or roles.
    fn ownership(&mut self, table: &Table<'a>, class: Option<Class>, role: Option<&'static str>) {
        for (key, span) in table.keys() {
            let family = class.map(Class::family);
            if let Some(family) = family.filter(|_| !key.types.is_empty())
                && !key.types.contains(&family)
            {
                self.findings.add(other_type(key, span, class));
            } else if let Some(role) = role.filter(|_| !key.roles.is_empty())
                && !key.roles.contains(&role)
            {
                self.findings.add(other_role(key, span, role));
            }
        }
    }

    fn value_and_size(
        &mut self,
        table: &Table<'a>,
        class: Option<Class>,
        role: Option<&'static str>,
    ) -> (Option<Literal>, Option<Size>) {
        let Some(class) = class else { return (None, None) };
        let valued = Part::Field.key("value").is_some_and(|key| {
            key.types.contains(&class.family())
                && role.is_some_and(|role| key.roles.contains(&role))
        });
        let value_node = table.get("value").filter(|_| valued);
        let value = value_node.and_then(|node| self.literal("value", class, node));
        if !matches!(class, Class::Bytes | Class::Text) {
            return (value, None);
        }
        // A size or value that is broken says nothing about the other.
        let broken = (table.has("size") && table.get("size").is_none())
            || (table.has("value") && value.is_none());
        let size_node = table.get("size");
        if broken {
            return (value, size_node.and_then(|node| self.size(class, Some(node), None)));
        }
        let size = self.size(class, size_node, value_node.zip(value.as_ref()));
        if role == Some("tag") && size == Some(Size::Open) {
            return (value, Some(Size::Fixed(TAG_BYTES)));
        }
        (value, size)
    }

    fn accept(&mut self, table: &Table<'a>) -> Accept {
        match table.word("accept") {
            Some(word) => {
                let found = self.one_of(Code::F09, "word for what is accepted", word, &["any"]);
                found.map_or(Accept::Exact, |_| Accept::Any)
            }
            None => Accept::Exact,
        }
    }

    fn number_names(&mut self, table: &Table<'a>, class: Option<Class>) -> Vec<(u64, String)> {
        let mut names: Vec<(u64, String)> = Vec::new();
        let Some(node) = table.get("names") else { return names };
        for (key, value) in node.pairs() {
            let Some(number) = self.number_key("names", key, class) else { continue };
            if names.iter().any(|(other, _)| *other == number) {
                self.twice(key.span, &number.to_string(), "names");
            } else if expect_kind(key.text, &[Kind::Text], value, &mut self.findings) {
                names.push((number, value.word().map_or("", |word| word.text).to_owned()));
            }
        }
        names
    }

    /// The number that a key of `names` or of a table is, if it fits the field.
    pub(super) fn number_key(
        &mut self,
        table: &str,
        key: Word<'_>,
        class: Option<Class>,
    ) -> Option<u64> {
        let Some(number) = parse_number(key.text) else {
            let looks_like_number = key.text.starts_with(|first: char| first.is_ascii_digit());
            if let Some(class) = class.filter(|_| looks_like_number) {
                self.does_not_fit(key.span, &quoted(key.text), &class.words(), "a number");
                return None;
            }
            let message = format!("unknown key {} in {}", quoted(key.text), quoted(table));
            let finding = Finding::new(Code::F02, key.span, message).expected("numbers");
            let hint = format!("keys after [fields.{table}] belong to it");
            let is_key = Part::Field.key(key.text).or(Part::Top.key(key.text)).is_some();
            self.findings.add(finding.hint(is_key.then_some(hint)));
            return None;
        };
        if let Some(Class::Uint(bits)) = class
            && number > greatest(bits)
        {
            let expected = format!("0..{}", greatest(bits));
            self.does_not_fit(key.span, &self.written(key.span), &format!("u{bits}"), &expected);
            return None;
        }
        Some(number)
    }

    /// Reports keys that the type or role needs.
    fn needed_keys(&mut self, draft: &Draft<'a>) {
        let family = draft.class.map(Class::family);
        for (by, word, key, hint) in NEEDED {
            let found = if by == "type" { family } else { draft.role() };
            if found == Some(word) && !draft.table.has(key) {
                self.needs(draft, by, word, key, Some(hint));
            }
        }
        if draft.role() == Some("random")
            && draft.class == Some(Class::Bytes)
            && !draft.table.has("size")
        {
            self.needs(draft, "role", "random", "size", None);
        }
    }

    fn needs(&mut self, draft: &Draft<'a>, by: &str, word: &str, key: &str, hint: Option<&str>) {
        let span = draft.table.word(by).map(|word| word.span);
        let message = format!("the {by} {} needs {}", quoted(word), quoted(key));
        let finding = Finding::new(Code::F20, span, message);
        self.findings.add(finding.hint(hint.map(str::to_owned)));
    }

    /// Reports a role that the type cannot have.
    fn role_fits(&mut self, draft: &Draft<'a>) {
        let (Some(class), Some(role)) = (draft.class, draft.role()) else { return };
        let algorithm = draft.table.word("algorithm").map(|word| word.text);
        let is_uint = class.family() == UINT;
        let (fits, needs) = match (role, algorithm) {
            // That a role stands on another type at all is found by its key.
            _ if !is_uint && class != Class::Bytes => return,
            ("tag", _) => {
                let size = draft.size;
                if class == Class::Bytes && size.is_none() {
                    return;
                }
                (class == Class::Bytes && size == Some(Size::Fixed(TAG_BYTES)), "16 bytes")
            }
            ("checksum", Some("internet")) => (class == Class::Uint(16), "u16"),
            ("checksum", Some("crc32")) => (class == Class::Uint(32), "u32"),
            ("random", _) => {
                // Which size there will be must be known when it is filled.
                (true, "")
            }
            _ => (is_uint, "an integer"),
        };
        if fits {
            return;
        }
        let found = match draft.size {
            Some(Size::Fixed(bytes)) => format!("has {}", super::value::bytes_in_words(bytes)),
            _ => format!("is {}", class.words()),
        };
        let message =
            format!("the role {} needs {needs}, {} {found}", quoted(role), draft.quoted());
        let span = draft.table.word("type").map(|word| word.span);
        self.findings.add(Finding::new(Code::F28, span, message));
    }

    /// Takes the name from a field whose name another one has; settings come first.
    fn unique_names(&mut self, list: &mut List<'a>) {
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

fn other_type(key: &Key, span: Span, class: Option<Class>) -> Finding {
    let words: Vec<_> = key.types.iter().map(|word| quoted(word)).collect();
    let found = class.map(Class::words).unwrap_or_default();
    if words.len() > 2 {
        let message = format!("{} does not belong to type {}", quoted(key.name), quoted(&found));
        return Finding::new(Code::F06, span, message).expected(key.types.join(", "));
    }
    let message = format!("{} belongs to type {}", quoted(key.name), words.join(" or "));
    Finding::new(Code::F06, span, message)
}

fn other_role(key: &Key, span: Span, role: &str) -> Finding {
    if let [owner] = key.roles {
        let message = format!("{} belongs to role {}", quoted(key.name), quoted(owner));
        let hint = (role == NO_ROLE).then(|| format!("add `role = {}`", quoted(owner)));
        return Finding::new(Code::F06, span, message).hint(hint);
    }
    let message = format!("{} does not belong to role {}", quoted(key.name), quoted(role));
    let owners = key.roles.iter().map(|role| if *role == NO_ROLE { "no role" } else { role });
    Finding::new(Code::F06, span, message).expected(owners.collect::<Vec<_>>().join(", "))
}
