//! Internet Control Message Protocol for IPv6 (RFC 4443), with neighbour discovery (RFC 4861) and
//! multicast listener discovery (RFC 2710, RFC 3810).

use super::ip::{self, Header};
use super::{data, icmpv6_option, ipv6, malformed};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, Names, Place, Span, Value};
use std::borrow::Cow::Borrowed;
use std::net::Ipv6Addr;

fields! { Icmpv6 = "icmpv6", "Internet Control Message Protocol v6";
    TYPE = "icmpv6.type", "Type", Decimal, names TYPES;
    CODE = "icmpv6.code", "Code", Decimal;
    CHECKSUM = "icmpv6.checksum", "Checksum", Hex(4);
    CHECKSUM_STATUS = "icmpv6.checksum.status", "Checksum Status", Decimal, names super::CHECKSUM_STATUS;
    RESERVED = "icmpv6.reserved", "Reserved", Bytes;
    DATA = "icmpv6.data", "Data", Bytes;
    MTU = "icmpv6.mtu", "MTU", Decimal;
    POINTER = "icmpv6.pointer", "Pointer", Decimal;
    IDENTIFIER = "icmpv6.echo.identifier", "Identifier", Hex(4);
    SEQUENCE = "icmpv6.echo.sequence_number", "Sequence", Decimal;
    REQUEST_FRAME = "icmpv6.resp_to", "Response To", Decimal;
    HOP_LIMIT = "icmpv6.nd.ra.cur_hop_limit", "Cur hop limit", Decimal;
    RA_FLAGS = "icmpv6.nd.ra.flag", "Flags", Hex(2);
    RA_MANAGED = "icmpv6.nd.ra.flag.m", "Managed address configuration", Flag, names super::SET;
    RA_OTHER = "icmpv6.nd.ra.flag.o", "Other configuration", Flag, names super::SET;
    RA_HOME = "icmpv6.nd.ra.flag.h", "Home Agent", Flag, names super::SET;
    RA_PREFERENCE = "icmpv6.nd.ra.flag.prf", "Prf (Default Router Preference)", Decimal, names PREFERENCES;
    RA_PROXY = "icmpv6.nd.ra.flag.p", "Proxy", Flag, names super::SET;
    RA_RESERVED = "icmpv6.nd.ra.flag.rsv", "Reserved", Decimal;
    LIFETIME = "icmpv6.nd.ra.router_lifetime", "Router lifetime (s)", Decimal;
    REACHABLE = "icmpv6.nd.ra.reachable_time", "Reachable time (ms)", Decimal;
    RETRANSMIT = "icmpv6.nd.ra.retrans_timer", "Retrans timer (ms)", Decimal;
    SOLICITED_TARGET = "icmpv6.nd.ns.target_address", "Target Address", Ipv6;
    NA_FLAGS = "icmpv6.nd.na.flag", "Flags", Hex(8);
    NA_ROUTER = "icmpv6.nd.na.flag.r", "Router", Flag, names super::SET;
    NA_SOLICITED = "icmpv6.nd.na.flag.s", "Solicited", Flag, names super::SET;
    NA_OVERRIDE = "icmpv6.nd.na.flag.o", "Override", Flag, names super::SET;
    NA_RESERVED = "icmpv6.nd.na.flag.rsv", "Reserved", Decimal;
    ADVERTISED_TARGET = "icmpv6.nd.na.target_address", "Target Address", Ipv6;
    REDIRECT_TARGET = "icmpv6.nd.rd.target_address", "Target Address", Ipv6;
    REDIRECT_DESTINATION = "icmpv6.rd.na.destination_address", "Destination Address", Ipv6;
    MAX_DELAY = "icmpv6.mld.maximum_response_delay", "Maximum Response Delay [ms]", Decimal;
    MAX_CODE = "icmpv6.mld.maximum_response_code", "Maximum Response Code", Decimal;
    GROUP = "icmpv6.mld.multicast_address", "Multicast Address", Ipv6;
    QUERY_FLAGS = "icmpv6.mld.flag", "Flags", Hex(2);
    QUERY_SUPPRESS = "icmpv6.mld.flag.s", "Suppress Router-Side Processing", Flag, names Names::Flag("True", "False");
    QUERY_ROBUSTNESS = "icmpv6.mld.flag.qrv", "QRV (Querier's Robustness Variable)", Decimal;
    QUERY_RESERVED = "icmpv6.mld.flag.reserved", "Reserved", Decimal;
    QUERY_INTERVAL = "icmpv6.mld.qqi", "QQIC (Querier's Query Interval Code)", Decimal;
    SOURCES = "icmpv6.mld.nb_sources", "Number of Sources", Decimal;
    QUERY_SOURCE = "icmpv6.mld.source_address", "Source Address", Ipv6;
    RECORDS = "icmpv6.mldr.nb_mcast_records", "Number of Multicast Address Records", Decimal;
    RECORD = "icmpv6.mldr.mar", "Multicast Address Record", Heading;
    RECORD_TYPE = "icmpv6.mldr.mar.record_type", "Record Type", Decimal, names RECORD_TYPES;
    RECORD_AUXILIARY = "icmpv6.mldr.mar.aux_data_len", "Aux Data Len", Decimal;
    RECORD_SOURCES = "icmpv6.mldr.mar.nb_sources", "Number of Sources", Decimal;
    RECORD_GROUP = "icmpv6.mldr.mar.multicast_address", "Multicast Address", Ipv6;
    RECORD_SOURCE = "icmpv6.mldr.mar.source_address", "Source Address", Ipv6;
}

