//! Every field of a frame, a line each, as `tshark -V` has them.

use super::value;
use super::{Shown, time, write};
use crate::dissect::{Definition, Flags, Kind, Node, Registry, Value};

pub(super) fn show(out: &mut Vec<u8>, shown: &Shown<'_>, registry: &Registry) {
    frame(out, shown);
    for node in &shown.dissection.nodes {
        let Some(definition) = registry.get(node.field) else { continue };
        out.extend(std::iter::repeat_n(b' ', usize::from(node.depth) * 4));
        line(out, definition, node, shown);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// What is known of the frame itself.
fn frame(out: &mut Vec<u8>, shown: &Shown<'_>) {
    out.extend(b"Frame ");
    write::decimal(out, shown.number);
    out.extend(b": ");
    write::decimal(out, shown.original_length.into());
    out.extend(b" bytes on wire, ");
    let captured = shown.dissection.source(0).len();
    write::decimal(out, captured as u64);
    out.extend(b" bytes captured\n");
    if let Some(time) = shown.time {
        out.extend(b"    Epoch Time: ");
        time::epoch(out, time);
        out.extend(b" seconds\n");
    }
    for comment in shown.comments.iter() {
        out.extend(b"    Comment: ");
        write::harmless(out, comment.as_bytes());
        out.push(b'\n');
    }
}

/// A field: its bits if it has not all of its bytes, its label, its value.
fn line(out: &mut Vec<u8>, definition: &Definition, node: &Node, shown: &Shown<'_>) {
    let is_generated = node.flags.contains(Flags::GENERATED);
    if is_generated {
        out.push(b'[');
    }
    if let (Some(_), Value::Number(number)) = (node.bits, node.value) {
        bits(out, node, number);
    }
    write::harmless(out, definition.label.as_bytes());
    let is_heading = matches!(definition.kind, Kind::Protocol | Kind::Heading);
    if !is_heading && node.value != Value::None {
        out.extend(b": ");
        let name = match node.value {
            Value::Number(number) => definition.names.name(number),
            _ => None,
        };
        match (name, definition.kind) {
            (Some(name), Kind::Flag) => write::harmless(out, name.as_bytes()),
            (Some(name), _) => {
                write::harmless(out, name.as_bytes());
                out.extend(b" (");
                value::plain(out, definition, node, shown.dissection);
                out.push(b')');
            }
            (None, _) => value::plain(out, definition, node, shown.dissection),
        }
    }
    if is_generated {
        out.push(b']');
    }
    if node.flags.contains(Flags::MALFORMED) {
        out.extend(b" [malformed]");
    }
}

/// The bits of a field among those of its bytes: `.... 0101 = `.
fn bits(out: &mut Vec<u8>, node: &Node, number: u64) {
    let Some(bits) = node.bits else { return };
    let (first, count) = (u32::from(bits.first), u32::from(bits.count));
    let all = node.length.saturating_mul(8);
    for bit in 0..all {
        if bit > 0 && bit % 4 == 0 {
            out.push(b' ');
        }
        let inside = (first..first + count).contains(&bit);
        out.push(if !inside {
            b'.'
        } else if number >> (first + count - 1 - bit).min(63) & 1 == 1 {
            b'1'
        } else {
            b'0'
        });
    }
    out.extend(b" = ");
}
