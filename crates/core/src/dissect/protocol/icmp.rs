//! Internet Control Message Protocol (RFC 792).

use super::ip::{self, Header};
use super::{data, ipv4, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, Names, Span, Value};
use std::borrow::Cow::Borrowed;

fields! { Icmp = "icmp", "Internet Control Message Protocol";
    TYPE = "icmp.type", "Type", Decimal, names TYPES;
    CODE = "icmp.code", "Code", Decimal;
    CHECKSUM = "icmp.checksum", "Checksum", Hex(4);
    CHECKSUM_STATUS = "icmp.checksum.status", "Checksum Status", Decimal, names super::CHECKSUM_STATUS;
    UNUSED = "icmp.unused", "Unused", Bytes;
    IDENTIFIER = "icmp.ident", "Identifier (BE)", Decimal;
    IDENTIFIER_LITTLE = "icmp.ident_le", "Identifier (LE)", Decimal;
    SEQUENCE = "icmp.seq", "Sequence Number (BE)", Decimal;
    SEQUENCE_LITTLE = "icmp.seq_le", "Sequence Number (LE)", Decimal;
    MTU = "icmp.mtu", "MTU of next hop", Decimal;
    GATEWAY = "icmp.redir_gw", "Gateway Address", Ipv4;
    POINTER = "icmp.pointer", "Pointer", Decimal;
    ADDRESSES = "icmp.num_addrs", "Number of addresses", Decimal;
    ENTRY_SIZE = "icmp.addr_entry_size", "Address entry size", Decimal;
    LIFETIME = "icmp.lifetime", "Lifetime", Decimal;
    ROUTER = "icmp.router_address", "Router address", Ipv4;
    PREFERENCE = "icmp.pref_level", "Preference level", Signed;
    ORIGINATED = "icmp.originate_timestamp", "Originate Timestamp", Decimal;
    RECEIVED = "icmp.receive_timestamp", "Receive Timestamp", Decimal;
    TRANSMITTED = "icmp.transmit_timestamp", "Transmit Timestamp", Decimal;
    REQUEST_FRAME = "icmp.resp_to", "Request frame", Decimal;
    DATA_AGE = "icmp.data_time_relative", "Timestamp from icmp data (relative)", Seconds;
    MASK = "icmp.address_mask", "Address Mask", Ipv4;
}

const TYPES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Echo (ping) reply")),
    (3, Borrowed("Destination unreachable")),
    (4, Borrowed("Source quench (flow control)")),
    (5, Borrowed("Redirect")),
    (8, Borrowed("Echo (ping) request")),
    (9, Borrowed("Router advertisement")),
    (10, Borrowed("Router solicitation")),
    (11, Borrowed("Time-to-live exceeded")),
    (12, Borrowed("Parameter problem")),
    (13, Borrowed("Timestamp request")),
    (14, Borrowed("Timestamp reply")),
    (15, Borrowed("Information request")),
    (16, Borrowed("Information reply")),
    (17, Borrowed("Address mask request")),
    (18, Borrowed("Address mask reply")),
    (40, Borrowed("Photuris")),
]));
const UNREACHABLE: &[&str] = &[
    "Network unreachable",
    "Host unreachable",
    "Protocol unreachable",
    "Port unreachable",
    "Fragmentation needed",
    "Source route failed",
    "Network unknown",
    "Host unknown",
    "Source host isolated",
    "Network administratively prohibited",
    "Host administratively prohibited",
    "Network unreachable for TOS",
    "Host unreachable for TOS",
    "Communication administratively filtered",
    "Host precedence violation",
    "Precedence cutoff in effect",
];
const REDIRECTS: &[&str] = &[
    "Redirect for network",
    "Redirect for host",
    "Redirect for TOS and network",
    "Redirect for TOS and host",
];
const EXCEEDED: &[&str] =
    &["Time to live exceeded in transit", "Fragment reassembly time exceeded"];
const ADVERTISEMENTS: &[&str] = &["Normal router advertisement"];
const PHOTURIS: &[&str] = &[
    "Bad SPI",
    "Authentication failed",
    "Decompression failed",
    "Decryption failed",
    "Need authentication",
    "Need authorisation",
];
const PARAMETER: &[&str] =
    &["Pointer indicates the error", "Required option missing", "Bad length"];

/// Reads a message.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>, header: Header) {
    let (Some([kind, code]), Some(checksum)) = (span.first::<2>().copied(), span.u16(2)) else {
        return malformed::end(dissector, span);
    };
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, span.len());
    out.number(TYPE, span, 0, 1, kind);
    out.number(CODE, span, 1, 1, code);
    out.number(CHECKSUM, span, 2, 2, checksum);
    if !out.quotes() && !span.is_cut() {
        let good = ip::sums_up(ip::words(span.bytes()));
        let status = if good { super::GOOD } else { super::BAD };
        out.generated(CHECKSUM_STATUS, span, 2, Value::Number(status));
    }
    info(out, span, kind, code, header);
    if body(out, span, kind, code).is_none() {
        return malformed::end(dissector, span);
    }
    match kind {
        0 | 8 => echo(dissector, span, kind == 0),
        5 if !span.skip(8).is_empty() => {
            // Of the packet that should go another way there are the header and 8 bytes (RFC 792).
            let header_bytes = span.u8(8).map_or(0, |byte| u32::from(byte & 0x0f) * 4);
            dissector.quote(span.skip(8).take(header_bytes + 8), ipv4::dissect);
        }
        3 | 4 | 11 | 12 if !span.skip(8).is_empty() => {
            dissector.quote(span.skip(8), ipv4::dissect);
        }
        _ => {}
    }
}

