//! Values: numbers, words of a closed list, and what stands in a field.

use super::diagnostic::Code;
use super::finding::{Finding, Span};
use super::keys::{Kind, Shape, UINT};
use super::reader::Reader;
use super::source::quoted;
use super::table::{Node, Table, Word, expect_kind};
use super::words::did_you_mean;
use crate::format::literal;
use crate::format::{Literal, Size};
use std::net::{Ipv4Addr, Ipv6Addr};
use toml::de::DeValue;

/// The type of a field or setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Uint(u8),
    Bytes,
    Text,
    Mac,
    Ipv4,
    Ipv6,
    Packet,
    Padding,
    List,
}

impl Class {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "bytes" => Self::Bytes,
            "text" => Self::Text,
            "mac" => Self::Mac,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "packet" => Self::Packet,
            "padding" => Self::Padding,
            "list" => Self::List,
            _ => {
                let digits = word.strip_prefix('u')?;
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                let bits = digits.parse().ok().filter(|bits| (1..=64).contains(bits))?;
                return (is_number && !digits.starts_with('0')).then_some(Self::Uint(bits));
            }
        })
    }

    /// The word for it, with the width of an integer.
    pub(super) fn words(self) -> String {
        match self {
            Self::Uint(bits) => format!("u{bits}"),
            _ => self.family().to_owned(),
        }
    }

    /// The word for it, the same for all integers.
    pub(super) fn family(self) -> &'static str {
        match self {
            Self::Uint(_) => UINT,
            Self::Bytes => "bytes",
            Self::Text => "text",
            Self::Mac => "mac",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Packet => "packet",
            Self::Padding => "padding",
            Self::List => "list",
        }
    }
}

/// The greatest number of so many bits.
pub(super) fn greatest(bits: u8) -> u64 {
    u64::MAX >> (64 - bits.clamp(1, 64))
}

/// A number as it may stand in a key or a condition: decimal, `0x`, `0o` or `0b`.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (text.get(2..)?, 16),
        Some("0o") => (text.get(2..)?, 8),
        Some("0b") => (text.get(2..)?, 2),
        _ => (text, 10),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u64::from_str_radix(digits, radix).ok().filter(|_| is_number)
}

impl<'a> Reader<'a> {
    /// The number that a value is, if it fits.
    pub(super) fn number(
        &mut self,
        node: Node<'_>,
        what: &str,
        least: u64,
        most: u64,
    ) -> Option<u64> {
        let number = match node.value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let fitting = number.filter(|number| (least..=most).contains(number));
        if fitting.is_none() {
            let written = self.written(node.span);
            let expected =
                if least == most { most.to_string() } else { format!("{least}..{most}") };
            self.does_not_fit(node.span, &written, what, &expected);
        }
        fitting
    }

    /// The number in a key whose bounds stand in the table of keys.
    pub(super) fn number_in(&mut self, table: &Table<'a>, key: &str) -> Option<u64> {
        let (node, shape) = table.shaped(key)?;
        let what = format!("`{key}`");
        match shape {
            Shape::Number(least, most) => self.number(node, &what, least, most),
            Shape::OneOf(numbers) => {
                let found = self.number(node, &what, 0, u64::MAX)?;
                if numbers.contains(&found) {
                    return Some(found);
                }
                let expected: Vec<_> = numbers.iter().map(u64::to_string).collect();
                self.does_not_fit(node.span, &self.written(node.span), &what, &expected.join(", "));
                None
            }
            _ => None,
        }
    }

    pub(super) fn does_not_fit(&mut self, span: Span, value: &str, what: &str, expected: &str) {
        let message = format!("{value} does not fit {what}");
        self.findings.add(Finding::new(Code::F13, span, message).expected(expected));
    }

    /// One of the words of a closed list.
    pub(super) fn one_of(
        &mut self,
        code: Code,
        what: &str,
        word: Word<'_>,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let found = words.iter().find(|known| **known == word.text).copied();
        if found.is_none() {
            let message = format!("unknown {what} {}", quoted(word.text));
            let hint = did_you_mean(word.text, words.iter().copied());
            let finding = Finding::new(code, word.span, message).expected(words.join(", "));
            self.findings.add(finding.hint(hint));
        }
        found
    }

