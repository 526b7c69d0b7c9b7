//! IP packets without a link header (`LINKTYPE_RAW`).

use super::malformed;
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Span};

fields! { Raw = "raw", "Raw packet data"; }

/// Reads a packet of either version.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    dissector.out.layer(PROTOCOL, span, span.len());
    if span.len() < 2 {
        return malformed::end(dissector, span);
    }
    if matches!(span.u8(0).map(|byte| byte >> 4), Some(4 | 6)) {
        dissector.ip(span);
    }
}
