//! Transmission Control Protocol (RFC 9293).

use super::{application, http, malformed, tcp_option};
use crate::dissect::conversation::Scale;
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

/// Reads a segment.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let Some(header) = span.first::<20>() else { return cut(dissector, span) };
    let word = |at: usize| match header.get(at..at + 2) {
        Some([high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
    let (source_port, destination_port) = (word(0), word(2));
    let (sequence, acknowledged) = (long(4), long(8));
    let header_length = u32::from(header[12] >> 4) * 4;
    let flags = word(12) & 0xfff;
    let window = word(14);
    let length = span.stated().saturating_sub(header_length);
    let options = span.part(MIN_HEADER_BYTES..header_length);

    let (source, destination) = dissector.ends;
    let ends = ((source, source_port), (destination, destination_port));
    let (mut conversation, mut way) = dissector.tcp.find(ends.0, ends.1);
    let begins = flags & (SYN | ACK) == SYN;
    let known = conversation.ways.get(way).and_then(|way| way.first);
    if begins && known.is_some_and(|first| first != sequence) && !dissector.out.quotes() {
        (conversation, way) = dissector.tcp.renew(ends.0, ends.1);
    }
    if flags & SYN != 0 && !dissector.out.quotes() {
        if let Some(way) = conversation.ways.get_mut(way) {
            way.first = Some(sequence);
            if let Some(shift) = tcp_option::window_shift(options) {
                way.scale = Scale::Shift(shift);
            }
        }
        let scales = conversation.ways.map(|way| way.scale);
        if !begins && scales.iter().any(|scale| !matches!(scale, Scale::Shift(_))) {
            conversation.ways.iter_mut().for_each(|way| way.scale = Scale::Off);
        }
    }
    let (stream, is_http) = (conversation.number, conversation.is_http);
    let scale = conversation.ways.get(way).map_or(Scale::Unknown, |way| way.scale);

    let out = &mut dissector.out;
    let whole = header_length >= MIN_HEADER_BYTES;
    let layer_bytes = if whole { header_length } else { span.len() };
    out.layer(PROTOCOL, span, layer_bytes.min(span.len()));
    out.number(SOURCE_PORT, span, 0, 2, source_port);
    out.number(DESTINATION_PORT, span, 2, 2, destination_port);
    out.columns.set("TCP", format_args!("{source_port} → {destination_port} "));
    flag_info(out, flags);
    out.columns.append(format_args!("Seq={sequence}"));
    if flags & ACK != 0 {
        out.columns.append(format_args!(" Ack={acknowledged}"));
    }
    out.generated(STREAM, span, 0, Value::Number(stream.into()));
    if header_length <= span.stated() {
        out.generated(LENGTH, span, 0, Value::Number(length.into()));
    }
    out.number(SEQUENCE, span, 4, 4, sequence);
    if whole && header_length <= span.stated() && !out.quotes() {
        let taken = length + u32::from(flags & (SYN | FIN) != 0);
        let next = sequence.wrapping_add(taken);
        out.generated(NEXT_SEQUENCE, span, 0, Value::Number(next.into()));
    }
    if !whole {
        out.bits(HEADER_LENGTH, span, (12, 1), (0, 4), header_length);
        out.flag_last(Flags::MALFORMED);
        out.columns.append(format_args!(
            " Win={window}, bogus TCP header length ({header_length}, must be at least {MIN_HEADER_BYTES})"
        ));
        return;
    }
    out.number(ACKNOWLEDGED, span, 8, 4, acknowledged);
    if flags & ACK == 0 {
        out.number(ACKNOWLEDGED_RAW, span, 8, 4, acknowledged);
    }
    out.bits(HEADER_LENGTH, span, (12, 1), (0, 4), header_length);
    out.bits(FLAGS, span, (12, 2), (4, 12), flags);
    out.enter();
    flag_bits(out, span, flags);
    out.leave();
    out.number(WINDOW, span, 14, 2, window);
    let shift = match scale {
        Scale::Shift(shift) if flags & SYN == 0 => shift.min(14),
        _ => 0,
    };
    let scaled = u64::from(window) << shift;
    out.number(SCALED_WINDOW, span, 14, 2, scaled);
    out.flag_last(Flags::GENERATED);
    if flags & SYN == 0 {
        let factor = match scale {
            Scale::Unknown => -1,
            Scale::Off => -2,
            Scale::Shift(shift) => 1 << shift.min(14),
        };
        out.add(SCALE, span, 14, 2, Value::Signed(factor));
        out.flag_last(Flags::GENERATED);
    }
    out.number(CHECKSUM, span, 16, 2, word(16));
    out.generated(CHECKSUM_STATUS, span, 16, Value::Number(super::UNVERIFIED));
    out.number(URGENT, span, 18, 2, word(18));
    out.columns.append(format_args!(" Win={scaled}"));
    if flags & URG != 0 {
        out.columns.append(format_args!(" Urg={}", word(18)));
    }
    if header_length <= span.stated() {
        out.columns.append(format_args!(" Len={length}"));
    }
    if !options.is_empty() {
        tcp_option::dissect(out, options, flags & SYN != 0);
    }
    if span.len() < header_length {
        return malformed::end(dissector, span);
    }
    let payload = span.skip(header_length);
    if !payload.is_empty() {
        out.bytes(PAYLOAD, payload, 0, payload.len());
    }
    let of_tunnel = tunnel::segment(
        dissector,
        &Segment {
            payload,
            source_port,
            destination_port,
            sequence,
            acknowledgment: (flags & ACK != 0).then_some(acknowledged),
            is_syn: flags & SYN != 0,
            is_fin: flags & FIN != 0,
            is_rst: flags & RST != 0,
        },
    );
    if of_tunnel || payload.is_empty() {
        return;
    }
    // Who once spoke HTTP is taken to go on with it, on any port.
    let is_http = is_http || http::begins(payload);
    if is_http {
        dissector.tcp.find(ends.0, ends.1).0.is_http = true;
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
