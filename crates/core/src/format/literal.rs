//! Values as people write them, in descriptions and on the command line.

use super::{Field, Format, Kind, Literal, SettingKind, Size};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a text is no value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiteralError {
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) expected: String,
}

impl Literal {
    /// Reads the value of a setting.
    pub(crate) fn of_setting(kind: SettingKind, text: &str) -> Result<Self, LiteralError> {
        match kind {
            SettingKind::Uint { bits } => uint(text, bits),
            SettingKind::Bytes { size } => sized(bytes(text)?, size, true),
        }
    }
}

impl Format {
    /// Reads the value of a field.
    pub(crate) fn literal(&self, field: &Field, text: &str) -> Result<Literal, LiteralError> {
        let wrong = |what: &str, example: &str| LiteralError {
            message: format!("\"{}\" is not {what}", text.escape_debug()),
            expected: example.into(),
        };
        match field.kind {
            Kind::Uint { bits, .. } => uint(text, bits),
            Kind::Mac => mac(text).ok_or_else(|| wrong("an Ethernet address", "02:00:00:00:00:01")),
            Kind::Ipv4 => match text.parse::<Ipv4Addr>() {
                Ok(address) => Ok(Literal::Bytes(address.octets().into())),
                Err(_) => Err(wrong("an IPv4 address", "192.0.2.1")),
            },
            Kind::Ipv6 => match text.parse::<Ipv6Addr>() {
                Ok(address) => Ok(Literal::Bytes(address.octets().into())),
                Err(_) => Err(wrong("an IPv6 address", "2001:db8::1")),
            },
            Kind::Text { size } => self.of_size(text.as_bytes().to_vec(), size, false),
            Kind::Bytes { size } => self.of_size(bytes(text)?, size, true),
            Kind::Packet | Kind::Padding { .. } | Kind::List { .. } => {
                Err(wrong("a value", "nothing can be given here"))
            }
        }
    }

    /// What values of a field look like.
    pub(crate) fn literal_range(&self, field: &Field) -> String {
        match field.kind {
            Kind::Uint { bits, .. } => uint_range(bits),
            Kind::Mac => "02:00:00:00:00:01".into(),
            Kind::Ipv4 => "192.0.2.1".into(),
            Kind::Ipv6 => "2001:db8::1".into(),
            Kind::Text { .. } => "TEXT".into(),
            _ => match self.fixed_bits(field) {
                Some(bits) => format!("0x… ({} bytes)", bits / 8),
                None => "0x…".into(),
            },
        }
    }

    fn of_size(&self, bytes: Vec<u8>, size: Size, exact: bool) -> Result<Literal, LiteralError> {
        match size {
            Size::Fixed(size) => sized(bytes, size, exact),
            Size::Setting(place) => sized(bytes, self.setting_number(place), exact),
            Size::Open => Ok(Literal::Bytes(bytes)),
        }
    }
}

/// `0..255` for 8 bits.
pub(crate) fn uint_range(bits: u8) -> String {
    format!("0..{}", u64::MAX >> (64 - bits.clamp(1, 64)))
}

/// Reads an integer, decimal or with 0x, 0o or 0b, that has at most so many bits.
pub(crate) fn uint(text: &str, bits: u8) -> Result<Literal, LiteralError> {
    let expected = uint_range(bits);
    match integer(text) {
        None => Err(LiteralError {
            message: format!("\"{}\" is not a number", text.escape_debug()),
            expected,
        }),
        Some(number) if number > (u64::MAX >> (64 - bits.clamp(1, 64))).into() => {
            Err(LiteralError { message: format!("{text} does not fit u{bits}"), expected })
        }
        Some(number) => Ok(Literal::Number(u64::try_from(number).unwrap_or(u64::MAX))),
    }
}

/// An integer as TOML writes it; larger ones than any field holds end as the largest.
fn integer(text: &str) -> Option<u128> {
    let (digits, radix) = match text.split_at_checked(2) {
        Some(("0x" | "0X", digits)) => (digits, 16),
        Some(("0o", digits)) => (digits, 8),
        Some(("0b", digits)) => (digits, 2),
        _ => (text, 10),
    };
    let digits: String = digits.chars().filter(|digit| *digit != '_').collect();
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(u128::from_str_radix(&digits, radix).unwrap_or(u128::MAX))
}

/// Bytes: text as it stands, or pairs of hex digits behind 0x, with spaces as one likes.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, LiteralError> {
    let Some(hex) = text.strip_prefix("0x") else { return Ok(text.as_bytes().to_vec()) };
    let digits: Option<Vec<u8>> = hex
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    match digits {
        Some(digits) if digits.len().is_multiple_of(2) => {
            let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
            Ok(digits.chunks(2).map(byte).collect())
        }
        _ => Err(LiteralError {
            message: format!("\"{}\" is not pairs of hex digits", text.escape_debug()),
            expected: "text, or 0x and pairs of hex digits: \"0x63 72\"".into(),
        }),
    }
}

fn sized(bytes: Vec<u8>, size: usize, exact: bool) -> Result<Literal, LiteralError> {
    let found = bytes.len();
    if found == size || (found < size && !exact) {
        return Ok(Literal::Bytes(bytes));
    }
    let most = if exact { "" } else { "at most " };
    Err(LiteralError {
        message: format!("{found} bytes do not fit"),
        expected: format!("{most}{size} bytes"),
    })
}

/// An Ethernet address, with `:` or `-` between its bytes.
pub(crate) fn mac(text: &str) -> Option<Literal> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let bytes: Option<Vec<u8>> = parts
        .iter()
        .map(|part| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(part, 16).ok()).flatten()
        })
        .collect();
    bytes.filter(|bytes| bytes.len() == 6).map(Literal::Bytes)
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
