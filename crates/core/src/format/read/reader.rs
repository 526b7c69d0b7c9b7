//! The state of reading one description, and the keys at its top.

use super::diagnostic::Code;
use super::finding::{Finding, Findings, Span};
use super::keys::{Kind, NameOf, PACKET_KINDS, Part, SETTING_TYPES};
use super::source::{Lines, quoted};
use super::table::{Node, Table, Word, expect_entry};
use super::value::Class;
use super::words::{did_you_mean, nearest};
use crate::format::{Carrier, Endian, Literal, PacketKind, Setting, SettingKind};
use std::cell::Cell;

/// The most ports of one carrier.
const MAX_PORTS: usize = 64;

/// What reading knows so far.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) lines: Lines,
    pub(super) findings: Findings,
    /// The settings; one that is broken stands in with what is known of it.
    pub(super) settings: Vec<Setting>,
    /// Where the names of the settings stand.
    pub(super) setting_spans: Vec<Span>,
    /// Steps that the search for numbers that fulfil conditions took.
    pub(super) search_steps: Cell<u32>,
    /// The order of bytes of integers that say nothing about it.
    pub(super) endian: Endian,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            lines: Lines::new(text),
            findings: Findings::default(),
            settings: Vec::new(),
            setting_spans: Vec::new(),
            search_steps: Cell::new(0),
            endian: Endian::Big,
        }
    }

    pub(super) fn table(&mut self, part: Part, node: Node<'a>) -> Table<'a> {
        Table::read(part, node.span, node.pairs(), self.text, &mut self.findings)
    }

    /// The name in a key, if it is one.
    pub(super) fn name(&mut self, of: NameOf, word: Option<Word<'a>>) -> Option<Word<'a>> {
        let word = word?;
        if of.fits(word.text) {
            return Some(word);
        }
        let message = format!("{} is no name of {}", quoted(word.text), of.words());
        let joint = if of == NameOf::Format { "-" } else { "_" };
        let other = word.text.trim().to_lowercase().replace(['-', '_', ' '], joint);
        let hint = of.fits(&other).then(|| format!("did you mean {}?", quoted(&other)));
        self.findings
            .add(Finding::new(Code::F08, word.span, message).expected(of.rule()).hint(hint));
        None
    }

    pub(super) fn endian(&mut self, word: Option<Word<'_>>) -> Option<Endian> {
        match self.one_of(Code::F09, "order of bytes", word?, &super::keys::ENDIANS)? {
            "little" => Some(Endian::Little),
            _ => Some(Endian::Big),
        }
    }

    pub(super) fn carrier(&mut self, node: Option<Node<'a>>) -> Option<Carrier> {
        let node = node?;
        let table = self.table(Part::Carrier, node);
        let carrier = Carrier {
            udp: table.get("udp").map(|ports| self.ports("udp", ports)),
            tcp: table.get("tcp").map(|ports| self.ports("tcp", ports)),
        };
        if !table.has("udp") && !table.has("tcp") {
            let finding = Finding::new(Code::F60, node.span, "no carrier");
            self.findings.add(finding.expected("{ udp = PORT }, { tcp = PORT }"));
        }
        Some(carrier)
    }

    fn ports(&mut self, key: &str, node: Node<'a>) -> Vec<u16> {
        let nodes = if node.kind() == Kind::Array { node.elements() } else { vec![node] };
        if nodes.len() > MAX_PORTS {
            let message = format!("{} ports, more than {MAX_PORTS}", nodes.len());
            self.findings.add(Finding::new(Code::F07, node.span, message));
            return Vec::new();
        }
        let mut ports = Vec::new();
        for node in nodes {
            if expect_entry(key, Kind::Integer, node, &mut self.findings) {
                let port = self.number(node, "a port", 1, u16::MAX.into());
                ports.extend(port.and_then(|port| u16::try_from(port).ok()));
            }
        }
        ports
    }

    /// The kinds of packet, each with where it is written.
    pub(super) fn packet(&mut self, node: Node<'a>) -> Vec<PacketKind> {
        let nodes = if node.kind() == Kind::Array { node.elements() } else { vec![node] };
        if nodes.is_empty() {
            let finding = Finding::new(Code::F09, node.span, "`packet` lists no kind of packet");
            self.findings.add(finding.expected(PACKET_KINDS.join(", ")));
        }
        let mut kinds = Vec::new();
        for node in nodes {
            if !expect_entry("packet", Kind::Text, node, &mut self.findings) {
                continue;
            }
            let Some(word) = node.word() else { continue };
            let kind = match self.one_of(Code::F09, "packet kind", word, &PACKET_KINDS) {
                Some("ethernet") => PacketKind::Ethernet,
                Some(_) => PacketKind::Ip,
                None => continue,
            };
            if kinds.contains(&kind) {
                self.twice(node.span, &quoted(word.text), "packet");
            } else {
                kinds.push(kind);
            }
        }
        kinds
    }

    pub(super) fn twice(&mut self, span: Span, what: &str, key: &str) {
        let message = format!("{what} stands twice in {}", quoted(key));
        self.findings.add(Finding::new(Code::F27, span, message));
    }

    /// Reads the settings, so that the fields may speak of them.
    pub(super) fn read_settings(&mut self, node: Option<Node<'a>>) {
        let nodes = node.map(Node::elements).unwrap_or_default();
        if let Some(node) = node
            && nodes.len() > crate::format::MAX_FIELDS
        {
            let message =
                format!("{} settings, more than {}", nodes.len(), crate::format::MAX_FIELDS);
            self.findings.add(Finding::new(Code::F07, node.span, message));
            return;
        }
        for node in nodes {
            if expect_entry("settings", Kind::Table, node, &mut self.findings) {
                self.setting(node);
            }
        }
    }

    fn setting(&mut self, node: Node<'a>) {
        let table = self.table(Part::Setting, node);
        let name = self.name(NameOf::Setting, table.word("name"));
        let class = match table.word("type") {
            Some(word) => self.class(word, &SETTING_TYPES),
            None => None,
        };
        let kind = class.and_then(|class| self.setting_kind(class, &table));
        let (mut value, mut values) = (None, Vec::new());
        if let (Some(class), Some(kind)) = (class, kind) {
            let literal = |reader: &mut Self, key: &str, node: Node<'a>| {
                let literal = reader.literal(key, class, node)?;
                if let (SettingKind::Bytes { size }, Literal::Bytes(bytes)) = (kind, &literal) {
                    reader.fits_size(class, node, bytes, size);
                }
                Some(literal)
            };
            value = table.get("value").and_then(|node| literal(self, "value", node));
            for node in table.get("values").map(Node::elements).unwrap_or_default() {
                values.extend(literal(self, "values", node));
            }
            if let (Some(found), Some(node)) = (&value, table.get("value"))
                && !values.is_empty()
                && !values.contains(found)
            {
                let expected = table.get("values").map(|node| self.written(node.span));
                let written = self.written(node.span);
                self.does_not_fit(node.span, &written, "`values`", &expected.unwrap_or_default());
            }
        }
        let Some(name) = name else { return };
        if let Some(place) = self.settings.iter().position(|other| other.name == name.text) {
            let first = self.setting_spans.get(place).copied();
            self.taken(name, first);
            return;
        }
        self.setting_spans.push(name.span);
        self.settings.push(Setting {
            name: name.text.to_owned(),
            title: table.text("title").unwrap_or_else(|| title_of(name.text)),
            doc: table.text("doc").unwrap_or_default(),
            kind: kind.unwrap_or(SettingKind::Uint { bits: 64 }),
            value,
            values,
        });
    }

    fn setting_kind(&mut self, class: Class, table: &Table<'a>) -> Option<SettingKind> {
        match class {
            Class::Uint(bits) => {
                if let Some(span) = table.key_span("size") {
                    let message = "\"size\" belongs to type \"bytes\"";
                    self.findings.add(Finding::new(Code::F06, span, message));
                }
                Some(SettingKind::Uint { bits })
            }
            _ if !table.has("size") => {
                let message = "the type \"bytes\" of a setting needs \"size\"";
                let span = table.word("type").map(|word| word.span);
                self.findings.add(Finding::new(Code::F20, span, message));
                None
            }
            _ => {
                let size = self.number_in(table, "size")?;
                usize::try_from(size).ok().map(|size| SettingKind::Bytes { size })
            }
        }
    }

    /// Reports a name that another one has already.
    pub(super) fn taken(&mut self, name: Word<'_>, first: Option<Span>) {
        let line = first.map(|span| self.lines.number(span));
        let line = line.map(|line| format!(" (line {line})")).unwrap_or_default();
        let message = format!("the name {} is taken{line}", quoted(name.text));
        let mut finding = Finding::new(Code::F12, name.span, message);
        if let Some(first) = first {
            finding = finding.related(first, format!("the first {}", quoted(name.text)));
        }
        self.findings.add(finding);
    }

    /// The place of the setting that a size names; it must be a number.
    pub(super) fn size_setting(&mut self, word: Word<'_>) -> Option<usize> {
        let place = self.settings.iter().position(|setting| setting.name == word.text);
        match place.and_then(|place| self.settings.get(place)).map(|setting| setting.kind) {
            None => {
                let known = self.settings.iter().map(|setting| setting.name.as_str());
                let message = format!("no setting {} for a size", quoted(word.text));
                let hint = did_you_mean(word.text, known);
                self.findings.add(Finding::new(Code::F31, word.span, message).hint(hint));
                None
            }
            Some(SettingKind::Bytes { .. }) => {
                let message = format!("a size is a number, but {} is bytes", quoted(word.text));
                self.findings.add(Finding::new(Code::F36, word.span, message));
                None
            }
            Some(SettingKind::Uint { .. }) => place,
        }
    }

    /// The hint that names the nearest of these, with its line.
    pub(super) fn did_you_mean_at<'n>(
        &self,
        word: &str,
        known: impl Iterator<Item = (&'n str, Span)>,
    ) -> Option<String> {
        let known: Vec<_> = known.collect();
        let near = nearest(word, known.iter().map(|(name, _)| *name))?;
        let (_, span) = known.iter().find(|(name, _)| *name == near)?;
        Some(format!("did you mean {} (line {})?", quoted(near), self.lines.number(*span)))
    }
}

/// A title made from a name: its last part, each word of it capitalised.
pub(super) fn title_of(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    last.split('_').filter(|word| !word.is_empty()).map(capitalised).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_come_from_the_last_part_of_the_name() {
        for (name, title) in [
            ("vni", "Vni"),
            ("l2_spec.reserved_1", "Reserved 1"),
            ("ciphertext_length", "Ciphertext Length"),
            ("a__b_", "A B"),
        ] {
            assert_eq!(title_of(name), title);
        }
    }
}
