//! What a description says, in words for people.

use super::{
    Accept, Checksum, Endian, Field, Format, Kind, Literal, NoncePart, Otherwise, Range, Role,
    SettingKind, Size, Table,
};

impl Format {
    /// The type of a field, as descriptions write it.
    #[must_use]
    pub fn type_text(&self, field: &Field) -> String {
        let sized = |name: &str, size: &Size| match *size {
            Size::Fixed(bytes) => format!("{name}, {bytes} bytes"),
            Size::Setting(place) => match self.settings.get(place) {
                Some(setting) => format!("{name}, {} bytes", setting.name),
                None => name.into(),
            },
            Size::Open => name.into(),
        };
        match &field.kind {
            Kind::Uint { bits, endian: Endian::Little } => format!("u{bits} little"),
            Kind::Uint { bits, endian: Endian::Big } => format!("u{bits}"),
            Kind::Bytes { size } => sized("bytes", size),
            Kind::Text { size } => sized("text", size),
            Kind::Mac => "mac".into(),
            Kind::Ipv4 => "ipv4".into(),
            Kind::Ipv6 => "ipv6".into(),
            Kind::Packet => "packet".into(),
            Kind::Padding { multiple } => format!("padding to a multiple of {multiple} bytes"),
            Kind::List { .. } => "list".into(),
        }
    }

    /// What stands in a field of `fields`, which is the format's list or that of a list's element.
    #[must_use]
    pub fn content_text(&self, fields: &[Field], field: &Field) -> String {
        let any = if field.accept == Accept::Any { "; any taken" } else { "" };
        match &field.role {
            Role::Constant { value, .. } => format!("{}{any}", literal_text(field, value)),
            Role::Given { value: None, .. } => format!("given: --set {}{any}", field.name),
            Role::Given { value: Some(value), .. } => {
                format!("{}, as given{any}", literal_text(field, value))
            }
            Role::Length { counts, unit } => {
                let unit = if *unit == 1 { String::new() } else { format!(" / {unit}") };
                format!("length of {}{unit}", range_text(fields, *counts))
            }
            Role::Next { table, value, otherwise } => {
                let sent = value.map(|value| format!("; {value} is sent")).unwrap_or_default();
                let taken = if *otherwise == Otherwise::Look { "; any taken" } else { "" };
                format!("kind of packet, {}{sent}{taken}", table_text(table))
            }
            Role::Counter { start, window: 0 } => format!("counter from {start}"),
            Role::Counter { start, window } => {
                format!("counter from {start}; each number once, in a window of {window}")
            }
            Role::Random => "random".into(),
            Role::Checksum { covers, algorithm } => {
                let name = match algorithm {
                    Checksum::Internet => "Internet checksum",
                    Checksum::Crc32 => "CRC-32",
                };
                format!("{name} of {}", range_text(fields, *covers))
            }
            Role::Tag => "tag of the cipher".into(),
            Role::Content => String::new(),
        }
    }

    /// A setting's type, as descriptions write it.
    #[must_use]
    pub fn setting_type_text(kind: SettingKind) -> String {
        match kind {
            SettingKind::Uint { bits } => format!("u{bits}"),
            SettingKind::Bytes { size } => format!("bytes, {size} bytes"),
        }
    }

    /// The parts of the cipher's nonce; empty if it has none.
    #[must_use]
    pub fn nonce_text(&self) -> String {
        let parts = self.cipher.iter().flat_map(|cipher| &cipher.nonce).map(|part| match part {
            NoncePart::Bytes(bytes) => Literal::Bytes(bytes.clone()).to_string(),
            NoncePart::Setting(place) => {
                self.settings.get(*place).map(|setting| setting.name.clone()).unwrap_or_default()
            }
            NoncePart::Field { field, order } => {
                let name = self.fields.get(*field).map(|field| field.name.as_str());
                let order = match order {
                    None => "",
                    Some(Endian::Big) => ":big",
                    Some(Endian::Little) => ":little",
                };
                format!("{}{order}", name.unwrap_or_default())
            }
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// A value as descriptions write it: text in quotes if it is printable, addresses in their usual
/// form, everything else as a number or in hex.
#[must_use]
pub fn literal_text(field: &Field, value: &Literal) -> String {
    let Literal::Bytes(bytes) = value else { return value.to_string() };
    let (hex, joint) = match field.kind {
        Kind::Mac => (true, ":"),
        Kind::Ipv4 => (false, "."),
        Kind::Ipv6 => {
            let octets = <[u8; 16]>::try_from(bytes.as_slice()).unwrap_or_default();
            return std::net::Ipv6Addr::from(octets).to_string();
        }
        _ => {
            let text = std::str::from_utf8(bytes).ok();
            let text = text.map(|text| text.trim_end_matches('\0'));
            let plain = |text: &&str| {
                !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
            };
            return match text.filter(plain) {
                Some(text) => format!("\"{text}\""),
                None => value.to_string(),
            };
        }
    };
    let parts = bytes.iter().map(|byte| if hex { format!("{byte:02x}") } else { byte.to_string() });
    parts.collect::<Vec<_>>().join(joint)
}

/// A range as descriptions write it.
#[must_use]
pub fn range_text(fields: &[Field], range: Range) -> String {
    let name = |place: usize| fields.get(place).map_or("", |field| field.name.as_str());
    let last = fields.len().saturating_sub(1);
    match (range.first, range.last) {
        (first, end) if first == end => name(first).into(),
        (0, end) if end == last => "..".into(),
        (0, end) => format!("..{}", name(end)),
        (first, end) if end == last => format!("{}..", name(first)),
        (first, end) => format!("{}..{}", name(first), name(end)),
    }
}

fn table_text(table: &Table) -> String {
    if let Some(name) = &table.name {
        return format!("by {name}");
    }
    let kinds = [("ipv4", table.ipv4), ("ipv6", table.ipv6), ("ethernet", table.ethernet)];
    let kinds = kinds.iter().filter_map(|(kind, number)| Some(format!("{} {kind}", (*number)?)));
    kinds.collect::<Vec<_>>().join(", ")
}
