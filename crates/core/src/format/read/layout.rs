//! Bits and bytes: where fields start, and which of them do not fit together.

use super::diagnostic::Code;
use super::field::Draft;
use super::finding::Finding;
use super::list::List;
use super::reader::Reader;
use super::source::quoted;
use super::table::Node;
use super::value::{Class, bits_in_words};
use crate::format::{Endian, MAX_FIXED_BYTES, Size};

/// The most bytes that a bit field may touch.
const MAX_TOUCHED_BYTES: usize = 4;

/// Where each field of a list lies in its byte.
#[derive(Debug, Default)]
pub(super) struct Layout {
    fields: Vec<Bits>,
}

/// Where a field lies in its first and last byte; nothing where that is not known.
#[derive(Debug, Clone, Copy)]
struct Bits {
    start: Option<u8>,
    end: Option<u8>,
    endian: Endian,
}

impl Layout {
    /// Whether the field starts with a byte; if it is not known, that was reported already.
    pub(super) fn starts_byte(&self, place: usize) -> bool {
        self.fields.get(place).is_none_or(|bits| bits.start.is_none_or(|start| start == 0))
    }

    /// Whether the field ends with a byte.
    pub(super) fn ends_byte(&self, place: usize) -> bool {
        self.fields.get(place).is_none_or(|bits| bits.end.is_none_or(|end| end == 0))
    }

    /// The order of the field's bytes.
    pub(super) fn endian(&self, place: usize) -> Endian {
        self.fields.get(place).map_or(Endian::Big, |bits| bits.endian)
    }
}

/// Where the walk over a list is.
struct Walk {
    /// Bits into the current byte, if that is known.
    bit: Option<u8>,
    /// The offset of the current byte, if all before is of known size.
    byte: Option<usize>,
    /// The first field since the last boundary that is whole bytes and yet starts inside one.
    suspect: Option<(usize, u8)>,
}

impl<'a> Reader<'a> {
    /// Finds where fields lie, and reports what begins or ends inside a byte and must not.
    pub(super) fn layout(&mut self, list: &List<'a>) -> Layout {
        let mut layout = Layout::default();
        let mut walk = Walk { bit: Some(0), byte: Some(0), suspect: None };
        let mut before: Option<&Draft<'a>> = None;
        for (place, draft) in list.drafts.iter().enumerate() {
            if let Some(before) = before {
                self.condition_boundary(list, before, draft, &mut walk);
            }
            layout.fields.push(self.step(list, place, draft, &mut walk));
            before = Some(draft);
        }
        if let (Some(bit), Some(last)) = (walk.bit.filter(|bit| *bit != 0), before) {
            if let Some((place, bit)) = walk.suspect {
                self.starts_inside(list, place, bit);
            } else {
                let (missing, are) = (bits_in_words(8 - bit), are(8 - bit));
                let message = format!(
                    "the list ends in the middle of a byte: {missing} before its end {are} missing"
                );
                let finding = Finding::new(Code::F16, last.span(), message);
                self.findings.add(finding.hint(reserved(8 - bit)));
            }
        }
        self.fixed_bytes(list);
        layout
    }

    fn step(&mut self, list: &List<'a>, place: usize, draft: &Draft<'a>, walk: &mut Walk) -> Bits {
        let Some(class) = draft.class else {
            *walk = Walk { bit: None, byte: None, suspect: None };
            return Bits { start: None, end: None, endian: Endian::Big };
        };
        let Class::Uint(bits) = class else {
            if let Some(bit) = walk.bit.filter(|bit| *bit != 0) {
                let (place, bit) = walk.suspect.unwrap_or((place, bit));
                self.starts_inside(list, place, bit);
            }
            let size = fixed_bytes(draft);
            walk.byte = walk.byte.zip(size).map(|(byte, size)| byte + size);
            walk.bit = Some(0);
            walk.suspect = None;
            return Bits { start: Some(0), end: Some(0), endian: Endian::Big };
        };
        let start = walk.bit;
        let whole_bytes = bits % 8 == 0;
        let aligned = whole_bytes && start.is_none_or(|start| start == 0);
        let little = draft.table.word("endian").is_some_and(|word| word.text == "little");
        if little && bits > 8 && !aligned || little && bits < 8 {
            self.not_whole(draft, bits, start.unwrap_or(0));
        }
        if let Some(start) = start.filter(|_| !aligned) {
            let touched = (usize::from(start) + usize::from(bits)).div_ceil(8);
            if touched > MAX_TOUCHED_BYTES {
                let message = format!(
                    "{} touches {touched} bytes, a bit field may touch {MAX_TOUCHED_BYTES}",
                    draft.quoted()
                );
                self.findings.add(Finding::new(Code::F17, draft.span(), message));
            }
            if whole_bytes && bits > 8 && walk.suspect.is_none() {
                walk.suspect = Some((place, start));
            }
        }
        let sum = start.map(|start| u16::from(start) + u16::from(bits));
        walk.byte = walk.byte.zip(sum).map(|(byte, sum)| byte + usize::from(sum / 8));
        walk.bit = sum.map(|sum| (sum % 8).to_le_bytes()[0]);
        if walk.bit == Some(0) {
            walk.suspect = None;
        }
        let said = self.endian_of(draft);
        let endian = if aligned && bits > 8 { said } else { Endian::Big };
        Bits { start, end: walk.bit, endian }
    }

