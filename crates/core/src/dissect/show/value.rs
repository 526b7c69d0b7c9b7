//! Values of fields as text.

use super::{number, text};
use crate::dissect::{Definition, Dissection, Kind, Node, Value};
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// How bytes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// `6372`, as `tshark -T fields` does.
    Plain,
    /// `63:72`, as its PDML does.
    Colons,
}

/// Writes the value of a node, as tshark shows it.
pub fn write(
    out: &mut Vec<u8>,
    dissection: &Dissection,
    node: &Node,
    definition: &Definition,
    bytes: Bytes,
) {
    let plain = match node.value {
        Value::Number(number) => number,
        Value::Signed(number) => number.cast_unsigned(),
        _ => 0,
    };
    match definition.kind {
        Kind::Protocol | Kind::Heading => {}
        Kind::Decimal => number::decimal(out, plain),
        Kind::Flag => out.push(if plain == 0 { b'0' } else { b'1' }),
        Kind::Signed => number::signed(out, plain.cast_signed()),
        Kind::Hex(digits) => number::hex(out, plain, digits),
        Kind::Seconds | Kind::Time => number::seconds(out, plain.cast_signed()),
        Kind::Ether => {
            number::bytes(out, plain.to_be_bytes().get(2..).unwrap_or_default(), Some(b':'));
        }
        Kind::Ipv4 => {
            let [.., a, b, c, d] = plain.to_be_bytes();
            ipv4(out, [a, b, c, d]);
        }
        Kind::Ipv6 => {
            let mut address = [0; 16];
            for (to, from) in address.iter_mut().zip(dissection.value_bytes(node)) {
                *to = *from;
            }
            // Writing to a vector cannot fail.
            let _ = write!(out, "{}", Ipv6Addr::from(address));
        }
        Kind::Bytes => {
            let between = (bytes == Bytes::Colons).then_some(b':');
            number::bytes(out, dissection.value_bytes(node), between);
        }
        Kind::Text => text::harmless(out, dissection.value_bytes(node)),
        Kind::Letters(letters) => {
            let mut text = String::new();
            letters(plain, &mut text);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn ipv4(out: &mut Vec<u8>, address: [u8; 4]) {
    for (place, part) in Ipv4Addr::from(address).octets().into_iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        number::decimal(out, part.into());
    }
}
