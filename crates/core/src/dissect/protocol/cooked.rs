//! Linux cooked captures, versions 1 and 2 (`LINKTYPE_LINUX_SLL`, `LINKTYPE_LINUX_SLL2`).

use super::{ethernet, ethertype, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, Names, Place, Span};
use std::borrow::Cow::Borrowed;

fields! { Cooked = "sll", "Linux cooked capture";
    PACKET_TYPE = "sll.pkttype", "Packet type", Decimal, names PACKET_TYPES;
    ADDRESS_TYPE = "sll.hatype", "Link-layer address type", Decimal, names ADDRESS_TYPES;
    ADDRESS_LENGTH = "sll.halen", "Link-layer address length", Decimal;
    SOURCE = "sll.src.eth", "Source", Ether;
    SOURCE_OTHER = "sll.src.other", "Source", Bytes;
    SOURCE_IPV4 = "sll.src.ipv4", "Source", Ipv4;
    UNUSED = "sll.unused", "Unused", Bytes;
    TYPE = "sll.etype", "Protocol", Hex(4), names ethertype::NAMES;
    INTERFACE = "sll.ifindex", "Interface index", Decimal;
    TRAILER = "sll.trailer", "Trailer", Bytes;
}

const PACKET_TYPES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Unicast to us")),
    (1, Borrowed("Broadcast")),
    (2, Borrowed("Multicast")),
    (3, Borrowed("Unicast to another host")),
    (4, Borrowed("Sent by us")),
]));
const ADDRESS_TYPES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("Ethernet")),
    (772, Borrowed("Loopback")),
    (65534, Borrowed("zero header length")),
]));
/// Bytes of the field for the address.
const ADDRESS_BYTES: u32 = 8;

/// Reads a frame with a header of version 1.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<16>() else { return malformed::end(dissector, span) };
    let ethertype = u16::from_be_bytes([header[14], header[15]]);
    let length = u16::from_be_bytes([header[4], header[5]]);
    let out = &mut dissector.out;
    let layer = out.layer(PROTOCOL, span, 16);
    out.number(PACKET_TYPE, span, 0, 2, u16::from_be_bytes([header[0], header[1]]));
    out.number(ADDRESS_TYPE, span, 2, 2, u16::from_be_bytes([header[2], header[3]]));
    out.number(ADDRESS_LENGTH, span, 4, 2, length);
    let place = address(out, span, 6, length.into());
    out.number(TYPE, span, 14, 2, ethertype);
    dissector.way(place, Place::Nowhere);
    payload(dissector, layer, span, 16, ethertype);
}

/// Reads a frame with a header of version 2.
pub(in crate::dissect) fn dissect_2(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<20>() else { return malformed::end(dissector, span) };
    let ethertype = u16::from_be_bytes([header[0], header[1]]);
    let interface = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let out = &mut dissector.out;
    let layer = out.layer(PROTOCOL, span, 20);
    out.number(TYPE, span, 0, 2, ethertype);
    out.number(INTERFACE, span, 4, 4, interface);
    out.number(ADDRESS_TYPE, span, 8, 2, u16::from_be_bytes([header[8], header[9]]));
    out.number(PACKET_TYPE, span, 10, 1, header[10]);
    out.number(ADDRESS_LENGTH, span, 11, 1, header[11]);
    let place = address(out, span, 12, header[11].into());
    dissector.way(place, Place::Nowhere);
    payload(dissector, layer, span, 20, ethertype);
}

fn address(out: &mut Dissection, span: Span<'_>, at: u32, length: u32) -> Place {
    let length = length.min(ADDRESS_BYTES);
    let mut place = Place::Nowhere;
    match (length, span.array::<6>(at), span.array::<4>(at)) {
        (0, _, _) => {}
        (4, _, Some(address)) => {
            out.number(SOURCE_IPV4, span, at, 4, u32::from_be_bytes(address));
        }
        (6, Some(address), _) => {
            out.ether(SOURCE, span, at, address);
            place = Place::Ether(address);
        }
        _ => out.bytes(SOURCE_OTHER, span, at, length),
    }
    if length < ADDRESS_BYTES {
        out.bytes(UNUSED, span, at + length, ADDRESS_BYTES - length);
    }
    place
}

fn payload(dissector: &mut Dissector, layer: usize, span: Span<'_>, at: u32, ethertype: u16) {
    let payload = span.skip(at);
    let taken = ethertype::dissect(dissector, ethertype, payload);
    if taken < payload.stated() {
        ethernet::rest(&mut dissector.out, layer, span, at + taken, TRAILER);
    }
}
