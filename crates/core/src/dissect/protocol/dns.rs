//! Domain Name System (RFC 1035).

use super::{dns_record, malformed, mdns};
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, FieldId, Names, Span};
use std::borrow::Cow::Borrowed;

fields! { Dns = "dns", "Domain Name System";
    LENGTH = "dns.length", "Length", Decimal;
    ID = "dns.id", "Transaction ID", Hex(4);
    FLAGS = "dns.flags", "Flags", Hex(4);
    RESPONSE = "dns.flags.response", "Response", Flag, names Names::Flag("Message is a response", "Message is a query");
    OPERATION = "dns.flags.opcode", "Opcode", Decimal, names OPERATIONS;
    AUTHORITATIVE = "dns.flags.authoritative", "Authoritative", Flag, names super::SET;
    TRUNCATED = "dns.flags.truncated", "Truncated", Flag, names super::SET;
    RECURSION_DESIRED = "dns.flags.recdesired", "Recursion desired", Flag, names super::SET;
    RECURSION_AVAILABLE = "dns.flags.recavail", "Recursion available", Flag, names super::SET;
    RESERVED = "dns.flags.z", "Z", Flag;
    AUTHENTICATED = "dns.flags.authenticated", "Answer authenticated", Flag, names super::SET;
    CHECK_DISABLED = "dns.flags.checkdisable", "Non-authenticated data", Flag, names Names::Flag("Acceptable", "Unacceptable");
    REPLY_CODE = "dns.flags.rcode", "Reply code", Decimal, names REPLY_CODES;
    QUESTIONS = "dns.count.queries", "Questions", Decimal;
    ANSWERS = "dns.count.answers", "Answer RRs", Decimal;
    AUTHORITIES = "dns.count.auth_rr", "Authority RRs", Decimal;
    ADDITIONAL = "dns.count.add_rr", "Additional RRs", Decimal;
    QUESTION_NAME = "dns.qry.name", "Name", Text;
    NAME_LENGTH = "dns.qry.name.len", "Name Length", Decimal;
    LABELS = "dns.count.labels", "Label Count", Decimal;
    QUESTION_TYPE = "dns.qry.type", "Type", Decimal, names dns_record::TYPES;
    QUESTION_CLASS = "dns.qry.class", "Class", Hex(4), names dns_record::CLASSES;
    QUESTION_UNICAST = "dns.qry.qu", "\"QU\" question", Flag, names Names::Flag("True", "False");
}

const OPERATIONS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Standard query")),
    (1, Borrowed("Inverse query")),
    (2, Borrowed("Server status request")),
    (4, Borrowed("Zone change notification")),
    (5, Borrowed("Dynamic update")),
    (6, Borrowed("DNS Stateful operations (DSO)")),
]));
const UPDATE: u16 = 5;
const REPLY_CODES: Names = Names::Values(Borrowed(&[
    (0, Borrowed("No error")),
    (1, Borrowed("Format error")),
    (2, Borrowed("Server failure")),
    (3, Borrowed("No such name")),
    (4, Borrowed("Not implemented")),
    (5, Borrowed("Refused")),
    (6, Borrowed("Name exists")),
    (7, Borrowed("RRset exists")),
    (8, Borrowed("RRset does not exist")),
    (9, Borrowed("Not authoritative")),
    (10, Borrowed("Name out of zone")),
]));

const HEADER_BYTES: u32 = 12;
/// Bytes of a name on the wire at most (RFC 1035, section 2.3.4), and more than it can have pointers.
const MAX_NAME_BYTES: usize = 255;
/// What tshark says in place of such a name.
const LOOPS: &str = "<Name contains a pointer that loops>";

/// A name that was read: its labels with dots between them.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// Its bytes, as they stood there.
    pub(super) text: Vec<u8>,
    /// How many labels it has.
    pub(super) labels: u32,
    /// Bytes that it takes where it stands.
    pub(super) length: u32,
}

/// Reads the name at `at` of a message; nothing if it ends too early.
pub(super) fn name(message: Span<'_>, at: u32) -> Option<Name> {
    let mut name = Name::default();
    let (mut place, mut jumped, mut jumps) = (at, false, 0);
    loop {
        let length = message.u8(place)?;
        match length {
            0 => {
                name.length = if jumped { name.length } else { place + 1 - at };
                break;
            }
            1..=63 => {
                let label = message.skip(place + 1).take(length.into());
                if label.len() < length.into() {
                    return None;
                }
                if name.labels > 0 {
                    name.text.push(b'.');
                }
                name.text.extend_from_slice(label.bytes());
                // A dot in a label is taken for one between two, as tshark does.
                let dots = label.bytes().split(|byte| *byte == b'.').count() - 1;
                name.labels += 1 + u32::try_from(dots).unwrap_or_default();
                place += 1 + u32::from(length);
            }
            192..=255 => {
                let target = message.u16(place)? & 0x3fff;
                if !jumped {
                    name.length = place + 2 - at;
                }
                (jumped, place, jumps) = (true, target.into(), jumps + 1);
            }
            _ => return None,
        }
        if name.text.len() > MAX_NAME_BYTES || jumps > MAX_NAME_BYTES {
            (name.text, name.labels) = (LOOPS.into(), 1);
            return Some(name);
        }
    }
    if name.text.is_empty() {
        (name.text, name.labels) = (b"<Root>".to_vec(), 1);
    }
    Some(name)
}

