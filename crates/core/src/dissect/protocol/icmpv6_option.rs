//! Options of neighbour discovery (RFC 4861, RFC 4191, RFC 8106).

use super::{icmpv6, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, Flags, Names, Span, Value};
use std::borrow::Cow::Borrowed;

fields! { Icmpv6Option = "icmpv6.nd.opt", "ICMPv6 Option";
    OPTION = "icmpv6.opt", "ICMPv6 Option", Heading;
    TYPE = "icmpv6.opt.type", "Type", Decimal, names TYPES;
    LENGTH = "icmpv6.opt.length", "Length", Decimal;
    RESERVED = "icmpv6.opt.reserved", "Reserved", Heading;
    LINK_ADDRESS = "icmpv6.opt.linkaddr", "Link-layer address", Ether;
    MTU = "icmpv6.opt.mtu", "MTU", Decimal;
    PREFIX_LENGTH = "icmpv6.opt.prefix.length", "Prefix Length", Decimal;
    PREFIX_FLAGS = "icmpv6.opt.prefix.flag", "Flag", Hex(2);
    PREFIX_ON_LINK = "icmpv6.opt.prefix.flag.l", "On-link flag(L)", Flag, names super::SET;
    PREFIX_AUTONOMOUS = "icmpv6.opt.prefix.flag.a", "Autonomous address-configuration flag(A)", Flag, names super::SET;
    PREFIX_ROUTER = "icmpv6.opt.prefix.flag.r", "Router address flag(R)", Flag, names super::SET;
    PREFIX_RESERVED = "icmpv6.opt.prefix.flag.reserved", "Reserved", Decimal;
    VALID = "icmpv6.opt.prefix.valid_lifetime", "Valid Lifetime", Decimal;
    PREFERRED = "icmpv6.opt.prefix.preferred_lifetime", "Preferred Lifetime", Decimal;
    PREFIX = "icmpv6.opt.prefix", "Prefix", Ipv6;
    ROUTE_FLAGS = "icmpv6.opt.route_info.flag", "Flag", Hex(2);
    ROUTE_PREFERENCE = "icmpv6.opt.route_info.flag.route_preference", "Route Preference", Decimal, names icmpv6::PREFERENCES;
    ROUTE_LIFETIME = "icmpv6.opt.route_lifetime", "Route Lifetime", Decimal;
    DNS_LIFETIME = "icmpv6.opt.rdnss.lifetime", "Lifetime", Decimal;
    DNS_SERVER = "icmpv6.opt.rdnss", "Recursive DNS Servers", Ipv6;
    SEARCH_LIFETIME = "icmpv6.opt.dnssl.lifetime", "Lifetime", Decimal;
    NONCE = "icmpv6.opt.nonce", "Nonce", Bytes;
    REDIRECTED = "icmpv6.opt.redirected_packet", "Redirected Packet", Heading;
}

const TYPES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("Source link-layer address")),
    (2, Borrowed("Target link-layer address")),
    (3, Borrowed("Prefix information")),
    (4, Borrowed("Redirected header")),
    (5, Borrowed("MTU")),
    (14, Borrowed("Nonce")),
    (24, Borrowed("Route Information")),
    (25, Borrowed("Recursive DNS Server")),
    (31, Borrowed("DNS Search List Option")),
]));

/// Reads the options at the end of a message.
pub(super) fn dissect(dissector: &mut Dissector, message: Span<'_>, options: Span<'_>) {
    let mut rest = options;
    while let Some(kind) = rest.u8(0) {
        let out = &mut dissector.out;
        let place = out.heading(OPTION, rest, 0, rest.len());
        out.number(TYPE, rest, 0, 1, kind);
        let Some(units) = rest.u8(1) else { return malformed::end(dissector, message) };
        let bytes = u32::from(units) * 8;
        out.set_length(place, bytes.min(rest.len()));
        out.number(LENGTH, rest, 1, 1, units);
        if units == 0 {
            out.flag_last(Flags::MALFORMED);
            out.leave();
            return;
        }
        if rest.len() < bytes || body(out, rest.take(bytes), kind).is_none() {
            return malformed::end(dissector, message);
        }
        out.leave();
        rest = rest.skip(bytes);
    }
}

fn body(out: &mut Dissection, one: Span<'_>, kind: u8) -> Option<()> {
    match kind {
        1 | 2 if one.len() == 8 => out.ether(LINK_ADDRESS, one, 2, one.array(2)?),
        3 => {
            prefix_length(out, one)?;
            let flags = one.u8(3)?;
            out.number(PREFIX_FLAGS, one, 3, 1, flags);
            out.enter();
            out.bits(PREFIX_ON_LINK, one, (3, 1), (0, 1), flags >> 7);
            out.bits(PREFIX_AUTONOMOUS, one, (3, 1), (1, 1), flags >> 6 & 1);
            out.bits(PREFIX_ROUTER, one, (3, 1), (2, 1), flags >> 5 & 1);
            out.bits(PREFIX_RESERVED, one, (3, 1), (3, 5), flags & 0x1f);
            out.leave();
            out.number(VALID, one, 4, 4, one.u32(4)?);
            out.number(PREFERRED, one, 8, 4, one.u32(8)?);
            out.add(RESERVED, one, 12, 4, Value::None);
            one.array::<16>(16)?;
            out.bytes(PREFIX, one, 16, 16);
        }
        4 => {
            out.add(RESERVED, one, 2, 6, Value::None);
            out.add(REDIRECTED, one, 8, one.len() - 8, Value::None);
        }
        5 => {
            out.add(RESERVED, one, 2, 2, Value::None);
            out.number(MTU, one, 4, 4, one.u32(4)?);
        }
        14 => out.bytes(NONCE, one, 2, one.len() - 2),
        24 => {
            prefix_length(out, one)?;
            let flags = one.u8(3)?;
            out.number(ROUTE_FLAGS, one, 3, 1, flags);
            out.enter();
            out.bits(ROUTE_PREFERENCE, one, (3, 1), (3, 2), flags >> 3 & 3);
            out.leave();
            out.number(ROUTE_LIFETIME, one, 4, 4, one.u32(4)?);
            if one.len() > 8 {
                out.bytes(PREFIX, one, 8, (one.len() - 8).min(16));
            }
        }
        25 => {
            out.add(RESERVED, one, 2, 2, Value::None);
            out.number(DNS_LIFETIME, one, 4, 4, one.u32(4)?);
            for number in 0..(one.len() - 8) / 16 {
                out.bytes(DNS_SERVER, one, 8 + number * 16, 16);
            }
        }
        31 => {
            out.add(RESERVED, one, 2, 2, Value::None);
            out.number(SEARCH_LIFETIME, one, 4, 4, one.u32(4)?);
        }
        _ => {}
    }
    Some(())
}

fn prefix_length(out: &mut Dissection, one: Span<'_>) -> Option<()> {
    out.number(PREFIX_LENGTH, one, 2, 1, one.u8(2)?);
    Some(())
}

/// The link-layer address in the option of type `wanted`, for the columns.
pub(super) fn link_address(options: Span<'_>, wanted: u8) -> Option<[u8; 6]> {
    let mut rest = options;
    while let (Some(kind), Some(units)) = (rest.u8(0), rest.u8(1)) {
        if units == 0 {
            return None;
        }
        if kind == wanted && units == 1 {
            return rest.array(2);
        }
        rest = rest.skip(u32::from(units) * 8);
    }
    None
}
