//! Options of IPv4 headers (RFC 791, section 3.1; RFC 2113).

use super::ipv4;
use crate::dissect::field::fields;
use crate::dissect::{Dissection, FieldId, Flags, Names, Span};
use std::borrow::Cow::Borrowed;

fields! { Ipv4Option = "ip.options", "Options";
    END = "ip.options.eol", "IP Option - End of Options List (EOL)", Bytes;
    NOTHING = "ip.options.nop", "IP Option - No-Operation (NOP)", Bytes;
    SECURITY = "ip.options.security", "IP Option - Security", Bytes;
    LOOSE_ROUTE = "ip.options.route", "IP Option - Loose Source Route", Bytes;
    TIMESTAMP = "ip.options.timestamp", "IP Option - Time Stamp", Bytes;
    RECORD_ROUTE = "ip.options.record_route", "IP Option - Record Route", Bytes;
    STREAM = "ip.options.sid", "IP Option - Stream ID", Bytes;
    STRICT_ROUTE = "ip.options.source_route", "IP Option - Strict Source Route", Bytes;
    ROUTER_ALERT = "ip.options.routeralert", "IP Option - Router Alert", Bytes;
    TYPE = "ip.opt.type", "Type", Decimal;
    TYPE_COPY = "ip.opt.type.copy", "Copy on fragmentation", Flag, names Names::Flag("Yes", "No");
    TYPE_CLASS = "ip.opt.type.class", "Class", Decimal, names CLASSES;
    TYPE_NUMBER = "ip.opt.type.number", "Number", Decimal, names NUMBERS;
    LENGTH = "ip.opt.len", "Length", Decimal;
    POINTER = "ip.opt.ptr", "Pointer", Decimal;
    STREAM_NUMBER = "ip.opt.sid", "Stream Identifier", Decimal;
    ALERT = "ip.opt.ra", "Router Alert", Decimal;
    OVERFLOW = "ip.opt.overflow", "Overflow", Decimal;
    KIND = "ip.opt.flag", "Flag", Hex(2), names TIMESTAMP_KINDS;
    TIME = "ip.opt.time_stamp", "Time stamp", Decimal;
    TIME_ADDRESS = "ip.opt.time_stamp_addr", "Address", Ipv4;
    RECORDED = "ip.rec_rt", "Recorded Route", Ipv4;
    EMPTY = "ip.empty_rt", "Empty Route", Ipv4;
    VISITED = "ip.src_rt", "Source Route", Ipv4;
}

const CLASSES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Control")),
    (1, Borrowed("Reserved for future use")),
    (2, Borrowed("Debugging and measurement")),
    (3, Borrowed("Reserved for future use")),
]));
const NUMBERS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("End of Option List (EOL)")),
    (1, Borrowed("No-Operation (NOP)")),
    (2, Borrowed("Security")),
    (3, Borrowed("Loose source route")),
    (4, Borrowed("Time stamp")),
    (7, Borrowed("Record route")),
    (8, Borrowed("Stream identifier")),
    (9, Borrowed("Strict source route")),
    (20, Borrowed("Router Alert")),
]));
const TIMESTAMP_KINDS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Time stamps only")),
    (1, Borrowed("Time stamp and address")),
    (3, Borrowed("Time stamps for prespecified addresses")),
]));

const ADDRESS_BYTES: u32 = 4;

/// An option: where it begins, its type, and its bytes.
#[derive(Clone, Copy)]
struct Found<'a> {
    code: u8,
    span: Span<'a>,
}

