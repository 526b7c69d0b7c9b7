//! Options of TCP headers (RFC 9293, RFC 7323, RFC 2018, RFC 2385, RFC 5482, RFC 7413, RFC 6994).

use crate::dissect::field::fields;
use crate::dissect::{Dissection, Flags, Names, Span, Value};
use std::borrow::Cow::Borrowed;

fields! { TcpOption = "tcp.option", "TCP Option";
    OPTIONS = "tcp.options", "Options", Bytes;
    KIND = "tcp.option_kind", "Kind", Decimal, names KINDS;
    LENGTH = "tcp.option_len", "Length", Decimal;
    END = "tcp.options.eol", "TCP Option - End of Option List (EOL)", Bytes;
    NOTHING = "tcp.options.nop", "TCP Option - No-Operation (NOP)", Bytes;
    SEGMENT = "tcp.options.mss", "TCP Option - Maximum segment size", Bytes;
    SEGMENT_BYTES = "tcp.options.mss_val", "MSS Value", Decimal;
    SCALE = "tcp.options.wscale", "TCP Option - Window scale", Bytes;
    SCALE_SHIFT = "tcp.options.wscale.shift", "Shift count", Decimal;
    SCALE_FACTOR = "tcp.options.wscale.multiplier", "Multiplier", Decimal;
    SACK_PERMITTED = "tcp.options.sack_perm", "TCP Option - SACK permitted", Bytes;
    SACK = "tcp.options.sack", "TCP Option - SACK", Bytes;
    SACK_LEFT = "tcp.options.sack_le", "TCP SACK Left Edge", Decimal;
    SACK_RIGHT = "tcp.options.sack_re", "TCP SACK Right Edge", Decimal;
    SACK_COUNT = "tcp.options.sack.count", "TCP SACK Count", Decimal;
    TIMESTAMPS = "tcp.options.timestamp", "TCP Option - Timestamps", Bytes;
    TIMESTAMP_VALUE = "tcp.options.timestamp.tsval", "Timestamp value", Decimal;
    TIMESTAMP_ECHO = "tcp.options.timestamp.tsecr", "Timestamp echo reply", Decimal;
    DIGEST = "tcp.options.md5", "TCP Option - TCP MD5 signature", Bytes;
    DIGEST_BYTES = "tcp.options.md5.digest", "MD5 digest", Bytes;
    TIMEOUT = "tcp.options.user_to", "TCP Option - User Timeout", Bytes;
    TIMEOUT_UNIT = "tcp.options.user_to_granularity", "Granularity", Flag, names Names::Flag("Minutes", "Seconds");
    TIMEOUT_VALUE = "tcp.options.user_to_val", "User Timeout", Decimal;
    FAST_OPEN = "tcp.options.tfo", "TCP Option - TCP Fast Open", Bytes;
    FAST_OPEN_REQUEST = "tcp.options.tfo.request", "Fast Open Cookie Request", Heading;
    FAST_OPEN_COOKIE = "tcp.options.tfo.cookie", "Fast Open Cookie", Bytes;
    EXPERIMENT = "tcp.options.experimental", "TCP Option - Experimental", Bytes;
    EXPERIMENT_NUMBER = "tcp.options.experimental.exid", "Experiment Identifier", Hex(4);
    EXPERIMENT_DATA = "tcp.options.experimental.data", "Data", Bytes;
}

const KINDS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("End of Option List")),
    (1, Borrowed("No-Operation")),
    (2, Borrowed("Maximum Segment Size")),
    (3, Borrowed("Window Scale")),
    (4, Borrowed("SACK Permitted")),
    (5, Borrowed("SACK")),
    (8, Borrowed("Time Stamp Option")),
    (19, Borrowed("MD5 Signature Option")),
    (28, Borrowed("User Timeout Option")),
    (30, Borrowed("Multipath TCP")),
    (34, Borrowed("TCP Fast Open Cookie")),
    (253, Borrowed("RFC3692-style Experiment 1")),
    (254, Borrowed("RFC3692-style Experiment 2")),
]));

/// The most bits that a window is shifted by (RFC 7323, section 2.3).
pub(super) const MAX_SHIFT: u8 = 14;

/// The options that end where they should, in order, with their kinds.
fn options(span: Span<'_>) -> impl Iterator<Item = (u8, Span<'_>)> {
    let mut rest = span;
    std::iter::from_fn(move || {
        let kind = rest.u8(0)?;
        let length = match kind {
            0 | 1 => 1,
            _ => u32::from(rest.u8(1).filter(|length| *length >= 2)?),
        };
        if length > rest.len() {
            return None;
        }
        let one = rest.take(length);
        rest = rest.skip(length);
        Some((kind, one))
    })
}

