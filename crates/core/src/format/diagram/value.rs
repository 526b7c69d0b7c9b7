//! Values, sizes and ranges as people read them.

use super::text::{listed, plain};
use crate::format::{Field, Format, Kind, Literal, Range, Setting, Size};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Integers of so many bits or more are flags or codes rather than quantities: hexadecimal.
const HEX_BITS: u8 = 16;

/// What people call a field.
pub(super) fn title(field: &Field) -> String {
    let title = if field.title.trim().is_empty() { &field.name } else { &field.title };
    plain(title)
}

/// The value of a field, as `--set` takes it; text in quotes.
pub(super) fn value(field: &Field, literal: &Literal) -> String {
    match (literal, &field.kind) {
        (Literal::Number(number), Kind::Uint { bits, .. })
            if *bits >= HEX_BITS && *number > u8::MAX.into() =>
        {
            format!("0x{number:0digits$x}", digits = bits.div_ceil(4).into())
        }
        (Literal::Bytes(bytes), kind) => typed(bytes, kind).unwrap_or_else(|| literal.to_string()),
        (Literal::Number(_), _) => literal.to_string(),
    }
}

fn typed(bytes: &[u8], kind: &Kind) -> Option<String> {
    match kind {
        Kind::Text { .. } => {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(format!("\"{}\"", plain(&text.replace('\\', "\\\\").replace('"', "\\\""))))
        }
        Kind::Mac => {
            let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(pairs.join(":"))
        }
        Kind::Ipv4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string()),
        Kind::Ipv6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        _ => None,
    }
}

/// A number of a field, with its name behind if it has one.
pub(super) fn named(field: &Field, literal: &Literal) -> String {
    let name = field.names.iter().find(|(number, _)| *literal == Literal::Number(*number));
    match name {
        Some((_, name)) => format!("{} ({})", value(field, literal), plain(name)),
        None => value(field, literal),
    }
}

/// How many bytes a field has that a setting or a large number says.
pub(super) fn bytes_said(format: &Format, field: &Field) -> Option<String> {
    if let Kind::Bytes { size: Size::Setting(place) } | Kind::Text { size: Size::Setting(place) } =
        field.kind
    {
        let setting = format.settings.get(place)?;
        return Some(match allowed(setting) {
            Some(values) => format!("{values} bytes"),
            None => format!("{} bytes", plain(&setting.name)),
        });
    }
    format.fixed_bits(field).map(|bits| format!("{} bytes", bits / 8))
}

/// The values that a setting may have, if its author lists them.
pub(super) fn allowed(setting: &Setting) -> Option<String> {
    let values: Vec<String> = setting.values.iter().map(ToString::to_string).collect();
    (!values.is_empty()).then(|| listed(&values, "or"))
}

/// The fields of a range, in words; `whole` is what all of them are.
pub(super) fn range(fields: &[Field], range: Range, whole: &str) -> String {
    let title = |place: usize| fields.get(place).map(title).unwrap_or_default();
    let Range { first, last } = range;
    let end = fields.len().saturating_sub(1);
    match (first == 0, last == end) {
        _ if first == last => title(first),
        (true, true) => whole.into(),
        (true, false) => format!("all up to {}", title(last)),
        (false, true) => format!("{} and all behind it", title(first)),
        (false, false) => format!("{} to {}", title(first), title(last)),
    }
}
