//! Formats: read, told about, given values, drawn.

#![expect(clippy::needless_pass_by_value, reason = "what JavaScript gives crosses by value")]

use crate::{CoreError, plain};
use crapvpn_core::format::{self, Diagnostic as Finding, Field, Kind, PacketKind, RunProblem};
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

/// What travels inside.
#[derive(Debug, Clone, Copy, Serialize, Tsify)]
#[serde(rename_all = "lowercase")]
pub enum PacketName {
    /// An IPv4 or IPv6 packet: layer 3.
    Ip,
    /// An Ethernet frame: layer 2.
    Ethernet,
}

/// What a format is, for people and for running it.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct FormatInfo {
    /// What the command line calls it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// More for people; empty if there is none.
    pub doc: String,
    /// What the names of its fields begin with in filters.
    pub filter: String,
    /// UDP ports, the default first; empty if it has none. Absent if it does not run over UDP.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<Vec<u16>>,
    /// TCP ports, likewise.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Vec<u16>>,
    /// The kinds of packet that it carries, the default first.
    pub packet: Vec<PacketName>,
    /// Its cipher, if it has one, and so needs a key.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<CipherInfo>,
    /// What both ends agree on off the wire.
    pub settings: Vec<SettingInfo>,
    /// Why it can only be decoded, if so.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decode_only: Option<String>,
    /// The fields, in wire order.
    pub fields: Vec<FieldInfo>,
}

/// A cipher.
#[derive(Debug, Serialize, Tsify)]
pub struct CipherInfo {
    /// Its name.
    pub name: String,
    /// Whether it proves that nothing was changed.
    pub integrity: bool,
    /// The fields that are enciphered.
    pub covers: String,
    /// The parts of its nonce; empty if it has none.
    pub nonce: String,
    /// The fields that are authenticated only; empty if there are none.
    pub ad: String,
    /// Where the keys of an AEAD come from.
    #[tsify(type = "\"given\" | \"derived\"")]
    pub keys: &'static str,
    /// Bytes of each key that is given, or of the one from which they are derived; absent if it may
    /// have any number.
    #[tsify(optional)]
    #[serde(rename = "keyBytes", skip_serializing_if = "Option::is_none")]
    pub key_bytes: Option<usize>,
}

/// A setting.
#[derive(Debug, Serialize, Tsify)]
pub struct SettingInfo {
    /// What `--set` calls it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// More for people; empty if there is none.
    pub doc: String,
    /// Its type, as descriptions write it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value; absent if it must be given.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The only values allowed; empty: all that fit.
    pub values: Vec<String>,
}

/// A field.
#[derive(Debug, Serialize, Tsify)]
pub struct FieldInfo {
    /// What `--set`, filters and drops call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// More for people; empty if there is none.
    pub doc: String,
    /// Its type, as descriptions write it.
    #[serde(rename = "type")]
    pub kind: String,
    /// What stands in it, in words; empty if it is itself, as the packet is.
    pub content: String,
    /// When it is there; empty: always.
    pub when: String,
    /// Whether it is enciphered.
    pub enciphered: bool,
    /// Whether `--set` can name it.
    pub settable: bool,
    /// What some of its numbers mean; numbers as text, since they may have 64 bits.
    pub names: Vec<(String, String)>,
    /// The fields of an element, if it is a list.
    pub fields: Vec<FieldInfo>,
}

/// Why a format cannot run as asked.
#[derive(Debug, Serialize, Tsify)]
pub struct RunProblemInfo {
    /// `R01` and so on; stable.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do; absent if there is nothing.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Everything that keeps a format from running as asked.
#[derive(Debug, Serialize, Tsify)]
pub struct RunProblems {
    /// One or more, in the fields' order.
    pub problems: Vec<RunProblemInfo>,
}

/// One thing found in a description.
#[derive(Debug, Serialize, Tsify)]
pub struct Diagnostic {
    /// `F01` and so on; stable.
    pub code: String,
    /// How grave it is: only errors refuse a description.
    #[tsify(type = "\"error\" | \"warning\" | \"note\"")]
    pub severity: &'static str,
    /// The file, as it was called.
    pub file: String,
    /// Line, from 1; 0 if it is about the whole file.
    pub line: usize,
    /// Column of its first character, from 1.
    pub column: usize,
    /// Column behind its last.
    pub end: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do; absent if there is nothing.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Other lines that belong to it.
    pub related: Vec<Related>,
}

/// Another line that belongs to a diagnostic.
#[derive(Debug, Serialize, Tsify)]
pub struct Related {
    /// Line, from 1.
    pub line: usize,
    /// What stands there.
    pub message: String,
}

/// What was found in some descriptions.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Everything found, file by file, in each file's order.
    pub diagnostics: Vec<Diagnostic>,
    /// The same as people read it.
    pub text: String,
    /// How many files cannot be used.
    pub refused: usize,
}

