//! The cipher: what it covers, its nonce, its tag and its associated data.

use super::condition::{Parts, names_of, place_of};
use super::diagnostic::Code;
use super::field::Draft;
use super::finding::{Finding, Span};
use super::keys::{CIPHERS, ENDIANS, KEY_SOURCES, Kind, Part};
use super::layout::Layout;
use super::list::List;
use super::reader::Reader;
use super::source::quoted;
use super::table::{Node, Table, Word, expect_entry};
use super::value::{Class, bits_in_words, bytes_in_words};
use crate::cipher::aead::NONCE_BYTES;
use crate::format::literal;
use crate::format::{Algorithm, Cipher, Endian, KeySource, NoncePart, Range, SettingKind, Size};

/// What the checks of a cipher look at.
#[derive(Clone, Copy)]
pub(super) struct Fields<'f, 'a> {
    pub(super) list: &'f List<'a>,
    pub(super) layout: &'f Layout,
    pub(super) parts: &'f Parts,
    /// The place of the packet.
    pub(super) packet: Option<usize>,
}

impl<'a> Fields<'_, 'a> {
    fn draft(&self, place: usize) -> Option<&Draft<'a>> {
        self.list.drafts.get(place)
    }

    /// Whether a field is there whenever the packet is; yes, if a condition is broken.
    fn is_beside_packet(&self, place: usize) -> bool {
        let parts = |place: usize| -> Option<Vec<_>> {
            let whens = &self.draft(place)?.whens;
            whens.iter().map(|when| self.parts.get(*when)?.as_ref()).collect()
        };
        let (Some(field), Some(packet)) = (parts(place), self.packet.and_then(parts)) else {
            return true;
        };
        // A part follows from another if each text of that one has all the terms of one of its own.
        field.iter().all(|needed| {
            packet.iter().any(|given| {
                given.iter().all(|given| {
                    needed.iter().any(|needed| needed.iter().all(|term| given.contains(term)))
                })
            })
        })
    }

    /// Whether what could not be read may be the packet.
    pub(super) fn may_hide_packet(&self) -> bool {
        self.packet.is_none() && self.list.is_incomplete
    }
}

