//! Fields of the model, from fields as they were read: ranges, roles and conditions resolved.

use super::cipher::Fields;
use super::condition::Parts;
use super::diagnostic::Code;
use super::field::Draft;
use super::finding::Finding;
use super::keys::{CHECKSUMS, Kind, MAX_WINDOW, NEXT_KINDS, NO_ROLE, TABLES};
use super::list::List;
use super::reader::Reader;
use super::source::quoted;
use super::table::{Node, Table, expect_kind};
use super::value::{Class, greatest};
use crate::format::{
    Checksum, Condition, Field, Kind as FieldKind, Literal, Otherwise, Range, Role,
    Table as Numbers,
};

/// Bytes of a usual packet, which a length should be able to count.
const USUAL_PACKET_BYTES: u64 = 1500;
/// The window of a counter in a nonce that says nothing about it.
const NONCE_WINDOW: u64 = 1024;

/// What building a field needs to know besides the field.
#[derive(Clone, Copy)]
pub(super) struct Around<'f, 'a> {
    pub(super) fields: Fields<'f, 'a>,
    /// Whether these are the fields of the element of a list.
    pub(super) in_element: bool,
    /// Places of the fields in the nonce.
    pub(super) nonce: &'f [usize],
    pub(super) decode_only: bool,
}

impl<'a> Reader<'a> {
    /// All fields of a list; nothing if one is broken.
    pub(super) fn build(&mut self, around: Around<'_, 'a>) -> Option<Vec<Field>> {
        let drafts = around.fields.list.drafts.iter().enumerate();
        let built: Vec<_> =
            drafts.map(|(place, draft)| self.build_field(place, draft, around)).collect();
        built.into_iter().collect()
    }

    fn build_field(
        &mut self,
        place: usize,
        draft: &Draft<'a>,
        around: Around<'_, 'a>,
    ) -> Option<Field> {
        let role = self.role(place, draft, around);
        let kind = self.kind(place, draft, around);
        let when = condition_of(draft, around.fields.parts);
        Some(Field {
            name: draft.name?.text.to_owned(),
            title: draft.title(),
            doc: draft.table.text("doc").unwrap_or_default(),
            kind: kind?,
            role: role?,
            accept: draft.accept,
            when: when?,
            names: draft.names.clone(),
        })
    }

    fn kind(
        &mut self,
        place: usize,
        draft: &Draft<'a>,
        around: Around<'_, 'a>,
    ) -> Option<FieldKind> {
        Some(match draft.class? {
            Class::Uint(bits) => {
                FieldKind::Uint { bits, endian: around.fields.layout.endian(place) }
            }
            Class::Bytes => FieldKind::Bytes { size: draft.size? },
            Class::Text => FieldKind::Text { size: draft.size? },
            Class::Mac => FieldKind::Mac,
            Class::Ipv4 => FieldKind::Ipv4,
            Class::Ipv6 => FieldKind::Ipv6,
            Class::Packet => FieldKind::Packet,
            Class::Padding => {
                let multiple = self.number_in(&draft.table, "multiple")?;
                FieldKind::Padding { multiple: u16::try_from(multiple).ok()? }
            }
            Class::List => {
                let element = draft.element.as_ref()?;
                let layout = self.layout(element);
                let until = match draft.table.get("until") {
                    Some(node) => self.until(node, element).map(Some),
                    None => (!draft.table.has("until")).then_some(None),
                };
                let fields =
                    Fields { list: element, layout: &layout, parts: &Parts::new(), packet: None };
                let fields = self.build(Around { fields, in_element: true, nonce: &[], ..around });
                FieldKind::List { fields: fields?, until: until? }
            }
        })
    }

