//! Records of DNS messages (RFC 1035, RFC 3596, RFC 2782, RFC 6891).

use super::dns::{self, Name};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, FieldId, Names, Span};
use std::borrow::Cow::Borrowed;
use std::net::{Ipv4Addr, Ipv6Addr};

fields! { DnsRecord = "dns.rr", "Resource Record";
    NAME = "dns.resp.name", "Name", Text;
    TYPE = "dns.resp.type", "Type", Decimal, names TYPES;
    CLASS = "dns.resp.class", "Class", Hex(4), names CLASSES;
    CACHE_FLUSH = "dns.resp.cache_flush", "Cache flush", Flag, names Names::Flag("True", "False");
    TTL = "dns.resp.ttl", "Time to live", Decimal;
    LENGTH = "dns.resp.len", "Data length", Decimal;
    ADDRESS_4 = "dns.a", "Address", Ipv4;
    ADDRESS_6 = "dns.aaaa", "AAAA Address", Ipv6;
    NAME_SERVER = "dns.ns", "Name Server", Text;
    ALIAS = "dns.cname", "CNAME", Text;
    POINTER = "dns.ptr.domain_name", "Domain Name", Text;
    MAIL_PREFERENCE = "dns.mx.preference", "Preference", Decimal;
    MAIL = "dns.mx.mail_exchange", "Mail Exchange", Text;
    PRIMARY = "dns.soa.mname", "Primary name server", Text;
    MAILBOX = "dns.soa.rname", "Responsible authority's mailbox", Text;
    SERIAL = "dns.soa.serial_number", "Serial Number", Decimal;
    REFRESH = "dns.soa.refresh_interval", "Refresh Interval", Decimal;
    RETRY = "dns.soa.retry_interval", "Retry Interval", Decimal;
    EXPIRE = "dns.soa.expire_limit", "Expire limit", Decimal;
    MINIMUM = "dns.soa.minimum_ttl", "Minimum TTL", Decimal;
    TEXT_LENGTH = "dns.txt.length", "TXT Length", Decimal;
    TEXT = "dns.txt", "TXT", Text;
    SERVICE_PRIORITY = "dns.srv.priority", "Priority", Decimal;
    SERVICE_WEIGHT = "dns.srv.weight", "Weight", Decimal;
    SERVICE_PORT = "dns.srv.port", "Port", Decimal;
    SERVICE_TARGET = "dns.srv.target", "Target", Text;
    PAYLOAD_SIZE = "dns.rr.udp_payload_size", "UDP payload size", Decimal;
    HIGH_CODE = "dns.resp.ext_rcode", "Higher bits in extended RCODE", Hex(2);
    VERSION = "dns.resp.edns0_version", "EDNS0 version", Decimal;
    OPT_FLAGS = "dns.resp.z", "Z", Hex(4);
    OPT_DNSSEC = "dns.resp.z.do", "DO bit", Flag, names Names::Flag("Accepts DNSSEC security RRs", "Cannot handle DNSSEC security RRs");
}

/// Names of record types, short as in zone files.
pub(super) const TYPES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("A")),
    (2, Borrowed("NS")),
    (5, Borrowed("CNAME")),
    (6, Borrowed("SOA")),
    (12, Borrowed("PTR")),
    (13, Borrowed("HINFO")),
    (15, Borrowed("MX")),
    (16, Borrowed("TXT")),
    (28, Borrowed("AAAA")),
    (33, Borrowed("SRV")),
    (35, Borrowed("NAPTR")),
    (39, Borrowed("DNAME")),
    (41, Borrowed("OPT")),
    (43, Borrowed("DS")),
    (46, Borrowed("RRSIG")),
    (47, Borrowed("NSEC")),
    (48, Borrowed("DNSKEY")),
    (50, Borrowed("NSEC3")),
    (52, Borrowed("TLSA")),
    (64, Borrowed("SVCB")),
    (65, Borrowed("HTTPS")),
    (252, Borrowed("AXFR")),
    (255, Borrowed("ANY")),
    (257, Borrowed("CAA")),
]));
/// Names of classes.
pub(super) const CLASSES: Names = Names::Values(Borrowed(&[
    (1, Borrowed("IN")),
    (3, Borrowed("CH")),
    (4, Borrowed("HS")),
    (254, Borrowed("NONE")),
    (255, Borrowed("ANY")),
]));
const OPT: u16 = 41;
const SRV: u16 = 33;

/// Says a record type in the columns.
pub(super) fn type_info(out: &mut Dissection, kind: u16) {
    match TYPES.name(kind.into()) {
        Some(name) => out.columns.append(format_args!(" {name}")),
        None => out.columns.append(format_args!(" Unknown ({kind})")),
    }
}

