//! What holds for the diagram of every format, whatever its fields are and are called.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use crapvpn_core::format::{
    Accept, Algorithm, Carrier, Cipher, Condition, Endian, Field, Format, KeySource, Kind, Literal,
    PacketKind, Range, Role, Setting, SettingKind, Size, Subject, Term, diagram,
};
use proptest::collection::vec;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

/// Columns of the grid, and of the lines beside it.
const GRID_COLUMNS: usize = 65;
const LINE_COLUMNS: usize = 72;
/// Units a bit in SVG.
const BIT: usize = 20;
/// The most that a column of text takes, in hundredths of the font's size.
const COLUMN_PER_FONT: usize = 62;
/// Longer fields are not drawn bit by bit.
const MAX_DRAWN_BITS: usize = 256;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => (1u8..=64).prop_map(|bits| Kind::Uint { bits, endian: Endian::Big }),
        2 => (1u8..=8).prop_map(|bytes| Kind::Uint { bits: bytes * 8, endian: Endian::Little }),
        1 => (0usize..40).prop_map(|bytes| Kind::Bytes { size: Size::Fixed(bytes) }),
        1 => Just(Kind::Bytes { size: Size::Open }),
        1 => Just(Kind::Text { size: Size::Setting(0) }),
        1 => Just(Kind::Mac),
        1 => Just(Kind::Ipv4),
        1 => Just(Kind::Ipv6),
        1 => Just(Kind::Packet),
        1 => (1u16..20).prop_map(|multiple| Kind::Padding { multiple }),
        1 => kind_of_element().prop_map(|kind| Kind::List {
            fields: vec![field("inside", kind.clone()), field("behind", kind)],
            until: Some(Condition { parts: vec![vec![vec![term(Subject::Field(0), 3)]]] }),
        }),
    ]
}

fn kind_of_element() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (1u8..=64).prop_map(|bits| Kind::Uint { bits, endian: Endian::Big }),
        Just(Kind::Bytes { size: Size::Open }),
    ]
}

fn term(subject: Subject, number: u64) -> Term {
    Term { subject, equal: number.is_multiple_of(2), number: number / 2 }
}

fn field(name: &str, kind: Kind) -> Field {
    Field {
        name: name.into(),
        title: name.to_uppercase(),
        doc: String::new(),
        kind,
        role: Role::Content,
        accept: Accept::Exact,
        when: Condition::default(),
        names: Vec::new(),
    }
}

fn role(places: usize) -> impl Strategy<Value = Role> {
    let range = move || {
        (0..places, 0..places)
            .prop_map(|(one, other)| Range { first: one.min(other), last: one.max(other) })
    };
    prop_oneof![
        any::<u64>()
            .prop_map(|number| Role::Constant { value: Literal::Number(number), expect: None }),
        vec(any::<u8>(), 0..40)
            .prop_map(|bytes| Role::Given { value: Some(Literal::Bytes(bytes)), expect: None }),
        (range(), 0u32..4).prop_map(|(counts, power)| Role::Length { counts, unit: 1 << power }),
        Just(Role::Random),
        Just(Role::Content),
    ]
}

/// Conditions over a few earlier fields, so that some are alike, some inside others.
fn condition(place: usize) -> impl Strategy<Value = Condition> {
    let term = (0..place.max(1), 0u64..4).prop_map(move |(subject, number)| {
        term(if place == 0 { Subject::Setting(0) } else { Subject::Field(subject.min(2)) }, number)
    });
    vec(vec(vec(term, 1..3), 1..3), 0..3).prop_map(|parts| Condition { parts })
}

fn hostile() -> BoxedStrategy<String> {
    prop_oneof![
        "[A-Z][a-z]{1,9}( [A-Z][a-z]{1,9}){0,3}",
        any::<String>(),
        Just("</text><script>alert(1)</script>".into()),
        Just("]]>\"'&amp;&#0;<!--".into()),
        Just("\u{202e}\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{200f}".into()),
        Just("\u{1b}[2J\u{9b}31m\u{0}\u{ffff}\r\n\t".into()),
        Just("e\u{301}\u{1f468}\u{200d}\u{1f469}\u{fe0f}\u{2028}".into()),
        Just("W".repeat(200)),
        Just("漢字".repeat(100)),
        Just(String::new()),
    ]
    .boxed()
}

fn words() -> BoxedStrategy<String> {
    "[A-Z][a-z]{0,5}( [A-Z][a-z]{1,9}){0,2}".boxed()
}

