//! Extension headers of IPv6 (RFC 8200, section 4; RFC 6275; RFC 8754).

use super::{data, ip, malformed};
use crate::dissect::field::fields;
use crate::dissect::reassembly::{Fields, Piece, Whole};
use crate::dissect::tunnel;
use crate::dissect::{Dissection, Dissector, FieldId, Names, Span};
use std::borrow::Cow::Borrowed;

fields! { Ipv6Extension = "ipv6.exthdr", "IPv6 Extension Header";
    HOP = "ipv6.hopopts", "IPv6 Hop-by-Hop Option", Heading;
    HOP_NEXT = "ipv6.hopopts.nxt", "Next Header", Decimal, names ip::NAMES;
    HOP_LENGTH = "ipv6.hopopts.len", "Length", Decimal;
    HOP_BYTES = "ipv6.hopopts.len_oct", "Length", Decimal;
    DESTINATION = "ipv6.dstopts", "Destination Options for IPv6", Heading;
    DESTINATION_NEXT = "ipv6.dstopts.nxt", "Next Header", Decimal, names ip::NAMES;
    DESTINATION_LENGTH = "ipv6.dstopts.len", "Length", Decimal;
    DESTINATION_BYTES = "ipv6.dstopts.len_oct", "Length", Decimal;
    OPTION = "ipv6.opt", "IPv6 Option", Heading;
    OPTION_TYPE = "ipv6.opt.type", "Type", Hex(2), names OPTION_TYPES;
    OPTION_ACTION = "ipv6.opt.type.action", "Action", Decimal, names ACTIONS;
    OPTION_CHANGE = "ipv6.opt.type.change", "May Change", Flag, names Names::Flag("Yes", "No");
    OPTION_REST = "ipv6.opt.type.rest", "Low-Order Bits", Hex(2);
    OPTION_LENGTH = "ipv6.opt.length", "Length", Decimal;
    PAD_N = "ipv6.opt.padn", "PadN", Bytes;
    ROUTER_ALERT = "ipv6.opt.router_alert", "Router Alert", Decimal;
    JUMBO = "ipv6.opt.jumbo", "Payload Length", Decimal;
    HOME_ADDRESS = "ipv6.opt.mipv6.home_address", "MIPv6 Home Address", Ipv6;
    EXPERIMENTAL = "ipv6.opt.experimental", "Experimental Option", Bytes;
    ROUTING = "ipv6.routing", "Routing Header for IPv6", Heading;
    ROUTING_NEXT = "ipv6.routing.nxt", "Next Header", Decimal, names ip::NAMES;
    ROUTING_LENGTH = "ipv6.routing.len", "Length", Decimal;
    ROUTING_BYTES = "ipv6.routing.len_oct", "Length", Decimal;
    ROUTING_TYPE = "ipv6.routing.type", "Type", Decimal, names ROUTING_TYPES;
    SEGMENTS_LEFT = "ipv6.routing.segleft", "Segments Left", Decimal;
    SOURCE_RESERVED = "ipv6.routing.src.reserved", "Reserved", Bytes;
    SOURCE_ADDRESS = "ipv6.routing.src.addr", "Address", Ipv6;
    MOBILE_RESERVED = "ipv6.routing.mipv6.reserved", "Reserved", Bytes;
    MOBILE_ADDRESS = "ipv6.routing.mipv6.home_address", "Home Address", Ipv6;
    LAST_SEGMENT = "ipv6.routing.srh.last_entry", "Last Entry", Decimal;
    SEGMENT_FLAGS = "ipv6.routing.srh.flags", "Flags", Hex(2);
    SEGMENT_TAG = "ipv6.routing.srh.tag", "Tag", Bytes;
    SEGMENT = "ipv6.routing.srh.addr", "Address", Ipv6;
    FRAGMENT = "ipv6.fraghdr", "Fragment Header for IPv6", Heading;
    FRAGMENT_NEXT = "ipv6.fraghdr.nxt", "Next header", Decimal, names ip::NAMES;
    FRAGMENT_RESERVED = "ipv6.fraghdr.reserved_octet", "Reserved octet", Hex(2);
    FRAGMENT_OFFSET = "ipv6.fraghdr.offset", "Offset", Decimal;
    FRAGMENT_BITS = "ipv6.fraghdr.reserved_bits", "Reserved bits", Decimal;
    FRAGMENT_MORE = "ipv6.fraghdr.more", "More Fragments", Flag, names Names::Flag("Yes", "No");
    FRAGMENT_NUMBER = "ipv6.fraghdr.ident", "Identification", Hex(8);
    PART = "ipv6.fragment", "IPv6 Fragment", Decimal;
    WRONG_PART = "ipv6.fragment.error", "Defragmentation error", Decimal;
    PARTS = "ipv6.fragment.count", "Fragment count", Decimal;
    WHOLE_LENGTH = "ipv6.reassembled.length", "Reassembled IPv6 length", Decimal;
    WHOLE = "ipv6.reassembled.data", "Reassembled IPv6 data", Bytes;
}

