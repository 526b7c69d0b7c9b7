//! HTTP/1 (RFC 9112): first lines and the best-known header fields, segment by segment.

use super::data;
use crate::dissect::field::fields;
use crate::dissect::{Dissection, Dissector, FieldId, Span, Value};

fields! { Http = "http", "Hypertext Transfer Protocol";
    METHOD = "http.request.method", "Request Method", Text;
    URI = "http.request.uri", "Request URI", Text;
    REQUEST_VERSION = "http.request.version", "Request Version", Text;
    RESPONSE_VERSION = "http.response.version", "Response Version", Text;
    CODE = "http.response.code", "Status Code", Decimal;
    PHRASE = "http.response.phrase", "Response Phrase", Text;
    HOST = "http.host", "Host", Text;
    USER_AGENT = "http.user_agent", "User-Agent", Text;
    ACCEPT = "http.accept", "Accept", Text;
    ACCEPT_LANGUAGE = "http.accept_language", "Accept-Language", Text;
    ACCEPT_ENCODING = "http.accept_encoding", "Accept Encoding", Text;
    REFERER = "http.referer", "Referer", Text;
    COOKIE = "http.cookie", "Cookie", Text;
    SET_COOKIE = "http.set_cookie", "Set-Cookie", Text;
    SERVER = "http.server", "Server", Text;
    LOCATION = "http.location", "Location", Text;
    CONNECTION = "http.connection", "Connection", Text;
    UPGRADE = "http.upgrade", "Upgrade", Text;
    CONTENT_TYPE = "http.content_type", "Content-Type", Text;
    CONTENT_ENCODING = "http.content_encoding", "Content-Encoding", Text;
    CONTENT_LENGTH = "http.content_length_header", "Content-Length", Text;
    CONTENT_BYTES = "http.content_length", "Content length", Decimal;
    TRANSFER_ENCODING = "http.transfer_encoding", "Transfer-Encoding", Text;
    CACHE_CONTROL = "http.cache_control", "Cache-Control", Text;
    DATE = "http.date", "Date", Text;
    LAST_MODIFIED = "http.last_modified", "Last-Modified", Text;
}

/// Header fields that have a name of their own, in lower case.
const HEADERS: [(&str, FieldId); 19] = [
    ("host", HOST),
    ("user-agent", USER_AGENT),
    ("accept", ACCEPT),
    ("accept-language", ACCEPT_LANGUAGE),
    ("accept-encoding", ACCEPT_ENCODING),
    ("referer", REFERER),
    ("cookie", COOKIE),
    ("set-cookie", SET_COOKIE),
    ("server", SERVER),
    ("location", LOCATION),
    ("connection", CONNECTION),
    ("upgrade", UPGRADE),
    ("content-type", CONTENT_TYPE),
    ("content-encoding", CONTENT_ENCODING),
    ("content-length", CONTENT_LENGTH),
    ("transfer-encoding", TRANSFER_ENCODING),
    ("cache-control", CACHE_CONTROL),
    ("date", DATE),
    ("last-modified", LAST_MODIFIED),
];
/// Header fields that are read in one segment.
const MAX_HEADERS: usize = 256;