fn format(titles: BoxedStrategy<String>) -> impl Strategy<Value = Format> {
    let fields = (1usize..14).prop_flat_map(move |count| {
        let field = |place: usize| {
            (kind(), role(count), condition(place), titles.clone(), any::<bool>()).prop_map(
                move |(kind, role, when, title, any)| Field {
                    title,
                    role,
                    accept: if any { Accept::Any } else { Accept::Exact },
                    when,
                    ..field(&format!("f{place}"), kind)
                },
            )
        };
        (0..count).map(field).collect::<Vec<_>>()
    });
    (fields, hostile(), 0usize..14, 0usize..14).prop_map(|(fields, text, first, length)| {
        let last = (first + length).min(fields.len() - 1);
        Format {
            name: "test".into(),
            title: text.clone(),
            doc: text.clone(),
            filter: "test".into(),
            carrier: Carrier { udp: Some(vec![7]), tcp: None },
            packet: vec![PacketKind::Ip],
            cipher: Some(Cipher {
                algorithm: Algorithm::Xor,
                covers: Range { first: first.min(last), last },
                nonce: Vec::new(),
                ad: None,
                keys: KeySource::Given,
            }),
            settings: vec![Setting {
                name: "size".into(),
                title: text.clone(),
                doc: String::new(),
                kind: SettingKind::Uint { bits: 8 },
                value: None,
                values: vec![Literal::Number(4), Literal::Number(8)],
            }],
            decode_only: Some(text),
            fields,
        }
    })
}

/// A format of nothing but fields.
fn bare(fields: Vec<Field>) -> Format {
    Format {
        name: "test".into(),
        title: String::new(),
        doc: String::new(),
        filter: "test".into(),
        carrier: Carrier::default(),
        packet: Vec::new(),
        cipher: None,
        settings: Vec::new(),
        decode_only: None,
        fields,
    }
}

/// A rectangle of a cell, in bits and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    y: usize,
    start: usize,
    bits: usize,
}

fn number(node: Node<'_, '_>, name: &str) -> usize {
    node.attribute(name).unwrap().parse().unwrap()
}

/// The pieces of each cell, by its name.
fn pieces(svg: &Document<'_>) -> BTreeMap<String, Vec<Piece>> {
    let mut pieces: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
    let groups = svg.root_element().children().filter(|node| node.has_tag_name(tag("g")));
    for group in groups {
        let Some(title) = group.children().find(|node| node.has_tag_name(tag("title"))) else {
            continue;
        };
        let rect = group.children().find(|node| node.has_tag_name(tag("rect"))).unwrap();
        let name = title.text().unwrap().split_once(": ").unwrap().0;
        pieces.entry(name.to_owned()).or_default().push(Piece {
            y: number(rect, "y"),
            start: (number(rect, "x") - 16) / BIT,
            bits: number(rect, "width") / BIT,
        });
    }
    pieces
}

fn tag(name: &str) -> (&'static str, &str) {
    ("http://www.w3.org/2000/svg", name)
}

/// The rows of the grid in a text, each the starts and widths of its pieces.
fn rows(text: &str) -> Vec<Vec<(usize, usize)>> {
    let mut rows = Vec::new();
    let mut in_grid = false;
    for line in text.lines() {
        let is_rule = line.contains('-') && line.chars().all(|mark| " +-#|".contains(mark));
        if is_rule {
            in_grid = true;
        } else if in_grid && line.trim_start().starts_with(['|', '#']) {
            rows.push(row(line));
        } else {
            in_grid = false;
        }
    }
    rows
}

/// The pieces between the lines. Titles are plain words here, so that no `|` is one of them.
fn row(line: &str) -> Vec<(usize, usize)> {
    let edges: Vec<usize> = line
        .chars()
        .enumerate()
        .filter(|(_, mark)| ['|', '#'].contains(mark))
        .map(|(column, _)| column)
        .collect();
    assert!(edges.iter().all(|column| column.is_multiple_of(2)), "{line}");
    edges.windows(2).map(|pair| (pair[0] / 2, (pair[1] - pair[0]) / 2)).collect()
}

fn drawn_bits(format: &Format, field: &Field) -> Option<usize> {
    let by_setting = matches!(field.kind, Kind::Text { size: Size::Setting(_) });
    format.fixed_bits(field).filter(|bits| *bits <= MAX_DRAWN_BITS && !by_setting)
}

