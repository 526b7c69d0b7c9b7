//! User Datagram Protocol (RFC 768).

use super::ip::Header;
use super::{application, malformed};
use crate::dissect::field::fields;
use crate::dissect::tunnel::{self, Carried};
use crate::dissect::{Dissector, Flags, Span, Value};

fields! { Udp = "udp", "User Datagram Protocol";
    SOURCE_PORT = "udp.srcport", "Source Port", Decimal, also "udp.port";
    DESTINATION_PORT = "udp.dstport", "Destination Port", Decimal, also "udp.port";
    LENGTH = "udp.length", "Length", Decimal;
    CHECKSUM = "udp.checksum", "Checksum", Hex(4);
    CHECKSUM_STATUS = "udp.checksum.status", "Checksum Status", Decimal, names super::CHECKSUM_STATUS;
    STREAM = "udp.stream", "Stream index", Decimal;
    PAYLOAD = "udp.payload", "UDP payload", Bytes;
}

/// The number in IP headers.
pub(super) const NUMBER: u8 = 17;
const HEADER_BYTES: u32 = 8;

/// Reads a datagram.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>, header: Header) {
    let Some([s0, s1, d0, d1, l0, l1, c0, c1]) = span.first::<8>() else {
        return cut(dissector, span);
    };
    let source_port = u16::from_be_bytes([*s0, *s1]);
    let destination_port = u16::from_be_bytes([*d0, *d1]);
    let length = u32::from(u16::from_be_bytes([*l0, *l1]));
    let checksum = u16::from_be_bytes([*c0, *c1]);
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, HEADER_BYTES);
    out.number(SOURCE_PORT, span, 0, 2, source_port);
    out.number(DESTINATION_PORT, span, 2, 2, destination_port);
    out.number(LENGTH, span, 4, 2, length);
    if length < HEADER_BYTES {
        out.flag_last(Flags::MALFORMED);
        out.columns.set(
            "UDP",
            format_args!("{source_port} → {destination_port} [BAD UDP LENGTH {length} < 8]"),
        );
        return;
    }
    let wrong = length > span.stated();
    if wrong {
        out.flag_last(Flags::MALFORMED);
    }
    out.number(CHECKSUM, span, 6, 2, checksum);
    if checksum != 0 {
        out.generated(CHECKSUM_STATUS, span, 6, Value::Number(super::UNVERIFIED));
    } else if header.version == 4 {
        out.enter();
        out.number(CHECKSUM_STATUS, span, 6, 2, super::NOT_PRESENT);
        out.flag_last(Flags::GENERATED);
        out.leave();
    }
    let (source, destination) = dissector.ends;
    let ends = ((source, source_port), (destination, destination_port));
    let number = dissector.udp.find(ends.0, ends.1).0.number;
    let out = &mut dissector.out;
    out.generated(STREAM, span, HEADER_BYTES, Value::Number(number.into()));
    let payload = span.take(length).skip(HEADER_BYTES);
    if !payload.is_empty() {
        out.bytes(PAYLOAD, payload, 0, payload.len());
    }
    out.columns.set("UDP", format_args!("{source_port} → {destination_port} "));
    if wrong {
        out.columns.append(format_args!("[BAD UDP LENGTH {length} > IP PAYLOAD LENGTH] "));
    }
    out.columns.append(format_args!("Len={}", length - HEADER_BYTES));
    let carried = Carried { payload, source_port, destination_port };
    if !tunnel::datagram(dissector, &carried) {
        application::datagram(dissector, payload, source_port, destination_port);
    }
}

/// What there is of a header that ends too early.
fn cut(dissector: &mut Dissector, span: Span<'_>) {
    if let (Some(source), Some(destination)) = (span.u16(0), span.u16(2)) {
        let out = &mut dissector.out;
        out.layer(PROTOCOL, span, span.len());
        out.number(SOURCE_PORT, span, 0, 2, source);
        out.number(DESTINATION_PORT, span, 2, 2, destination);
        out.columns.set("UDP", format_args!("{source} → {destination}"));
    }
    malformed::end(dissector, span);
}
