//! What is said of a frame that ends too early, or does not hold what a protocol allows.

use crate::dissect::field::fields;
use crate::dissect::{Dissector, Flags, Span, Value};

fields! { Malformed = "_ws.malformed", "Malformed Packet"; }

/// Ends a layer whose bytes are not what its protocol allows. `span` is what it read.
pub(in crate::dissect) fn end(dissector: &mut Dissector, span: Span<'_>) {
    // A packet is quoted in part only.
    if dissector.out.quotes() {
        return;
    }
    let (source, offset) = dissector.catcher;
    let field = if span.is_cut() { super::short::PROTOCOL } else { PROTOCOL };
    let place = Span::new(source, &[], 0);
    dissector.out.layer(field, place, 0);
    if let Some(node) = dissector.out.nodes.last_mut() {
        node.offset = offset;
        node.value = Value::None;
    }
    dissector.out.flag_last(Flags::MALFORMED);
    let said =
        if span.is_cut() { "[Packet size limited during capture]" } else { "[Malformed Packet]" };
    dissector.out.columns.append(format_args!("{said}"));
}
