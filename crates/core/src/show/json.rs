//! A frame as a JSON object in a line. Its schema is in `docs/decode.schema.json`.

use super::{Shown, list, time, value, write};
use crate::dissect::{Flags, Node, Registry};
use crate::drop::{Drop, Value};

pub(super) fn show(out: &mut Vec<u8>, shown: &Shown<'_>, registry: &Registry, room: &mut Vec<u8>) {
    let dissection = shown.dissection;
    let columns = &dissection.columns;
    out.extend(b"{\"number\":");
    write::decimal(out, shown.number);
    out.extend(b",\"time\":");
    match shown.time {
        Some(at) => {
            out.push(b'"');
            time::epoch(out, at);
            out.push(b'"');
        }
        None => out.extend(b"null"),
    }
    for (name, place) in [("source", columns.source), ("destination", columns.destination)] {
        room.clear();
        list::place(room, place);
        key(out, name);
        write::quoted(out, room);
    }
    key(out, "protocol");
    write::quoted(out, columns.protocol.as_bytes());
    key(out, "length");
    write::decimal(out, shown.original_length.into());
    key(out, "info");
    write::quoted(out, columns.info.as_bytes());
    if shown.comments.iter().next().is_some() {
        key(out, "comments");
        out.push(b'[');
        for (place, comment) in shown.comments.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write::quoted(out, comment.as_bytes());
        }
        out.push(b']');
    }
    key(out, "layers");
    layers(out, shown, registry);
    key(out, "sources");
    out.push(b'[');
    for (id, source) in dissection.sources.iter().enumerate() {
        if id > 0 {
            out.push(b',');
        }
        out.extend(b"{\"id\":");
        write::decimal(out, id as u64);
        key(out, "kind");
        write::quoted(out, source.kind.name().as_bytes());
        key(out, "length");
        write::decimal(out, (source.end - source.start) as u64);
        out.push(b'}');
    }
    out.extend(b"],\"drops\":[");
    for (place, drop) in dissection.drops.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        refusal(out, drop);
    }
    out.extend(b"]}\n");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend(b",\"");
    out.extend(name.as_bytes());
    out.extend(b"\":");
}

/// The layers, outermost first, their fields nested.
fn layers(out: &mut Vec<u8>, shown: &Shown<'_>, registry: &Registry) {
    out.push(b'[');
    let mut depth = 0;
    let mut is_first = true;
    for node in &shown.dissection.nodes {
        let Some(definition) = registry.get(node.field) else { continue };
        // Nodes never skip a depth downwards: a layer, its fields, theirs.
        let below = if is_first { 0 } else { depth + 1 };
        let at = usize::from(node.depth).min(below);
        if is_first {
            is_first = false;
        } else if at > depth {
            out.extend(b",\"fields\":[");
        } else {
            out.push(b'}');
            for _ in at..depth {
                out.extend(b"]}");
            }
            out.push(b',');
        }
        depth = at;
        if at == 0 {
            out.extend(b"{\"protocol\":");
            write::quoted(out, definition.name.as_bytes());
        } else {
            out.extend(b"{\"name\":");
            write::quoted(out, definition.name.as_bytes());
        }
        key(out, "label");
        write::quoted(out, definition.label.as_bytes());
        if at > 0 {
            key(out, "value");
            value::json(out, definition, node, shown.dissection);
        }
        place(out, node);
    }
    if !is_first {
        out.push(b'}');
        for _ in 0..depth {
            out.extend(b"]}");
        }
    }
    out.push(b']');
}

fn place(out: &mut Vec<u8>, node: &Node) {
    key(out, "offset");
    write::decimal(out, node.offset.into());
    key(out, "length");
    write::decimal(out, node.length.into());
    key(out, "in");
    write::decimal(out, node.source.into());
    if node.flags.contains(Flags::MALFORMED) {
        out.extend(b",\"malformed\":true");
    }
    if node.flags.contains(Flags::GENERATED) {
        out.extend(b",\"generated\":true");
    }
}

fn refusal(out: &mut Vec<u8>, drop: &Drop) {
    out.extend(b"{\"reason\":");
    write::quoted(out, drop.reason.name().as_bytes());
    key(out, "layer");
    write::quoted(out, drop.layer.name().as_bytes());
    key(out, "offset");
    write::decimal(out, drop.offset as u64);
    for (name, value) in [("expected", drop.expected), ("found", drop.found)] {
        key(out, name);
        match value {
            Value::Nothing => out.extend(b"null"),
            Value::Number(number) if number <= 1 << 53 => write::decimal(out, number),
            Value::Number(number) => write::quoted(out, number.to_string().as_bytes()),
            Value::Bytes { bytes, length } => {
                out.push(b'"');
                write::hex(out, bytes.get(..usize::from(length)).unwrap_or_default());
                out.push(b'"');
            }
        }
    }
    out.push(b'}');
}
