//! What we emit of the protocols built in, tshark shows too: frame by frame, each field with the
//! same name, value, position and size, in the same order. What tshark shows and we do not is
//! listed in `not_shown.txt`, which may only shrink.

#![expect(clippy::unwrap_used, reason = "a test says so by panicking")]

use crapvpn_core::capture::{LinkType, Reader, Time};
use crapvpn_core::dissect::show::List;
use crapvpn_core::dissect::show::value::{self, Bytes};
use crapvpn_core::dissect::{Dissector, Frame, Kind, Link, Options};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The reference, and its preferences.
const TSHARK: &str = "4.0.17";
const PREFERENCES: [&str; 5] = [
    "tcp.relative_sequence_numbers:FALSE",
    "tcp.reassemble_out_of_order:TRUE",
    "http.desegment_headers:FALSE",
    "http.desegment_body:FALSE",
    // Segments are not compared with those before them.
    "tcp.analyze_sequence_numbers:FALSE",
];

/// Lines of the list that differ: capture, frames, why. All else is as tshark prints it.
const OTHER_LINES: [(&str, &[u64], &str); 12] = [
    ("protocols_ethernet", &[16], "LLC is not read, so neither is spanning tree"),
    ("protocols_ethernet", &[18], "addresses of a cut Ethernet header are not told"),
    ("protocols_http", &[28], "a body without a length is not called a continuation"),
    ("protocols_http", &[29], "nor is a first line that is cut"),
    ("protocols_icmp", &[14], "Mobile IP is not told from router discovery"),
    ("protocols_ipv4", &[19, 20, 21, 22], "tshark says N/A where there are no addresses"),
    ("protocols_ipv6", &[21], "tshark says N/A where there are no addresses"),
    ("protocols_null", &[2, 8], "tshark says N/A where there are no addresses"),
    ("protocols_raw", &[3, 4, 5], "tshark says N/A where there are no addresses"),
    ("protocols_sll", &[7], "nothing of a cut header is told"),
    ("protocols_sll2", &[6], "nothing of a cut header is told"),
    ("protocols_tcp", &[23], "Multipath TCP is not read"),
];

/// A field as both sides tell it: name, position, size, value.
type Field = (String, u32, u32, String);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/captures")
}

/// tshark's output, or nothing if it is not installed.
fn tshark(path: &Path, words: &[&str]) -> Option<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(path).args(words);
    for preference in PREFERENCES {
        command.args(["-o", preference]);
    }
    let output = command.env("TZ", "UTC").output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap())
}

fn reference_is_installed() -> bool {
    let output = Command::new("tshark").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    match version {
        Ok(version) if version.contains(TSHARK) => true,
        _ => {
            eprintln!("skipped: needs the program tshark, version {TSHARK}");
            false
        }
    }
}