    fn role(&mut self, place: usize, draft: &Draft<'a>, around: Around<'_, 'a>) -> Option<Role> {
        let class = draft.class?;
        let value_is_broken = draft.table.has("value") && draft.value.is_none();
        match draft.role? {
            _ if matches!(class, Class::Packet | Class::Padding | Class::List) => {
                Some(Role::Content)
            }
            NO_ROLE if value_is_broken => None,
            NO_ROLE => Some(match &draft.value {
                Some(value) => Role::Constant { value: value.clone(), expect: None },
                None if around.in_element => Role::Content,
                None => Role::Given { value: None, expect: None },
            }),
            "length" => self.length(draft, class, around),
            "next" => self.next(draft, class),
            "counter" => self.counter(place, draft, class, around),
            "random" => Some(Role::Random),
            "checksum" => self.checksum(draft, around),
            _ => Some(Role::Tag),
        }
    }

    fn length(&mut self, draft: &Draft<'a>, class: Class, around: Around<'_, 'a>) -> Option<Role> {
        let Fields { list, layout, packet, .. } = around.fields;
        let unit =
            if draft.table.has("unit") { self.number_in(&draft.table, "unit") } else { Some(1) };
        let unit = unit.and_then(|unit| u8::try_from(unit).ok());
        let counts = self.range(draft.table.word("counts")?, "count", list, layout)?;
        let unit = unit?;
        let packet = packet.filter(|packet| counts.contains(*packet));
        if let (Class::Uint(bits), Some(_), false) = (class, packet, around.decode_only) {
            self.length_counts_packet(draft, bits, unit, counts, list);
        }
        Some(Role::Length { counts, unit })
    }

