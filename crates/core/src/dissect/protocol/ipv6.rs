//! Internet Protocol, version 6 (RFC 8200).

use super::ip::{self, Header};
use super::ipv6_extension::{self, End};
use super::malformed;
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Flags, Place, Span};

fields! { Ipv6 = "ipv6", "Internet Protocol Version 6";
    VERSION = "ipv6.version", "Version", Decimal, also "ip.version";
    CLASS = "ipv6.tclass", "Traffic Class", Hex(8);
    SERVICE_CODE = "ipv6.tclass.dscp", "Differentiated Services Codepoint", Decimal, names ip::SERVICES;
    CONGESTION = "ipv6.tclass.ecn", "Explicit Congestion Notification", Decimal, names ip::CONGESTION;
    FLOW = "ipv6.flow", "Flow Label", Hex(6);
    LENGTH = "ipv6.plen", "Payload Length", Decimal;
    NEXT = "ipv6.nxt", "Next Header", Decimal, names ip::NAMES;
    HOPS = "ipv6.hlim", "Hop Limit", Decimal;
    SOURCE = "ipv6.src", "Source Address", Ipv6, also "ipv6.addr";
    DESTINATION = "ipv6.dst", "Destination Address", Ipv6, also "ipv6.addr";
}

const HEADER_BYTES: u32 = 40;

/// Reads a packet. Gives how many bytes it takes.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) -> u32 {
    dissector.out.columns.set_protocol(format_args!("IPv6"));
    let (Some(header), Some(source), Some(destination)) =
        (span.first::<40>(), span.array::<16>(8), span.array::<16>(24))
    else {
        dissector.out.layer(PROTOCOL, span, span.len());
        dissector.out.columns.set_info(format_args!(
            "Invalid IPv6 header ({} bytes, need exactly {HEADER_BYTES})",
            span.len()
        ));
        malformed::end(dissector, span);
        return span.stated();
    };
    let first = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    let out = &mut dissector.out;
    let layer = out.layer(PROTOCOL, span, HEADER_BYTES);
    out.bits(VERSION, span, (0, 1), (0, 4), header[0] >> 4);
    out.bits(CLASS, span, (0, 4), (4, 8), first >> 20 & 0xff);
    out.enter();
    out.bits(SERVICE_CODE, span, (0, 4), (4, 6), first >> 22 & 0x3f);
    out.bits(CONGESTION, span, (0, 4), (10, 2), first >> 20 & 3);
    out.leave();
    out.bits(FLOW, span, (1, 3), (4, 20), first & 0xf_ffff);
    let length = u32::from(u16::from_be_bytes([header[4], header[5]]));
    out.number(LENGTH, span, 4, 2, length);
    let behind = span.skip(HEADER_BYTES);
    if length > behind.stated() {
        out.flag_last(Flags::MALFORMED);
    }
    let next = header[6];
    let hops = header[7];
    out.number(NEXT, span, 6, 1, next);
    out.number(HOPS, span, 7, 1, hops);
    out.bytes(SOURCE, span, 8, 16);
    out.bytes(DESTINATION, span, 24, 16);
    dissector.way(Place::V6(source.into()), Place::V6(destination.into()));
    let payload = behind.take(length);
    behind_header(dissector, layer, payload, next, hops);
    HEADER_BYTES + length
}

/// Reads extension headers, and what is inside.
fn behind_header(dissector: &mut Dissector, layer: usize, span: Span<'_>, next: u8, hops: u8) {
    // Of a packet put together, the layer stands in the frame that came last.
    let of_layer = dissector.out.nodes.get(layer).is_some_and(|node| node.source == span.source());
    match ipv6_extension::dissect(dissector, span, next) {
        End::Upper(upper) => {
            if of_layer {
                dissector.out.set_length(layer, HEADER_BYTES + upper.layer_bytes);
            }
            if let Some(destination) = upper.destination {
                dissector.way(dissector.ends.0, Place::V6(destination.into()));
            }
            let sum = |place| match place {
                Place::V6(address) => ip::words(&address.octets()),
                _ => 0,
            };
            let (source, destination) = dissector.ends;
            let addresses_sum = sum(source).wrapping_add(sum(destination));
            let header = Header { hops, addresses_sum, version: 6 };
            ip::dissect(dissector, upper.number, upper.payload, header);
        }
        End::Whole(whole, next, layer_bytes) => {
            if of_layer {
                dissector.out.set_length(layer, HEADER_BYTES + layer_bytes);
            }
            dissector.nested(whole.span(), 0, |dissector, span| {
                behind_header(dissector, layer, span, next, hops);
                span.stated()
            });
            dissector.give_back(whole);
        }
        End::Nothing => {}
    }
}
