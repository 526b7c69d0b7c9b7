//! A frame as a tree: a line for each field, indented below the field or layer that it belongs to.

use super::value::{self, Bytes};
use super::{number, text};
use crate::dissect::{Bits, Definition, Dissection, Flags, Kind, Names, Node, Registry, Value};

const INDENT: usize = 4;
/// Bytes of a value that are shown; more are left to `-x`.
const MAX_SHOWN_BYTES: usize = 32;

/// Writes all nodes of a frame.
pub fn write(out: &mut Vec<u8>, dissection: &Dissection, registry: &Registry) {
    for (place, node) in dissection.nodes.iter().enumerate() {
        let Some(definition) = registry.get(node.field) else { continue };
        out.resize(out.len() + usize::from(node.depth) * INDENT, b' ');
        let generated = node.flags.contains(Flags::GENERATED);
        if generated {
            out.push(b'[');
        }
        line(out, dissection, registry, definition, place);
        if generated {
            out.push(b']');
        }
        if node.flags.contains(Flags::MALFORMED) && definition.kind_has_value() {
            out.extend_from_slice(b" [malformed]");
        }
        out.push(b'\n');
    }
}

fn line(
    out: &mut Vec<u8>,
    dissection: &Dissection,
    registry: &Registry,
    definition: &Definition,
    place: usize,
) {
    let Some(node) = dissection.nodes.get(place) else { return };
    if matches!(definition.kind, Kind::Protocol) {
        return summary(out, dissection, registry, place);
    }
    if let Some(bits) = node.bits {
        pattern(out, dissection.bytes_of(node), bits);
        out.extend_from_slice(b" = ");
    }
    text::harmless(out, definition.label.as_bytes());
    if !definition.kind_has_value() {
        return;
    }
    out.extend_from_slice(b": ");
    let number = match node.value {
        Value::Number(number) => Some(number),
        _ => None,
    };
    let name = number.and_then(|number| definition.names.name(number));
    if let Some(name) = name {
        text::harmless(out, name.as_bytes());
        if matches!(definition.names, Names::Flag(..)) {
            return;
        }
        out.extend_from_slice(b" (");
    }
    shown(out, dissection, node, definition);
    if name.is_some() {
        out.push(b')');
    }
}

/// Writes a value, cut if it is long.
fn shown(out: &mut Vec<u8>, dissection: &Dissection, node: &Node, definition: &Definition) {
    let bytes = dissection.value_bytes(node);
    if matches!(definition.kind, Kind::Bytes) && bytes.len() > MAX_SHOWN_BYTES {
        number::bytes(out, bytes.get(..MAX_SHOWN_BYTES).unwrap_or_default(), None);
        out.extend_from_slice("…".as_bytes());
        return;
    }
    value::write(out, dissection, node, definition, Bytes::Plain);
}

/// Writes the bits of a field among those of its bytes: `0100 ....`.
fn pattern(out: &mut Vec<u8>, bytes: &[u8], bits: Bits) {
    let field = usize::from(bits.first)..usize::from(bits.first) + usize::from(bits.count);
    for place in 0..bytes.len() * 8 {
        if place > 0 && place % 4 == 0 {
            out.push(b' ');
        }
        let byte = bytes.get(place / 8).copied().unwrap_or_default();
        out.push(match (field.contains(&place), byte >> (7 - place % 8) & 1) {
            (false, _) => b'.',
            (true, 0) => b'0',
            (true, _) => b'1',
        });
    }
}

/// Writes what a layer is, and between whom: `Internet Protocol Version 4, Src: …, Dst: …`.
pub(super) fn summary(
    out: &mut Vec<u8>,
    dissection: &Dissection,
    registry: &Registry,
    place: usize,
) {
    let Some(layer) = dissection.nodes.get(place) else { return };
    let Some(definition) = registry.get(layer.field) else { return };
    text::harmless(out, definition.label.as_bytes());
    let below = dissection.nodes.iter().skip(place + 1);
    let below = below.take_while(|node| node.depth > layer.depth);
    for node in below.filter(|node| node.depth == layer.depth + 1) {
        let Some(definition) = registry.get(node.field) else { continue };
        let (text, value): (&str, bool) = match definition.name.rsplit_once('.') {
            Some((_, "src")) => ("Src", true),
            Some((_, "dst")) => ("Dst", true),
            Some((_, "srcport")) => ("Src Port", true),
            Some((_, "dstport")) => ("Dst Port", true),
            _ => ("", false),
        };
        if value {
            out.extend_from_slice(b", ");
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b": ");
            value::write(out, dissection, node, definition, Bytes::Plain);
        }
    }
}

impl Definition {
    /// Whether fields of this kind have a value to show.
    fn kind_has_value(&self) -> bool {
        !matches!(self.kind, Kind::Protocol | Kind::Heading)
    }
}