const TYPES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("Destination Unreachable")),
    (2, Borrowed("Packet Too Big")),
    (3, Borrowed("Time Exceeded")),
    (4, Borrowed("Parameter Problem")),
    (128, Borrowed("Echo (ping) request")),
    (129, Borrowed("Echo (ping) reply")),
    (130, Borrowed("Multicast Listener Query")),
    (131, Borrowed("Multicast Listener Report")),
    (132, Borrowed("Multicast Listener Done")),
    (133, Borrowed("Router Solicitation")),
    (134, Borrowed("Router Advertisement")),
    (135, Borrowed("Neighbor Solicitation")),
    (136, Borrowed("Neighbor Advertisement")),
    (137, Borrowed("Redirect")),
    (143, Borrowed("Multicast Listener Report Message v2")),
    (200, Borrowed("Private experimentation")),
    (201, Borrowed("Private experimentation")),
]));
pub(super) const PREFERENCES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Medium")),
    (1, Borrowed("High")),
    (2, Borrowed("Reserved")),
    (3, Borrowed("Low")),
]));
const RECORD_TYPES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("Include")),
    (2, Borrowed("Exclude")),
    (3, Borrowed("Changed to include")),
    (4, Borrowed("Changed to exclude")),
    (5, Borrowed("Allow new sources")),
    (6, Borrowed("Block old sources")),
]));
const UNREACHABLE: &[&str] = &[
    "no route to destination",
    "Administratively prohibited",
    "Beyond scope of source address",
    "Address unreachable",
    "Port unreachable",
    "Source address failed ingress/egress policy",
    "Reject route to destination",
];
const EXCEEDED: &[&str] = &["hop limit exceeded in transit", "fragment reassembly time exceeded"];
const PARAMETER: &[&str] = &[
    "erroneous header field encountered",
    "unrecognized Next Header type encountered",
    "unrecognized IPv6 option encountered",
];

/// Reads a message.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>, header: Header) {
    dissector.out.columns.set_protocol(format_args!("ICMPv6"));
    let Some([kind, code]) = span.first::<2>().copied() else {
        return malformed::end(dissector, span);
    };
    let out = &mut dissector.out;
    out.layer(PROTOCOL, span, span.len());
    out.number(TYPE, span, 0, 1, kind);
    out.number(CODE, span, 1, 1, code);
    info(out, span, kind, code, header);
    let Some(checksum) = span.u16(2) else { return malformed::end(dissector, span) };
    out.number(CHECKSUM, span, 2, 2, checksum);
    if !out.quotes() && !span.is_cut() {
        let sum = header.addresses_sum.wrapping_add(ip::words(span.bytes())).wrapping_add(58);
        let good = ip::sums_up(sum.wrapping_add(span.len()));
        let status = if good { super::GOOD } else { super::BAD };
        out.generated(CHECKSUM_STATUS, span, 2, Value::Number(status));
    }
    let Some(behind) = body(out, span, kind) else { return malformed::end(dissector, span) };
    let rest = span.skip(behind);
    match kind {
        1..=4 if !rest.is_empty() => dissector.quote(rest, ipv6::dissect),
        128 | 129 => {
            let id = (span.u16(4).unwrap_or_default(), span.u16(6).unwrap_or_default());
            dissector.echo(span, id, kind == 129, REQUEST_FRAME);
            data::dissect(dissector, rest);
        }
        133..=137 => icmpv6_option::dissect(dissector, span, rest),
        _ => {}
    }
}