/// By how many bits an end says that its windows are shifted.
pub(super) fn window_shift(span: Span<'_>) -> Option<u8> {
    options(span).find(|(kind, one)| (*kind, one.len()) == (3, 3))?.1.u8(2)
}

/// Reads the options of a header.
pub(super) fn dissect(out: &mut Dissection, span: Span<'_>, opens: bool) {
    out.bytes(OPTIONS, span, 0, span.len());
    out.enter();
    for (kind, one) in options(span) {
        option(out, kind, one, opens);
    }
    out.leave();
}

fn option(out: &mut Dissection, kind: u8, one: Span<'_>, opens: bool) {
    let length = one.len();
    let field = match (kind, length) {
        (0, _) => END,
        (1, _) => NOTHING,
        (2, 4) => SEGMENT,
        (3, 3) => SCALE,
        (4, 2) => SACK_PERMITTED,
        (5, 10 | 18 | 26 | 34) => SACK,
        (8, 10) => TIMESTAMPS,
        (19, 18) => DIGEST,
        (28, 4) => TIMEOUT,
        (34, _) => FAST_OPEN,
        (253 | 254, 4..) => EXPERIMENT,
        _ => return,
    };
    out.bytes(field, one, 0, length);
    out.enter();
    out.number(KIND, one, 0, 1, kind);
    if kind > 1 {
        out.number(LENGTH, one, 1, 1, length);
    }
    let (word, long) = (|at| one.u16(at).unwrap_or_default(), |at| one.u32(at).unwrap_or_default());
    match field {
        SEGMENT => {
            out.number(SEGMENT_BYTES, one, 2, 2, word(2));
            out.columns.append(format_args!(" MSS={}", word(2)));
        }
        SCALE => {
            let shift = one.u8(2).unwrap_or_default();
            let factor = 1u64 << shift.min(MAX_SHIFT);
            out.number(SCALE_SHIFT, one, 2, 1, shift);
            out.number(SCALE_FACTOR, one, 2, 1, factor);
            out.flag_last(Flags::GENERATED);
            out.columns.append(format_args!(" WS={factor}"));
        }
        SACK_PERMITTED => out.columns.append(format_args!(" SACK_PERM")),
        SACK => sack(out, one),
        TIMESTAMPS => {
            out.number(TIMESTAMP_VALUE, one, 2, 4, long(2));
            out.number(TIMESTAMP_ECHO, one, 6, 4, long(6));
            out.columns.append(format_args!(" TSval={} TSecr={}", long(2), long(6)));
        }
        DIGEST => {
            out.bytes(DIGEST_BYTES, one, 2, 16);
            out.columns.append(format_args!(" MD5"));
        }
        TIMEOUT => {
            out.bits(TIMEOUT_UNIT, one, (2, 2), (0, 1), word(2) >> 15);
            out.bits(TIMEOUT_VALUE, one, (2, 2), (1, 15), word(2) & 0x7fff);
            out.columns.append(format_args!(" USER_TO={}", word(2) & 0x7fff));
        }
        FAST_OPEN if length == 2 => {
            out.add(FAST_OPEN_REQUEST, one, 0, 2, Value::None);
            out.columns.append(format_args!(" TFO=R"));
        }
        FAST_OPEN => {
            out.bytes(FAST_OPEN_COOKIE, one, 2, length - 2);
            out.columns.append(format_args!("{}", if opens { " TFO=C" } else { "" }));
        }
        EXPERIMENT => {
            out.number(EXPERIMENT_NUMBER, one, 2, 2, word(2));
            if length > 4 {
                out.bytes(EXPERIMENT_DATA, one, 4, length - 4);
            }
            out.columns.append(format_args!(" ExID={:04x}", word(2)));
        }
        _ => {}
    }
    out.leave();
}

fn sack(out: &mut Dissection, one: Span<'_>) {
    let mut at = 2;
    let mut count = 0u32;
    while let (Some(left), Some(right)) = (one.u32(at), one.u32(at + 4)) {
        out.number(SACK_LEFT, one, at, 4, left);
        out.number(SACK_RIGHT, one, at + 4, 4, right);
        out.columns.append(format_args!(" SLE={left} SRE={right}"));
        at += 8;
        count += 1;
    }
    out.generated(SACK_COUNT, one, 0, Value::Number(count.into()));
}