/// The options that end where they should, in order.
fn options(options: Span<'_>) -> impl Iterator<Item = Found<'_>> {
    let mut rest = options;
    let mut ended = false;
    std::iter::from_fn(move || {
        let code = rest.u8(0).filter(|_| !ended)?;
        let length = match code {
            0 | 1 => 1,
            _ => u32::from(rest.u8(1)?),
        };
        if length == 0 || length > rest.len() || (code > 1 && length < 2) {
            return None;
        }
        ended = code == 0;
        let span = rest.take(length);
        rest = rest.skip(length);
        Some(Found { code, span })
    })
}

/// Where a packet goes in the end, if an option tells and it is not there yet.
pub(super) fn last_hop(span: Span<'_>) -> Option<[u8; 4]> {
    let route = options(span).find(|option| matches!(option.code, 0x83 | 0x89))?;
    let pointer = u32::from(route.span.u8(2)?);
    let length = route.span.len();
    (pointer >= 4 && pointer < length && length >= 7)
        .then(|| route.span.array(length - ADDRESS_BYTES))?
}

/// Reads the options of a header.
pub(super) fn dissect(out: &mut Dissection, span: Span<'_>) {
    let final_hop = last_hop(span);
    for option in options(span) {
        let (field, min_bytes) = match option.code {
            0 => (END, 1),
            1 => (NOTHING, 1),
            0x82 => (SECURITY, 3),
            0x83 => (LOOSE_ROUTE, 3),
            0x44 => (TIMESTAMP, 4),
            0x07 => (RECORD_ROUTE, 3),
            0x88 => (STREAM, 4),
            0x89 => (STRICT_ROUTE, 3),
            0x94 => (ROUTER_ALERT, 4),
            _ => continue,
        };
        let one = option.span;
        if one.len() < min_bytes {
            continue;
        }
        out.bytes(field, one, 0, one.len());
        out.enter();
        out.number(TYPE, one, 0, 1, option.code);
        out.enter();
        out.bits(TYPE_COPY, one, (0, 1), (0, 1), option.code >> 7);
        out.bits(TYPE_CLASS, one, (0, 1), (1, 2), option.code >> 5 & 3);
        out.bits(TYPE_NUMBER, one, (0, 1), (3, 5), option.code & 0x1f);
        out.leave();
        if option.code > 1 {
            out.number(LENGTH, one, 1, 1, one.u8(1).unwrap_or_default());
        }
        body(out, field, one, final_hop);
        out.leave();
    }
}

fn body(out: &mut Dissection, field: FieldId, one: Span<'_>, final_hop: Option<[u8; 4]>) {
    match field {
        STREAM => out.number(STREAM_NUMBER, one, 2, 2, one.u16(2).unwrap_or_default()),
        ROUTER_ALERT => out.number(ALERT, one, 2, 2, one.u16(2).unwrap_or_default()),
        RECORD_ROUTE => route(out, one, None),
        LOOSE_ROUTE | STRICT_ROUTE => route(out, one, final_hop),
        TIMESTAMP => timestamp(out, one),
        _ => {}
    }
}

/// Addresses of a route: those before the pointer are of hops that were passed.
fn route(out: &mut Dissection, one: Span<'_>, final_hop: Option<[u8; 4]>) {
    let pointer = one.u8(2).unwrap_or_default();
    out.number(POINTER, one, 2, 1, pointer);
    if pointer < 4 {
        out.flag_last(Flags::MALFORMED);
        return;
    }
    let recording = one.u8(0) == Some(7);
    let mut at = 3;
    while let Some(address) = one.array::<4>(at) {
        let passed = at + 1 < u32::from(pointer);
        let last = at + 2 * ADDRESS_BYTES > one.len();
        let number = u32::from_be_bytes(address);
        match final_hop {
            _ if passed => out.number(RECORDED, one, at, ADDRESS_BYTES, number),
            _ if recording => out.number(EMPTY, one, at, ADDRESS_BYTES, number),
            Some(address) if last => ipv4::destination(out, one, at, address),
            _ => out.number(VISITED, one, at, ADDRESS_BYTES, number),
        }
        at += ADDRESS_BYTES;
    }
}

fn timestamp(out: &mut Dissection, one: Span<'_>) {
    let (pointer, kind) = (one.u8(2).unwrap_or_default(), one.u8(3).unwrap_or_default());
    out.number(POINTER, one, 2, 1, pointer);
    out.bits(OVERFLOW, one, (3, 1), (0, 4), kind >> 4);
    let kind = kind & 0x0f;
    out.bits(KIND, one, (3, 1), (4, 4), kind);
    let mut at = 4;
    while let Some(word) = one.u32(at) {
        if kind == 0 {
            out.number(TIME, one, at, 4, word);
            at += 4;
            continue;
        }
        let Some(time) = one.u32(at + 4) else { break };
        out.number(TIME_ADDRESS, one, at, 4, word);
        out.number(TIME, one, at + 4, 4, time);
        at += 8;
    }
}
