//! Multicast DNS (RFC 6762): DNS under a name of its own.

use super::dns;
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Span};

fields! { MulticastDns = "mdns", "Multicast Domain Name System"; }

/// Reads a message.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    dns::message(dissector, span, span, PROTOCOL);
}
