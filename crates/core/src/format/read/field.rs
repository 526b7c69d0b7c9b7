//! The list of fields: blocks opened, and each field read as far as it says by itself what it is.

use super::diagnostic::Code;
use super::finding::{Finding, Span};
use super::keys::{
    ELEMENT_ROLES, ELEMENT_TYPES, Key, Kind, NEEDED, NO_ROLE, NameOf, Part, ROLES, TYPES, UINT,
};
use super::list::{List, Of};
use super::reader::{Reader, title_of};
use super::source::quoted;
use super::table::{Node, Table, Word, expect_kind};
use super::value::{Class, greatest, parse_number};
use crate::format::{Accept, Literal, Size, TAG_BYTES};

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

impl<'a> Reader<'a> {
    /// Reads a field and adds it to the list.
    pub(super) fn field(&mut self, node: Node<'a>, of: Of, whens: &[usize], list: &mut List<'a>) {
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
