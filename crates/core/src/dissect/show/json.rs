//! A frame as a JSON object on a line of its own (NDJSON).

use super::value::{self, Bytes};
use super::{number, text};
use crate::dissect::{Definition, Dissection, Frame, Kind, Node, Registry, Value};
use crate::drop::{self, Drop};
use std::io::Write;

/// The greatest integer that every reader of JSON keeps exact (RFC 8259, section 6).
const MAX_EXACT: u64 = 1 << 53;

/// Writes the object of a frame, with a line feed. Columns must have been asked for.
pub fn write(out: &mut Vec<u8>, frame: &Frame<'_>, dissection: &Dissection, registry: &Registry) {
    key(out, b'{', "number");
    number::decimal(out, frame.number);
    key(out, b',', "time");
    match frame.time {
        Some(time) => {
            out.push(b'"');
            number::seconds(out, time);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    let columns = &dissection.columns;
    // Writing to a vector cannot fail.
    key(out, b',', "source");
    let _ = write!(out, "\"{}\"", columns.source);
    key(out, b',', "destination");
    let _ = write!(out, "\"{}\"", columns.destination);
    key(out, b',', "protocol");
    text::json(out, columns.protocol.as_bytes());
    key(out, b',', "length");
    number::decimal(out, frame.original_length.into());
    key(out, b',', "info");
    text::json(out, columns.info.as_bytes());
    layers(out, dissection, registry);
    sources(out, dissection);
    drops(out, dissection);
    out.extend_from_slice(b"}\n");
}

fn key(out: &mut Vec<u8>, before: u8, name: &str) {
    out.push(before);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// The protocols at depth 0, their fields nested as in the tree.
fn layers(out: &mut Vec<u8>, dissection: &Dissection, registry: &Registry) {
    key(out, b',', "layers");
    out.push(b'[');
    // How many objects are open, each with a list of fields that may yet be empty.
    let mut open = 0;
    for node in &dissection.nodes {
        let Some(definition) = registry.get(node.field) else { continue };
        // A node stands below the one before it at most.
        let depth = node.depth.min(open);
        close(out, &mut open, depth);
        if !out.ends_with(b"[") {
            out.push(b',');
        }
        field(out, dissection, node, definition, depth);
        out.extend_from_slice(FIELDS);
        open = depth + 1;
    }
    close(out, &mut open, 0);
    out.push(b']');
}

/// What begins the list of fields below a field.
const FIELDS: &[u8] = b",\"fields\":[";

/// Closes objects until so many are open. Lists of nothing are left out.
fn close(out: &mut Vec<u8>, open: &mut u8, wanted: u8) {
    while *open > wanted {
        if out.ends_with(FIELDS) {
            out.truncate(out.len() - FIELDS.len());
        } else {
            out.push(b']');
        }
        out.push(b'}');
        *open -= 1;
    }
}

fn field(
    out: &mut Vec<u8>,
    dissection: &Dissection,
    node: &Node,
    definition: &Definition,
    depth: u8,
) {
    key(out, b'{', if depth == 0 { "protocol" } else { "name" });
    text::json(out, definition.name.as_bytes());
    key(out, b',', "label");
    text::json(out, definition.label.as_bytes());
    if depth == 0 {
        return;
    }
    key(out, b',', "value");
    json_value(out, dissection, node, definition);
    key(out, b',', "offset");
    number::decimal(out, node.offset.into());
    key(out, b',', "length");
    number::decimal(out, node.length.into());
    key(out, b',', "in");
    number::decimal(out, node.source.into());
}

fn json_value(out: &mut Vec<u8>, dissection: &Dissection, node: &Node, definition: &Definition) {
    match (definition.kind, node.value) {
        (Kind::Protocol | Kind::Heading, _) => out.extend_from_slice(b"null"),
        (Kind::Flag, Value::Number(number)) => {
            out.extend_from_slice(if number == 0 { b"false" } else { b"true" });
        }
        (Kind::Decimal | Kind::Hex(_), Value::Number(number)) if number <= MAX_EXACT => {
            number::decimal(out, number);
        }
        (Kind::Decimal | Kind::Hex(_), Value::Number(number)) => {
            out.push(b'"');
            number::decimal(out, number);
            out.push(b'"');
        }
        (Kind::Signed, Value::Signed(number)) if number.unsigned_abs() <= MAX_EXACT => {
            number::signed(out, number);
        }
        (Kind::Text, _) => text::json(out, dissection.value_bytes(node)),
        _ => {
            out.push(b'"');
            value::write(out, dissection, node, definition, Bytes::Plain);
            out.push(b'"');
        }
    }
}

fn sources(out: &mut Vec<u8>, dissection: &Dissection) {
    key(out, b',', "sources");
    out.push(b'[');
    for (id, source) in dissection.sources.iter().enumerate() {
        if id > 0 {
            out.push(b',');
        }
        key(out, b'{', "id");
        number::decimal(out, id as u64);
        key(out, b',', "kind");
        text::json(out, source.kind.name().as_bytes());
        key(out, b',', "length");
        number::decimal(out, (source.end - source.start) as u64);
        out.push(b'}');
    }
    out.push(b']');
}

fn drops(out: &mut Vec<u8>, dissection: &Dissection) {
    key(out, b',', "drops");
    out.push(b'[');
    for (place, drop) in dissection.drops.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_drop(out, drop);
    }
    out.push(b']');
}

fn write_drop(out: &mut Vec<u8>, drop: &Drop) {
    key(out, b'{', "reason");
    text::json(out, drop.reason.name().as_bytes());
    key(out, b',', "layer");
    text::json(out, drop.layer.name().as_bytes());
    key(out, b',', "offset");
    number::decimal(out, drop.offset as u64);
    key(out, b',', "expected");
    drop_value(out, &drop.expected);
    key(out, b',', "found");
    drop_value(out, &drop.found);
    out.push(b'}');
}

fn drop_value(out: &mut Vec<u8>, value: &drop::Value) {
    match value {
        drop::Value::Nothing => out.extend_from_slice(b"null"),
        drop::Value::Number(number) if *number <= MAX_EXACT => number::decimal(out, *number),
        drop::Value::Number(number) => text::json(out, number.to_string().as_bytes()),
        drop::Value::Bytes { bytes, length } => {
            out.push(b'"');
            number::bytes(out, bytes.get(..usize::from(*length)).unwrap_or_default(), None);
            out.push(b'"');
        }
    }
}
