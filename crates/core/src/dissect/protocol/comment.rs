//! What people wrote to a frame.

use crate::capture::Comments;
use crate::dissect::Dissector;
use crate::dissect::Span;
use crate::dissect::field::fields;

fields! { Comment = "pkt_comment", "Packet comments";
    TEXT = "frame.comment", "Comment", Text;
}

/// Adds a layer before the frame's own, if there is a comment.
pub(in crate::dissect) fn dissect(
    dissector: &mut Dissector,
    span: Span<'_>,
    comments: Comments<'_>,
) {
    let out = &mut dissector.out;
    for (place, comment) in comments.iter().enumerate() {
        if place == 0 {
            out.layer(PROTOCOL, span, 0);
        }
        out.text(TEXT, span, 0, 0, format_args!("{comment}"));
    }
}
