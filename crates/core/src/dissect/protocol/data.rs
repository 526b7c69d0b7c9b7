//! Bytes that no protocol here reads.

use crate::dissect::field::fields;
use crate::dissect::{Dissector, Span, Value};

fields! { Data = "data", "Data";
    DATA = "data.data", "Data", Bytes;
    LENGTH = "data.len", "Length", Decimal;
}

/// Adds bytes as they are; nothing if there are none.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    if span.is_empty() {
        return;
    }
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, span.len());
    out.bytes(DATA, span, 0, span.len());
    out.generated(LENGTH, span, 0, Value::Number(span.len().into()));
}
