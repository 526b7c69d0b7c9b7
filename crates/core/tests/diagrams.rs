//! Diagrams on files: each description, built in or made for this, gives exactly the text and the
//! SVG that lie here. With `UPDATE_SNAPSHOTS=1` they are written anew, to be looked at and committed.

use crapvpn_core::format::{Format, diagram};
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
