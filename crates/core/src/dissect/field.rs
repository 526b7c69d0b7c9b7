//! What is known of a field before any frame is read: its name, its label, how its value is shown.

use super::protocol;
use std::borrow::Cow;

/// A field of a registry: the number of its protocol, and its place in the protocol's list. Field 0
/// of each protocol is the protocol itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId {
    /// The number of the protocol.
    pub protocol: u8,
    /// The place in its list.
    pub field: u8,
}

impl FieldId {
    /// A field of a protocol.
    #[must_use]
    pub const fn new(protocol: u8, field: u8) -> Self {
        Self { protocol, field }
    }

    /// The protocol that the field belongs to.
    #[must_use]
    pub const fn protocol(self) -> Self {
        Self { field: 0, ..self }
    }
}

/// How the value of a field is shown.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A protocol: it has no value.
    Protocol,
    /// A heading over other fields, without a value.
    Heading,
    /// A number in decimal.
    Decimal,
    /// A number with a sign, in decimal.
    Signed,
    /// A number as `0x` and so many hexadecimal digits.
    Hex(u8),
    /// 1 or 0.
    Flag,
    /// Bytes in hexadecimal.
    Bytes,
    /// Text.
    Text,
    /// A MAC address: a number of 48 bits.
    Ether,
    /// An IPv4 address: a number of 32 bits.
    Ipv4,
    /// An IPv6 address: 16 bytes.
    Ipv6,
    /// A span of time: a number of nanoseconds with a sign, shown as seconds with 9 decimals.
    Seconds,
    /// A moment: nanoseconds since 1970, with a sign, shown as seconds with 9 decimals.
    Time,
    /// A number that is shown as letters.
    Letters(fn(u64, &mut String)),
}

/// Names of a field's values.
#[derive(Debug, Clone)]
pub enum Names {
    /// Its values have none.
    None,
    /// Single values, sorted by number.
    Values(Cow<'static, [(u64, Cow<'static, str>)]>),
    /// What a flag says when it is set, and when it is not.
    Flag(&'static str, &'static str),
    /// What a function knows.
    Function(fn(u64) -> Option<&'static str>),
}

impl Names {
    /// The name of a value.
    #[must_use]
    pub fn name(&self, value: u64) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Values(values) => {
                let place = values.binary_search_by_key(&value, |(value, _)| *value).ok()?;
                values.get(place).map(|(_, name)| name.as_ref())
            }
            Self::Flag(set, clear) => Some(if value == 0 { clear } else { set }),
            Self::Function(name) => name(value),
        }
    }
}

/// A field of some protocol.
#[derive(Debug, Clone)]
pub struct Definition {
    /// What filters call it: `ip.src`. Wireshark's name, if Wireshark has the field.
    pub name: Cow<'static, str>,
    /// What people call it: `Source Address`.
    pub label: Cow<'static, str>,
    /// How its value is shown.
    pub kind: Kind,
    /// Names of its values.
    pub names: Names,
    /// A name that it shares with others: `ip.addr`. It finds the field too, and is not shown.
    pub also: Option<&'static str>,
}

/// All fields that a dissector knows: those of the protocols built in, and of formats read at run
/// time.
#[derive(Debug, Clone)]
pub struct Registry {
    protocols: Vec<Cow<'static, [Definition]>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { protocols: protocol::BUILT_IN.iter().map(|list| Cow::Borrowed(*list)).collect() }
    }
}

impl Registry {
    /// Adds a protocol: its own definition first, then those of its fields. Gives its number, or
    /// nothing if there are 256 protocols already or more than 256 definitions.
    pub fn add(&mut self, definitions: Vec<Definition>) -> Option<u8> {
        let number = u8::try_from(self.protocols.len()).ok()?;
        if definitions.is_empty() || definitions.len() > 256 {
            return None;
        }
        self.protocols.push(Cow::Owned(definitions));
        Some(number)
    }

    /// What is known of a field.
    #[must_use]
    pub fn get(&self, field: FieldId) -> Option<&Definition> {
        self.protocols.get(usize::from(field.protocol))?.get(usize::from(field.field))
    }

    /// All fields, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &Definition)> {
        let numbers = || 0..=u8::MAX;
        numbers().zip(&self.protocols).flat_map(move |(protocol, list)| {
            let id = move |(field, definition)| (FieldId::new(protocol, field), definition);
            numbers().zip(list.iter()).map(id)
        })
    }

    /// The fields that a name finds: `ip.src` is one, `tcp.option_kind` or `ip.addr` are several.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<FieldId> {
        let of_name = |definition: &Definition| {
            definition.name == name || definition.also.is_some_and(|also| also == name)
        };
        self.iter().filter(|(_, definition)| of_name(definition)).map(|(id, _)| id).collect()
    }
}

/// Declares a protocol and its fields: a constant for each, and the table `FIELDS` of them.
///
/// ```text
/// fields! { Udp = "udp", "User Datagram Protocol";
///     SOURCE_PORT = "udp.srcport", "Source Port", Decimal, also "udp.port";
///     CHECKSUM_STATUS = "udp.checksum.status", "Checksum Status", Decimal, names STATUS;
/// }
/// ```
macro_rules! fields {
    (@names) => { $crate::dissect::Names::None };
    (@names $names:expr) => { $names };
    (@also) => { None };
    (@also $also:literal) => { Some($also) };
    ($protocol:ident = $filter:literal, $title:literal;
     $($field:ident = $name:literal, $label:literal, $kind:expr
       $(, names $names:expr)? $(, also $also:literal)?;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the constants")]
        #[allow(dead_code, reason = "only its numbers count")]
        #[derive(Clone, Copy)]
        #[repr(u8)]
        enum Number { Itself, $($field),* }

        /// The protocol itself.
        #[allow(dead_code, reason = "options have tables of their own, but no layer")]
        pub(crate) const PROTOCOL: $crate::dissect::FieldId =
            $crate::dissect::FieldId::new($crate::dissect::protocol::Protocol::$protocol as u8, Number::Itself as u8);
        $(pub(super) const $field: $crate::dissect::FieldId =
            $crate::dissect::FieldId::new($crate::dissect::protocol::Protocol::$protocol as u8, Number::$field as u8);)*

        /// The protocol and its fields, in the order of their numbers.
        pub(super) static FIELDS: &[$crate::dissect::Definition] = {
            #[allow(clippy::enum_glob_use, reason = "a table of them")]
            use $crate::dissect::Kind::*;
            use $crate::dissect::field::{definition, fields};
            &[
                definition($filter, $title, Protocol, fields!(@names), None),
                $(definition($name, $label, $kind, fields!(@names $($names)?), fields!(@also $($also)?)),)*
            ]
        };
    };
}
pub(super) use fields;

/// A definition made of constants.
pub(super) const fn definition(
    name: &'static str,
    label: &'static str,
    kind: Kind,
    names: Names,
    also: Option<&'static str>,
) -> Definition {
    Definition { name: Cow::Borrowed(name), label: Cow::Borrowed(label), kind, names, also }
}