/// Gives each frame of a capture, of whatever kind of file.
fn for_each_frame(file: &[u8], mut read: impl FnMut(&Frame<'_>)) {
    let mut reader = Reader::new();
    reader.push(file);
    reader.finish();
    while let Ok(Some(frame)) = reader.next() {
        let link = match frame.link {
            LinkType::ETHERNET => Link::Ethernet,
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Link::RawIp,
            LinkType::LINUX_SLL => Link::Cooked,
            LinkType::LINUX_SLL2 => Link::Cooked2,
            LinkType::NULL | LinkType::LOOP => Link::Loopback,
            _ => Link::Other,
        };
        let time = frame.time.and_then(Time::nanoseconds_since_1970);
        read(&Frame {
            number: frame.number,
            time: time.and_then(|time| i64::try_from(time).ok()),
            link,
            bytes: frame.bytes,
            original_length: frame.original_length,
            comments: frame.comments,
        });
    }
}

/// What tshark shows, a list for each frame.
fn theirs(path: &Path) -> Vec<Vec<Field>> {
    let text = tshark(path, &["-T", "pdml"]).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let packets = document.root_element().children().filter(|node| node.has_tag_name("packet"));
    let number = |node: roxmltree::Node<'_, '_>, name| {
        node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    let fields = |packet: roxmltree::Node<'_, '_>| {
        let nodes = packet.descendants().filter(|node| node.has_attribute("name"));
        let nodes = nodes.filter(|node| node.attribute("name") != Some("fake-field-wrapper"));
        nodes
            .map(|node| {
                let name = node.attribute("name").unwrap().to_owned();
                let value = node.attribute("show").unwrap_or_default().to_owned();
                (name, number(node, "pos"), number(node, "size"), value)
            })
            .collect()
    };
    packets.map(fields).collect()
}

/// What we emit.
fn ours(file: &[u8]) -> Vec<Vec<Field>> {
    let mut dissector = Dissector::new(Options::default());
    let registry = dissector.registry.clone();
    let mut all = Vec::new();
    for_each_frame(file, |frame| {
        let dissection = dissector.dissect(frame);
        let mut fields = Vec::new();
        for node in &dissection.nodes {
            let definition = registry.get(node.field).unwrap();
            let mut shown = Vec::new();
            value::write(&mut shown, dissection, node, definition, Bytes::Colons);
            let (offset, length) = match definition.name.as_ref() {
                // tshark gives this protocol no place.
                "data" => (0, 0),
                _ => (node.offset, node.length),
            };
            let value = match definition.kind {
                Kind::Protocol => String::new(),
                _ => String::from_utf8(shown).unwrap(),
            };
            fields.push((definition.name.clone().into_owned(), offset, length, value));
        }
        all.push(fields);
    });
    all
}

/// The captures made for what is in frames, not for what kind of file holds them.
fn captures() -> Vec<PathBuf> {
    let chosen = env::var("CAPTURE").unwrap_or_default();
    let mut paths: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let of_frames = ["protocols_", "program_", "fragments_", "stream_", "file_snaplen"];
            name.contains(&chosen) && of_frames.iter().any(|begin| name.starts_with(begin))
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_field_is_one_of_tsharks() {
    if !reference_is_installed() {
        return;
    }
    let mut wrong = Vec::new();
    let mut missing = BTreeSet::new();
    for path in captures() {
        let file = fs::read(&path).unwrap();
        let (ours, theirs) = (ours(&file), theirs(&path));
        assert_eq!(ours.len(), theirs.len(), "{}", path.display());
        for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let mut rest = theirs.as_slice();
            for field in ours {
                if let Some(place) = rest.iter().position(|theirs| theirs == field) {
                    missing.extend(rest[..place].iter().map(|field| field.0.clone()));
                    rest = &rest[place + 1..];
                    continue;
                }
                let name = path.file_name().unwrap().to_str().unwrap();
                let near = theirs.iter().filter(|theirs| theirs.0 == field.0);
                let near: Vec<_> = near.map(|field| (field.1, field.2, &field.3)).collect();
                wrong.push(format!("{name} {}: {field:?}, theirs {near:?}", number + 1));
            }
            missing.extend(rest.iter().map(|field| field.0.clone()));
        }
    }
    assert!(wrong.is_empty(), "{} fields are not tshark's:\n{}", wrong.len(), wrong.join("\n"));
    if env::var("CAPTURE").is_ok() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/not_shown.txt");
    let list = missing.iter().filter(|name| !name.is_empty()).map(|name| format!("{name}\n"));
    let list: String = list.collect();
    if env::var("UPDATE_SNAPSHOTS").is_ok() {
        fs::write(&path, &list).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap();
    assert_eq!(list, known, "the fields that tshark shows and we do not: the list may only shrink");
}

#[test]
fn every_line_is_tsharks() {
    if !reference_is_installed() {
        return;
    }
    let mut wrong = Vec::new();
    for path in captures() {
        let file = fs::read(&path).unwrap();
        let theirs = tshark(&path, &[]).unwrap();
        let mut dissector = Dissector::new(Options { columns: true });
        let mut list = List::default();
        let mut ours = Vec::new();
        for_each_frame(&file, |frame| {
            dissector.dissect(frame);
            list.line(&mut ours, frame, dissector.dissection());
        });
        let ours = String::from_utf8(ours).unwrap();
        assert_eq!(ours.lines().count(), theirs.lines().count(), "{}", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap();
        for (number, (ours, theirs)) in (1..).zip(ours.lines().zip(theirs.lines())) {
            let other = OTHER_LINES
                .iter()
                .any(|(capture, frames, _)| *capture == name && frames.contains(&number));
            if (ours.trim_end() == theirs.trim_end()) == other {
                wrong.push(format!("{name} {number}\n  {ours}\n  {theirs}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines are not tshark's:\n{}", wrong.len(), wrong.join("\n"));
}