    /// The type that a word names; `known` says which types there may be besides integers.
    pub(super) fn class(&mut self, word: Word<'_>, known: &[&'static str]) -> Option<Class> {
        let class = Class::parse(word.text)
            .filter(|class| class.family() == UINT || known.contains(&class.family()));
        if class.is_none() {
            let digits = word.text.trim_start_matches(|first: char| !first.is_ascii_digit());
            let uint = format!("u{digits}");
            let near = did_you_mean(word.text, known.iter().copied()).or_else(|| {
                Class::parse(&uint).map(|_| format!("did you mean {}?", quoted(&uint)))
            });
            let message = format!("unknown type {}", quoted(word.text));
            let expected = format!("u1 … u64, {}", known.join(", "));
            let finding = Finding::new(Code::F10, word.span, message).expected(expected);
            self.findings.add(finding.hint(near));
        }
        class
    }

    /// What a field or setting of this type may hold, from the key `key`.
    pub(super) fn literal(&mut self, key: &str, class: Class, node: Node<'a>) -> Option<Literal> {
        if let Class::Uint(bits) = class {
            return expect_kind(key, &[Kind::Integer], node, &mut self.findings)
                .then(|| self.number(node, &class.words(), 0, greatest(bits)))?
                .map(Literal::Number);
        }
        if !expect_kind(key, &[Kind::Text], node, &mut self.findings) {
            return None;
        }
        let text = node.word()?.text;
        let address = |address: Option<Literal>, what, example: &str| {
            address
                .ok_or_else(|| (format!("cannot read {what} {}", quoted(text)), example.to_owned()))
        };
        let read = match class {
            Class::Bytes => literal::bytes(text).map(Literal::Bytes).map_err(|error| {
                (format!("cannot read the bytes {}", quoted(text)), error.expected)
            }),
            Class::Mac => address(literal::mac(text), "the Ethernet address", "02:00:5e:10:00:01"),
            Class::Ipv4 => {
                let parsed = text.parse().ok();
                let parsed = parsed.map(|ip: Ipv4Addr| Literal::Bytes(ip.octets().into()));
                address(parsed, "the IPv4 address", "192.0.2.1")
            }
            Class::Ipv6 => {
                let parsed = text.parse().ok();
                let parsed = parsed.map(|ip: Ipv6Addr| Literal::Bytes(ip.octets().into()));
                address(parsed, "the IPv6 address", "2001:db8::1")
            }
            _ => Ok(Literal::Bytes(text.as_bytes().into())),
        };
        let failed = |(message, expected): (String, String)| {
            let finding = Finding::new(Code::F19, node.span, message).expected(expected);
            self.findings.add(finding);
        };
        read.map_err(failed).ok()
    }

    /// Whether bytes fit a size; text may be shorter.
    pub(super) fn fits_size(&mut self, class: Class, node: Node<'_>, bytes: &[u8], size: usize) {
        let fits = if class == Class::Text { bytes.len() <= size } else { bytes.len() == size };
        if !fits {
            let expected = match class {
                Class::Text => format!("at most {}", bytes_in_words(size)),
                _ => bytes_in_words(size),
            };
            let written = self.written(node.span);
            self.does_not_fit(node.span, &written, &bytes_in_words(size), &expected);
        }
    }

    /// The size of a field of bytes or text, and its value held against it.
    pub(super) fn size(
        &mut self,
        class: Class,
        size: Option<Node<'a>>,
        value: Option<(Node<'a>, &Literal)>,
    ) -> Option<Size> {
        let value = match value {
            Some((node, Literal::Bytes(bytes))) => Some((node, bytes)),
            _ => None,
        };
        let Some(size) = size else {
            let Some((node, bytes)) = value else { return Some(Size::Open) };
            if bytes.is_empty() {
                self.does_not_fit(node.span, "\"\"", "a field", "at least 1 byte, or a `size`");
                return None;
            }
            return Some(Size::Fixed(bytes.len()));
        };
        if size.kind() == Kind::Integer {
            let most = crate::format::MAX_FIXED_BYTES as u64;
            let bytes = self.number(size, "`size`", 1, most)?;
            let bytes = usize::try_from(bytes).ok()?;
            if let Some((node, value)) = value {
                self.fits_size(class, node, value, bytes);
            }
            return Some(Size::Fixed(bytes));
        }
        let place = self.size_setting(size.word()?)?;
        if let (Some((node, bytes)), Some(Literal::Number(number))) =
            (value, self.settings.get(place).and_then(|setting| setting.value.clone()))
        {
            self.fits_size(class, node, bytes, usize::try_from(number).unwrap_or(usize::MAX));
        }
        Some(Size::Setting(place))
    }

    /// A part of the text as it is written.
    pub(super) fn written(&self, span: Span) -> String {
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        let quoted = quoted(text.trim_matches(['"', '\'']));
        let is_text = text.starts_with(['"', '\'']);
        if is_text { quoted } else { quoted.trim_matches('"').to_owned() }
    }
}

/// A number of bytes in words.
pub(super) fn bytes_in_words(count: usize) -> String {
    if count == 1 { "1 byte".into() } else { format!("{count} bytes") }
}

/// A number of bits in words.
pub(super) fn bits_in_words(count: u8) -> String {
    if count == 1 { "1 bit".into() } else { format!("{count} bits") }
}

#[cfg(test)]
mod tests {
    use super::super::keys::TYPES;
    use super::*;

    #[test]
    fn types_are_words_and_widths() {
        assert_eq!(Class::parse("u1"), Some(Class::Uint(1)));
        assert_eq!(Class::parse("u64"), Some(Class::Uint(64)));
        for word in ["u0", "u65", "u08", "u", "u+8", "u 8", "U8", "u256", "int", "", "uä"] {
            assert_eq!(Class::parse(word), None, "{word}");
        }
        for word in TYPES {
            assert_eq!(Class::parse(word).unwrap().words(), word);
        }
    }

    #[test]
    fn numbers_in_conditions_have_no_sign_and_no_underscore() {
        assert_eq!(parse_number("0xFf"), Some(255));
        assert_eq!(parse_number("18446744073709551615"), Some(u64::MAX));
        for text in ["", "0x", "+1", "-1", "1_0", "18446744073709551616", "0x 1", "é"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