    /// Warns of a length that cannot count most packets.
    fn length_counts_packet(
        &mut self,
        draft: &Draft<'a>,
        bits: u8,
        unit: u8,
        counts: Range,
        list: &List<'a>,
    ) {
        if greatest(bits).saturating_mul(unit.into()) < USUAL_PACKET_BYTES {
            let most = greatest(bits);
            let message = format!(
                "u{bits} counts at most {most} × {unit} bytes, a packet may have {USUAL_PACKET_BYTES}"
            );
            let span = draft.table.word("type").map(|word| word.span);
            self.findings.add(Finding::new(Code::F23, span, message));
        }
        let multiple = |draft: &Draft<'a>| {
            let multiple = draft.table.get("multiple")?.value.as_integer()?;
            u64::from_str_radix(multiple.as_str(), multiple.radix()).ok()
        };
        let counted = list.drafts.get(counts.first..=counts.last).unwrap_or_default();
        let is_padded = counted
            .iter()
            .any(|draft| multiple(draft).is_some_and(|multiple| multiple % u64::from(unit) == 0));
        if unit > 1 && !is_padded {
            let message = format!(
                "{} counts the packet in units of {unit} bytes, so that most packets cannot be sent",
                draft.quoted()
            );
            let hint = format!(
                "add `{{ name = \"padding\", type = \"padding\", multiple = {unit} }}` to what it counts"
            );
            let span = draft.table.get("unit").map(|node| node.span);
            self.findings.add(Finding::new(Code::F24, span, message).hint(hint));
        }
    }

    fn next(&mut self, draft: &Draft<'a>, class: Class) -> Option<Role> {
        let otherwise = match draft.table.word("otherwise") {
            Some(word) => {
                match self.one_of(Code::F09, "word for what to do", word, &["drop", "look"]) {
                    Some("look") => Some(Otherwise::Look),
                    found => found.map(|_| Otherwise::Drop),
                }
            }
            None => (!draft.table.has("otherwise")).then_some(Otherwise::Drop),
        };
        let table = self.next_table(draft.table.get("table")?, class)?;
        let value = match &draft.value {
            Some(Literal::Number(number)) => Some(*number),
            _ if draft.table.has("value") => return None,
            _ => None,
        };
        Some(Role::Next { table, value, otherwise: otherwise? })
    }

    fn next_table(&mut self, node: Node<'a>, class: Class) -> Option<Numbers> {
        if let Some(word) = node.word() {
            let name = self.one_of(Code::F09, "table", word, &TABLES)?;
            let (ipv4, ipv6, ethernet) = match name {
                "ethertype" => (0x0800, 0x86dd, Some(0x6558)),
                "ip_protocol" => (4, 41, Some(143)),
                _ => (0x0021, 0x0057, None),
            };
            let table = Numbers {
                name: Some(name.to_owned()),
                ipv4: Some(ipv4),
                ipv6: Some(ipv6),
                ethernet,
            };
            let Class::Uint(bits) = class else { return None };
            let largest = [Some(ipv4), Some(ipv6), ethernet].into_iter().flatten().max();
            if let Some(number) = largest.filter(|number| *number > greatest(bits)) {
                let value = format!("{} ({number})", quoted(name));
                let expected = format!("0..{}", greatest(bits));
                self.does_not_fit(node.span, &value, &class.words(), &expected);
                return None;
            }
            return Some(table);
        }
        let mut table = Numbers { name: None, ipv4: None, ipv6: None, ethernet: None };
        let mut sound = true;
        for (key, value) in node.pairs() {
            let number = self.number_key("table", key, Some(class));
            let is_text = expect_kind(key.text, &[Kind::Text], value, &mut self.findings);
            let word = value.word().filter(|_| is_text);
            let kind =
                word.and_then(|word| self.one_of(Code::F09, "packet kind", word, &NEXT_KINDS));
            let (Some(number), Some(kind)) = (number, kind) else {
                sound = false;
                continue;
            };
            let slot = match kind {
                "ipv4" => &mut table.ipv4,
                "ipv6" => &mut table.ipv6,
                _ => &mut table.ethernet,
            };
            let stands = slot.replace(number).is_some();
            let others = [table.ipv4, table.ipv6, table.ethernet];
            if stands {
                self.twice(value.span, &quoted(kind), "table");
                sound = false;
            } else if others.iter().filter(|other| **other == Some(number)).count() > 1 {
                self.twice(key.span, &number.to_string(), "table");
                sound = false;
            }
        }
        sound.then_some(table)
    }

    fn counter(
        &mut self,
        place: usize,
        draft: &Draft<'a>,
        class: Class,
        around: Around<'_, 'a>,
    ) -> Option<Role> {
        let Class::Uint(bits) = class else { return None };
        // A window of more than half of the numbers could not tell new from old.
        let most = MAX_WINDOW.min(greatest(bits).div_ceil(2));
        let window = match draft.table.get("window") {
            Some(node) => self.number(node, "`window`", 0, most)?,
            None if draft.table.has("window") => return None,
            None if around.nonce.contains(&place) => NONCE_WINDOW.min(most),
            None => 0,
        };
        let start = match &draft.value {
            Some(Literal::Number(number)) => *number,
            _ if draft.table.has("value") => return None,
            _ => 0,
        };
        Some(Role::Counter { start, window: u32::try_from(window).ok()? })
    }

    fn checksum(&mut self, draft: &Draft<'a>, around: Around<'_, 'a>) -> Option<Role> {
        let Fields { list, layout, .. } = around.fields;
        let algorithm = draft
            .table
            .word("algorithm")
            .and_then(|word| self.one_of(Code::F09, "checksum", word, &CHECKSUMS));
        let covers = match draft.table.word("covers") {
            Some(word) => self.range(word, "cover", list, layout),
            None => whole(&draft.table, list),
        };
        let algorithm = match algorithm? {
            "internet" => Checksum::Internet,
            _ => Checksum::Crc32,
        };
        Some(Role::Checksum { covers: covers?, algorithm })
    }
}

/// The whole list, unless a broken range says something else.
fn whole(table: &Table<'_>, list: &List<'_>) -> Option<Range> {
    let end = list.drafts.len().checked_sub(1)?;
    (!table.has("covers")).then_some(Range { first: 0, last: end })
}

/// The condition that a field stands under; nothing if a part of it is broken.
fn condition_of(draft: &Draft<'_>, known: &Parts) -> Option<Condition> {
    let found = draft.whens.iter().map(|when| known.get(*when).cloned().flatten());
    Some(Condition { parts: found.collect::<Option<_>>()? })
}