/// The fields behind the checksum. Gives how many bytes stand before what follows them; nothing if
/// they are cut.
fn body(out: &mut Dissection, span: Span<'_>, kind: u8) -> Option<u32> {
    let address = |out: &mut Dissection, field, at| {
        span.array::<16>(at)?;
        out.bytes(field, span, at, 16);
        Some(())
    };
    let reserved = |out: &mut Dissection, at, length| {
        span.u8(at + length - 1)?;
        out.bytes(RESERVED, span, at, length);
        Some(())
    };
    match kind {
        2 => out.number(MTU, span, 4, 4, span.u32(4)?),
        4 => out.number(POINTER, span, 4, 4, span.u32(4)?),
        1 | 3 | 133 => reserved(out, 4, 4)?,
        128 | 129 => {
            out.number(IDENTIFIER, span, 4, 2, span.u16(4)?);
            out.number(SEQUENCE, span, 6, 2, span.u16(6)?);
        }
        130 => return query(out, span),
        131 | 132 => {
            out.number(MAX_DELAY, span, 4, 2, span.u16(4)?);
            reserved(out, 6, 2)?;
            address(out, GROUP, 8)?;
        }
        134 => {
            advertised_router(out, span)?;
            return Some(16);
        }
        135 => {
            reserved(out, 4, 4)?;
            address(out, SOLICITED_TARGET, 8)?;
            return Some(24);
        }
        136 => {
            let flags = span.u32(4)?;
            out.number(NA_FLAGS, span, 4, 4, flags);
            out.enter();
            out.bits(NA_ROUTER, span, (4, 4), (0, 1), flags >> 31);
            out.bits(NA_SOLICITED, span, (4, 4), (1, 1), flags >> 30 & 1);
            out.bits(NA_OVERRIDE, span, (4, 4), (2, 1), flags >> 29 & 1);
            out.bits(NA_RESERVED, span, (4, 4), (3, 29), flags & 0x1fff_ffff);
            out.leave();
            address(out, ADVERTISED_TARGET, 8)?;
            return Some(24);
        }
        137 => {
            reserved(out, 4, 4)?;
            address(out, REDIRECT_TARGET, 8)?;
            address(out, REDIRECT_DESTINATION, 24)?;
            return Some(40);
        }
        143 => return report(out, span),
        200 | 201 if span.len() > 4 => out.bytes(DATA, span, 4, span.len() - 4),
        _ => {}
    }
    Some(8)
}

fn advertised_router(out: &mut Dissection, span: Span<'_>) -> Option<()> {
    let (hops, flags) = (span.u8(4)?, span.u8(5)?);
    out.number(HOP_LIMIT, span, 4, 1, hops);
    out.number(RA_FLAGS, span, 5, 1, flags);
    out.enter();
    out.bits(RA_MANAGED, span, (5, 1), (0, 1), flags >> 7);
    out.bits(RA_OTHER, span, (5, 1), (1, 1), flags >> 6 & 1);
    out.bits(RA_HOME, span, (5, 1), (2, 1), flags >> 5 & 1);
    out.bits(RA_PREFERENCE, span, (5, 1), (3, 2), flags >> 3 & 3);
    out.bits(RA_PROXY, span, (5, 1), (5, 1), flags >> 2 & 1);
    out.bits(RA_RESERVED, span, (5, 1), (6, 2), flags & 3);
    out.leave();
    out.number(LIFETIME, span, 6, 2, span.u16(6)?);
    out.number(REACHABLE, span, 8, 4, span.u32(8)?);
    out.number(RETRANSMIT, span, 12, 4, span.u32(12)?);
    Some(())
}

