//! Descriptions in files: the built-in ones are read, and each wrong one gives exactly the messages
//! beside it. With `UPDATE_SNAPSHOTS=1` the messages are written anew, to be looked at and committed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use crapvpn_core::format::{BUILT_IN, Code, Format, Severity, check_files};
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions").join(name)
}

/// The descriptions of a folder: their file names and texts, in the order of the names.
fn descriptions(name: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn built_in_descriptions_have_neither_errors_nor_warnings() {
    for read in check_files(BUILT_IN, &[]) {
        let grave = read.diagnostics.iter().filter(|found| found.severity != Severity::Note);
        assert_eq!(grave.count(), 0, "{}", read.text());
        assert!(read.format.is_some());
    }
}

/// The text before the line `# ----` of a wrong file is another description beside it.
fn messages(file: &str, text: &str) -> String {
    match text.split_once("# ----\n") {
        Some((other, text)) => {
            let reads = check_files(&[("other.toml", other), (file, text)], &[]);
            reads.iter().map(crapvpn_core::format::Read::text).collect()
        }
        None => Format::read(file, text).text(),
    }
}

#[test]
fn wrong_descriptions_give_exactly_their_messages() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut differing = Vec::new();
    for (file, text) in descriptions("wrong") {
        let path = folder("wrong").join(&file).with_extension("txt");
        let messages = messages(&file, &text);
        let code = file.split('_').next().unwrap();
        assert!(messages.contains(&format!(" {code}: ")), "{file} says\n{messages}");
        if update {
            fs::write(&path, &messages).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != messages {
            differing.push(format!("{file} says\n{messages}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
#[test]
fn every_code_has_a_wrong_description() {
    let files = descriptions("wrong");
    for code in Code::ALL {
        let prefix = format!("{}_", code.name());
        assert!(files.iter().any(|(file, _)| file.starts_with(&prefix)), "{}", code.name());
    }
}
