//! Transmission Control Protocol (RFC 9293).

use super::{application, http, malformed, tcp_option};
use crate::dissect::conversation::{End, Scale};
use crate::dissect::field::fields;
use crate::dissect::tunnel::{self, Segment};
use crate::dissect::{Dissection, Dissector, Flags, Span, Value};

fields! { Tcp = "tcp", "Transmission Control Protocol";
    SOURCE_PORT = "tcp.srcport", "Source Port", Decimal, also "tcp.port";
    DESTINATION_PORT = "tcp.dstport", "Destination Port", Decimal, also "tcp.port";
    STREAM = "tcp.stream", "Stream index", Decimal;
    LENGTH = "tcp.len", "TCP Segment Len", Decimal;
    SEQUENCE = "tcp.seq", "Sequence Number", Decimal, also "tcp.seq_raw";
    NEXT_SEQUENCE = "tcp.nxtseq", "Next Sequence Number", Decimal;
    ACKNOWLEDGED = "tcp.ack", "Acknowledgment Number", Decimal;
    ACKNOWLEDGED_RAW = "tcp.ack_raw", "Acknowledgment number (raw)", Decimal;
    HEADER_LENGTH = "tcp.hdr_len", "Header Length", Decimal;
    FLAGS = "tcp.flags", "Flags", Hex(4);
    FLAG_RESERVED = "tcp.flags.res", "Reserved", Flag, names super::SET;
    FLAG_ACCURATE = "tcp.flags.ae", "Accurate ECN", Flag, names super::SET;
    FLAG_REDUCED = "tcp.flags.cwr", "Congestion Window Reduced", Flag, names super::SET;
    FLAG_ECHO = "tcp.flags.ece", "ECN-Echo", Flag, names super::SET;
    FLAG_URGENT = "tcp.flags.urg", "Urgent", Flag, names super::SET;
    FLAG_ACK = "tcp.flags.ack", "Acknowledgment", Flag, names super::SET;
    FLAG_PUSH = "tcp.flags.push", "Push", Flag, names super::SET;
    FLAG_RESET = "tcp.flags.reset", "Reset", Flag, names super::SET;
    FLAG_SYN = "tcp.flags.syn", "Syn", Flag, names super::SET;
    FLAG_FIN = "tcp.flags.fin", "Fin", Flag, names super::SET;
    FLAG_LETTERS = "tcp.flags.str", "TCP Flags", Letters(letters);
    WINDOW = "tcp.window_size_value", "Window", Decimal;
    SCALED_WINDOW = "tcp.window_size", "Calculated window size", Decimal;
    SCALE = "tcp.window_size_scalefactor", "Window size scaling factor", Signed;
    CHECKSUM = "tcp.checksum", "Checksum", Hex(4);
    CHECKSUM_STATUS = "tcp.checksum.status", "Checksum Status", Decimal, names super::CHECKSUM_STATUS;
    URGENT = "tcp.urgent_pointer", "Urgent Pointer", Decimal;
    PAYLOAD = "tcp.payload", "TCP payload", Bytes;
}

const MIN_HEADER_BYTES: u32 = 20;
const FIN: u16 = 1;
const SYN: u16 = 1 << 1;
const RST: u16 = 1 << 2;
const ACK: u16 = 1 << 4;
const URG: u16 = 1 << 5;

/// The flags of one bit each, from the lowest.
const FLAG_NAMES: [&str; 10] =
    ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE", "Reserved"];

/// The flags as letters, a dot for each that is not set.
fn letters(flags: u64, text: &mut String) {
    for (place, letter) in "RRRACEUAPRSF".chars().enumerate() {
        text.push(if flags >> (11 - place) & 1 == 1 { letter } else { '·' });
    }
}

/// The fixed part of a header.
#[derive(Clone, Copy)]
struct Header {
    source_port: u16,
    destination_port: u16,
    sequence: u32,
    acknowledged: u32,
    /// Bytes of the whole header.
    bytes: u32,
    flags: u16,
    window: u16,
    checksum: u16,
    urgent: u16,
    /// Bytes behind the header; nothing if the header is longer than the segment.
    length: Option<u32>,
}

impl Header {
    fn read(span: Span<'_>) -> Option<Self> {
        let bytes = span.first::<20>()?;
        let word = |at: usize| match bytes.get(at..at + 2) {
            Some([high, low]) => u16::from_be_bytes([*high, *low]),
            _ => 0,
        };
        let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
        let header_bytes = u32::from(word(12) >> 12) * 4;
        Some(Self {
            source_port: word(0),
            destination_port: word(2),
            sequence: long(4),
            acknowledged: long(8),
            bytes: header_bytes,
            flags: word(12) & 0xfff,
            window: word(14),
            checksum: word(16),
            urgent: word(18),
            length: span.stated().checked_sub(header_bytes),
        })
    }

    fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// What is known of the connection that a segment belongs to.
struct Connection {
    stream: u32,
    scale: Scale,
    is_http: bool,
}

/// Finds the connection of a segment. It is a new one if its SYN has another sequence number than
/// the one before between the same ends.
fn connection(dissector: &mut Dissector, header: &Header, options: Span<'_>) -> Connection {
    let (source, destination) = ends(dissector, header);
    let (mut conversation, mut way) = dissector.tcp.find(source, destination);
    let begins = header.has(SYN) && !header.has(ACK);
    let known = conversation.ways.get(way).and_then(|way| way.first);
    let quoted = dissector.out.quotes();
    if begins && !quoted && known.is_some_and(|first| first != header.sequence) {
        (conversation, way) = dissector.tcp.renew(source, destination);
    }
    if header.has(SYN) && !quoted {
        if let Some(way) = conversation.ways.get_mut(way) {
            way.first = Some(header.sequence);
            if let Some(shift) = tcp_option::window_shift(options) {
                way.scale = Scale::Shift(shift);
            }
        }
        let scales = conversation.ways.map(|way| way.scale);
        if !begins && scales.iter().any(|scale| !matches!(scale, Scale::Shift(_))) {
            conversation.ways.iter_mut().for_each(|way| way.scale = Scale::Off);
        }
    }
    Connection {
        stream: conversation.number,
        scale: conversation.ways.get(way).map_or(Scale::Unknown, |way| way.scale),
        is_http: conversation.is_http,
    }
}

fn ends(dissector: &Dissector, header: &Header) -> (End, End) {
    let (source, destination) = dissector.ends;
    ((source, header.source_port), (destination, header.destination_port))
}

/// Reads a segment.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = Header::read(span) else { return cut(dissector, span) };
    let options = span.part(MIN_HEADER_BYTES..header.bytes);
    let connection = connection(dissector, &header, options);
    let out = &mut dissector.out;
    beginning(out, span, &header, connection.stream);
    if header.bytes < MIN_HEADER_BYTES {
        out.bits(HEADER_LENGTH, span, (12, 1), (0, 4), header.bytes);
        out.flag_last(Flags::MALFORMED);
        out.columns.append(format_args!(
            " Win={}, bogus TCP header length ({}, must be at least {MIN_HEADER_BYTES})",
            header.window, header.bytes
        ));
        return;
    }
    out.number(ACKNOWLEDGED, span, 8, 4, header.acknowledged);
    if !header.has(ACK) {
        out.number(ACKNOWLEDGED_RAW, span, 8, 4, header.acknowledged);
    }
    out.bits(HEADER_LENGTH, span, (12, 1), (0, 4), header.bytes);
    out.bits(FLAGS, span, (12, 2), (4, 12), header.flags);
    out.enter();
    flag_bits(out, span, header.flags);
    out.leave();
    window(out, span, &header, connection.scale);
    out.number(CHECKSUM, span, 16, 2, header.checksum);
    out.generated(CHECKSUM_STATUS, span, 16, Value::Number(super::UNVERIFIED));
    out.number(URGENT, span, 18, 2, header.urgent);
    if header.has(URG) {
        out.columns.append(format_args!(" Urg={}", header.urgent));
    }
    if let Some(length) = header.length {
        out.columns.append(format_args!(" Len={length}"));
    }
    if !options.is_empty() {
        tcp_option::dissect(out, options, header.has(SYN));
    }
    if span.len() < header.bytes {
        return malformed::end(dissector, span);
    }
    carried(dissector, span.skip(header.bytes), &header, connection.is_http);
}

/// The ports, and what is known of the segment as a whole.
fn beginning(out: &mut Dissection, span: Span<'_>, header: &Header, stream: u32) {
    let Header { source_port, destination_port, sequence, .. } = *header;
    let whole = header.bytes >= MIN_HEADER_BYTES;
    let layer_bytes = if whole { header.bytes } else { span.len() };
    out.layer(PROTOCOL, span, layer_bytes.min(span.len()));
    out.number(SOURCE_PORT, span, 0, 2, source_port);
    out.number(DESTINATION_PORT, span, 2, 2, destination_port);
    out.columns.set("TCP", format_args!("{source_port} → {destination_port} "));
    flag_info(out, header.flags);
    out.columns.append(format_args!("Seq={sequence}"));
    if header.has(ACK) {
        out.columns.append(format_args!(" Ack={}", header.acknowledged));
    }
    out.generated(STREAM, span, 0, Value::Number(stream.into()));
    if let Some(length) = header.length {
        out.generated(LENGTH, span, 0, Value::Number(length.into()));
    }
    out.number(SEQUENCE, span, 4, 4, sequence);
    if let Some(length) = header.length.filter(|_| whole && !out.quotes()) {
        let next = sequence.wrapping_add(length + u32::from(header.has(SYN | FIN)));
        out.generated(NEXT_SEQUENCE, span, 0, Value::Number(next.into()));
    }
}

