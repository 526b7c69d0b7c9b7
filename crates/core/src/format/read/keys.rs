//! Every key of the language: what it means, what it holds, and to what it belongs.
//!
//! The one table from which come the check of keys, the JSON Schema and the reference.

use crate::format::{Algorithm, LANGUAGE, MAX_FIXED_BYTES};

/// The types of a field that have one name; integers are `u1` to `u64`.
pub(crate) const TYPES: [&str; 8] =
    ["bytes", "text", "mac", "ipv4", "ipv6", "packet", "padding", "list"];
/// The types that the element of a list may have besides integers.
pub(crate) const ELEMENT_TYPES: [&str; 5] = ["bytes", "text", "mac", "ipv4", "ipv6"];
/// The roles that a field of an element may have.
pub(crate) const ELEMENT_ROLES: [&str; 1] = ["length"];
/// The types that a setting may have besides integers.
pub(crate) const SETTING_TYPES: [&str; 1] = ["bytes"];
/// How messages and the reference write the type of an integer.
pub(crate) const UINT: &str = "uN";
pub(crate) const ROLES: [&str; 6] = ["length", "next", "counter", "random", "checksum", "tag"];
/// How the table says that a field has no role.
pub(crate) const NO_ROLE: &str = "";
pub(crate) const PACKET_KINDS: [&str; 2] = ["ip", "ethernet"];
/// What a table of `next` may name.
pub(crate) const NEXT_KINDS: [&str; 3] = ["ipv4", "ipv6", "ethernet"];
pub(crate) const TABLES: [&str; 3] = ["ethertype", "ip_protocol", "ppp"];
pub(crate) const ENDIANS: [&str; 2] = ["big", "little"];
pub(crate) const CHECKSUMS: [&str; 2] = ["internet", "crc32"];
pub(crate) const UNITS: [u64; 4] = [1, 2, 4, 8];
/// The most numbers that an anti-replay window remembers.
pub(crate) const MAX_WINDOW: u64 = 65_536;
/// How a range is written.
pub(crate) const RANGE_FORMS: &str =
    r#"a field or a range of this list: "a", "a..b", "a..", "..b", "..""#;
/// How a condition is written.
pub(crate) const CONDITION_FORMS: &str = "NAME, !NAME, NAME = NUMBER, NAME != NUMBER, joined by &";

/// Keys of a field that a type or role needs: whether it is a type or a role, which one, the key, and
/// the hint for who left it out.
pub(crate) const NEEDED: [(&str, &str, &str, &str); 5] = [
    ("type", "padding", "multiple", "`multiple = 16` makes whole blocks of 16 bytes"),
    ("type", "list", "fields", "`fields = [ … ]`, the fields of one element"),
    (
        "role",
        "length",
        "counts",
        "`counts = \"packet\"` for the bytes of the packet alone, `\"packet..\"` for all to the end",
    ),
    ("role", "next", "table", "`table = \"ethertype\"`, or one of its own: `{ 1 = \"ipv4\" }`"),
    ("role", "checksum", "algorithm", "`algorithm = \"internet\"`"),
];

/// The words for ciphers.
pub(crate) const CIPHERS: [&str; 5] = [
    "none",
    Algorithm::Xor.name(),
    Algorithm::Aes128Gcm.name(),
    Algorithm::Aes256Gcm.name(),
    Algorithm::ChaCha20Poly1305.name(),
];

/// Where the keys of an AEAD may come from.
pub(crate) const KEY_SOURCES: [&str; 2] = ["given", "derived"];

/// A table of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Top,
    Carrier,
    Cipher,
    Setting,
    Field,
    Block,
}

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// What holds without it; empty if nothing does.
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
    /// The types of field that may have it; empty: all.
    pub(crate) types: &'static [&'static str],
    /// The roles of a field that may have it, [`NO_ROLE`] among them; empty: all.
    pub(crate) roles: &'static [&'static str],
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A name.
    Name(NameOf),
    /// One of some words.
    Word(&'static [&'static str]),
    /// A number between two.
    Number(u64, u64),
    /// One of some numbers.
    OneOf(&'static [u64]),
    /// The type of a field.
    FieldType,
    /// The type of a setting.
    SettingType,
    /// A value of a field or setting.
    Value,
    /// A list of values.
    Values,
    /// Bytes of a field: a number or the name of a setting.
    Size,
    /// One port or several.
    Ports,
    /// One kind of packet or several.
    Packet,
    /// A cipher's name or a table.
    Cipher,
    /// The parts of a nonce.
    Nonce,
    /// A condition.
    Condition,
    /// A range of fields.
    Range,
    /// Numbers and what they mean.
    Names,
    /// The name of a table of `next`, or one.
    NextTable,
    /// A table with keys of its own.
    Table(Part),
    /// A list of tables, each with the keys of one of these.
    List(&'static [Part]),
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOf {
    Format,
    Filter,
    Setting,
    Field,
}

/// What a value in TOML is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Float,
    Boolean,
    Date,
    Array,
    Table,
}

const fn key(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Key {
    Key { name, shape, required: false, default, doc, types: &[], roles: &[] }
}

impl Key {
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn of_types(self, types: &'static [&'static str]) -> Self {
        Self { types, ..self }
    }

    const fn of_roles(self, roles: &'static [&'static str]) -> Self {
        Self { roles, ..self }
    }
}

