//! Dynamic Host Configuration Protocol (RFC 2131), with the options of RFC 2132 that are met most.

use super::malformed;
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, FieldId, Names, Place, Span, Value};
use std::borrow::Cow::Borrowed;

fields! { Dhcp = "dhcp", "Dynamic Host Configuration Protocol";
    OPERATION = "dhcp.type", "Message type", Decimal, names Names::Values(Borrowed(&[
        (1, Borrowed("Boot Request")),
        (2, Borrowed("Boot Reply")),
    ]));
    HARDWARE_TYPE = "dhcp.hw.type", "Hardware type", Hex(2), names Names::Values(Borrowed(&[(1, Borrowed("Ethernet"))]));
    HARDWARE_LENGTH = "dhcp.hw.len", "Hardware address length", Decimal;
    HOPS = "dhcp.hops", "Hops", Decimal;
    ID = "dhcp.id", "Transaction ID", Hex(8);
    SECONDS = "dhcp.secs", "Seconds elapsed", Decimal;
    FLAGS = "dhcp.flags", "Bootp flags", Hex(4);
    BROADCAST = "dhcp.flags.bc", "Broadcast flag", Flag, names Names::Flag("Broadcast", "Unicast");
    RESERVED = "dhcp.flags.reserved", "Reserved flags", Hex(4);
    CLIENT = "dhcp.ip.client", "Client IP address", Ipv4;
    YOURS = "dhcp.ip.your", "Your (client) IP address", Ipv4;
    SERVER = "dhcp.ip.server", "Next server IP address", Ipv4;
    RELAY = "dhcp.ip.relay", "Relay agent IP address", Ipv4;
    MAC = "dhcp.hw.mac_addr", "Client MAC address", Ether;
    MAC_PADDING = "dhcp.hw.addr_padding", "Client hardware address padding", Bytes;
    SERVER_NAME = "dhcp.server", "Server host name", Text;
    FILE = "dhcp.file", "Boot file name", Text;
    COOKIE = "dhcp.cookie", "Magic cookie", Ipv4;
    OPTION = "dhcp.option.type", "Option", Decimal, names OPTIONS;
    OPTION_LENGTH = "dhcp.option.length", "Length", Decimal;
    OPTION_VALUE = "dhcp.option.value", "Value", Bytes;
    OPTION_END = "dhcp.option.end", "Option End", Decimal;
    MESSAGE_TYPE = "dhcp.option.dhcp", "DHCP", Decimal, names MESSAGE_TYPES;
    REQUESTED = "dhcp.option.request_list_item", "Parameter Request List Item", Decimal, names OPTIONS;
    SUBNET_MASK = "dhcp.option.subnet_mask", "Subnet Mask", Ipv4;
    ROUTER = "dhcp.option.router", "Router", Ipv4;
    NAME_SERVER = "dhcp.option.domain_name_server", "Domain Name Server", Ipv4;
    HOST_NAME = "dhcp.option.hostname", "Host Name", Text;
    DOMAIN_NAME = "dhcp.option.domain_name", "Domain Name", Text;
    MTU = "dhcp.option.interface_mtu", "Interface MTU", Decimal;
    BROADCAST_ADDRESS = "dhcp.option.broadcast_address", "Broadcast Address", Ipv4;
    TIME_SERVER = "dhcp.option.ntp_server", "Network Time Protocol Server", Ipv4;
    WANTED = "dhcp.option.requested_ip_address", "Requested IP Address", Ipv4;
    LEASE = "dhcp.option.ip_address_lease_time", "IP Address Lease Time", Decimal;
    SERVER_ID = "dhcp.option.dhcp_server_id", "DHCP Server Identifier", Ipv4;
    MAX_SIZE = "dhcp.option.dhcp_max_message_size", "Maximum DHCP Message Size", Decimal;
    RENEWAL = "dhcp.option.renewal_time_value", "Renewal Time Value", Decimal;
    REBINDING = "dhcp.option.rebinding_time_value", "Rebinding Time Value", Decimal;
    VENDOR = "dhcp.option.vendor_class_id", "Vendor class identifier", Text;
}