const OPTION_TYPES: Names = Names::Values(Borrowed(&[
    (0x00, Borrowed("Pad1")),
    (0x01, Borrowed("PadN")),
    (0x05, Borrowed("Router Alert")),
    (0x1e, Borrowed("Experimental (0x1E)")),
    (0xc2, Borrowed("Jumbo Payload")),
    (0xc9, Borrowed("Home Address")),
]));
const ACTIONS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Skip and continue")),
    (1, Borrowed("Discard")),
    (2, Borrowed("Discard and send ICMP")),
    (3, Borrowed("Discard and send ICMP if not multicast")),
]));
const ROUTING_TYPES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Source Route")),
    (2, Borrowed("Type 2 Routing")),
    (3, Borrowed("RPL Source Route")),
    (4, Borrowed("Segment Routing")),
]));

/// Extension headers that are read in one packet.
const MAX_HEADERS: usize = 64;
const FRAGMENT_BYTES: u32 = 8;

/// What ends the extension headers.
pub(super) enum End<'a> {
    /// What is inside stands behind them.
    Upper(Upper<'a>),
    /// A fragment made a packet whole that begins with a header of this number; bytes of the headers
    /// before it.
    Whole(Whole, u8, u32),
    /// They are malformed, or of a fragment that waits for others, or nothing is inside.
    Nothing,
}

/// What stands behind the extension headers.
pub(super) struct Upper<'a> {
    /// The number of its protocol.
    pub(super) number: u8,
    /// Its bytes.
    pub(super) payload: Span<'a>,
    /// Bytes of the headers that belong to the layer of IPv6.
    pub(super) layer_bytes: u32,
    /// Where the packet goes in the end, if a routing header tells.
    pub(super) destination: Option<[u8; 16]>,
}

/// Reads extension headers.
pub(super) fn dissect<'a>(dissector: &mut Dissector, span: Span<'a>, first: u8) -> End<'a> {
    let (mut rest, mut number, mut layer_bytes) = (span, first, 0);
    let mut destination = None;
    for _ in 0..MAX_HEADERS {
        let bytes = match number {
            0 => {
                dissector.out.columns.set_info(format_args!("IPv6 hop-by-hop options"));
                with_options(dissector, rest, [HOP, HOP_NEXT, HOP_LENGTH, HOP_BYTES])
            }
            60 => {
                let fields = [DESTINATION, DESTINATION_NEXT, DESTINATION_LENGTH, DESTINATION_BYTES];
                with_options(dissector, rest, fields)
            }
            43 => {
                let bytes = routing(dissector, rest);
                destination = last_hop(rest.take(bytes.unwrap_or_default())).or(destination);
                bytes
            }
            44 => match fragment(dissector, rest) {
                Fragment::Alone => Some(FRAGMENT_BYTES),
                Fragment::Whole(whole, next) => {
                    return End::Whole(whole, next, layer_bytes + FRAGMENT_BYTES);
                }
                Fragment::Ends => return End::Nothing,
            },
            _ => break,
        };
        let (Some(bytes), Some(next)) = (bytes, rest.u8(0)) else { return End::Nothing };
        number = next;
        layer_bytes += bytes;
        rest = rest.skip(bytes);
    }
    if number == 59 {
        dissector.out.columns.set_info(format_args!("IPv6 no next header"));
        data::dissect(dissector, rest);
        return End::Nothing;
    }
    End::Upper(Upper { number, payload: rest, layer_bytes, destination })
}

