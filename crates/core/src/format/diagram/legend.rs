//! What a diagram says in words: its heading, and below it what the cells cannot say.

use super::column::{Presence, presence};
use super::layout::List;
use super::text::{listed, plain};
use super::value::{allowed, named, range, title, value};
use crate::format::literal::uint_range;
use crate::format::{
    Accept, Checksum, Cipher, Endian, Field, Format, Kind, Literal, NoncePart, Otherwise,
    PacketKind, Role, Setting, SettingKind, Subject, Table,
};

/// What is said of little-endian integers.
pub(super) const LITTLE: &str = "least significant byte first";

/// The lines above the diagram: the format, and what it moves over what.
pub(super) fn heading(format: &Format) -> [String; 2] {
    let name = plain(&format.name);
    let title = plain(&format.title);
    let heading = if title.is_empty() || title == name { name } else { format!("{name}: {title}") };
    let kind = |kind: &PacketKind| match kind {
        PacketKind::Ip => "IP packets".into(),
        PacketKind::Ethernet => "Ethernet frames".into(),
    };
    let kinds: Vec<String> = format.packet.iter().map(kind).collect();
    let kinds = if kinds.is_empty() { "Datagrams".into() } else { listed(&kinds, "or") };
    let carriers = [("UDP", &format.carrier.udp), ("TCP", &format.carrier.tcp)];
    let carriers: Vec<String> = carriers
        .into_iter()
        .filter_map(|(carrier, ports)| {
            let ports: Vec<String> = ports.as_ref()?.iter().map(ToString::to_string).collect();
            let word = if ports.len() == 1 { "port" } else { "ports" };
            Some(match ports.as_slice() {
                [] => carrier.into(),
                ports => format!("{carrier} {word} {}", listed(ports, "and")),
            })
        })
        .collect();
    let enciphered = format
        .cipher
        .as_ref()
        .map(|cipher| format!(", enciphered with {}", cipher_name(cipher)))
        .unwrap_or_default();
    [heading, format!("{kinds} over {}{enciphered}", listed(&carriers, "or"))]
}

/// What a reader has to know about the field at `place` that no wording of its cell says.
pub(super) fn notes(format: &Format, list: &List<'_>, place: usize) -> Vec<String> {
    let List { fields, whole, tells_order, .. } = *list;
    let Some(field) = fields.get(place) else { return Vec::new() };
    let mut notes = Vec::new();
    match &field.role {
        Role::Constant { value, expect } => {
            notes.extend(constant(format, field, value, expect.as_ref()));
        }
        Role::Given { value, expect } => {
            notes.extend(given(format, field, value.as_ref(), expect.as_ref()));
        }
        Role::Length { counts, unit } => {
            let divided = if *unit > 1 { format!(", divided by {unit}") } else { String::new() };
            notes.push(format!("bytes of {}{divided}", range(fields, *counts, whole)));
        }
        Role::Next { table, value, otherwise } => {
            let kind = kind_numbers(table);
            notes.push(match (value, otherwise) {
                (None, Otherwise::Drop) => kind,
                (None, Otherwise::Look) => format!("{kind}, any other accepted"),
                (Some(sent), Otherwise::Drop) => {
                    let sent = named(field, &Literal::Number(*sent));
                    format!("{sent} sent, {kind} expected")
                }
                (Some(sent), Otherwise::Look) => {
                    let sent = named(field, &Literal::Number(*sent));
                    format!("{sent} sent, {kind} or any other accepted")
                }
            });
        }
        Role::Counter { window, .. } => {
            let once = if *window > 0 { ", none accepted twice" } else { "" };
            notes.push(format!("counts the datagrams{once}"));
        }
        Role::Random => notes.push("random in each datagram".into()),
        Role::Checksum { covers, algorithm } => {
            let algorithm = match algorithm {
                Checksum::Internet => "Internet checksum",
                Checksum::Crc32 => "CRC-32",
            };
            notes.push(format!("{algorithm} of {}", range(fields, *covers, whole)));
        }
        Role::Tag => notes.push("authentication tag of the cipher".into()),
        Role::Content => {}
    }
    if tells_order && order(field) == Some(Endian::Little) {
        notes.push(LITTLE.into());
    }
    notes
}

/// The order of the bytes of a field, if that makes a difference to it.
pub(super) fn order(field: &Field) -> Option<Endian> {
    match field.kind {
        Kind::Uint { bits, endian } if bits > 8 && field.role != Role::Random => Some(endian),
        _ => None,
    }
}

