//! What both versions of IP share: the numbers of the protocols inside.

use super::{data, icmp, icmpv6, ipv4, ipv6, tcp, udp};
use crate::dissect::{Dissector, Names, Span};
use std::borrow::Cow::Borrowed;

/// Names of protocol numbers.
pub(super) const NAMES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("IPv6 Hop-by-Hop Option")),
    (1, Borrowed("ICMP")),
    (2, Borrowed("IGMP")),
    (4, Borrowed("IPIP")),
    (6, Borrowed("TCP")),
    (17, Borrowed("UDP")),
    (41, Borrowed("IPv6")),
    (43, Borrowed("Routing Header for IPv6")),
    (44, Borrowed("Fragment Header for IPv6")),
    (47, Borrowed("Generic Routing Encapsulation")),
    (50, Borrowed("Encap Security Payload")),
    (51, Borrowed("Authentication Header")),
    (58, Borrowed("ICMPv6")),
    (59, Borrowed("No Next Header for IPv6")),
    (60, Borrowed("Destination Options for IPv6")),
    (89, Borrowed("OSPF IGP")),
    (115, Borrowed("Layer 2 Tunneling")),
    (132, Borrowed("SCTP")),
]));

/// Meanings of the first 6 bits of a type of service (RFC 2474, RFC 2597, RFC 3246).
pub(super) const SERVICES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Default")),
    (8, Borrowed("Class Selector 1")),
    (10, Borrowed("Assured Forwarding 11")),
    (12, Borrowed("Assured Forwarding 12")),
    (14, Borrowed("Assured Forwarding 13")),
    (16, Borrowed("Class Selector 2")),
    (18, Borrowed("Assured Forwarding 21")),
    (20, Borrowed("Assured Forwarding 22")),
    (22, Borrowed("Assured Forwarding 23")),
    (24, Borrowed("Class Selector 3")),
    (26, Borrowed("Assured Forwarding 31")),
    (28, Borrowed("Assured Forwarding 32")),
    (30, Borrowed("Assured Forwarding 33")),
    (32, Borrowed("Class Selector 4")),
    (34, Borrowed("Assured Forwarding 41")),
    (36, Borrowed("Assured Forwarding 42")),
    (38, Borrowed("Assured Forwarding 43")),
    (40, Borrowed("Class Selector 5")),
    (44, Borrowed("Voice Admit")),
    (46, Borrowed("Expedited Forwarding")),
    (48, Borrowed("Class Selector 6")),
    (56, Borrowed("Class Selector 7")),
]));

/// Meanings of its last 2 bits (RFC 3168).
pub(super) const CONGESTION: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Not ECN-Capable Transport")),
    (1, Borrowed("ECN-Capable Transport codepoint '01'")),
    (2, Borrowed("ECN-Capable Transport codepoint '10'")),
    (3, Borrowed("Congestion Experienced")),
]));

/// What the layers above need of an IP header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// How many hops are left.
    pub(super) hops: u8,
    /// The sum of the words of the pseudo-header but for the length and the protocol.
    pub(super) addresses_sum: u32,
    /// The version: 4 or 6.
    pub(super) version: u8,
}

/// Reads what a protocol number says follows.
pub(super) fn dissect(dissector: &mut Dissector, number: u8, span: Span<'_>, header: Header) {
    match number {
        1 => icmp::dissect(dissector, span, header),
        4 => {
            dissector.nested(span, 0, ipv4::dissect);
        }
        6 => tcp::dissect(dissector, span),
        udp::NUMBER => udp::dissect(dissector, span, header),
        41 => {
            dissector.nested(span, 0, ipv6::dissect);
        }
        58 => icmpv6::dissect(dissector, span, header),
        _ => {
            let name = NAMES.name(number.into()).unwrap_or(match number {
                146..=252 => "Unassigned",
                _ => "Unknown",
            });
            let known = if header.version == 6 { "Unknown IP Protocol: " } else { "" };
            dissector.out.columns.set_info(format_args!("{known}{name} ({number})"));
            data::dissect(dissector, span);
        }
    }
}

/// The sum of the words of 16 bits of some bytes, not folded.
pub(super) fn words(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8; 2]| u32::from(u16::from_be_bytes(*pair));
    let (pairs, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map_or(0, |byte| u32::from(*byte) << 8);
    pairs.iter().map(word).fold(last, u32::wrapping_add)
}

/// Whether a sum of words, each checksum included, is that of bytes that arrived as they were sent.
pub(super) fn sums_up(sum: u32) -> bool {
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    folded == 0xffff
}
