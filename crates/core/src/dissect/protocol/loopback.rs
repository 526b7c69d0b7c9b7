//! BSD loopback (`LINKTYPE_NULL`, `LINKTYPE_LOOP`).

use super::{data, ipv4, ipv6, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Names, Span};
use std::borrow::Cow::Borrowed;

fields! { Loopback = "null", "Null/Loopback";
    FAMILY = "null.family", "Family", Decimal, names Names::Values(Borrowed(&[
        (2, Borrowed("IP")),
        (24, Borrowed("IPv6")),
        (28, Borrowed("IPv6")),
        (30, Borrowed("IPv6")),
    ]));
}

/// Reads a frame. The family is a number of the machine that captured, in its order of bytes: it is
/// small, so that its order shows.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<4>() else { return malformed::end(dissector, span) };
    let family = match u32::from_le_bytes(*header) {
        family if family > 0xffff => u32::from_be_bytes(*header),
        family => family,
    };
    dissector.out.layer(PROTOCOL, span, 4);
    dissector.out.number(FAMILY, span, 0, 4, family);
    let payload = span.skip(4);
    match family {
        2 => {
            ipv4::dissect(dissector, payload);
        }
        24 | 28 | 30 => {
            ipv6::dissect(dissector, payload);
        }
        _ => data::dissect(dissector, payload),
    }
}