fn constant(
    format: &Format,
    field: &Field,
    sent: &Literal,
    expect: Option<&Literal>,
) -> Option<String> {
    let sent = named(field, sent);
    if let Some(expected) = expect {
        return Some(format!("{sent} sent, {} expected", named(field, expected)));
    }
    if field.accept == Accept::Any {
        return Some(format!("{sent} sent, any accepted"));
    }
    // The cell says it, unless the cell is cut short.
    super::layout::whole_bits(format, field).is_none().then(|| format!("always {sent}"))
}

fn given(
    format: &Format,
    field: &Field,
    sent: Option<&Literal>,
    expect: Option<&Literal>,
) -> Option<String> {
    if format.decode_only.is_some() || format.packet.is_empty() {
        return None;
    }
    let packet = format.packet_place().and_then(|place| format.fields.get(place));
    if packet.is_some_and(|packet| presence(&field.when, &packet.when) == Presence::Never) {
        return None;
    }
    let sent = sent.map(|sent| format!("{}, ", named(field, sent))).unwrap_or_default();
    let accepted = match expect {
        _ if field.accept == Accept::Any => ", any accepted".into(),
        Some(expected) => format!(", {} expected", value(field, expected)),
        None => String::new(),
    };
    Some(format!("{sent}given by --set {}{accepted}", plain(&field.name)))
}

fn kind_numbers(table: &Table) -> String {
    match table.name.as_deref() {
        Some("ethertype") => "the packet's EtherType".into(),
        Some("ip_protocol") => "the packet's IP protocol number".into(),
        Some("ppp") => "the packet's PPP protocol number".into(),
        _ => {
            let kinds = [("IPv4", table.ipv4), ("IPv6", table.ipv6), ("Ethernet", table.ethernet)];
            let numbers: Vec<String> = kinds
                .into_iter()
                .filter_map(|(kind, number)| Some(format!("{} for {kind}", number?)))
                .collect();
            listed(&numbers, "or")
        }
    }
}

/// The name of a field if a condition of its list speaks of it, and its title does not tell it.
pub(super) fn name_in_conditions(
    field: &Field,
    place: usize,
    tested: &[Subject],
) -> Option<String> {
    let told = title(field).to_lowercase().replace(' ', "_") == field.name;
    (!told && tested.contains(&Subject::Field(place))).then(|| plain(&field.name))
}

/// What there is to know about a setting.
pub(super) fn setting(setting: &Setting) -> String {
    let name = plain(&setting.name);
    let holds = allowed(setting).unwrap_or_else(|| match setting.kind {
        SettingKind::Uint { bits } => uint_range(bits),
        SettingKind::Bytes { size } => format!("{size} bytes"),
    });
    let title = plain(&setting.title);
    match &setting.value {
        Some(value) => format!("Setting {name} = {value}: {title}; {holds}"),
        None => format!("Setting {name}: {title}; {holds}, given by --set {name}"),
    }
}

/// What is done to the enciphered fields.
pub(super) fn enciphered(format: &Format, cipher: &Cipher) -> String {
    let mut said = vec![format!("enciphered with {}", cipher_name(cipher))];
    if cipher.algorithm.is_aead() {
        let parts: Vec<String> = cipher.nonce.iter().map(|part| nonce(format, part)).collect();
        said.push(format!("nonce: {}", listed(&parts, "and")));
    }
    if let Some(ad) = cipher.ad {
        let fields = range(&format.fields, ad, "the whole datagram");
        said.push(format!("authenticated with it: {fields}"));
    }
    said.join("; ")
}

fn nonce(format: &Format, part: &NoncePart) -> String {
    match part {
        NoncePart::Bytes(bytes) if bytes.iter().all(|byte| *byte == 0) => {
            format!("{} zero bytes", bytes.len())
        }
        NoncePart::Bytes(bytes) => Literal::Bytes(bytes.clone()).to_string(),
        NoncePart::Setting(place) => {
            format.settings.get(*place).map(|setting| plain(&setting.title)).unwrap_or_default()
        }
        NoncePart::Field { field, order } => {
            let title = format.fields.get(*field).map(title).unwrap_or_default();
            match order {
                None => title,
                Some(Endian::Big) => format!("{title} (most significant byte first)"),
                Some(Endian::Little) => format!("{title} ({LITTLE})"),
            }
        }
    }
}

fn cipher_name(cipher: &Cipher) -> &'static str {
    if cipher.algorithm.is_aead() { cipher.algorithm.name() } else { "XOR" }
}
