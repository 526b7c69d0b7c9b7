//! Internet Protocol, version 4 (RFC 791).

use super::{data, udp};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Place, Span};

fields! { Ipv4 = "ip", "Internet Protocol Version 4";
    VERSION = "ip.version", "Version", Decimal;
    HEADER_LENGTH = "ip.hdr_len", "Header Length", Decimal;
    LENGTH = "ip.len", "Total Length", Decimal;
    PROTOCOL_NUMBER = "ip.proto", "Protocol", Decimal;
    SOURCE = "ip.src", "Source Address", Ipv4, also "ip.addr";
    DESTINATION = "ip.dst", "Destination Address", Ipv4, also "ip.addr";
}

/// Reads a packet.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<20>() else { return data::dissect(dissector, span) };
    let header_length = u32::from(header[0] & 0x0f) * 4;
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, header_length.min(span.len()));
    out.bits(VERSION, span, (0, 1), (0, 4), header[0] >> 4);
    out.bits(HEADER_LENGTH, span, (0, 1), (4, 4), header_length);
    let length = u16::from_be_bytes([header[2], header[3]]);
    out.number(LENGTH, span, 2, 2, length);
    out.number(PROTOCOL_NUMBER, span, 9, 1, header[9]);
    let source = [header[12], header[13], header[14], header[15]];
    let destination = [header[16], header[17], header[18], header[19]];
    out.number(SOURCE, span, 12, 4, u32::from_be_bytes(source));
    out.number(DESTINATION, span, 16, 4, u32::from_be_bytes(destination));
    out.columns.way(Place::V4(source.into()), Place::V4(destination.into()));
    let payload = span.take(length.into()).skip(header_length);
    match header[9] {
        17 => udp::dissect(dissector, payload),
        _ => data::dissect(dissector, payload),
    }
}