/// A query: of version 1 if it is as long as that is.
fn query(out: &mut Dissection, span: Span<'_>) -> Option<u32> {
    let newer = span.stated() >= 28;
    out.number(if newer { MAX_CODE } else { MAX_DELAY }, span, 4, 2, span.u16(4)?);
    span.u16(6)?;
    out.bytes(RESERVED, span, 6, 2);
    span.array::<16>(8)?;
    out.bytes(GROUP, span, 8, 16);
    if newer {
        let flags = span.u8(24)?;
        out.number(QUERY_FLAGS, span, 24, 1, flags);
        out.enter();
        out.bits(QUERY_SUPPRESS, span, (24, 1), (4, 1), flags >> 3 & 1);
        out.bits(QUERY_ROBUSTNESS, span, (24, 1), (5, 3), flags & 7);
        out.bits(QUERY_RESERVED, span, (24, 1), (0, 4), flags >> 4);
        out.leave();
        out.number(QUERY_INTERVAL, span, 25, 1, span.u8(25)?);
        let sources = span.u16(26)?;
        out.number(SOURCES, span, 26, 2, sources);
        addresses(out, span, 28, sources, QUERY_SOURCE)?;
    }
    Some(span.len())
}

fn addresses(
    out: &mut Dissection,
    span: Span<'_>,
    at: u32,
    count: u16,
    field: crate::dissect::FieldId,
) -> Option<()> {
    for number in 0..u32::from(count) {
        span.array::<16>(at + number * 16)?;
        out.bytes(field, span, at + number * 16, 16);
    }
    Some(())
}

fn report(out: &mut Dissection, span: Span<'_>) -> Option<u32> {
    span.u16(4)?;
    out.bytes(RESERVED, span, 4, 2);
    let count = span.u16(6)?;
    out.number(RECORDS, span, 6, 2, count);
    let mut at = 8;
    for _ in 0..count {
        let one = span.skip(at);
        let place = out.heading(RECORD, one, 0, one.len());
        let (kind, auxiliary, sources) = (one.u8(0)?, one.u8(1)?, one.u16(2)?);
        out.number(RECORD_TYPE, one, 0, 1, kind);
        out.number(RECORD_AUXILIARY, one, 1, 1, auxiliary);
        out.number(RECORD_SOURCES, one, 2, 2, sources);
        one.array::<16>(4)?;
        out.bytes(RECORD_GROUP, one, 4, 16);
        addresses(out, one, 20, sources, RECORD_SOURCE)?;
        let bytes = 20 + u32::from(sources) * 16 + u32::from(auxiliary) * 4;
        out.set_length(place, bytes.min(one.len()));
        out.leave();
        at += bytes;
    }
    Some(span.len())
}

fn info(out: &mut Dissection, span: Span<'_>, kind: u8, code: u8, header: Header) {
    let name = TYPES.name(kind.into()).unwrap_or("Unknown");
    let columns = &mut out.columns;
    columns.set_info(format_args!("{name}"));
    let codes: &[&str] = match kind {
        1 => UNREACHABLE,
        3 => EXCEEDED,
        4 => PARAMETER,
        _ => &[],
    };
    if let Some(code) = codes.get(usize::from(code)) {
        columns.append(format_args!(" ({code})"));
    }
    let address = |at| span.array::<16>(at).map(Ipv6Addr::from);
    let link =
        |from, wanted| icmpv6_option::link_address(span.skip(from), wanted).map(Place::Ether);
    match kind {
        128 | 129 => {
            if let (Some(identifier), Some(sequence)) = (span.u16(4), span.u16(6)) {
                columns.append(format_args!(
                    " id=0x{identifier:04x}, seq={sequence}, hop limit={}",
                    header.hops
                ));
            }
        }
        133 | 134 => {
            if let Some(link) = link(if kind == 133 { 8 } else { 16 }, 1) {
                columns.append(format_args!(" from {link}"));
            }
        }
        135 => {
            if let Some(target) = address(8) {
                columns.append(format_args!(" for {target}"));
            }
            if let Some(link) = link(24, 1) {
                columns.append(format_args!(" from {link}"));
            }
        }
        136 => {
            if let (Some(target), Some(flags)) = (address(8), span.u8(4)) {
                let names = [(0x80, "rtr"), (0x40, "sol"), (0x20, "ovr")];
                let mut between = " (";
                columns.append(format_args!(" {target}"));
                for (_, name) in names.into_iter().filter(|(bit, _)| flags & bit != 0) {
                    columns.append(format_args!("{between}{name}"));
                    between = ", ";
                }
                columns.append(format_args!("{}", if between == ", " { ")" } else { "" }));
            }
            if let Some(link) = link(24, 2) {
                columns.append(format_args!(" is at {link}"));
            }
        }
        137 => {
            if let Some(link) = link(40, 2) {
                columns.append(format_args!(" is at {link}"));
            }
        }
        _ => {}
    }
}
