//! The outer of two VLAN tags (IEEE 802.1ad).

use super::{ethertype, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Span};

fields! { Provider = "ieee8021ad", "IEEE 802.1ad";
    PRIORITY = "ieee8021ad.priority", "Priority", Decimal;
    ELIGIBLE = "ieee8021ad.dei", "DEI", Decimal;
    ID = "ieee8021ad.id", "ID", Decimal;
    TYPE = "ieee8021ah.etype", "Type", Hex(4), names ethertype::NAMES;
}

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
    out.bits(PRIORITY, span, (0, 1), (0, 3), tag >> 13);
    out.bits(ELIGIBLE, span, (0, 1), (3, 1), tag >> 12 & 1);
    out.bits(ID, span, (0, 2), (4, 12), tag & 0xfff);
    out.number(TYPE, span, 2, 2, ethertype);
    dissector
        .nested(span, 4, |dissector, payload| ethertype::dissect(dissector, ethertype, payload))
}