/// The first line of a message.
enum First<'a> {
    Request { method: Span<'a>, uri: Span<'a>, version: Span<'a> },
    Response { version: Span<'a>, code: Span<'a>, phrase: Span<'a> },
}

/// The bytes up to the end of a line, and how many it takes with its end; nothing if it has none.
fn line(span: Span<'_>) -> Option<(Span<'_>, u32)> {
    let end = span.bytes().iter().position(|byte| *byte == b'\n')?;
    let end = u32::try_from(end).ok()?;
    let text = span.take(end);
    let text = if text.bytes().last() == Some(&b'\r') { span.take(end - 1) } else { text };
    Some((text, end + 1))
}

/// The bytes up to the first space, and those behind it.
fn word(span: Span<'_>) -> (Span<'_>, Span<'_>) {
    let spaces = span.bytes().iter().position(|byte| *byte == b' ');
    let length = spaces.and_then(|place| u32::try_from(place).ok()).unwrap_or(span.len());
    (span.take(length), span.skip(length + 1))
}

fn first(text: Span<'_>) -> Option<First<'_>> {
    let (one, rest) = word(text);
    let (two, three) = word(rest);
    if one.bytes().starts_with(b"HTTP/1.") {
        let digits = two.len() == 3 && two.bytes().iter().all(u8::is_ascii_digit);
        return digits.then_some(First::Response { version: one, code: two, phrase: three });
    }
    let is_method = !one.is_empty() && one.bytes().iter().all(u8::is_ascii_uppercase);
    let is_request = is_method && !two.is_empty() && three.bytes().starts_with(b"HTTP/1.");
    is_request.then_some(First::Request { method: one, uri: two, version: three })
}

/// Whether a message begins here.
pub(super) fn begins(span: Span<'_>) -> bool {
    // Most segments are told by their first byte.
    span.u8(0).is_some_and(|byte| byte.is_ascii_uppercase())
        && line(span).is_some_and(|(text, _)| first(text).is_some())
}

/// Reads a segment: the beginning of a message, or bytes in the middle of one.
pub(super) fn dissect(dissector: &mut Dissector, span: Span<'_>) {
    let out = &mut dissector.out;
    let (text, first_bytes) = line(span).unwrap_or((span, span.len()));
    let Some(first) = first(text) else { return middle(dissector, span) };
    let layer = out.layer(PROTOCOL, span, span.len());
    out.columns.set("HTTP", format_args!("{} ", String::from_utf8_lossy(text.bytes())));
    match first {
        First::Request { method, uri, version } => {
            whole(out, METHOD, method);
            whole(out, URI, uri);
            whole(out, REQUEST_VERSION, version);
        }
        First::Response { version, code, phrase } => {
            whole(out, RESPONSE_VERSION, version);
            let number =
                code.bytes().iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            out.number(CODE, code, 0, 3, number);
            whole(out, PHRASE, phrase);
        }
    }
    let mut at = first_bytes;
    let mut content_type: &[u8] = &[];
    for _ in 0..MAX_HEADERS {
        let Some((text, bytes)) = line(span.skip(at)) else { break };
        if text.is_empty() {
            at += bytes;
            break;
        }
        if let Some((CONTENT_TYPE, value)) = header(out, span.part(at..at + bytes), text) {
            content_type = value;
        }
        at += bytes;
    }
    out.set_length(layer, at);
    let media = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    if media.starts_with(b"text/") && !span.skip(at).is_empty() {
        out.columns.append(format_args!(" ({})", String::from_utf8_lossy(media)));
    }
}

/// Bytes in the middle of a message: the list says so, the tree shows them as they are.
fn middle(dissector: &mut Dissector, span: Span<'_>) {
    dissector.out.columns.set("HTTP", format_args!("Continuation"));
    data::dissect(dissector, span);
}

fn whole(out: &mut Dissection, field: FieldId, span: Span<'_>) {
    if !span.is_empty() {
        out.bytes(field, span, 0, span.len());
    }
}

/// Reads a header field: its line, and the line without its end. Gives the field and its content,
/// if it is a known one.
fn header<'a>(out: &mut Dissection, line: Span<'a>, text: Span<'a>) -> Option<(FieldId, &'a [u8])> {
    let colon = text.bytes().iter().position(|byte| *byte == b':')?;
    let (name, value) = text.bytes().split_at_checked(colon)?;
    let known = |(known, _): &&(&str, FieldId)| name.eq_ignore_ascii_case(known.as_bytes());
    let (_, field) = HEADERS.iter().find(known)?;
    let content = value.get(1..).unwrap_or_default().trim_ascii();
    let before = value.len() - value.get(1..).unwrap_or_default().trim_ascii_start().len();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let place =
        Value::At { offset: line.offset() + number(colon + before), length: number(content.len()) };
    out.add(*field, line, 0, line.len(), place);
    if *field == CONTENT_LENGTH
        && let Some(bytes) = str::from_utf8(content).ok().and_then(|text| text.parse::<u64>().ok())
    {
        out.enter();
        out.number(CONTENT_BYTES, line, 0, line.len(), bytes);
        out.leave();
    }
    Some((*field, content))
}
