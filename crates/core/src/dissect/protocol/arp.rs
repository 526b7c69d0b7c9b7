//! Address Resolution Protocol (RFC 826), for IPv4 over Ethernet.

use super::{ethertype, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissector, Names, Place, Span, Value};
use std::borrow::Cow::Borrowed;
use std::net::Ipv4Addr;

fields! { Arp = "arp", "Address Resolution Protocol";
    HARDWARE_TYPE = "arp.hw.type", "Hardware type", Decimal, names Names::Values(Borrowed(&[(1, Borrowed("Ethernet"))]));
    PROTOCOL_TYPE = "arp.proto.type", "Protocol type", Hex(4), names ethertype::NAMES;
    HARDWARE_SIZE = "arp.hw.size", "Hardware size", Decimal;
    PROTOCOL_SIZE = "arp.proto.size", "Protocol size", Decimal;
    OPERATION = "arp.opcode", "Opcode", Decimal, names OPERATIONS;
    IS_PROBE = "arp.isprobe", "Is probe", Flag;
    IS_GRATUITOUS = "arp.isgratuitous", "Is gratuitous", Flag;
    IS_ANNOUNCEMENT = "arp.isannouncement", "Is announcement", Flag;
    SENDER_MAC = "arp.src.hw_mac", "Sender MAC address", Ether;
    SENDER_IP = "arp.src.proto_ipv4", "Sender IP address", Ipv4;
    TARGET_MAC = "arp.dst.hw_mac", "Target MAC address", Ether;
    TARGET_IP = "arp.dst.proto_ipv4", "Target IP address", Ipv4;
}

const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const OPERATIONS: Names = Names::Values(Borrowed(&[
    (1, Borrowed("request")),
    (2, Borrowed("reply")),
    (3, Borrowed("reverse request")),
    (4, Borrowed("reverse reply")),
    (8, Borrowed("inverse request")),
    (9, Borrowed("inverse reply")),
]));
/// Bytes of a message with addresses of 6 and 4 bytes.
const BYTES: u32 = 28;

/// Reads a message. Gives how many bytes it takes.
pub(in crate::dissect) fn dissect(dissector: &mut Dissector, span: Span<'_>) -> u32 {
    let Some(head) = span.first::<8>() else {
        malformed::end(dissector, span);
        return span.stated();
    };
    let word = |at: u32| span.u16(at).unwrap_or_default();
    let (hardware, protocol, operation) = (word(0), word(2), word(6));
    let out = &mut dissector.out;
    out.columns.set_protocol(format_args!("ARP"));
    let layer = out.layer(PROTOCOL, span, BYTES.min(span.len()));
    out.number(HARDWARE_TYPE, span, 0, 2, hardware);
    out.number(PROTOCOL_TYPE, span, 2, 2, protocol);
    out.number(HARDWARE_SIZE, span, 4, 1, head[4]);
    out.number(PROTOCOL_SIZE, span, 5, 1, head[5]);
    out.number(OPERATION, span, 6, 2, operation);
    if (hardware, protocol, head[4], head[5]) != (1, 0x0800, 6, 4) {
        let bytes = 8 + 2 * (u32::from(head[4]) + u32::from(head[5]));
        out.set_length(layer, bytes.min(span.len()));
        out.columns.set_info(format_args!("Addresses of {} and {} bytes", head[4], head[5]));
        return bytes.min(span.stated());
    }
    let Some(addresses) = span.array::<20>(8) else {
        malformed::end(dissector, span);
        return BYTES;
    };
    let [s0, s1, s2, s3, s4, s5, i0, i1, i2, i3, t0, t1, t2, t3, t4, t5, j0, j1, j2, j3] =
        addresses;
    let (sender, target) = (Ipv4Addr::new(i0, i1, i2, i3), Ipv4Addr::new(j0, j1, j2, j3));
    let sender_mac = [s0, s1, s2, s3, s4, s5];
    let target_mac = [t0, t1, t2, t3, t4, t5];
    let asks = matches!(operation, REQUEST | REPLY);
    let probe = operation == REQUEST && sender.is_unspecified();
    let gratuitous = asks && !probe && sender == target;
    let announcement = gratuitous && operation == REQUEST && target_mac == [0; 6];
    let says = [(probe, IS_PROBE), (gratuitous, IS_GRATUITOUS), (announcement, IS_ANNOUNCEMENT)];
    for (_, field) in says.into_iter().filter(|(true_, _)| *true_) {
        out.generated(field, span, 0, Value::Number(1));
    }
    out.ether(SENDER_MAC, span, 8, sender_mac);
    out.number(SENDER_IP, span, 14, 4, sender.to_bits());
    out.ether(TARGET_MAC, span, 18, target_mac);
    out.number(TARGET_IP, span, 24, 4, target.to_bits());
    let mac = Place::Ether(sender_mac);
    if matches!(operation, 8 | 9) {
        out.columns.set_protocol(format_args!("Inverse ARP"));
    }
    let columns = &mut out.columns;
    match (operation, gratuitous) {
        _ if probe => columns.set_info(format_args!("Who has {target}? (ARP Probe)")),
        _ if announcement => columns.set_info(format_args!("ARP Announcement for {sender}")),
        (REQUEST, true) => columns.set_info(format_args!("Gratuitous ARP for {sender} (Request)")),
        (REPLY, true) => columns.set_info(format_args!("Gratuitous ARP for {sender} (Reply)")),
        (REQUEST, false) => columns.set_info(format_args!("Who has {target}? Tell {sender}")),
        (REPLY, false) => columns.set_info(format_args!("{sender} is at {mac}")),
        (8, _) => columns.set_info(format_args!("Who is {}? Tell {mac}", Place::Ether(target_mac))),
        (9, _) => columns.set_info(format_args!("{mac} is at {sender}")),
        _ => columns.set_info(format_args!("Opcode {operation}")),
    }
    BYTES
}
