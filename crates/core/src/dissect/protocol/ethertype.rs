//! `EtherTypes`: what follows a link header.

use super::{arp, data, ipv4, ipv6, provider, vlan};
use crate::dissect::{Dissector, Names, Span};
use std::borrow::Cow::Borrowed;

/// Names of `EtherTypes`.
pub(super) const NAMES: Names = Names::Values(Borrowed(&[
    (0x0800, Borrowed("IPv4")),
    (0x0806, Borrowed("ARP")),
    (0x6558, Borrowed("Transparent Ethernet bridging")),
    (0x8100, Borrowed("802.1Q Virtual LAN")),
    (0x86dd, Borrowed("IPv6")),
    (0x8847, Borrowed("MPLS label switched packet")),
    (0x8848, Borrowed("MPLS multicast label switched packet")),
    (0x8863, Borrowed("PPPoE Discovery")),
    (0x8864, Borrowed("PPPoE Session")),
    (0x88a8, Borrowed("802.1ad Provider Bridge (Q-in-Q)")),
    (0x88b5, Borrowed("Local Experimental Ethertype 1")),
    (0x88b6, Borrowed("Local Experimental Ethertype 2")),
    (0x88cc, Borrowed("802.1 Link Layer Discovery Protocol (LLDP)")),
    (0x88e5, Borrowed("802.1AE (MACsec)")),
]));

/// Reads what an `EtherType` says follows. Gives how many bytes that takes.
pub(super) fn dissect(dissector: &mut Dissector, ethertype: u16, span: Span<'_>) -> u32 {
    let outside = dissector.catcher;
    dissector.catcher = (span.source(), span.offset());
    let taken = match ethertype {
        0x0800 => ipv4::dissect(dissector, span),
        0x86dd => ipv6::dissect(dissector, span),
        0x0806 => arp::dissect(dissector, span),
        0x8100 => vlan::dissect(dissector, span),
        0x88a8 => provider::dissect(dissector, span),
        _ => {
            dissector.out.columns.set_protocol(format_args!("0x{ethertype:04x}"));
            dissector
                .out
                .columns
                .set_info(format_args!("{}", NAMES.name(ethertype.into()).unwrap_or("Unknown")));
            data::dissect(dissector, span);
            span.stated()
        }
    };
    dissector.catcher = outside;
    taken
}