/// Checks that no text of the SVG is longer than what it stands in.
fn check_texts(format: &Format) {
    let svg = diagram::svg(format);
    let document = Document::parse(&svg).unwrap();
    let picture = document.root_element();
    let (width, font) = (number(picture, "width"), number(picture, "font-size"));
    let pieces: Vec<Piece> = pieces(&document).into_values().flatten().collect();
    let shown = picture.children().filter(|node| node.has_tag_name(tag("text")));
    for text in shown {
        let (x, y) = (number(text, "x"), number(text, "y"));
        let needed = text.text().unwrap_or_default().width() * font * COLUMN_PER_FONT;
        let available = if text.attribute("text-anchor") == Some("middle") {
            let holds = |piece: &&Piece| {
                let (left, wide) = (16 + piece.start * BIT, piece.bits * BIT);
                2 * x == 2 * left + wide && (piece.y..piece.y + 30).contains(&y)
            };
            let widest = pieces.iter().filter(holds).map(|piece| piece.bits * BIT).max();
            assert!(widest.is_some(), "{text:?} stands in no cell");
            widest.unwrap()
        } else {
            width - x
        };
        assert!(needed <= available * 100, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn text_keeps_its_columns_and_steers_nothing(format in format(hostile())) {
        let text = diagram::ascii(&format);
        prop_assert!(text.ends_with('\n'));
        for line in text.lines() {
            prop_assert!(line.width() <= LINE_COLUMNS, "{line:?}");
            prop_assert_eq!(line, line.trim_end());
            prop_assert!(!line.chars().any(char::is_control), "{:?}", line);
            let turning = ['\u{202e}', '\u{200f}', '\u{2028}', '\u{5e9}'];
            prop_assert!(!line.contains(turning));
        }
        let ruler = text.lines().position(|line| line.starts_with(" 0 1 2 3")).unwrap();
        for line in text.lines().skip(ruler) {
            if line.contains("+-+-") && line.starts_with(['+', '#']) {
                prop_assert!(line.width() <= GRID_COLUMNS && line.width() % 2 == 1);
            }
        }
    }

    #[test]
    fn svg_is_well_formed_and_does_nothing(format in format(hostile())) {
        let svg = diagram::svg(&format);
        let document = Document::parse(&svg).unwrap();
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            prop_assert!(
                ["svg", "title", "desc", "style", "rect", "g", "text", "path"].contains(&name)
            );
            for attribute in node.attributes() {
                prop_assert!(!attribute.name().starts_with("on"));
                prop_assert!(!["href", "style", "src"].contains(&attribute.name()));
                prop_assert!(!attribute.value().contains("url("));
            }
        }
        // The only address in it is the name of the language.
        prop_assert_eq!(svg.matches("<svg xmlns=\"http://www.w3.org/2000/svg\"").count(), 1);
        prop_assert_eq!(document.root_element().attribute("role"), Some("img"));
    }

    #[test]
    fn texts_lie_inside_their_cells_and_the_picture(format in format(hostile())) {
        check_texts(&format);
    }

    #[test]
    fn every_bit_is_drawn_once(format in format(Just("Title".into()).boxed())) {
        let svg = diagram::svg(&format);
        let pieces = pieces(&Document::parse(&svg).unwrap());
        for field in &format.fields {
            let name = format!("test.{}", field.name);
            let bits: Option<usize> =
                pieces.get(&name).map(|pieces| pieces.iter().map(|piece| piece.bits).sum());
            match drawn_bits(&format, field) {
                Some(0) => prop_assert_eq!(bits, None),
                Some(expected) => prop_assert_eq!(bits, Some(expected), "{}", name),
                // At least a row says that there is something.
                None => prop_assert!(bits >= Some(32)),
            }
        }
        let mut all: Vec<Piece> = pieces.into_values().flatten().collect();
        all.sort();
        for pair in all.windows(2) {
            let (one, other) = (pair[0], pair[1]);
            prop_assert!(one.start + one.bits <= 32 && other.start + other.bits <= 32);
            prop_assert!(one.y != other.y || one.start + one.bits <= other.start);
        }
    }

    #[test]
    fn text_and_svg_show_the_same_cells(format in format(words())) {
        let svg = diagram::svg(&format);
        let mut all: Vec<Piece> =
            pieces(&Document::parse(&svg).unwrap()).into_values().flatten().collect();
        all.sort();
        let expected: Vec<Vec<(usize, usize)>> = all
            .chunk_by(|one, other| one.y == other.y)
            .map(|row| row.iter().map(|piece| (piece.start, piece.bits)).collect())
            .collect();
        prop_assert_eq!(rows(&diagram::ascii(&format)), expected);
    }

    #[test]
    fn an_abbreviation_stands_for_one_title(
        titles in vec("[A-C][a-c]{1,2}( [A-C][a-c]{1,2}){0,2}", 1..60),
    ) {
        let bit = |place: usize, title: &String| Field {
            title: title.clone(),
            ..field(&format!("f{place}"), Kind::Uint { bits: 1, endian: Endian::Big })
        };
        let fields = titles.iter().enumerate().map(|(place, title)| bit(place, title)).collect();
        let format = bare(fields);
        let text = diagram::ascii(&format);
        let labels: Vec<char> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .flat_map(|line| line.split('|').filter_map(|cell| cell.chars().next()))
            .collect();
        prop_assert_eq!(labels.len(), titles.len());
        for (label, title) in labels.iter().zip(&titles) {
            let line = format!("{label}: {title}");
            prop_assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
            let same = text.lines().filter(|found| found.starts_with(&format!("{label}: ")));
            prop_assert_eq!(same.count(), 1);
        }
    }
}

#[test]
fn conditions_inside_many_others_stay_in_the_picture() {
    let place = |depth: usize| {
        let part = |number: usize| vec![vec![term(Subject::Field(0), number as u64)]];
        let name = format!("f{depth}{}", "_long".repeat(12));
        let when = Condition { parts: (0..depth).map(part).collect() };
        Field { when, ..field(&name, Kind::Mac) }
    };
    let format = bare((0..40).map(place).collect());
    let text = diagram::ascii(&format);
    assert!(text.lines().all(|line| line.width() <= LINE_COLUMNS), "{text}");
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with("if")).count(), 39);
    check_texts(&format);
}