/// The names of the built-in formats, the program's own first.
#[wasm_bindgen]
#[must_use]
pub fn format_names() -> Vec<String> {
    format::BUILT_IN.iter().map(|(name, _)| (*name).into()).collect()
}

/// Checks descriptions, each by itself and against each other and the built-in formats.
///
/// - `files`: what each is called
/// - `texts`: what stands in each, in the same order
///
/// # Errors
/// None that could occur.
#[wasm_bindgen]
pub fn check_descriptions(
    files: Vec<String>,
    texts: Vec<String>,
) -> Result<Ts<Checked>, CoreError> {
    let pairs: Vec<(&str, &str)> =
        files.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let known: Vec<format::Format> =
        format::BUILT_IN.iter().filter_map(|(name, _)| format::Format::built_in(name)).collect();
    let known: Vec<(&str, &format::Format)> =
        known.iter().map(|format| (format.name.as_str(), format)).collect();
    let read = format::check_files(&pairs, &known);
    plain(&Checked {
        text: read.iter().map(format::Read::text).collect(),
        refused: read.iter().filter(|read| !read.is_sound()).count(),
        diagnostics: read.into_iter().flat_map(|read| read.diagnostics).map(diagnostic).collect(),
    })
}

/// The JSON Schema of descriptions, for editors.
#[wasm_bindgen]
#[must_use]
pub fn description_schema() -> String {
    format::json_schema()
}

/// A format, built in or read, with the values that were given.
#[wasm_bindgen]
#[derive(Debug, Clone)]
pub struct Format {
    pub(crate) format: format::Format,
}

#[wasm_bindgen]
impl Format {
    /// Looks a built-in format up.
    ///
    /// # Errors
    /// `unknown_format`.
    pub fn built_in(name: &str) -> Result<Self, CoreError> {
        match format::Format::built_in(name) {
            Some(format) => Ok(Self { format }),
            None => Err(CoreError::new("unknown_format", format!("there is no format \"{name}\""))),
        }
    }

    /// Reads a description. `file` is what messages call it.
    ///
    /// # Errors
    /// `bad_description`, with everything that was found in it.
    pub fn read(file: &str, text: &str) -> Result<Self, CoreError> {
        let read = format::Format::read(file, text);
        match read.format {
            Some(format) => Ok(Self { format }),
            None => Err(CoreError::new("bad_description", read.text().trim_end().into())),
        }
    }

    /// The format with values given: `NAME=VALUE` each, as `--set` and `--expect` have them.
    ///
    /// # Errors
    /// `cannot_set`: a sentence for each that is wrong, a line each.
    pub fn with(&self, set: Vec<String>, expect: Vec<String>) -> Result<Self, CoreError> {
        let (set, expect) = (assignments(&set)?, assignments(&expect)?);
        match self.format.with(&set, &expect) {
            Ok(format) => Ok(Self { format }),
            Err(problems) => {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Err(CoreError::new("cannot_set", lines.join("\n")))
            }
        }
    }

    /// Everything that keeps it from running with a kind of packet, `ip` or `ethernet`, or the
    /// default kind.
    ///
    /// # Errors
    /// None that could occur.
    pub fn run_problems(&self, packet: Option<String>) -> Result<Ts<RunProblems>, CoreError> {
        let kind = packet_kind(&self.format, packet.as_deref());
        let info = |problem: RunProblem| RunProblemInfo {
            code: problem.code.name().into(),
            message: problem.message,
            hint: problem.hint,
        };
        let problems = self.format.run_problems(kind).into_iter().map(info).collect();
        plain(&RunProblems { problems })
    }

    /// The most bytes that a datagram has more than its packet, whatever is still to be given.
    /// Nothing if that depends on what is given, or if no packet is sent.
    #[must_use]
    pub fn overhead(&self) -> Option<usize> {
        self.format.overhead()
    }

