//! The JSON Schema of descriptions, for editors, and the reference of all keys, for people: both
//! made from the table that the checker reads.

use super::read::keys::{
    ELEMENT_ROLES, ELEMENT_TYPES, Key, NEEDED, NEXT_KINDS, NameOf, PACKET_KINDS, Part,
    SETTING_TYPES, Shape, TABLES, TYPES, UINT,
};
use super::{LANGUAGE, MAX_FIELDS, MAX_FIXED_BYTES};
use std::fmt::{self, Write};

const UINT_PATTERN: &str = "^u([1-9]|[1-5][0-9]|6[0-4])$";
const NUMBER_PATTERN: &str = "^([0-9]+|0x[0-9A-Fa-f]+|0o[0-7]+|0b[01]+)$";
const NAME: &str = "[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*";

/// A JSON Schema (draft 7) of descriptions, by which editors complete and check while one writes.
/// It is strict, but knows only what stands in one table: that names exist, and that things fit
/// each other, is left to [`Format::read`](super::Format::read).
#[must_use]
pub fn json_schema() -> String {
    let mut schema = vec![
        ("$schema", text("http://json-schema.org/draft-07/schema#")),
        ("title", Json::Text(format!("Description of a format, language {LANGUAGE}"))),
    ];
    schema.extend(table(Part::Top));
    let parts = [Part::Carrier, Part::Cipher, Part::Setting, Part::Field, Part::Block];
    let mut definitions: Vec<_> =
        parts.into_iter().map(|part| (part_name(part), Json::Object(table(part)))).collect();
    definitions.push(("element", Json::Object(element())));
    schema.push(("definitions", Json::Object(definitions)));
    format!("{:#}\n", Json::Object(schema))
}

/// A Markdown table of the keys of each table: what they mean and hold, what holds without them,
/// and where they belong.
#[must_use]
pub fn key_reference() -> String {
    let mut text = String::new();
    for part in Part::ALL {
        let _ = write!(
            text,
            "{}### Keys {}\n\n| key | meaning | holds | default | belongs to |\n|--|--|--|--|--|\n",
            if text.is_empty() { "" } else { "\n" },
            part.place()
        );
        for key in part.keys() {
            let default = if key.required { "required" } else { key.default };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {default} | {} |",
                key.name,
                key.doc,
                key.shape.words(),
                owners(key)
            );
        }
    }
    text
}

fn owners(key: &Key) -> String {
    let code = |words: &[&str]| -> String {
        let words: Vec<_> = words
            .iter()
            .map(|word| if word.is_empty() { "none".to_owned() } else { format!("`{word}`") })
            .collect();
        words.join(", ")
    };
    match (key.types, key.roles) {
        ([], []) => String::new(),
        (types, []) => format!("type {}", code(types)),
        ([], roles) => format!("role {}", code(roles)),
        (types, roles) => format!("type {}; role {}", code(types), code(roles)),
    }
}

impl Shape {
    /// What it holds, in words.
    fn words(self) -> String {
        let quoted = |words: &[&str]| -> String {
            let words: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            words.join(", ")
        };
        match self {
            Self::Text => "text".into(),
            Self::Name(of) => of.rule().replace('"', "`"),
            Self::Word(words) => quoted(words),
            Self::Number(least, most) if least == most => most.to_string(),
            Self::Number(least, most) => format!("{least} to {most}"),
            Self::OneOf(numbers) => {
                numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
            }
            Self::FieldType => format!("`\"u1\"` to `\"u64\"`, {}", quoted(&TYPES)),
            Self::SettingType => format!("`\"u1\"` to `\"u64\"`, {}", quoted(&SETTING_TYPES)),
            Self::Value => "a number; bytes as `\"text\"` or `\"0x63 72\"`; an address".into(),
            Self::Values => "a list of values".into(),
            Self::Size => format!("1 to {MAX_FIXED_BYTES}, or the name of a setting"),
            Self::Ports => "a port or a list of them".into(),
            Self::Packet => format!("{}, or a list", quoted(&PACKET_KINDS)),
            Self::Cipher => format!("{}, or a table", quoted(&["none", "xor"])),
            Self::Nonce => {
                "a list of `\"0x…\"`, settings, fields, `\"FIELD:little\"`, `\"FIELD:big\"`".into()
            }
            Self::Condition => "a condition, or a list of which any must hold".into(),
            Self::Range => "a field or a range of fields: `a`, `a..b`, `a..`, `..b`, `..`".into(),
            Self::Names => "a table of numbers and texts".into(),
            Self::NextTable => {
                format!("{}, or a table of numbers and {}", quoted(&TABLES), quoted(&NEXT_KINDS))
            }
            Self::Table(_) => "a table".into(),
            Self::List([_]) => "a list of tables".into(),
            Self::List(_) => "a list of fields and blocks".into(),
        }
    }