/// Reads a message in a UDP datagram.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    message(dissector, span, span, PROTOCOL);
}

/// Reads the message at the beginning of a TCP segment, which has its length in front.
pub(super) fn dissect_segment(dissector: &mut Dissector, span: Span<'_>) {
    let Some(length) = span.u16(0).map(u32::from).filter(|length| *length + 2 <= span.len()) else {
        return super::data::dissect(dissector, span);
    };
    let whole = span.take(length + 2);
    message(dissector, whole, whole.skip(2), PROTOCOL);
}

/// Reads a message as a layer of a protocol. The layer may begin before it.
pub(super) fn message(
    dissector: &mut Dissector,
    layer: Span<'_>,
    span: Span<'_>,
    protocol: FieldId,
) {
    let out = &mut dissector.out;
    let (Some(id), Some(flags)) = (span.u16(0), span.u16(2)) else {
        return malformed::end(dissector, span);
    };
    out.layer(protocol, layer, layer.len());
    if layer.len() > span.len() {
        out.number(LENGTH, layer, 0, 2, span.len());
    }
    out.number(ID, span, 0, 2, id);
    let operation = flags >> 11 & 0x0f;
    header(out, span, id, flags, if protocol == PROTOCOL { "DNS" } else { "MDNS" });
    let fields = match operation {
        UPDATE => [None, None, None, Some(ADDITIONAL)],
        _ => [Some(QUESTIONS), Some(ANSWERS), Some(AUTHORITIES), Some(ADDITIONAL)],
    };
    let mut counts = [0; 4];
    for (place, (count, field)) in (2..).zip(counts.iter_mut().zip(fields)) {
        let Some(number) = span.u16(place * 2) else { return malformed::end(dissector, span) };
        *count = number;
        if let Some(field) = field {
            out.number(field, span, place * 2, 2, number);
        }
    }
    let is_multicast = protocol == mdns::PROTOCOL;
    if records(out, span, counts, is_multicast).is_none() {
        malformed::end(dissector, span);
    }
}

fn header(out: &mut Dissection, span: Span<'_>, id: u16, flags: u16, protocol: &str) {
    let is_response = flags >> 15 == 1;
    let operation = flags >> 11 & 0x0f;
    let bit = |place: u8| flags >> (15 - place) & 1;
    out.number(FLAGS, span, 2, 2, flags);
    out.enter();
    out.bits(RESPONSE, span, (2, 2), (0, 1), bit(0));
    out.bits(OPERATION, span, (2, 2), (1, 4), operation);
    let bits = [
        (5, AUTHORITATIVE, is_response),
        (6, TRUNCATED, true),
        (7, RECURSION_DESIRED, true),
        (8, RECURSION_AVAILABLE, is_response),
        (9, RESERVED, true),
        (10, AUTHENTICATED, is_response),
        (11, CHECK_DISABLED, true),
    ];
    for (place, field, _) in bits.into_iter().filter(|(_, _, shown)| *shown) {
        out.bits(field, span, (2, 2), (place, 1), bit(place));
    }
    if is_response {
        out.bits(REPLY_CODE, span, (2, 2), (12, 4), flags & 0x0f);
    }
    out.leave();
    let name = OPERATIONS.name(operation.into()).unwrap_or("Unknown operation");
    let kind = if is_response { " response" } else { "" };
    out.columns.set(protocol, format_args!("{name}{kind} 0x{id:04x}"));
    if is_response && flags & 0x0f != 0 {
        let code = REPLY_CODES.name(u64::from(flags & 0x0f)).unwrap_or("Unknown error");
        out.columns.append(format_args!(" {code}"));
    }
}

/// Reads questions and records; nothing if one is cut.
fn records(
    out: &mut Dissection,
    span: Span<'_>,
    counts: [u16; 4],
    is_multicast: bool,
) -> Option<()> {
    let mut at = HEADER_BYTES;
    let [questions, answers @ ..] = counts;
    for _ in 0..questions {
        at += question(out, span, at, is_multicast)?;
    }
    for _ in 0..answers.into_iter().map(u32::from).sum() {
        at += dns_record::dissect(out, span, at, is_multicast)?;
    }
    Some(())
}

fn question(out: &mut Dissection, span: Span<'_>, at: u32, is_multicast: bool) -> Option<u32> {
    let name = name(span, at)?;
    let behind = at + name.length;
    let (kind, class) = (span.u16(behind)?, span.u16(behind + 2)?);
    let text = String::from_utf8_lossy(&name.text);
    out.text(QUESTION_NAME, span, at, name.length, format_args!("{text}"));
    out.enter();
    out.number(NAME_LENGTH, span, at, name.length, name.text.len() as u64);
    out.number(LABELS, span, at, name.length, name.labels);
    out.number(QUESTION_TYPE, span, behind, 2, kind);
    let unicast = if is_multicast { class >> 15 } else { 0 };
    if is_multicast {
        out.bits(QUESTION_CLASS, span, (behind + 2, 2), (1, 15), class & 0x7fff);
        out.bits(QUESTION_UNICAST, span, (behind + 2, 2), (0, 1), unicast);
    } else {
        out.number(QUESTION_CLASS, span, behind + 2, 2, class);
    }
    out.leave();
    dns_record::type_info(out, kind);
    out.columns.append(format_args!(" {text}"));
    out.columns.append(format_args!("{}", if unicast == 1 { ", \"QU\" question" } else { "" }));
    Some(name.length + 4)
}