/// The window as it stands there and as it is meant.
fn window(out: &mut Dissection, span: Span<'_>, header: &Header, scale: Scale) {
    out.number(WINDOW, span, 14, 2, header.window);
    let shift = match scale {
        Scale::Shift(shift) if !header.has(SYN) => shift.min(tcp_option::MAX_SHIFT),
        _ => 0,
    };
    let scaled = u64::from(header.window) << shift;
    out.number(SCALED_WINDOW, span, 14, 2, scaled);
    out.flag_last(Flags::GENERATED);
    out.columns.append(format_args!(" Win={scaled}"));
    if !header.has(SYN) {
        // The numbers below zero are Wireshark's.
        let factor = match scale {
            Scale::Unknown => -1,
            Scale::Off => -2,
            Scale::Shift(_) => 1 << shift,
        };
        out.add(SCALE, span, 14, 2, Value::Signed(factor));
        out.flag_last(Flags::GENERATED);
    }
}

/// What the segment carries.
fn carried(dissector: &mut Dissector, payload: Span<'_>, header: &Header, is_http: bool) {
    let Header { source_port, destination_port, sequence, .. } = *header;
    if !payload.is_empty() {
        dissector.out.bytes(PAYLOAD, payload, 0, payload.len());
    }
    let of_tunnel = tunnel::segment(
        dissector,
        &Segment {
            payload,
            source_port,
            destination_port,
            sequence,
            acknowledgment: header.has(ACK).then_some(header.acknowledged),
            is_syn: header.has(SYN),
            is_fin: header.has(FIN),
            is_rst: header.has(RST),
        },
    );
    if of_tunnel || payload.is_empty() {
        return;
    }
    // Who once spoke HTTP is taken to go on with it, on any port.
    let is_http = is_http || http::begins(payload);
    if is_http {
        let (source, destination) = ends(dissector, header);
        dissector.tcp.find(source, destination).0.is_http = true;
    }
    application::segment(dissector, payload, source_port, destination_port, is_http);
}

fn flag_bits(out: &mut Dissection, span: Span<'_>, flags: u16) {
    out.bits(FLAG_RESERVED, span, (12, 1), (4, 3), u64::from(flags >> 9 != 0));
    out.bits(FLAG_ACCURATE, span, (12, 1), (7, 1), flags >> 8 & 1);
    let low =
        [FLAG_REDUCED, FLAG_ECHO, FLAG_URGENT, FLAG_ACK, FLAG_PUSH, FLAG_RESET, FLAG_SYN, FLAG_FIN];
    for (place, field) in (0..8).zip(low) {
        out.bits(field, span, (13, 1), (place, 1), flags >> (7 - place) & 1);
    }
    out.number(FLAG_LETTERS, span, 12, 2, flags);
    out.flag_last(Flags::GENERATED);
}

fn flag_info(out: &mut Dissection, flags: u16) {
    let reserved = u16::from(flags >> 9 != 0) << 9;
    let shown = flags & 0x1ff | reserved;
    let mut between = "[";
    for (place, name) in FLAG_NAMES.into_iter().enumerate() {
        if shown >> place & 1 == 1 {
            out.columns.append(format_args!("{between}{name}"));
            between = ", ";
        }
    }
    out.columns.append(format_args!("{}", if shown == 0 { "[<None>] " } else { "] " }));
}

/// What there is of a header that ends too early: its ports, at least, where a packet is quoted.
fn cut(dissector: &mut Dissector, span: Span<'_>) {
    if let (Some(source), Some(destination)) = (span.u16(0), span.u16(2)) {
        let out = &mut dissector.out;
        out.layer(PROTOCOL, span, span.len());
        out.number(SOURCE_PORT, span, 0, 2, source);
        out.number(DESTINATION_PORT, span, 2, 2, destination);
        out.columns.set("TCP", format_args!("{source} → {destination}"));
        if out.quotes()
            && let Some(sequence) = span.u32(4)
        {
            out.number(SEQUENCE, span, 4, 4, sequence);
            return;
        }
    }
    malformed::end(dissector, span);
}