impl<'a> Reader<'a> {
    /// The cipher; nothing if there is none, or it is broken.
    pub(super) fn cipher(
        &mut self,
        node: Option<Node<'a>>,
        fields: Fields<'_, 'a>,
    ) -> Option<Cipher> {
        let table = node.filter(|node| node.kind() == Kind::Table);
        let table = table.map(|node| self.table(Part::Cipher, node));
        let name = match &table {
            Some(table) => Some(table.word("name")?),
            None => node.and_then(Node::word),
        };
        let algorithm = match name {
            None => None,
            Some(name) => {
                let known = self.one_of(Code::F57, "cipher", name, &CIPHERS)?;
                Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == known)
            }
        };
        if let Some(table) = &table {
            self.cipher_ownership(table, algorithm);
        }
        let (Some(algorithm), Some(name)) = (algorithm, name) else {
            self.tags(None, None, fields);
            return None;
        };
        let covers = self.cipher_covers(name.span, table.as_ref(), fields);
        let tag = self.tags(algorithm.is_aead().then_some((algorithm, name.span)), covers, fields);
        if !algorithm.is_aead() {
            let keys = KeySource::Given;
            return Some(Cipher { algorithm, covers: covers?, nonce: Vec::new(), ad: None, keys });
        }
        let nonce = self.nonce(name, table.as_ref(), covers, fields);
        let ad_word = table.as_ref().and_then(|table| table.word("ad"));
        let ad = ad_word.map(|word| self.ad(word, covers, tag, fields));
        let keys = match table.as_ref().and_then(|table| table.word("keys")) {
            None => KeySource::Given,
            Some(word) => match self.one_of(Code::F09, "source of keys", word, &KEY_SOURCES)? {
                "derived" => KeySource::Derived,
                _ => KeySource::Given,
            },
        };
        Some(Cipher {
            algorithm,
            covers: covers?,
            nonce: nonce?,
            ad: match ad {
                Some(ad) => Some(ad?),
                None => None,
            },
            keys,
        })
    }

    fn cipher_ownership(&mut self, table: &Table<'a>, algorithm: Option<Algorithm>) {
        for (key, span) in table.keys() {
            let owner = match (key.name, algorithm) {
                ("name", _) => continue,
                (_, None) => "a cipher",
                ("nonce" | "ad" | "keys", Some(Algorithm::Xor)) => "an AEAD",
                _ => continue,
            };
            let message = format!("{} belongs to {owner}", quoted(key.name));
            self.findings.add(Finding::new(Code::F06, span, message));
        }
    }

    fn cipher_covers(
        &mut self,
        name: Span,
        table: Option<&Table<'a>>,
        fields: Fields<'_, 'a>,
    ) -> Option<Range> {
        if fields.may_hide_packet() {
            return None;
        }
        let Some(packet) = fields.packet else {
            let message = "the cipher must cover the packet, but no field has type \"packet\"";
            self.findings.add(Finding::new(Code::F53, name, message));
            return None;
        };
        let Some(word) = table.and_then(|table| table.word("covers")) else {
            let is_broken = table.is_some_and(|table| table.has("covers"));
            return (!is_broken).then_some(Range { first: packet, last: packet });
        };
        let range = self.range(word, "cover", fields.list, fields.layout)?;
        if !range.contains(packet) {
            let message =
                format!("the cipher must cover the packet; {} does not", quoted(word.text));
            self.findings.add(Finding::new(Code::F53, word.span, message));
            return None;
        }
        Some(range)
    }

    /// Checks the tags, and gives the place of the first.
    fn tags(
        &mut self,
        aead: Option<(Algorithm, Span)>,
        covers: Option<Range>,
        fields: Fields<'_, 'a>,
    ) -> Option<usize> {
        let mut first = None;
        for (place, draft) in fields.list.drafts.iter().enumerate() {
            if draft.role() != Some("tag") {
                continue;
            }
            let name = draft.quoted();
            let span = draft.table.word("role").map(|word| word.span);
            let message = if aead.is_none() {
                format!("{name} has role \"tag\", but the cipher is no AEAD")
            } else if let Some(first) = first.and_then(|first| fields.draft(first)) {
                format!("{name} is a second field with role \"tag\", beside {}", first.quoted())
            } else if covers.is_some_and(|covers| covers.contains(place)) {
                format!("{name} has role \"tag\", but is enciphered itself")
            } else if !fields.is_beside_packet(place) {
                format!("{name} has role \"tag\", but is absent when the packet is present")
            } else {
                first = Some(place);
                continue;
            };
            first = first.or(Some(place));
            self.findings.add(Finding::new(Code::F54, span, message));
        }
        if let (Some((algorithm, span)), None) = (aead, first)
            && fields.list.drafts.iter().all(|draft| draft.role.is_some())
        {
            let message = format!("{} needs a field with role \"tag\"", algorithm.name());
            let hint = "add `{ name = \"tag\", type = \"bytes\", role = \"tag\" }`";
            self.findings.add(Finding::new(Code::F54, span, message).hint(hint.to_owned()));
        }
        first
    }

    fn nonce(
        &mut self,
        name: Word<'a>,
        table: Option<&Table<'a>>,
        covers: Option<Range>,
        fields: Fields<'_, 'a>,
    ) -> Option<Vec<NoncePart>> {
        let Some(node) = table.and_then(|table| table.get("nonce")) else {
            if !table.is_some_and(|table| table.has("nonce")) {
                let message = format!("the cipher {} needs \"nonce\"", quoted(name.text));
                let hint = format!(
                    "`cipher = {{ name = {}, nonce = [\"0x00000000\", \"counter\"] }}`",
                    quoted(name.text)
                );
                self.findings.add(Finding::new(Code::F20, name.span, message).hint(hint));
            }
            return None;
        };
        let mut parts = Some(Vec::new());
        let mut sum = 0;
        for node in node.elements() {
            let is_text = expect_entry("nonce", Kind::Text, node, &mut self.findings);
            let word = node.word().filter(|_| is_text);
            let part = word.and_then(|word| self.nonce_part(word, covers, fields));
            parts = parts.zip(part).map(|(mut parts, (part, bytes))| {
                parts.push(part);
                sum += bytes;
                parts
            });
        }
        if parts.is_some() && sum != NONCE_BYTES {
            let message = format!("the nonce has {}", bytes_in_words(sum));
            let missing = NONCE_BYTES.saturating_sub(sum);
            let hint = (missing > 0).then(|| format!("pad with \"0x{}\"", "00".repeat(missing)));
            let finding = Finding::new(Code::F55, node.span, message).expected("12");
            self.findings.add(finding.hint(hint));
            return None;
        }
        parts
    }

    /// A part of the nonce, and how many bytes it has.
    fn nonce_part(
        &mut self,
        word: Word<'a>,
        covers: Option<Range>,
        fields: Fields<'_, 'a>,
    ) -> Option<(NoncePart, usize)> {
        if word.text.starts_with("0x") {
            let bytes = match literal::bytes(word.text) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let message = format!("cannot read the bytes {}", quoted(word.text));
                    let finding = Finding::new(Code::F19, word.span, message);
                    self.findings.add(finding.expected(error.expected));
                    return None;
                }
            };
            let count = bytes.len();
            return Some((NoncePart::Bytes(bytes), count));
        }
        let (name, order) = match word.text.split_once(':') {
            None => (word.text, None),
            Some((name, order)) => {
                let order = Word { text: order, span: self.part_span(word, order) };
                let order = match self.one_of(Code::F09, "order of bytes", order, &ENDIANS)? {
                    "little" => Endian::Little,
                    _ => Endian::Big,
                };
                (name, Some(order))
            }
        };
        let name = Word { text: name, span: self.part_span(word, name) };
        if let Some(place) = self.settings.iter().position(|setting| setting.name == name.text) {
            return self.nonce_setting(name, place, order);
        }
        let Some(place) = place_of(fields.list, name.text) else {
            if !fields.list.drafts.iter().any(|draft| draft.names_itself(name.text)) {
                let settings = self.settings.iter().zip(&self.setting_spans);
                let settings = settings.map(|(setting, span)| (setting.name.as_str(), *span));
                let known: Vec<_> = names_of(fields.list).chain(settings).collect();
                let hint = self.did_you_mean_at(name.text, known.iter().copied());
                let message = format!("no field or setting {}", quoted(name.text));
                self.findings.add(Finding::new(Code::F31, name.span, message).hint(hint));
            }
            return None;
        };
        self.nonce_field(name, place, order, covers, fields)
    }

    fn nonce_setting(
        &mut self,
        name: Word<'_>,
        place: usize,
        order: Option<Endian>,
    ) -> Option<(NoncePart, usize)> {
        let problem = match (self.settings.get(place)?.kind, order) {
            (_, Some(_)) => "is a setting, which has no order on the wire".to_owned(),
            (SettingKind::Bytes { size }, None) => return Some((NoncePart::Setting(place), size)),
            (SettingKind::Uint { bits }, None) if bits % 8 == 0 => {
                return Some((NoncePart::Setting(place), (bits / 8).into()));
            }
            (SettingKind::Uint { bits }, None) => {
                format!("has {}, not whole bytes", bits_in_words(bits))
            }
        };
        self.no_part(Code::F59, name, &problem)
    }

    fn nonce_field(
        &mut self,
        name: Word<'_>,
        place: usize,
        order: Option<Endian>,
        covers: Option<Range>,
        fields: Fields<'_, 'a>,
    ) -> Option<(NoncePart, usize)> {
        let draft = fields.draft(place)?;
        let class = draft.class?;
        if covers.is_some_and(|covers| covers.contains(place)) {
            return self.no_part(Code::F56, name, "is enciphered itself");
        }
        if !fields.is_beside_packet(place) {
            return self.no_part(Code::F56, name, "is absent when the packet is present");
        }
        if matches!(draft.role(), Some("tag" | "checksum")) {
            return self.no_part(Code::F59, name, "is known only when all is enciphered");
        }
        let bytes = match (class, draft.size) {
            (Class::Uint(bits), _) => {
                if bits % 8 != 0 {
                    let problem = format!("has {}, not whole bytes", bits_in_words(bits));
                    return self.no_part(Code::F59, name, &problem);
                }
                if !fields.layout.starts_byte(place) {
                    return self.no_part(Code::F59, name, "starts in the middle of a byte");
                }
                usize::from(bits / 8)
            }
            (Class::Mac, _) => 6,
            (Class::Ipv4, _) => 4,
            (Class::Ipv6, _) => 16,
            (Class::Bytes | Class::Text, Some(Size::Fixed(bytes))) => bytes,
            (Class::Bytes | Class::Text, None) => return None,
            _ => return self.no_part(Code::F59, name, "has no fixed size"),
        };
        if order.is_some() && !matches!(class, Class::Uint(_)) {
            let problem = "is no integer and has one order of bytes only";
            return self.no_part(Code::F59, name, problem);
        }
        Some((NoncePart::Field { field: place, order }, bytes))
    }

    fn no_part(&mut self, code: Code, name: Word<'_>, problem: &str) -> Option<(NoncePart, usize)> {
        let message = format!("the nonce part {} {problem}", quoted(name.text));
        self.findings.add(Finding::new(code, name.span, message));
        None
    }

    fn ad(
        &mut self,
        word: Word<'a>,
        covers: Option<Range>,
        tag: Option<usize>,
        fields: Fields<'_, 'a>,
    ) -> Option<Range> {
        let range = self.range(word, "authenticate", fields.list, fields.layout)?;
        for place in range.first..=range.last {
            let Some(draft) = fields.draft(place) else { continue };
            let why = if covers.is_some_and(|covers| covers.contains(place)) {
                "which is enciphered"
            } else if tag == Some(place) || draft.role() == Some("tag") {
                "which is the tag"
            } else if draft.role() == Some("checksum") {
                "a checksum, which is made when all is enciphered"
            } else {
                continue;
            };
            let message = format!("the associated data must not hold {}, {why}", draft.quoted());
            self.findings.add(Finding::new(Code::F63, word.span, message));
            return None;
        }
        Some(range)
    }
}
