//! The captures of `test/captures/made.py`: read as its `made.json` says; cut at every byte; with
//! every byte changed.

#![expect(clippy::unwrap_used, reason = "a test says so by panicking")]

use crapvpn_core::capture::{CaptureError, Fault, Reader};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, iter};

#[derive(Debug, Deserialize)]
struct Made {
    frames: Vec<Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Seen {
    time: Option<String>,
    interface: (u32, Option<String>),
    link: u16,
    #[serde(deserialize_with = "bytes_of_hex")]
    bytes: Vec<u8>,
    length: u32,
    comments: Vec<String>,
}

fn bytes_of_hex<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(text)?;
    let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    Ok((0..text.len()).step_by(2).map(byte).collect())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/captures")
}

/// Each file's name, bytes and frames.
fn made() -> Vec<(String, Vec<u8>, Vec<Seen>)> {
    let json = fs::read_to_string(folder().join("made.json")).unwrap();
    let made: BTreeMap<String, Made> = serde_json::from_str(&json).unwrap();
    let all: Vec<_> = made
        .into_iter()
        .map(|(name, made)| {
            let file = fs::read(folder().join(&name)).unwrap();
            (name, file, made.frames)
        })
        .collect();
    assert!(all.len() > 25);
    all
}

fn read(file: &[u8]) -> (Vec<Seen>, Option<CaptureError>) {
    let mut reader = Reader::new();
    let mut frames = Vec::new();
    for piece in [Some(file), None] {
        match piece {
            Some(piece) => reader.push(piece),
            None => reader.finish(),
        }
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(Seen {
                    time: frame.time.map(|time| time.to_string()),
                    interface: (frame.interface, frame.interface_name.map(String::from)),
                    link: frame.link.0,
                    bytes: frame.bytes.to_vec(),
                    length: frame.original_length,
                    comments: frame.comments.iter().map(String::from).collect(),
                }),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

#[test]
fn every_file_holds_what_was_put_in() {
    for (name, file, expected) in made() {
        let (frames, error) = read(&file);
        assert_eq!(error, None, "{name}");
        assert_eq!(frames, expected, "{name}");
    }
}

/// The ones that differ in their file format; the others are pcap files.
fn formats() -> Vec<(String, Vec<u8>, Vec<Seen>)> {
    let mut all = made();
    all.retain(|(name, ..)| name.starts_with("file_"));
    assert!(all.len() > 10);
    all
}

#[test]
fn cut_at_every_byte_gives_what_is_before() {
    for (name, file, expected) in formats() {
        let mut most = 0;
        for end in 0..file.len() {
            let (frames, error) = read(&file[..end]);
            assert_eq!(frames, expected[..frames.len()], "{name}: {end}");
            assert!(frames.len() >= most, "{name}: {end}");
            most = frames.len();
            // A file that ends between two frames is whole.
            let Some(error) = error else { continue };
            let is_cut = matches!(
                error.fault,
                Fault::Cut { .. } | Fault::PackingCut { .. } | Fault::Packing { .. } | Fault::Empty
            );
            assert!(is_cut, "{name}: {end}: {error}");
            assert!(error.file_offset <= end as u64, "{name}: {end}: {error}");
        }
        assert!(most + 1 >= expected.len(), "{name}");
    }
}

#[test]
fn every_byte_changed_leaves_what_is_before() {
    for (name, file, expected) in formats() {
        let is_packed = name.starts_with("file_gzip") || name.starts_with("file_zstd");
        // Where each frame's record begins.
        let mut reader = Reader::new();
        reader.push(&file);
        reader.finish();
        let begin = iter::from_fn(|| Some(reader.next().unwrap()?.file_offset));
        let begin: Vec<u64> = begin.collect();
        for place in 0..file.len() {
            let mut changed = file.clone();
            changed[place] ^= if place % 2 == 0 { 0xff } else { 0x01 };
            let (frames, error) = read(&changed);
            if let Some(error) = error {
                assert!(!error.to_string().is_empty());
            }
            if is_packed {
                continue;
            }
            // The last frame that begins before the changed byte may hold it.
            let before = begin.partition_point(|begin| *begin <= place as u64);
            let before = before.saturating_sub(1);
            assert!(frames.len() >= before, "{name}: {place}: {error:?}");
            assert_eq!(frames[..before], expected[..before], "{name}: {place}");
        }
    }
}