    fn schema(self) -> Object {
        match self {
            Self::Text => vec![("type", text("string"))],
            Self::Name(of) => matching(of.pattern()),
            Self::Word(words) => one_of(words),
            Self::Number(least, most) => integer(least, Some(most)),
            Self::OneOf(numbers) => {
                vec![("enum", Json::List(numbers.iter().copied().map(Json::Number).collect()))]
            }
            Self::FieldType => any([one_of(&TYPES), matching(UINT_PATTERN)]),
            Self::SettingType => any([one_of(&SETTING_TYPES), matching(UINT_PATTERN)]),
            Self::Value => any([integer(0, None), Self::Text.schema()]),
            Self::Values => list(0, Self::Value.schema()),
            Self::Size => {
                any([integer(1, Some(MAX_FIXED_BYTES as u64)), matching(NameOf::Setting.pattern())])
            }
            Self::Ports => {
                let port = || integer(1, Some(u16::MAX.into()));
                any([port(), list(0, port())])
            }
            Self::Packet => {
                let mut several = list(1, one_of(&PACKET_KINDS));
                several.push(("uniqueItems", Json::Bool(true)));
                any([one_of(&PACKET_KINDS), several])
            }
            // An AEAD needs a nonce, so it cannot stand alone.
            Self::Cipher => any([one_of(&["none", "xor"]), reference("cipher")]),
            Self::Nonce => {
                list(1, matching(&format!("^(0x[0-9A-Fa-f ]*|{NAME}(:(little|big))?)$")))
            }
            Self::Condition => {
                let term = format!(" *(! *{NAME}|{NAME}( *!?= *[0-9][0-9A-Za-z]*)?) *");
                let text = || matching(&format!("^{term}(&{term})*$"));
                any([text(), list(1, text())])
            }
            Self::Range => matching(&format!("^ *({NAME}|({NAME})? *\\.\\. *({NAME})?) *$")),
            Self::Names => numbered(Self::Text.schema()),
            Self::NextTable => any([one_of(&TABLES), numbered(one_of(&NEXT_KINDS))]),
            Self::Table(part) => reference(part_name(part)),
            Self::List([Part::Field]) => list(1, reference("element")),
            Self::List(parts) => {
                let least = u64::from(parts.contains(&Part::Field));
                let mut list =
                    list(least, any(parts.iter().map(|part| reference(part_name(*part)))));
                list.push(("maxItems", Json::Number(MAX_FIELDS as u64)));
                list
            }
        }
    }
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Top => "top",
        Part::Carrier => "carrier",
        Part::Cipher => "cipher",
        Part::Setting => "setting",
        Part::Field => "field",
        Part::Block => "block",
    }
}

fn table(part: Part) -> Object {
    let properties = part.keys().iter().map(|key| (key.name, property(key, key.shape.schema())));
    let mut table = keys_only(part.keys().iter(), properties.collect());
    if part == Part::Carrier {
        table.push(("minProperties", Json::Number(1)));
    }
    if part == Part::Setting {
        table.push(("allOf", Json::List(vec![needs("type", "bytes", "size")])));
    }
    if part == Part::Field {
        table.push((
            "allOf",
            Json::List(NEEDED.iter().map(|(by, word, key, _)| needs(by, word, key)).collect()),
        ));
    }
    table
}

/// A field of the element of a list.
fn element() -> Object {
    let stands = |key: &&Key| {
        let of_type = key.types.is_empty()
            || key.types.iter().any(|word| *word == UINT || ELEMENT_TYPES.contains(word));
        let of_role = key.roles.is_empty()
            || key.roles.iter().any(|word| word.is_empty() || ELEMENT_ROLES.contains(word));
        of_type && of_role && key.name != "when"
    };
    let keys: Vec<_> = Part::Field.keys().iter().filter(stands).collect();
    let shape = |key: &Key| match key.name {
        "type" => any([one_of(&ELEMENT_TYPES), matching(UINT_PATTERN)]),
        "role" => one_of(&ELEMENT_ROLES),
        _ => key.shape.schema(),
    };
    let properties = keys.iter().map(|key| (key.name, property(key, shape(key)))).collect();
    let mut element = keys_only(keys.iter().copied(), properties);
    let needed = NEEDED.iter().filter(|(_, word, ..)| ELEMENT_ROLES.contains(word));
    let needed = needed.map(|(by, word, key, _)| needs(by, word, key)).collect();
    element.push(("allOf", Json::List(needed)));
    element
}

/// An object that has these keys and no others, each with the type and role that it belongs to.
fn keys_only<'k>(keys: impl Iterator<Item = &'k Key> + Clone, properties: Object) -> Object {
    let required = keys.clone().filter(|key| key.required).map(|key| text(key.name)).collect();
    let mut object = vec![
        ("type", text("object")),
        ("additionalProperties", Json::Bool(false)),
        ("required", Json::List(required)),
        ("properties", Json::Object(properties)),
    ];
    let owners: Object = keys
        .filter(|key| !key.types.is_empty() || !key.roles.is_empty())
        .map(|key| (key.name, Json::Object(belongs(key))))
        .collect();
    if !owners.is_empty() {
        object.push(("dependencies", Json::Object(owners)));
    }
    object
}

