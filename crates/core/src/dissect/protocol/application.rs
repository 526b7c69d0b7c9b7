//! What is carried on well-known ports.

use super::{data, dhcp, dns, http, mdns};
use crate::dissect::{Dissector, Span};

/// Ports of HTTP that Wireshark knows by default. It shows nothing of what is no HTTP there.
const HTTP_PORTS: [u16; 7] = [80, 3128, 3132, 5985, 8080, 8088, 11371];

/// Reads what is in a UDP datagram.
pub(super) fn datagram(dissector: &mut Dissector, span: Span<'_>, source: u16, destination: u16) {
    if span.is_empty() {
        return;
    }
    match (source, destination) {
        (53, _) | (_, 53) => dns::dissect(dissector, span),
        (5353, _) | (_, 5353) => mdns::dissect(dissector, span),
        (67 | 68, _) | (_, 67 | 68) => dhcp::dissect(dissector, span),
        _ => data::dissect(dissector, span),
    }
}

/// Reads what is in a TCP segment.
pub(super) fn segment(
    dissector: &mut Dissector,
    span: Span<'_>,
    source: u16,
    destination: u16,
    is_http: bool,
) {
    let on = |ports: &[u16]| ports.contains(&source) || ports.contains(&destination);
    if on(&[53]) {
        dns::dissect_segment(dissector, span);
    } else if is_http {
        http::dissect(dissector, span);
    } else if !on(&HTTP_PORTS) {
        data::dissect(dissector, span);
    }
}
