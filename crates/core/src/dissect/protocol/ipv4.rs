//! Internet Protocol, version 4 (RFC 791).

use super::ip::{self, Header};
use super::{data, ipv4_option, malformed, udp};
use crate::dissect::field::fields;
use crate::dissect::reassembly::{Fields, Piece};
use crate::dissect::tunnel;
use crate::dissect::{Dissection, Dissector, Flags, Place, Span, Value};

fields! { Ipv4 = "ip", "Internet Protocol Version 4";
    VERSION = "ip.version", "Version", Decimal;
    HEADER_LENGTH = "ip.hdr_len", "Header Length", Decimal;
    SERVICE = "ip.dsfield", "Differentiated Services Field", Hex(2);
    SERVICE_CODE = "ip.dsfield.dscp", "Differentiated Services Codepoint", Decimal, names ip::SERVICES;
    CONGESTION = "ip.dsfield.ecn", "Explicit Congestion Notification", Decimal, names ip::CONGESTION;
    LENGTH = "ip.len", "Total Length", Decimal;
    IDENTIFICATION = "ip.id", "Identification", Hex(4);
    FLAGS = "ip.flags", "Flags", Hex(2);
    RESERVED = "ip.flags.rb", "Reserved bit", Flag, names super::SET;
    DONT_FRAGMENT = "ip.flags.df", "Don't fragment", Flag, names super::SET;
    MORE_FRAGMENTS = "ip.flags.mf", "More fragments", Flag, names super::SET;
    FRAGMENT_OFFSET = "ip.frag_offset", "Fragment Offset", Decimal;
    TTL = "ip.ttl", "Time to Live", Decimal;
    NUMBER = "ip.proto", "Protocol", Decimal, names ip::NAMES;
    CHECKSUM = "ip.checksum", "Header Checksum", Hex(4);
    CHECKSUM_STATUS = "ip.checksum.status", "Header checksum status", Decimal, names super::CHECKSUM_STATUS;
    SOURCE = "ip.src", "Source Address", Ipv4, also "ip.addr";
    DESTINATION = "ip.dst", "Destination Address", Ipv4, also "ip.addr";
    PART = "ip.fragment", "IPv4 Fragment", Decimal;
    WRONG_PART = "ip.fragment.error", "Defragmentation error", Decimal;
    PARTS = "ip.fragment.count", "Fragment count", Decimal;
    WHOLE_LENGTH = "ip.reassembled.length", "Reassembled IPv4 length", Decimal;
    WHOLE = "ip.reassembled.data", "Reassembled IPv4 data", Bytes;
    NEXT_HOP = "ip.cur_rt", "Current Route", Ipv4;
}

const MIN_HEADER_BYTES: u32 = 20;
/// Bytes of the longest packet.
const MAX_BYTES: u32 = 0xffff;