/// What else must be in a table that has this key.
fn belongs(key: &Key) -> Object {
    let mut properties: Object = Vec::new();
    let mut required = Vec::new();
    if !key.types.is_empty() {
        let words: Vec<_> = key.types.iter().copied().filter(|word| *word != UINT).collect();
        let allowed = match (key.types.contains(&UINT), words.is_empty()) {
            (true, true) => matching(UINT_PATTERN),
            (true, false) => any([one_of(&words), matching(UINT_PATTERN)]),
            (false, _) => one_of(&words),
        };
        properties.push(("type", Json::Object(allowed)));
    }
    if !key.roles.is_empty() {
        let words: Vec<_> = key.roles.iter().copied().filter(|word| !word.is_empty()).collect();
        properties.push(("role", Json::Object(one_of(&words))));
        if !key.roles.contains(&"") {
            required.push(text("role"));
        }
    }
    vec![("required", Json::List(required)), ("properties", Json::Object(properties))]
}

/// That a table with this word in a key has another key too.
fn needs(key: &'static str, word: &'static str, needed: &'static str) -> Json {
    let is = vec![
        ("required", Json::List(vec![text(key)])),
        ("properties", Json::Object(vec![(key, Json::Object(vec![("const", text(word))]))])),
    ];
    let then = vec![("required", Json::List(vec![text(needed)]))];
    Json::Object(vec![("if", Json::Object(is)), ("then", Json::Object(then))])
}

fn property(key: &Key, mut schema: Object) -> Json {
    let default =
        if key.default.is_empty() { String::new() } else { format!(" Default: {}.", key.default) };
    // Beside a reference, draft 7 ignores everything.
    if schema.iter().any(|(key, _)| *key == "$ref") {
        schema = vec![("allOf", Json::List(vec![Json::Object(schema)]))];
    }
    schema.insert(0, ("description", Json::Text(format!("{}.{default}", key.doc))));
    Json::Object(schema)
}

fn text(word: &str) -> Json {
    Json::Text(word.to_owned())
}

fn matching(pattern: &str) -> Object {
    vec![("type", text("string")), ("pattern", text(pattern))]
}

fn one_of(words: &[&str]) -> Object {
    vec![("enum", Json::List(words.iter().map(|word| text(word)).collect()))]
}

fn integer(least: u64, most: Option<u64>) -> Object {
    let mut integer = vec![("type", text("integer")), ("minimum", Json::Number(least))];
    integer.extend(most.map(|most| ("maximum", Json::Number(most))));
    integer
}

fn any(schemas: impl IntoIterator<Item = Object>) -> Object {
    let schemas: Vec<_> = schemas.into_iter().map(Json::Object).collect();
    vec![("anyOf", Json::List(schemas))]
}

fn list(least: u64, items: Object) -> Object {
    let mut list = vec![("type", text("array")), ("items", Json::Object(items))];
    if least > 0 {
        list.push(("minItems", Json::Number(least)));
    }
    list
}

fn numbered(values: Object) -> Object {
    vec![
        ("type", text("object")),
        ("propertyNames", Json::Object(vec![("pattern", text(NUMBER_PATTERN))])),
        ("additionalProperties", Json::Object(values)),
    ]
}

fn reference(name: &str) -> Object {
    vec![("$ref", Json::Text(format!("#/definitions/{name}")))]
}

type Object = Vec<(&'static str, Json)>;

/// JSON, as far as a schema needs it.
enum Json {
    Text(String),
    Number(u64),
    Bool(bool),
    List(Vec<Self>),
    Object(Object),
}

impl Json {
    fn write(&self, out: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let line = |out: &mut fmt::Formatter<'_>, first: bool, depth: usize| {
            let comma = if first { "" } else { "," };
            write!(out, "{comma}\n{:indent$}", "", indent = 2 * depth)
        };
        match self {
            Self::Text(text) => write_text(out, text),
            Self::Number(number) => write!(out, "{number}"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::List(items) if items.iter().all(|item| !matches!(item, Self::Object(_))) => {
                out.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    out.write_str(if place == 0 { "" } else { ", " })?;
                    item.write(out, depth)?;
                }
                out.write_str("]")
            }
            Self::List(items) => {
                out.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    line(out, place == 0, depth + 1)?;
                    item.write(out, depth + 1)?;
                }
                line(out, true, depth)?;
                out.write_str("]")
            }
            Self::Object(entries) if entries.is_empty() => out.write_str("{}"),
            Self::Object(entries) => {
                out.write_str("{")?;
                for (place, (key, value)) in entries.iter().enumerate() {
                    line(out, place == 0, depth + 1)?;
                    write_text(out, key)?;
                    out.write_str(": ")?;
                    value.write(out, depth + 1)?;
                }
                line(out, true, depth)?;
                out.write_str("}")
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(out, 0)
    }
}

fn write_text(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            '\u{0}'..='\u{1f}' => write!(out, "\\u{:04x}", u32::from(character))?,
            _ => out.write_char(character)?,
        }
    }
    out.write_char('"')
}