/// Adds the heading of a header, its first two fields and its length. Gives its bytes; nothing if
/// they are cut.
fn begin(dissector: &mut Dissector, span: Span<'_>, fields: [FieldId; 4]) -> Option<u32> {
    let Some([next, length]) = span.first::<2>().copied() else {
        malformed::end(dissector, span);
        return None;
    };
    let [heading, next_field, length_field, bytes_field] = fields;
    let bytes = (u32::from(length) + 1) * 8;
    let out = &mut dissector.out;
    out.heading(heading, span, 0, bytes.min(span.len()));
    out.number(next_field, span, 0, 1, next);
    out.number(length_field, span, 1, 1, length);
    out.number(bytes_field, span, 1, 1, bytes);
    Some(bytes)
}

fn with_options(dissector: &mut Dissector, span: Span<'_>, fields: [FieldId; 4]) -> Option<u32> {
    let bytes = begin(dissector, span, fields)?;
    let mut rest = span.part(2..bytes);
    while let Some(code) = rest.u8(0) {
        let place = dissector.out.next_place();
        let Some(length) = option(&mut dissector.out, rest, code) else {
            let read = rest.offset() - span.offset();
            dissector.out.set_length(place, span.len() - read);
            malformed::end(dissector, span);
            return None;
        };
        rest = rest.skip(length);
    }
    if span.len() < bytes {
        malformed::end(dissector, span);
        return None;
    }
    dissector.out.leave();
    Some(bytes)
}

/// Reads an option, unless it is a single byte of padding. Gives its bytes; nothing if they are cut.
fn option(out: &mut Dissection, span: Span<'_>, code: u8) -> Option<u32> {
    if code == 0 {
        return Some(1);
    }
    let place = out.heading(OPTION, span, 0, span.len().min(2));
    out.number(OPTION_TYPE, span, 0, 1, code);
    out.enter();
    out.bits(OPTION_ACTION, span, (0, 1), (0, 2), code >> 6);
    out.bits(OPTION_CHANGE, span, (0, 1), (2, 1), code >> 5 & 1);
    out.bits(OPTION_REST, span, (0, 1), (3, 5), code & 0x1f);
    out.leave();
    let length = span.u8(1)?;
    let bytes = u32::from(length) + 2;
    out.number(OPTION_LENGTH, span, 1, 1, length);
    out.set_length(place, bytes.min(span.len()));
    if span.len() < bytes {
        return None;
    }
    match (code, length) {
        (1, _) => out.bytes(PAD_N, span, 2, length.into()),
        (5, 2) => out.number(ROUTER_ALERT, span, 2, 2, span.u16(2)?),
        (0xc2, 4) => out.number(JUMBO, span, 2, 4, span.u32(2)?),
        (0xc9, 16) => out.bytes(HOME_ADDRESS, span, 2, 16),
        (0x1e, _) => out.bytes(EXPERIMENTAL, span, 2, length.into()),
        _ => {}
    }
    out.leave();
    Some(bytes)
}