const MESSAGE_TYPES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("Discover")),
    (2, Borrowed("Offer")),
    (3, Borrowed("Request")),
    (4, Borrowed("Decline")),
    (5, Borrowed("ACK")),
    (6, Borrowed("NAK")),
    (7, Borrowed("Release")),
    (8, Borrowed("Inform")),
]));
const OPTIONS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Padding")),
    (1, Borrowed("Subnet Mask")),
    (2, Borrowed("Time Offset")),
    (3, Borrowed("Router")),
    (6, Borrowed("Domain Name Server")),
    (12, Borrowed("Host Name")),
    (15, Borrowed("Domain Name")),
    (26, Borrowed("Interface MTU")),
    (28, Borrowed("Broadcast Address")),
    (42, Borrowed("Network Time Protocol Servers")),
    (43, Borrowed("Vendor-Specific Information")),
    (50, Borrowed("Requested IP Address")),
    (51, Borrowed("IP Address Lease Time")),
    (53, Borrowed("DHCP Message Type")),
    (54, Borrowed("DHCP Server Identifier")),
    (55, Borrowed("Parameter Request List")),
    (56, Borrowed("Message")),
    (57, Borrowed("Maximum DHCP Message Size")),
    (58, Borrowed("Renewal Time Value")),
    (59, Borrowed("Rebinding Time Value")),
    (60, Borrowed("Vendor class identifier")),
    (61, Borrowed("Client identifier")),
    (119, Borrowed("Domain Search")),
    (121, Borrowed("Classless Static Route")),
    (255, Borrowed("End")),
]));

/// Bytes before the options' magic cookie.
const HEADER_BYTES: u32 = 236;
const COOKIE_NUMBER: u32 = 0x6382_5363;

/// Reads a message.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, span.len());
    out.columns.set_protocol(format_args!("BOOTP"));
    if header(out, span).is_none() || options(out, span).is_none() {
        malformed::end(dissector, span);
    }
}

/// The fixed fields; nothing if they are cut.
fn header(out: &mut Dissection, span: Span<'_>) -> Option<()> {
    let head = span.first::<12>()?;
    out.number(OPERATION, span, 0, 1, head[0]);
    out.number(HARDWARE_TYPE, span, 1, 1, head[1]);
    out.number(HARDWARE_LENGTH, span, 2, 1, head[2]);
    out.number(HOPS, span, 3, 1, head[3]);
    out.number(ID, span, 4, 4, span.u32(4)?);
    out.number(SECONDS, span, 8, 2, span.u16(8)?);
    let flags = span.u16(10)?;
    out.number(FLAGS, span, 10, 2, flags);
    out.enter();
    out.bits(BROADCAST, span, (10, 2), (0, 1), flags >> 15);
    out.bits(RESERVED, span, (10, 2), (1, 15), flags & 0x7fff);
    out.leave();
    for (field, at) in [(CLIENT, 12), (YOURS, 16), (SERVER, 20), (RELAY, 24)] {
        out.number(field, span, at, 4, span.u32(at)?);
    }
    span.array::<16>(28)?;
    if (head[1], head[2]) == (1, 6) {
        let mac = span.array(28)?;
        out.ether(MAC, span, 28, mac);
        out.bytes(MAC_PADDING, span, 34, 10);
        let name = if head[0] == 1 { "Boot Request" } else { "Boot Reply" };
        let mac = Place::Ether(mac);
        out.columns.set_info(format_args!("{name} from {mac} ({mac})"));
    }
    for (field, at, bytes) in [(SERVER_NAME, 44, 64), (FILE, 108, 128)] {
        let text = span.skip(at).take(bytes);
        if text.len() < bytes {
            return None;
        }
        let end = text.bytes().iter().position(|byte| *byte == 0);
        let length = end.and_then(|end| u32::try_from(end).ok()).unwrap_or(bytes);
        out.add(field, span, at, bytes, Value::At { offset: text.offset(), length });
    }
    Some(())
}