const TITLE: &str = "What people call it";
const DOC: &str = "More for people";
const VALUED: &[&str] = &[UINT, "bytes", "text", "mac", "ipv4", "ipv6"];

static TOP: [Key; 12] = [
    key("language", Shape::Number(1, LANGUAGE), "1", "The version of this language"),
    key("name", Shape::Name(NameOf::Format), "", "What the command line calls the format")
        .required(),
    key("title", Shape::Text, "the name", TITLE),
    key("doc", Shape::Text, "", DOC),
    key(
        "filter",
        Shape::Name(NameOf::Filter),
        "the name, with `_` for `-`",
        "What the names of its fields begin with in filters",
    ),
    key("carrier", Shape::Table(Part::Carrier), "", "What moves its datagrams").required(),
    key(
        "packet",
        Shape::Packet,
        "",
        "What travels inside, the default first; needed if a field has `type = \"packet\"`",
    ),
    key(
        "endian",
        Shape::Word(&ENDIANS),
        "`\"big\"`",
        "The order of the bytes of whole-byte integers",
    ),
    key("cipher", Shape::Cipher, "`\"none\"`", "How the packet is enciphered"),
    key("settings", Shape::List(&[Part::Setting]), "none", "What both ends agree on off the wire"),
    key("decode_only", Shape::Text, "", "Why it can only be decoded"),
    key(
        "fields",
        Shape::List(&[Part::Field, Part::Block]),
        "",
        "The datagram, in wire order, most significant bit first",
    )
    .required(),
];

static CARRIER: [Key; 2] = [
    key(
        "udp",
        Shape::Ports,
        "",
        "A UDP port or a list; the first is used to run, `[]` = no default",
    ),
    key("tcp", Shape::Ports, "", "A TCP port or a list, likewise"),
];

static CIPHER: [Key; 5] = [
    key("name", Shape::Word(&CIPHERS), "", "Which cipher; AEADs by their IANA name").required(),
    key("covers", Shape::Range, "the packet", "The fields that are enciphered"),
    key("nonce", Shape::Nonce, "", "The parts of an AEAD's nonce, 12 bytes in all"),
    key(
        "ad",
        Shape::Range,
        "nothing",
        "The fields that an AEAD authenticates but does not encipher",
    ),
    key(
        "keys",
        Shape::Word(&KEY_SOURCES),
        "`\"given\"`",
        "Where an AEAD's keys come from: one given for each direction, or both derived from one",
    ),
];

static SETTING: [Key; 7] = [
    key("name", Shape::Name(NameOf::Setting), "", "What `--set` and conditions call it").required(),
    key("title", Shape::Text, "from the name", TITLE),
    key("doc", Shape::Text, "", DOC),
    key("type", Shape::SettingType, "", "A number of so many bits, or bytes").required(),
    key("size", Shape::Number(1, MAX_FIXED_BYTES as u64), "", "How many bytes")
        .of_types(&["bytes"]),
    key("value", Shape::Value, "must be given", "Its value"),
    key("values", Shape::Values, "all that fit", "The values allowed"),
];