/// Reads a packet. Gives how many bytes it takes.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) -> u32 {
    let Some(header) = span.first::<20>() else {
        dissector.out.layer(PROTOCOL, span, span.len());
        malformed::end(dissector, span);
        return span.stated();
    };
    dissector.out.columns.set_protocol(format_args!("IPv4"));
    let word = |at: usize| match header.get(at..at + 2) {
        Some([high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    let header_length = u32::from(header[0] & 0x0f) * 4;
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, header_length.min(span.len()));
    out.bits(VERSION, span, (0, 1), (0, 4), header[0] >> 4);
    out.bits(HEADER_LENGTH, span, (0, 1), (4, 4), header_length);
    if header_length < MIN_HEADER_BYTES {
        out.flag_last(Flags::MALFORMED);
        out.columns.set_info(format_args!(
            "Bogus IP header length ({header_length}, must be at least {MIN_HEADER_BYTES})"
        ));
        return span.stated();
    }
    out.number(SERVICE, span, 1, 1, header[1]);
    out.enter();
    out.bits(SERVICE_CODE, span, (1, 1), (0, 6), header[1] >> 2);
    out.bits(CONGESTION, span, (1, 1), (6, 2), header[1] & 3);
    out.leave();
    // A length of 0 is that of a packet which the network card has yet to split.
    let stated = u32::from(word(2));
    let length = if stated == 0 { span.stated() } else { stated };
    out.number(LENGTH, span, 2, 2, length);
    if length < header_length {
        out.flag_last(Flags::MALFORMED);
        out.columns.set_info(format_args!(
            "Bogus IP length ({length}, less than header length {header_length})"
        ));
        return span.stated();
    }
    if length > span.stated() {
        out.flag_last(Flags::MALFORMED);
    }
    out.number(IDENTIFICATION, span, 4, 2, word(4));
    let fragment = word(6);
    out.bits(FLAGS, span, (6, 1), (0, 3), fragment >> 13);
    out.enter();
    out.bits(RESERVED, span, (6, 1), (0, 1), fragment >> 15);
    out.bits(DONT_FRAGMENT, span, (6, 1), (1, 1), fragment >> 14 & 1);
    out.bits(MORE_FRAGMENTS, span, (6, 1), (2, 1), fragment >> 13 & 1);
    out.leave();
    let fragment_offset = fragment & 0x1fff;
    out.bits(FRAGMENT_OFFSET, span, (6, 2), (3, 13), fragment_offset);
    out.number(TTL, span, 8, 1, header[8]);
    out.number(NUMBER, span, 9, 1, header[9]);
    out.number(CHECKSUM, span, 10, 2, word(10));
    out.generated(CHECKSUM_STATUS, span, 10, Value::Number(super::UNVERIFIED));
    let source = [header[12], header[13], header[14], header[15]];
    let next_hop = [header[16], header[17], header[18], header[19]];
    out.number(SOURCE, span, 12, 4, u32::from_be_bytes(source));
    let options = span.part(MIN_HEADER_BYTES..header_length);
    let last_hop = if options.is_empty() { None } else { ipv4_option::last_hop(options) };
    let field = if last_hop.is_none() { DESTINATION } else { NEXT_HOP };
    out.number(field, span, 16, 4, u32::from_be_bytes(next_hop));
    if !options.is_empty() {
        ipv4_option::dissect(out, options);
    }
    let destination = last_hop.unwrap_or(next_hop);
    dissector.way(Place::V4(source.into()), Place::V4(destination.into()));
    let addresses_sum = ip::words(&source).wrapping_add(ip::words(&destination));
    let header = Header { hops: header[8], addresses_sum, version: 4 };
    let payload = span.take(length).skip(header_length);
    let (offset_bits, more) = (fragment & 0x1fff, fragment & 0x2000);
    if offset_bits | more == 0 {
        let number = span.u8(9).unwrap_or_default();
        ip::dissect(dissector, number, payload, header);
    } else {
        self::fragment(dissector, span, payload, header);
    }
    length
}

const WHOLE_FIELDS: Fields =
    Fields { part: PART, wrong_part: WRONG_PART, count: PARTS, length: WHOLE_LENGTH, data: WHOLE };

/// A fragment: the packet that it makes whole, or bytes.
fn fragment(dissector: &mut Dissector, span: Span<'_>, payload: Span<'_>, header: Header) {
    let number = span.u8(9).unwrap_or_default();
    let (id, place) = (span.u16(4).unwrap_or_default(), span.u16(6).unwrap_or_default());
    // 13 bits that count 8 bytes each.
    let offset = (place & 0x1fff) << 3;
    let piece = Piece { id: id.into(), protocol: number, offset, more: place & 0x2000 != 0 };
    let fields = WHOLE_FIELDS;
    if let Some(whole) = dissector.reassemble(payload, piece, fields) {
        ip::dissect(dissector, number, whole.span(), header);
        return dissector.give_back(whole);
    }
    if offset == 0 && payload.is_cut() {
        // It can never be put together, so that what there is of its beginning is shown. How long
        // the whole was its own header tells.
        let payload = if number == udp::NUMBER { payload.stating(MAX_BYTES) } else { payload };
        return ip::dissect(dissector, number, payload, header);
    }
    let name = ip::NAMES.name(number.into()).unwrap_or("Unknown");
    dissector.out.columns.set_info(format_args!(
        "Fragmented IP protocol (proto={name} {number}, off={offset}, ID={id:04x})"
    ));
    data::dissect(dissector, payload);
    if offset == 0 {
        tunnel::first_fragment(dissector, number, payload);
    }
}

/// The destination, where an option of the header tells it.
pub(super) fn destination(out: &mut Dissection, span: Span<'_>, at: u32, address: [u8; 4]) {
    out.number(DESTINATION, span, at, 4, u32::from_be_bytes(address));
}
