//! Ethernet (IEEE 802.3), frames without preamble and checksum.

use super::{data, ipv4, ipv6};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Names, Span};

fields! { Ethernet = "eth", "Ethernet II";
    DESTINATION = "eth.dst", "Destination", Ether, also "eth.addr";
    SOURCE = "eth.src", "Source", Ether, also "eth.addr";
    TYPE = "eth.type", "Type", Hex(4), names Names::Function(ethertype_name);
}

/// What an `EtherType` stands for.
fn ethertype_name(ethertype: u64) -> Option<&'static str> {
    match ethertype {
        0x0800 => Some("IPv4"),
        0x86dd => Some("IPv6"),
        _ => None,
    }
}

/// Reads a frame.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<14>() else { return data::dissect(dissector, span) };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, 14);
    out.number(DESTINATION, span, 0, 6, u64::from_be_bytes([0, 0, d0, d1, d2, d3, d4, d5]));
    out.number(SOURCE, span, 6, 6, u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]));
    let ethertype = u16::from_be_bytes([t0, t1]);
    out.number(TYPE, span, 12, 2, ethertype);
    match ethertype {
        0x0800 => ipv4::dissect(dissector, span.skip(14)),
        0x86dd => ipv6::dissect(dissector, span.skip(14)),
        _ => data::dissect(dissector, span.skip(14)),
    }
}
