//! Diagrams on files: each description, built in or made for this, gives exactly the text and the
//! SVG that lie here. With `UPDATE_SNAPSHOTS=1` they are written anew, to be looked at and committed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use crapvpn_core::format::{Format, Kind, diagram};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The formats of a folder, in the order of their names.
fn formats(name: &str) -> Vec<Format> {
    let mut files: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let read = Format::read(path.to_str().unwrap(), &fs::read_to_string(path).unwrap());
        assert!(read.is_sound(), "{}", read.text());
        read.format.unwrap()
    };
    files.iter().map(read).collect()
}

fn compare(formats: &[Format]) {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    for format in formats {
        for (extension, drawn) in [("txt", diagram::ascii(format)), ("svg", diagram::svg(format))] {
            let path = folder("tests/diagrams").join(format!("{}.{extension}", format.name));
            if update {
                fs::write(&path, &drawn).unwrap();
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(drawn, expected, "{}", path.display());
        }
    }
}

#[test]
fn crapvpn_is_drawn_as_in_the_readme() {
    let formats = formats("formats");
    let crapvpn = formats.iter().find(|format| format.name == "crapvpn").unwrap();
    let expected = r#"crapvpn: CrapVPN Protocol
IP packets over UDP port 1337, enciphered with XOR

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                     Magic Bytes = "crap"                      |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|       Ciphertext Length       |          Ether Type           |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#                         Ciphertext …                          #
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

Ciphertext Length: bytes of Ciphertext
Ether Type: 0 sent, the packet's EtherType or any other accepted
#: enciphered with XOR
"#;
    assert_eq!(diagram::ascii(crapvpn), expected);
}

#[test]
fn built_in_formats_have_exactly_their_diagrams() {
    let formats = formats("formats");
    assert!(formats.len() >= 16);
    compare(&formats);
}

#[test]
fn other_formats_have_exactly_their_diagrams() {
    let formats = formats("tests/diagrams");
    assert_eq!(formats.len(), 4);
    compare(&formats);
}

/// The column at which each cell begins, by its name.
fn columns(format: &Format) -> BTreeMap<String, u64> {
    let svg = diagram::svg(format);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let mut columns = BTreeMap::new();
    for group in document.root_element().children().filter(|node| node.tag_name().name() == "g") {
        let mut parts = group.children().filter(roxmltree::Node::is_element);
        let (Some(title), Some(rect)) = (parts.next(), parts.next()) else { continue };
        let Some((name, _)) = title.text().unwrap().split_once(": ") else { continue };
        let x: u64 = rect.attribute("x").unwrap().parse().unwrap();
        columns.entry(name.to_owned()).or_insert((x - 16) / 20);
    }
    columns
}

/// The vectors' makers know the places of fields from elsewhere. A cell that begins at column 0 may
/// also begin anywhere.
#[test]
fn cells_begin_where_they_do_in_datagrams() {
    let mut known = 0;
    for format in formats("formats") {
        let columns = columns(&format);
        let path = folder("../../test/vectors/formats").join(format!("{}.json", format.name));
        let cases: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let mut found: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for case in cases.as_array().unwrap() {
            let mut element = ("", 0);
            for field in case["fields"].as_array().into_iter().flatten() {
                let name = field["name"].as_str().unwrap();
                let bit = field["first_bit"].as_u64().unwrap();
                let in_list = format.fields.iter().find_map(|list| {
                    let Kind::List { fields, .. } = &list.kind else { return None };
                    let inner = name.strip_prefix(&format!("{}.{}.", format.filter, list.name))?;
                    Some(inner == fields[0].name)
                });
                match in_list {
                    Some(true) => element = (name, bit),
                    Some(false) => assert_ne!(element.0, ""),
                    None => element = ("", 0),
                }
                found.entry(name).or_default().insert((bit - element.1) % 32);
            }
        }
        for (name, found) in found {
            let Some(column) = columns.get(name) else { continue };
            if *column > 0 {
                assert_eq!(Vec::from_iter(found), [*column], "{name}");
                known += 1;
            } else {
                let is_padding = name.ends_with(".padding");
                assert!(found.len() > 1 || found.contains(&0) || is_padding, "{name}: {found:?}");
            }
        }
    }
    assert!(known > 50, "{known}");
}