/// The options, if there are any; nothing if one is cut.
fn options(out: &mut Dissection, span: Span<'_>) -> Option<()> {
    let cookie = span.u32(HEADER_BYTES)?;
    out.number(COOKIE, span, HEADER_BYTES, 4, cookie);
    if cookie != COOKIE_NUMBER {
        return Some(());
    }
    let mut rest = span.skip(HEADER_BYTES + 4);
    while let Some(code) = rest.u8(0) {
        if code == 0 {
            rest = rest.skip(1);
            continue;
        }
        if code == 255 {
            out.number(OPTION_END, rest, 0, 1, code);
            break;
        }
        let length = rest.u8(1)?;
        let bytes = 2 + u32::from(length);
        let one = rest.take(bytes);
        if code == 53
            && let Some(kind) = one.u8(2)
        {
            let name = MESSAGE_TYPES.name(kind.into()).unwrap_or("Unknown");
            let id = span.u32(4).unwrap_or_default();
            out.columns.set("DHCP", format_args!("DHCP {name:<8} - Transaction ID 0x{id:x}"));
        }
        out.number(OPTION, rest, 0, bytes, code);
        out.enter();
        out.number(OPTION_LENGTH, one, 1, 1, length);
        let value = one.skip(2);
        if value.len() < length.into() {
            return None;
        }
        if !value.is_empty() {
            out.bytes(OPTION_VALUE, value, 0, value.len());
            option(out, code, value);
        }
        out.leave();
        rest = rest.skip(bytes);
    }
    Some(())
}

fn option(out: &mut Dissection, code: u8, value: Span<'_>) {
    match code {
        1 => addresses(out, SUBNET_MASK, value),
        3 => addresses(out, ROUTER, value),
        6 => addresses(out, NAME_SERVER, value),
        28 => addresses(out, BROADCAST_ADDRESS, value),
        42 => addresses(out, TIME_SERVER, value),
        50 => addresses(out, WANTED, value),
        54 => addresses(out, SERVER_ID, value),
        12 => out.bytes(HOST_NAME, value, 0, value.len()),
        15 => out.bytes(DOMAIN_NAME, value, 0, value.len()),
        60 => out.bytes(VENDOR, value, 0, value.len()),
        26 => short(out, MTU, value),
        57 => short(out, MAX_SIZE, value),
        51 => long(out, LEASE, value),
        58 => long(out, RENEWAL, value),
        59 => long(out, REBINDING, value),
        53 if value.len() == 1 => {
            out.number(MESSAGE_TYPE, value, 0, 1, value.u8(0).unwrap_or_default());
        }
        55 => {
            for (at, item) in (0..).zip(value.bytes()) {
                out.number(REQUESTED, value, at, 1, *item);
            }
        }
        61 if value.len() == 7 && value.u8(0) == Some(1) => {
            out.number(HARDWARE_TYPE, value, 0, 1, 1u8);
            out.ether(MAC, value, 1, value.array(1).unwrap_or_default());
        }
        _ => {}
    }
}

fn addresses(out: &mut Dissection, field: FieldId, value: Span<'_>) {
    let mut at = 0;
    while let Some(address) = value.u32(at).filter(|_| value.len().is_multiple_of(4)) {
        out.number(field, value, at, 4, address);
        at += 4;
    }
}

fn short(out: &mut Dissection, field: FieldId, value: Span<'_>) {
    if let Some(number) = value.u16(0).filter(|_| value.len() == 2) {
        out.number(field, value, 0, 2, number);
    }
}

fn long(out: &mut Dissection, field: FieldId, value: Span<'_>) {
    if let Some(number) = value.u32(0).filter(|_| value.len() == 4) {
        out.number(field, value, 0, 4, number);
    }
}
