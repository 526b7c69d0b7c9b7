//! VLAN tags (IEEE 802.1Q).

use super::{ethertype, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Names, Span};
use std::borrow::Cow::Borrowed;

fields! { Vlan = "vlan", "802.1Q Virtual LAN";
    PRIORITY = "vlan.priority", "Priority", Decimal, names PRIORITIES;
    ELIGIBLE = "vlan.dei", "DEI", Flag, names Names::Flag("Eligible", "Ineligible");
    ID = "vlan.id", "ID", Decimal;
    TYPE = "vlan.etype", "Type", Hex(4), names ethertype::NAMES;
}

const PRIORITIES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Best Effort (default)")),
    (1, Borrowed("Background")),
    (2, Borrowed("Spare")),
    (3, Borrowed("Critical Applications")),
    (4, Borrowed("Video, < 100ms latency and jitter")),
    (5, Borrowed("Voice, < 10ms latency and jitter")),
    (6, Borrowed("Internetwork Control")),
    (7, Borrowed("Network Control")),
]));

/// Reads a tag and what follows. Gives how many bytes that takes.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) -> u32 {
    let Some([t0, t1, e0, e1]) = span.first::<4>() else {
        malformed::end(dissector, span);
        return span.stated();
    };
    let tag = u16::from_be_bytes([*t0, *t1]);
    let ethertype = u16::from_be_bytes([*e0, *e1]);
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, 4);
    out.bits(PRIORITY, span, (0, 2), (0, 3), tag >> 13);
    out.bits(ELIGIBLE, span, (0, 2), (3, 1), tag >> 12 & 1);
    out.bits(ID, span, (0, 2), (4, 12), tag & 0xfff);
    out.number(TYPE, span, 2, 2, ethertype);
    dissector
        .nested(span, 4, |dissector, payload| ethertype::dissect(dissector, ethertype, payload))
}
