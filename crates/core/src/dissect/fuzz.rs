//! Bodies of fuzz targets: whatever the bytes, nothing panics, and what is made of them holds
//! together.

use super::show::value::{self, Bytes};
use super::show::{Fields, List, hex, json, tree};
use super::{Dissector, Frame, Link, Options};
use crate::capture::Comments;

/// Fields of every way in which a value is shown.
const FIELDS: [&str; 8] = [
    "frame.time_epoch",
    "eth.src",
    "ip.addr",
    "ipv6.addr",
    "tcp.flags.str",
    "dns.qry.name",
    "data.data",
    "_ws.col.Info",
];

/// Frames of a capture: the first byte tells the link type, then each frame has its length in two
/// bytes, of which the highest bit says that the capture cut it.
///
/// # Panics
/// If what was made of a frame does not hold together.
pub fn dissect(data: &[u8]) {
    let Some((link, mut rest)) = data.split_first() else { return };
    let links = [Link::Ethernet, Link::RawIp, Link::Cooked, Link::Cooked2, Link::Loopback];
    let link = links.get(usize::from(*link) % links.len()).copied().unwrap_or(Link::Other);
    let mut all = Dissector::new(Options { columns: true });
    let mut some = Dissector::new(Options::default());
    let registry = all.registry.clone();
    let Ok(mut fields) = Fields::new(&registry, FIELDS) else { return };
    some.keep(&fields.ids());
    let mut list = List::default();
    let mut out = Vec::new();
    let mut number = 0;
    while let Some(([high, low], after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([high & 0x7f, *low])).min(after.len());
        let (bytes, behind) = after.split_at_checked(length).unwrap_or_default();
        rest = behind;
        number += 1;
        let there = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let original_length = there + if high & 0x80 == 0 { 0 } else { 100 };
        let time = Some(i64::from(there) * 1_000_000);
        let frame =
            Frame { number, time, link, bytes, original_length, comments: Comments::default() };
        let dissection = all.dissect(&frame);
        out.clear();
        let mut depth = 0;
        for node in &dissection.nodes {
            assert!(node.depth <= depth, "a node stands below the one before it at most");
            depth = node.depth + 1;
            let source = dissection.source(node.source).len();
            let definition = registry.get(node.field);
            assert!(definition.is_some(), "every field is known");
            assert!(node.offset as usize <= source, "{definition:?} lies in its source: {node:?}");
            if let Some(definition) = definition {
                value::write(&mut out, dissection, node, definition, Bytes::Colons);
            }
        }
        let mut text = Vec::new();
        list.line(&mut text, &frame, dissection);
        tree::write(&mut text, dissection, &registry);
        hex::write(&mut text, dissection);
        json::write(&mut text, &frame, dissection, &registry);
        fields.line(&mut text, dissection, &registry);
        let harmless = text.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\n' | b'\t'));
        assert!(harmless, "no control character reaches a terminal");
        let chosen: Vec<_> = kept(dissection.nodes.iter(), &fields);
        let few = some.dissect(&frame);
        assert_eq!(kept(few.nodes.iter(), &fields), chosen, "what is kept is what was there");
    }
}

/// The nodes of the fields that were asked for, without their depth: what they stand below may be
/// left out.
fn kept<'a>(
    nodes: impl Iterator<Item = &'a super::Node>,
    fields: &Fields,
) -> Vec<(super::FieldId, u8, u32, u32, super::Value)> {
    let ids = fields.ids();
    nodes
        .filter(|node| ids.contains(&node.field))
        .map(|node| (node.field, node.source, node.offset, node.length, node.value))
        .map(|node| match node.4 {
            // Where text was put depends on what else was.
            super::Value::Text { length, .. } => {
                (node.0, node.1, node.2, length, super::Value::None)
            }
            _ => node,
        })
        .collect()
}
