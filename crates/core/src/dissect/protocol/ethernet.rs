//! Ethernet (IEEE 802.3), frames without preamble and mostly without checksum.

use super::{ethertype, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, FieldId, Flags, Names, Node, Place, Span, Value};

fields! { Ethernet = "eth", "Ethernet II";
    DESTINATION = "eth.dst", "Destination", Ether, also "eth.addr";
    DESTINATION_LOCAL = "eth.dst.lg", "LG bit", Flag, names LOCAL, also "eth.lg";
    DESTINATION_GROUP = "eth.dst.ig", "IG bit", Flag, names GROUP, also "eth.ig";
    SOURCE = "eth.src", "Source", Ether, also "eth.addr";
    SOURCE_LOCAL = "eth.src.lg", "LG bit", Flag, names LOCAL, also "eth.lg";
    SOURCE_GROUP = "eth.src.ig", "IG bit", Flag, names GROUP, also "eth.ig";
    TYPE = "eth.type", "Type", Hex(4), names ethertype::NAMES;
    LENGTH = "eth.len", "Length", Decimal;
    PADDING = "eth.padding", "Padding", Bytes;
    TRAILER = "eth.trailer", "Trailer", Bytes;
    CHECKSUM = "eth.fcs", "Frame check sequence", Hex(8);
    CHECKSUM_STATUS = "eth.fcs.status", "FCS Status", Decimal, names super::CHECKSUM_STATUS;
}

const LOCAL: Names = Names::Flag(
    "Locally administered address (this is NOT the factory default)",
    "Globally unique address (factory default)",
);
const GROUP: Names =
    Names::Flag("Group address (multicast/broadcast)", "Individual address (unicast)");

const HEADER_BYTES: u32 = 14;
/// Bytes of the shortest frame, without its checksum: shorter ones are padded.
const SHORTEST_BYTES: u32 = 60;
const CHECKSUM_BYTES: u32 = 4;
/// The greatest number in the type field that is a length.
const MAX_LENGTH: u16 = 1500;

/// Reads a frame.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<14>() else { return malformed::end(dissector, span) };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
    let (destination, source) = ([d0, d1, d2, d3, d4, d5], [s0, s1, s2, s3, s4, s5]);
    let out = &mut dissector.out;
    let layer = out.layer(PROTOCOL, span, HEADER_BYTES);
    address(out, span, 0, destination, [DESTINATION, DESTINATION_LOCAL, DESTINATION_GROUP]);
    address(out, span, 6, source, [SOURCE, SOURCE_LOCAL, SOURCE_GROUP]);
    dissector.way(Place::Ether(source), Place::Ether(destination));
    let number = u16::from_be_bytes([t0, t1]);
    let payload = span.skip(HEADER_BYTES);
    let out = &mut dissector.out;
    if number <= MAX_LENGTH {
        out.number(LENGTH, span, 12, 2, number);
        out.columns.set("LLC", format_args!("{number} bytes of LLC"));
        return;
    }
    out.number(TYPE, span, 12, 2, number);
    let taken = ethertype::dissect(dissector, number, payload);
    if taken < payload.stated() {
        rest(&mut dissector.out, layer, span, HEADER_BYTES + taken, TRAILER);
    }
}

fn address(out: &mut Dissection, span: Span<'_>, at: u32, address: [u8; 6], fields: [FieldId; 3]) {
    let [whole, local, group] = fields;
    let first = address[0];
    out.ether(whole, span, at, address);
    out.enter();
    out.bits(local, span, (at, 3), (6, 1), first >> 1 & 1);
    out.bits(group, span, (at, 3), (7, 1), first & 1);
    out.leave();
}

/// What stands behind the packet, from `at` on: padding if the frame would be too short without it
/// and all of it is zeros, then a trailer, of which the last 4 bytes are taken for a checksum if
/// the frame is long enough to have one.
pub(super) fn rest(out: &mut Dissection, layer: usize, span: Span<'_>, at: u32, trailer: FieldId) {
    let node = |field, at: u32, length, value| Node {
        field,
        depth: 0,
        source: span.source(),
        flags: Flags::NONE,
        bits: None,
        offset: span.offset() + at,
        length,
        value,
    };
    let mut at = at;
    let padding = SHORTEST_BYTES.saturating_sub(at).min(span.stated().saturating_sub(at));
    let zeros = span.skip(at).take(padding);
    let is_padding = zeros.len() == padding && zeros.bytes().iter().all(|byte| *byte == 0);
    if padding > 0 && span.stated() >= SHORTEST_BYTES && is_padding {
        out.add_late(layer, node(PADDING, at, zeros.len(), Value::Bytes));
        at += padding;
    }
    let left = span.stated().saturating_sub(at);
    let has_checksum = trailer == TRAILER
        && left >= CHECKSUM_BYTES
        && span.stated() >= SHORTEST_BYTES + CHECKSUM_BYTES;
    let length = if has_checksum { left - CHECKSUM_BYTES } else { left };
    let there = span.skip(at).take(length).len();
    if there > 0 {
        out.add_late(layer, node(trailer, at, there, Value::Bytes));
    }
    if has_checksum && let Some(checksum) = span.u32(at + length) {
        let at = at + length;
        out.add_late(layer, node(CHECKSUM, at, 4, Value::Number(checksum.into())));
        let status = node(CHECKSUM_STATUS, at, 0, Value::Number(super::UNVERIFIED));
        out.add_late(layer, Node { flags: Flags::GENERATED, ..status });
    }
}