    fn endian_of(&self, draft: &Draft<'a>) -> Endian {
        match draft.table.word("endian").map(|word| word.text) {
            Some("little") => Endian::Little,
            Some("big") => Endian::Big,
            _ => self.endian,
        }
    }

    /// Reports "little" where there are no whole bytes.
    fn not_whole(&mut self, draft: &Draft<'a>, bits: u8, start: u8) {
        let found = match bits % 8 {
            0 => format!("starts {} into a byte", bits_in_words(start)),
            _ => format!("has {}", bits_in_words(bits)),
        };
        let message =
            format!("\"little\" needs whole bytes on a byte boundary, {} {found}", draft.quoted());
        let span = draft.table.word("endian").map(|word| word.span);
        let hint = "list the bits of each byte from the most significant";
        self.findings.add(Finding::new(Code::F14, span, message).hint(hint.to_owned()));
    }

    fn starts_inside(&mut self, list: &List<'a>, place: usize, bit: u8) {
        let Some(draft) = list.drafts.get(place) else { return };
        let missing = 8 - bit;
        let (are, bits) = (are(missing), bits_in_words(missing));
        let message = format!(
            "{} starts in the middle of a byte: {bits} before it {are} missing",
            draft.quoted()
        );
        self.findings.add(Finding::new(Code::F15, draft.span(), message).hint(reserved(missing)));
    }

    /// Reports a condition that begins or ends inside a byte.
    fn condition_boundary(
        &mut self,
        list: &List<'a>,
        before: &Draft<'a>,
        draft: &Draft<'a>,
        walk: &mut Walk,
    ) {
        let texts = |draft: &Draft<'a>| -> Vec<_> {
            let nodes = draft.whens.iter().filter_map(|when| list.conditions.get(*when));
            nodes.map(|when| texts_of(when.node)).collect()
        };
        let (old, new) = (texts(before), texts(draft));
        if old == new || walk.bit.is_none_or(|bit| bit == 0) {
            return;
        }
        let (verb, when) = if new.len() > old.len() || !new.is_empty() && new.len() == old.len() {
            ("begins", draft.whens.last())
        } else {
            ("ends", before.whens.last())
        };
        let offset = walk
            .byte
            .map_or_else(|| "a byte".to_owned(), |byte| format!("the byte at offset {byte}"));
        let span = when.and_then(|when| list.conditions.get(*when)).map(|when| when.node.span);
        let message = format!("a condition {verb} inside {offset}");
        let related = if verb == "begins" { draft } else { before };
        let finding = Finding::new(Code::F18, span, message);
        self.findings
            .add(finding.related(related.span(), format!("the field {}", related.quoted())));
        *walk = Walk { bit: None, byte: None, suspect: None };
    }

    /// Reports a list whose fields of known size have too many bytes.
    fn fixed_bytes(&mut self, list: &List<'a>) {
        let mut bits = 0usize;
        let mut first = None;
        for draft in &list.drafts {
            bits += match (draft.class, draft.size) {
                (Some(Class::Uint(bits)), _) => bits.into(),
                (_, Some(Size::Setting(place))) => 8 * self.largest_setting(place),
                _ => 8 * fixed_bytes(draft).unwrap_or(0),
            };
            if bits > 8 * MAX_FIXED_BYTES && first.is_none() {
                first = Some(draft.span());
            }
        }
        if let Some(span) = first {
            let bytes = bits.div_ceil(8);
            let message =
                format!("fields of known size have {bytes} bytes, more than {MAX_FIXED_BYTES}");
            self.findings.add(Finding::new(Code::F07, span, message));
        }
    }

    /// The greatest number that a setting is known to hold.
    fn largest_setting(&self, place: usize) -> usize {
        let setting = self.settings.get(place);
        let literals =
            setting.into_iter().flat_map(|setting| setting.value.iter().chain(&setting.values));
        let numbers = literals.filter_map(|literal| match literal {
            crate::format::Literal::Number(number) => usize::try_from(*number).ok(),
            crate::format::Literal::Bytes(_) => None,
        });
        numbers.max().unwrap_or(0).min(1 << 20)
    }
}

/// The texts of a condition, without the spaces that make no difference.
fn texts_of(node: Node<'_>) -> Vec<String> {
    node.texts().iter().map(|word| word.text.replace(' ', "")).collect()
}

/// The bytes of a field that is no integer, if they are known from the description alone.
fn fixed_bytes(draft: &Draft<'_>) -> Option<usize> {
    match (draft.class?, draft.size) {
        (Class::Mac, _) => Some(6),
        (Class::Ipv4, _) => Some(4),
        (Class::Ipv6, _) => Some(16),
        (Class::Bytes | Class::Text, Some(Size::Fixed(bytes))) => Some(bytes),
        _ => None,
    }
}

fn are(bits: u8) -> &'static str {
    if bits == 1 { "is" } else { "are" }
}

fn reserved(bits: u8) -> String {
    let name = quoted("reserved");
    format!("add `{{ name = {name}, type = \"u{bits}\", value = 0, accept = \"any\" }}`")
}
