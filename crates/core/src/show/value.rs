//! Values of fields as text: as trees and lists of fields have them, and as JSON.

use super::write;
use crate::dissect::{Definition, Dissection, Kind, Node, Value};
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

const NANOSECONDS: u64 = 1_000_000_000;
/// The greatest number that every reader of JSON holds exactly.
const MAX_SAFE: u64 = 1 << 53;

/// The value as `tshark -T fields` writes it; nothing for what has none.
pub(super) fn plain(
    out: &mut Vec<u8>,
    definition: &Definition,
    node: &Node,
    dissection: &Dissection,
) {
    match (definition.kind, node.value) {
        (Kind::Protocol | Kind::Heading, _) | (_, Value::None) => {
            write::harmless(out, definition.label.as_bytes());
        }
        (Kind::Hex(digits), Value::Number(number)) => {
            out.extend(b"0x");
            write::hex_number(out, number, digits);
        }
        (Kind::Ether, Value::Number(number)) => {
            write::colons(out, number.to_be_bytes().get(2..).unwrap_or_default());
        }
        (Kind::Ipv4, Value::Number(number)) => {
            let address = u32::try_from(number).unwrap_or_default().to_be_bytes();
            for (place, byte) in address.into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                write::decimal(out, byte.into());
            }
        }
        (Kind::Seconds | Kind::Time, Value::Number(number)) => seconds(out, number.cast_signed()),
        (Kind::Seconds | Kind::Time, Value::Signed(number)) => seconds(out, number),
        (_, Value::Number(number)) => write::decimal(out, number),
        (_, Value::Signed(number)) => {
            if number < 0 {
                out.push(b'-');
            }
            write::decimal(out, number.unsigned_abs());
        }
        (Kind::Text, _) => write::harmless(out, dissection.value_bytes(node)),
        (Kind::Ipv6, _) => ipv6(out, dissection.value_bytes(node)),
        (Kind::Ether, _) => write::colons(out, dissection.value_bytes(node)),
        (_, Value::Text { .. }) => write::harmless(out, dissection.value_bytes(node)),
        (_, Value::Bytes | Value::At { .. }) => write::hex(out, dissection.value_bytes(node)),
    }
}

/// The value as JSON: a number, or a string, or null for what has none.
pub(super) fn json(
    out: &mut Vec<u8>,
    definition: &Definition,
    node: &Node,
    dissection: &Dissection,
) {
    match (definition.kind, node.value) {
        (Kind::Protocol | Kind::Heading, _) | (_, Value::None) => out.extend(b"null"),
        (
            Kind::Decimal | Kind::Signed | Kind::Hex(_) | Kind::Flag,
            Value::Number(number),
        ) if number <= MAX_SAFE => write::decimal(out, number),
        (Kind::Decimal | Kind::Hex(_) | Kind::Flag, Value::Number(number)) => {
            out.push(b'"');
            write::decimal(out, number);
            out.push(b'"');
        }
        (Kind::Signed, Value::Signed(number)) if number.unsigned_abs() <= MAX_SAFE => {
            plain(out, definition, node, dissection);
        }
        (Kind::Text, _) | (_, Value::Text { .. }) => {
            write::quoted(out, dissection.value_bytes(node));
        }
        _ => {
            out.push(b'"');
            plain(out, definition, node, dissection);
            out.push(b'"');
        }
    }
}

/// Nanoseconds as seconds with 9 decimals.
pub(super) fn seconds(out: &mut Vec<u8>, nanoseconds: i64) {
    if nanoseconds < 0 {
        out.push(b'-');
    }
    let nanoseconds = nanoseconds.unsigned_abs();
    write::decimal(out, nanoseconds / NANOSECONDS);
    out.push(b'.');
    write::padded(out, nanoseconds % NANOSECONDS, 9);
}

fn ipv6(out: &mut Vec<u8>, bytes: &[u8]) {
    let Ok(octets) = <[u8; 16]>::try_from(bytes) else { return write::hex(out, bytes) };
    let address = Ipv6Addr::from(octets);
    // Wireshark writes an IPv4 address in the end only where it is mapped.
    let _ = match address.to_ipv4_mapped() {
        Some(v4) => write!(out, "::ffff:{}", Ipv4Addr::from(v4.octets())),
        None => write!(out, "{address}"),
    };
}
