//! The frame itself: what the capture says of it.

use crate::dissect::field::fields;
use crate::dissect::{Dissector, Frame as Captured, Span, Value};

fields! { Frame = "frame", "Frame";
    TIME = "frame.time_epoch", "Epoch Time", Time;
    NUMBER = "frame.number", "Frame Number", Decimal;
    LENGTH = "frame.len", "Frame Length", Decimal;
    CAPTURED = "frame.cap_len", "Capture Length", Decimal;
}

/// Says what is known before the first byte is read.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>, frame: &Captured<'_>) {
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, span.len());
    if let Some(time) = frame.time {
        out.generated(TIME, span, 0, Value::Signed(time));
    }
    out.generated(NUMBER, span, 0, Value::Number(frame.number));
    out.generated(LENGTH, span, 0, Value::Number(frame.original_length.into()));
    out.generated(CAPTURED, span, 0, Value::Number(span.len().into()));
}