/// Which request a reply answers, and the bytes that both carry.
fn echo(dissector: &mut Dissector, span: Span<'_>, is_reply: bool) {
    let id = (span.u16(4).unwrap_or_default(), span.u16(6).unwrap_or_default());
    dissector.echo(span, id, is_reply, REQUEST_FRAME);
    let payload = span.skip(8);
    let sent = timestamp(payload, dissector.time);
    if let (Some(sent), Some(time)) = (sent, dissector.time) {
        let age = Value::Signed(time.saturating_sub(sent));
        dissector.out.add(DATA_AGE, payload, 0, 8, age);
        return data::dissect(dissector, payload.skip(8));
    }
    data::dissect(dissector, payload);
}

/// The time at which `ping` says that it sent a request, in nanoseconds since 1970: its seconds and
/// microseconds, in either order of bytes, are taken if they are within a day of the frame's.
fn timestamp(payload: Span<'_>, time: Option<i64>) -> Option<i64> {
    const DAY_SECONDS: i64 = 24 * 3600;
    let (seconds, micros) = (payload.array::<4>(0)?, payload.array::<4>(4)?);
    let big = (u32::from_be_bytes(seconds), u32::from_be_bytes(micros));
    let little = (u32::from_le_bytes(seconds), u32::from_le_bytes(micros));
    let now = time?.div_euclid(1_000_000_000);
    let fits = |(seconds, micros): &(u32, u32)| {
        i64::from(*seconds).abs_diff(now) < DAY_SECONDS.unsigned_abs() && *micros < 1_000_000
    };
    let (seconds, micros) = [big, little].into_iter().find(fits)?;
    Some(i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1000)
}

/// The fields behind the checksum; nothing if they are cut.
fn body(out: &mut Dissection, span: Span<'_>, kind: u8, code: u8) -> Option<()> {
    match kind {
        0 | 8 | 13..=18 => {
            let identifier = span.u16(4)?;
            out.number(IDENTIFIER, span, 4, 2, identifier);
            out.number(IDENTIFIER_LITTLE, span, 4, 2, identifier.swap_bytes());
            let sequence = span.u16(6)?;
            out.number(SEQUENCE, span, 6, 2, sequence);
            out.number(SEQUENCE_LITTLE, span, 6, 2, sequence.swap_bytes());
            if matches!(kind, 13 | 14) {
                out.number(ORIGINATED, span, 8, 4, span.u32(8)?);
                out.number(RECEIVED, span, 12, 4, span.u32(12)?);
                out.number(TRANSMITTED, span, 16, 4, span.u32(16)?);
            }
            if matches!(kind, 17 | 18) {
                out.number(MASK, span, 8, 4, span.u32(8)?);
            }
        }
        3 if code == 4 => {
            let mtu = span.u16(6)?;
            out.bytes(UNUSED, span, 4, 2);
            out.number(MTU, span, 6, 2, mtu);
        }
        3 | 11 => {
            span.u32(4)?;
            out.bytes(UNUSED, span, 4, 4);
        }
        5 => out.number(GATEWAY, span, 4, 4, span.u32(4)?),
        12 => {
            span.u32(4)?;
            out.number(POINTER, span, 4, 1, span.u8(4)?);
            out.bytes(UNUSED, span, 5, 3);
        }
        9 => {
            let (count, size) = (span.u8(4)?, span.u8(5)?);
            out.number(ADDRESSES, span, 4, 1, count);
            out.number(ENTRY_SIZE, span, 5, 1, size);
            out.number(LIFETIME, span, 6, 2, span.u16(6)?);
            for number in (0..u32::from(count)).filter(|_| size == 2) {
                let at = 8 + number * 8;
                out.number(ROUTER, span, at, 4, span.u32(at)?);
                let preference = i32::from_be_bytes(span.array(at + 4)?);
                out.add(PREFERENCE, span, at + 4, 4, Value::Signed(preference.into()));
            }
        }
        _ => {}
    }
    Some(())
}

fn info(out: &mut Dissection, span: Span<'_>, kind: u8, code: u8, header: Header) {
    let codes: &[&str] = match kind {
        3 => UNREACHABLE,
        5 => REDIRECTS,
        11 => EXCEEDED,
        12 => PARAMETER,
        9 => ADVERTISEMENTS,
        40 => PHOTURIS,
        _ => &[],
    };
    let name = TYPES.name(kind.into()).unwrap_or("Unknown ICMP (obsolete or malformed?)");
    let columns = &mut out.columns;
    match (codes.get(usize::from(code)), kind, span.u16(4), span.u16(6)) {
        (Some(code), ..) => columns.set("ICMP", format_args!("{name:<20} ({code})")),
        (None, 0 | 8 | 13..=18, Some(identifier), Some(sequence)) => columns.set(
            "ICMP",
            format_args!(
                "{name:<20} id=0x{identifier:04x}, seq={sequence}/{}, ttl={}",
                sequence.swap_bytes(),
                header.hops
            ),
        ),
        _ => columns.set("ICMP", format_args!("{name:<20}")),
    }
}