static FIELD: [Key; 21] = [
    key("name", Shape::Name(NameOf::Field), "", "What filters and drops call it").required(),
    key(
        "title",
        Shape::Text,
        "the last part of the name, each word capitalised",
        TITLE,
    ),
    key("doc", Shape::Text, "", DOC),
    key("type", Shape::FieldType, "", "How it lies in the datagram").required(),
    key(
        "size",
        Shape::Size,
        "the size of `value`, else counted by a length, else the rest",
        "How many bytes: a number or a setting",
    )
    .of_types(&["bytes", "text"]),
    key(
        "value",
        Shape::Value,
        "given at run time; of a counter: 0; of `next`: from the table",
        "The constant; of a counter: the first number; of `next`: sent instead of the table's number",
    )
    .of_types(VALUED)
    .of_roles(&[NO_ROLE, "next", "counter"]),
    key("accept", Shape::Word(&["any"]), "exactly what is sent", "The receiver takes any value")
        .of_types(VALUED)
        .of_roles(&[NO_ROLE, "checksum"]),
    key("endian", Shape::Word(&ENDIANS), "as at the top", "The order of its bytes").of_types(&[UINT]),
    key("when", Shape::Condition, "always", "It is there only if this holds"),
    key("names", Shape::Names, "none", "What some of its numbers mean").of_types(&[UINT]),
    key("role", Shape::Word(&ROLES), "none", "Who fills it, if it is no constant")
        .of_types(&[UINT, "bytes"]),
    key("counts", Shape::Range, "", "The fields whose bytes it counts").of_roles(&["length"]),
    key("unit", Shape::OneOf(&UNITS), "1", "Bytes that one stands for").of_roles(&["length"]),
    key("table", Shape::NextTable, "", "The numbers of the kinds of packet").of_roles(&["next"]),
    key(
        "otherwise",
        Shape::Word(&["drop", "look"]),
        "`\"drop\"`",
        "What to do about a number that does not name the packet's kind",
    )
    .of_roles(&["next"]),
    key(
        "window",
        Shape::Number(0, MAX_WINDOW),
        "1024 in a nonce, else 0",
        "Numbers below the highest seen that are still taken, each once; 0: no check",
    )
    .of_roles(&["counter"]),
    key("covers", Shape::Range, "`\"..\"`", "The fields summed").of_roles(&["checksum"]),
    key("algorithm", Shape::Word(&CHECKSUMS), "", "How it is summed: `internet` in `u16`, `crc32` in `u32`")
        .of_roles(&["checksum"]),
    key(
        "multiple",
        Shape::Number(1, 256),
        "",
        "Makes what is enciphered (without a cipher: packet and padding) a multiple of so many bytes",
    )
    .of_types(&["padding"]),
    key("fields", Shape::List(&[Part::Field]), "", "One element").of_types(&["list"]),
    key(
        "until",
        Shape::Condition,
        "to the end that a length gives, or the rest",
        "The element for which this holds is the last",
    )
    .of_types(&["list"]),
];

static BLOCK: [Key; 2] = [
    key("when", Shape::Condition, "", "Its fields are there only if this holds").required(),
    key("fields", Shape::List(&[Part::Field, Part::Block]), "", "The fields and blocks in it")
        .required(),
];

impl Part {
    /// Every table, in the order of the reference.
    pub(crate) const ALL: [Self; 6] =
        [Self::Top, Self::Carrier, Self::Cipher, Self::Setting, Self::Field, Self::Block];

    /// Its keys.
    pub(crate) fn keys(self) -> &'static [Key] {
        match self {
            Self::Top => &TOP,
            Self::Carrier => &CARRIER,
            Self::Cipher => &CIPHER,
            Self::Setting => &SETTING,
            Self::Field => &FIELD,
            Self::Block => &BLOCK,
        }
    }

    /// Where a message says that something is.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Top => "at the top",
            Self::Carrier => "in `carrier`",
            Self::Cipher => "in `cipher`",
            Self::Setting => "in a setting",
            Self::Field => "in a field",
            Self::Block => "in a block",
        }
    }

    /// The key of this name.
    pub(super) fn key(self, name: &str) -> Option<&'static Key> {
        self.keys().iter().find(|key| key.name == name)
    }
}

impl Shape {
    /// What it may be in TOML.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Text
            | Self::Name(_)
            | Self::Word(_)
            | Self::FieldType
            | Self::SettingType
            | Self::Range => &[Kind::Text],
            Self::Number(..) | Self::OneOf(_) => &[Kind::Integer],
            Self::Value | Self::Size => &[Kind::Integer, Kind::Text],
            Self::Ports => &[Kind::Integer, Kind::Array],
            Self::Packet | Self::Condition => &[Kind::Text, Kind::Array],
            Self::Cipher | Self::NextTable => &[Kind::Text, Kind::Table],
            Self::Values | Self::Nonce | Self::List(_) => &[Kind::Array],
            Self::Names | Self::Table(_) => &[Kind::Table],
        }
    }
}

impl NameOf {
    /// The pattern that it fits, as a regular expression.
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            Self::Format => "^[a-z][a-z0-9-]*$",
            Self::Filter | Self::Setting => "^[a-z][a-z0-9_]*$",
            Self::Field => "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$",
        }
    }

    /// The pattern in words.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Format => "small letters, digits and \"-\", a letter first",
            Self::Filter | Self::Setting => "small letters, digits and \"_\", a letter first",
            Self::Field => {
                "small letters, digits and \"_\", a letter first; parts are joined by \".\""
            }
        }
    }

    /// Whether a name fits the pattern.
    pub(super) fn fits(self, name: &str) -> bool {
        let also = if self == Self::Format { b'-' } else { b'_' };
        let part_fits = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_lowercase())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == also)
        };
        match self {
            Self::Field => name.split('.').all(part_fits),
            _ => part_fits(name),
        }
    }

    /// What it is the name of.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Format => "a format",
            Self::Filter => "a filter",
            Self::Setting => "a setting",
            Self::Field => "a field",
        }
    }
}

impl Kind {
    /// The word for it in messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "an integer",
            Self::Float => "a number with a fraction",
            Self::Boolean => "true or false",
            Self::Date => "a date",
            Self::Array => "an array",
            Self::Table => "a table",
        }
    }
}
