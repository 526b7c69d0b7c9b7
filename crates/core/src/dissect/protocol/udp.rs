//! User Datagram Protocol (RFC 768).

use super::data;
use crate::dissect::field::fields;
use crate::dissect::tunnel::{self, Carried};
use crate::dissect::{Dissector, Span};

fields! { Udp = "udp", "User Datagram Protocol";
    SOURCE_PORT = "udp.srcport", "Source Port", Decimal, also "udp.port";
    DESTINATION_PORT = "udp.dstport", "Destination Port", Decimal, also "udp.port";
    LENGTH = "udp.length", "Length", Decimal;
    CHECKSUM = "udp.checksum", "Checksum", Hex(4);
    PAYLOAD = "udp.payload", "UDP payload", Bytes;
}

/// Reads a datagram.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some([s0, s1, d0, d1, l0, l1, c0, c1]) = span.first::<8>() else {
        return data::dissect(dissector, span);
    };
    let out = &mut dissector.out;
    let source_port = u16::from_be_bytes([*s0, *s1]);
    let destination_port = u16::from_be_bytes([*d0, *d1]);
    let length = u16::from_be_bytes([*l0, *l1]);
    out.layer(PROTOCOL, span, 8);
    out.number(SOURCE_PORT, span, 0, 2, source_port);
    out.number(DESTINATION_PORT, span, 2, 2, destination_port);
    out.number(LENGTH, span, 4, 2, length);
    out.number(CHECKSUM, span, 6, 2, u16::from_be_bytes([*c0, *c1]));
    let payload = span.take(length.into()).skip(8);
    out.bytes(PAYLOAD, payload, 0, payload.len());
    out.columns.set(
        "UDP",
        format_args!("{source_port} → {destination_port} Len={}", length.saturating_sub(8)),
    );
    let carried = Carried { payload, source_port, destination_port };
    if !tunnel::datagram(dissector, &carried) {
        data::dissect(dissector, payload);
    }
}