    /// What it is.
    ///
    /// # Errors
    /// None that could occur.
    pub fn info(&self) -> Result<Ts<FormatInfo>, CoreError> {
        plain(&info(&self.format))
    }

    /// Its bit diagram, in ASCII.
    #[must_use]
    pub fn diagram_ascii(&self) -> String {
        format::diagram::ascii(&self.format)
    }

    /// Its bit diagram, as SVG.
    #[must_use]
    pub fn diagram_svg(&self) -> String {
        format::diagram::svg(&self.format)
    }
}

/// The kind of packet of a name, or the format's default.
pub(crate) fn packet_kind(format: &format::Format, name: Option<&str>) -> PacketKind {
    let default = format.packet.first().copied().unwrap_or(PacketKind::Ip);
    [PacketKind::Ip, PacketKind::Ethernet]
        .into_iter()
        .find(|kind| Some(kind.name()) == name)
        .unwrap_or(default)
}

fn assignments(texts: &[String]) -> Result<Vec<(&str, &str)>, CoreError> {
    let pair = |text: &'_ String| text.split_once('=').is_some();
    match texts.iter().find(|text| !pair(text)) {
        Some(text) => Err(CoreError::new("cannot_set", format!("\"{text}\" is not NAME=VALUE"))),
        None => Ok(texts.iter().filter_map(|text| text.split_once('=')).collect()),
    }
}

fn diagnostic(found: Finding) -> Diagnostic {
    let (line, column, end) =
        found.place.as_ref().map_or((0, 0, 0), |place| (place.line, place.column, place.end));
    let related =
        |related: format::Related| Related { line: related.line, message: related.message };
    Diagnostic {
        code: found.code.name().into(),
        severity: found.severity.name(),
        file: found.file,
        line,
        column,
        end,
        message: found.message,
        expected: found.expected,
        hint: found.hint,
        related: found.related.into_iter().map(related).collect(),
    }
}

fn info(format: &format::Format) -> FormatInfo {
    let packet = |kind: &PacketKind| match kind {
        PacketKind::Ip => PacketName::Ip,
        PacketKind::Ethernet => PacketName::Ethernet,
    };
    let fields = &format.fields;
    let range = |range| format::range_text(fields, range);
    FormatInfo {
        name: format.name.clone(),
        title: format.title.clone(),
        doc: format.doc.clone(),
        filter: format.filter.clone(),
        udp: format.carrier.udp.clone(),
        tcp: format.carrier.tcp.clone(),
        packet: format.packet.iter().map(packet).collect(),
        cipher: format.cipher.as_ref().map(|cipher| CipherInfo {
            name: cipher.algorithm.name().into(),
            integrity: cipher.algorithm.is_aead(),
            covers: range(cipher.covers),
            nonce: format.nonce_text(),
            ad: cipher.ad.map(range).unwrap_or_default(),
            keys: cipher.keys.name(),
            key_bytes: cipher.key_bytes(),
        }),
        settings: format.settings.iter().map(setting_info).collect(),
        decode_only: format.decode_only.clone(),
        fields: fields
            .iter()
            .enumerate()
            .map(|(place, field)| field_info(format, fields, field, format.enciphers(place)))
            .collect(),
    }
}

fn setting_info(setting: &format::Setting) -> SettingInfo {
    SettingInfo {
        name: setting.name.clone(),
        title: setting.title.clone(),
        doc: setting.doc.clone(),
        kind: format::Format::setting_type_text(setting.kind),
        value: setting.value.as_ref().map(ToString::to_string),
        values: setting.values.iter().map(ToString::to_string).collect(),
    }
}

fn field_info(
    format: &format::Format,
    list: &[Field],
    field: &Field,
    enciphered: bool,
) -> FieldInfo {
    let inner = match &field.kind {
        Kind::List { fields, .. } => fields.as_slice(),
        _ => &[],
    };
    FieldInfo {
        name: field.name.clone(),
        title: field.title.clone(),
        doc: field.doc.clone(),
        kind: format.type_text(field),
        content: format.content_text(list, field),
        when: field.when.text(format, list),
        enciphered,
        settable: format.is_settable(field),
        names: field
            .names
            .iter()
            .map(|(number, name)| (number.to_string(), name.clone()))
            .collect(),
        fields: inner.iter().map(|field| field_info(format, inner, field, enciphered)).collect(),
    }
}
