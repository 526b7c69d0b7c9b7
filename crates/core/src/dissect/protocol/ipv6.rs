//! Internet Protocol, version 6 (RFC 8200).

use super::{data, udp};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Place, Span};

fields! { Ipv6 = "ipv6", "Internet Protocol Version 6";
    VERSION = "ipv6.version", "Version", Decimal;
    LENGTH = "ipv6.plen", "Payload Length", Decimal;
    NEXT = "ipv6.nxt", "Next Header", Decimal;
    SOURCE = "ipv6.src", "Source Address", Ipv6, also "ipv6.addr";
    DESTINATION = "ipv6.dst", "Destination Address", Ipv6, also "ipv6.addr";
}

/// Reads a packet.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<40>() else { return data::dissect(dissector, span) };
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, 40);
    out.bits(VERSION, span, (0, 1), (0, 4), header[0] >> 4);
    let length = u16::from_be_bytes([header[4], header[5]]);
    out.number(LENGTH, span, 4, 2, length);
    out.number(NEXT, span, 6, 1, header[6]);
    out.bytes(SOURCE, span, 8, 16);
    out.bytes(DESTINATION, span, 24, 16);
    if let (Some(source), Some(destination)) = (span.array::<16>(8), span.array::<16>(24)) {
        out.columns.way(Place::V6(source.into()), Place::V6(destination.into()));
    }
    let payload = span.skip(40).take(length.into());
    match header[6] {
        17 => udp::dissect(dissector, payload),
        _ => data::dissect(dissector, payload),
    }
}