fn routing(dissector: &mut Dissector, span: Span<'_>) -> Option<u32> {
    let fields = [ROUTING, ROUTING_NEXT, ROUTING_LENGTH, ROUTING_BYTES];
    let bytes = begin(dissector, span, fields)?;
    let (Some(kind), Some(left), true) = (span.u8(2), span.u8(3), span.len() >= bytes) else {
        malformed::end(dissector, span);
        return None;
    };
    let out = &mut dissector.out;
    out.number(ROUTING_TYPE, span, 2, 1, kind);
    out.number(SEGMENTS_LEFT, span, 3, 1, left);
    let address = match kind {
        0 => {
            out.bytes(SOURCE_RESERVED, span, 4, 4);
            SOURCE_ADDRESS
        }
        2 => {
            out.bytes(MOBILE_RESERVED, span, 4, 4);
            MOBILE_ADDRESS
        }
        4 => {
            out.number(LAST_SEGMENT, span, 4, 1, span.u8(4).unwrap_or_default());
            out.number(SEGMENT_FLAGS, span, 5, 1, span.u8(5).unwrap_or_default());
            out.bytes(SEGMENT_TAG, span, 6, 2);
            SEGMENT
        }
        _ => {
            out.leave();
            return Some(bytes);
        }
    };
    let addresses = (bytes - 8) / 16;
    let shown = match kind {
        2 => addresses.min(1),
        4 => addresses.min(u32::from(span.u8(4).unwrap_or_default()) + 1),
        _ => addresses,
    };
    for number in 0..shown {
        out.bytes(address, span, 8 + number * 16, 16);
    }
    out.leave();
    Some(bytes)
}

/// Where a packet goes in the end by a routing header, if it is not there yet.
fn last_hop(span: Span<'_>) -> Option<[u8; 16]> {
    let (kind, left) = (span.u8(2)?, span.u8(3)?);
    let addresses = (span.len().checked_sub(8)?) / 16;
    let place = match kind {
        0 | 2 => addresses.checked_sub(1)?,
        4 => 0,
        _ => return None,
    };
    (left > 0).then(|| span.array(8 + place * 16))?
}

const WHOLE_FIELDS: Fields =
    Fields { part: PART, wrong_part: WRONG_PART, count: PARTS, length: WHOLE_LENGTH, data: WHOLE };

/// What a fragment header says.
enum Fragment {
    /// The fragment is the whole packet.
    Alone,
    /// It was the last one missing of a packet that begins with a header of this number.
    Whole(Whole, u8),
    /// No header follows.
    Ends,
}

/// Reads a fragment header.
fn fragment(dissector: &mut Dissector, span: Span<'_>) -> Fragment {
    let (Some([next, reserved, o0, o1]), Some(number)) = (span.first::<4>().copied(), span.u32(4))
    else {
        malformed::end(dissector, span);
        return Fragment::Ends;
    };
    let place = u16::from_be_bytes([o0, o1]);
    let (offset, more) = (place & !0b111, place & 1 == 1);
    let out = &mut dissector.out;
    out.heading(FRAGMENT, span, 0, FRAGMENT_BYTES);
    out.number(FRAGMENT_NEXT, span, 0, 1, next);
    out.number(FRAGMENT_RESERVED, span, 1, 1, reserved);
    out.bits(FRAGMENT_OFFSET, span, (2, 2), (0, 13), place >> 3);
    out.bits(FRAGMENT_BITS, span, (2, 2), (13, 2), place >> 1 & 3);
    out.bits(FRAGMENT_MORE, span, (2, 2), (15, 1), place & 1);
    out.number(FRAGMENT_NUMBER, span, 4, 4, number);
    out.leave();
    if offset == 0 && !more {
        return Fragment::Alone;
    }
    let payload = span.skip(FRAGMENT_BYTES);
    let piece = Piece { id: number, protocol: 0, offset, more };
    let fields = WHOLE_FIELDS;
    if let Some(whole) = dissector.reassemble(payload, piece, fields) {
        return Fragment::Whole(whole, next);
    }
    let more = if more { "y" } else { "n" };
    dissector.out.columns.set_info(format_args!(
        "IPv6 fragment (off={offset} more={more} ident=0x{number:08x} nxt={next})"
    ));
    data::dissect(dissector, payload);
    if offset == 0 {
        tunnel::first_fragment(dissector, next, payload);
    }
    Fragment::Ends
}