/// Reads the record at `at` of a message. Gives its bytes; nothing if they are cut.
pub(super) fn dissect(
    out: &mut Dissection,
    message: Span<'_>,
    at: u32,
    is_multicast: bool,
) -> Option<u32> {
    let owner = dns::name(message, at)?;
    let behind = at + owner.length;
    let (kind, class) = (message.u16(behind)?, message.u16(behind + 2)?);
    type_info(out, kind);
    let flush = is_multicast && class >> 15 == 1 && kind != OPT;
    out.columns.append(format_args!("{}", if flush { ", cache flush" } else { "" }));
    let (ttl, length) = (message.u32(behind + 4)?, message.u16(behind + 8)?);
    let data = message.skip(behind + 10).take(length.into());
    if data.len() < length.into() {
        return None;
    }
    if kind != SRV {
        text(out, NAME, message, at, &owner);
    }
    out.enter();
    out.number(TYPE, message, behind, 2, kind);
    if kind == OPT {
        opt(out, message, behind, class, ttl);
    } else if is_multicast {
        out.bits(CLASS, message, (behind + 2, 2), (1, 15), class & 0x7fff);
        out.bits(CACHE_FLUSH, message, (behind + 2, 2), (0, 1), class >> 15);
        out.number(TTL, message, behind + 4, 4, ttl);
    } else {
        out.number(CLASS, message, behind + 2, 2, class);
        out.number(TTL, message, behind + 4, 4, ttl);
    }
    out.number(LENGTH, message, behind + 8, 2, length);
    let read = content(out, message, behind + 10, data, kind);
    out.leave();
    read?;
    Some(owner.length + 10 + u32::from(length))
}

fn opt(out: &mut Dissection, message: Span<'_>, at: u32, size: u16, ttl: u32) {
    let [code, version, f0, f1] = ttl.to_be_bytes();
    let flags = u16::from_be_bytes([f0, f1]);
    out.number(PAYLOAD_SIZE, message, at + 2, 2, size);
    out.number(HIGH_CODE, message, at + 4, 1, code);
    out.number(VERSION, message, at + 5, 1, version);
    out.number(OPT_FLAGS, message, at + 6, 2, flags);
    out.enter();
    out.bits(OPT_DNSSEC, message, (at + 6, 2), (0, 1), flags >> 15);
    out.leave();
}

fn text(out: &mut Dissection, field: FieldId, message: Span<'_>, at: u32, name: &Name) {
    let text = String::from_utf8_lossy(&name.text);
    out.text(field, message, at, name.length, format_args!("{text}"));
}

/// Adds a name, and says it in the columns.
fn named(out: &mut Dissection, field: FieldId, message: Span<'_>, at: u32) -> Option<u32> {
    let name = dns::name(message, at)?;
    text(out, field, message, at, &name);
    out.columns.append(format_args!(" {}", String::from_utf8_lossy(&name.text)));
    Some(name.length)
}

/// Reads the data of a record, which begins at `at` of the message.
fn content(
    out: &mut Dissection,
    message: Span<'_>,
    at: u32,
    data: Span<'_>,
    kind: u16,
) -> Option<()> {
    match kind {
        1 if data.len() == 4 => {
            let address = data.u32(0)?;
            out.number(ADDRESS_4, data, 0, 4, address);
            out.columns.append(format_args!(" {}", Ipv4Addr::from(address)));
        }
        28 if data.len() == 16 => {
            out.bytes(ADDRESS_6, data, 0, 16);
            out.columns.append(format_args!(" {}", Ipv6Addr::from(data.array::<16>(0)?)));
        }
        2 => _ = named(out, NAME_SERVER, message, at)?,
        5 => _ = named(out, ALIAS, message, at)?,
        12 => _ = named(out, POINTER, message, at)?,
        15 => {
            let preference = data.u16(0)?;
            out.number(MAIL_PREFERENCE, data, 0, 2, preference);
            out.columns.append(format_args!(" {preference}"));
            named(out, MAIL, message, at + 2)?;
        }
        6 => {
            let behind = at + named(out, PRIMARY, message, at)?;
            let mailbox = dns::name(message, behind)?;
            text(out, MAILBOX, message, behind, &mailbox);
            let mut place = behind + mailbox.length;
            for field in [SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM] {
                out.number(field, message, place, 4, message.u32(place)?);
                place += 4;
            }
        }
        16 => {
            let mut rest = data;
            while let Some(length) = rest.u8(0) {
                let text = rest.skip(1).take(length.into());
                out.number(TEXT_LENGTH, rest, 0, 1, length);
                out.bytes(TEXT, text, 0, text.len());
                rest = rest.skip(1 + u32::from(length));
            }
        }
        SRV => {
            let (priority, weight, port) = (data.u16(0)?, data.u16(2)?, data.u16(4)?);
            out.number(SERVICE_PRIORITY, data, 0, 2, priority);
            out.number(SERVICE_WEIGHT, data, 2, 2, weight);
            out.number(SERVICE_PORT, data, 4, 2, port);
            out.columns.append(format_args!(" {priority} {weight} {port}"));
            named(out, SERVICE_TARGET, message, at + 6)?;
        }
        _ => {}
    }
    Some(())
}
