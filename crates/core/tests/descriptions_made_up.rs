//! Descriptions made up by chance: sound ones are read, and nothing makes the reader fail.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod support;

use crapvpn_core::format::{Format, MAX_FILE_BYTES, Severity};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use support::descriptions::{
    nearly_valid_description, runnable, runnable_description, valid, valid_description,
};

/// What must hold of whatever is read.
fn check(text: &str) -> Result<Option<Format>, TestCaseError> {
    let read = Format::read("made-up.toml", text);
    prop_assert_eq!(read.format.is_some(), read.errors() == 0 && read.left_off == 0);
    let lines = text.split('\n').count();
    for found in &read.diagnostics {
        let shown = found.to_string();
        let plain = |character: char| character == '\n' || !character.is_control();
        prop_assert!(shown.chars().all(plain), "{:?}", shown);
        if let Some(place) = &found.place {
            prop_assert!((1..=lines).contains(&place.line));
            prop_assert!(place.column >= 1 && place.end > place.column && place.width >= 1);
        }
        for related in &found.related {
            prop_assert!((1..=lines).contains(&related.line));
        }
    }
    Ok(read.format)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        check(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn nearly_valid_descriptions_are_read_or_refused(text in nearly_valid_description()) {
        check(&text)?;
    }

    #[test]
    fn valid_descriptions_are_read(text in valid_description()) {
        let read = Format::read("made-up.toml", &text);
        prop_assert!(read.format.is_some(), "{}\n{}", text, read.text());
    }

    #[test]
    fn runnable_descriptions_are_read(text in runnable_description()) {
        let read = Format::read("made-up.toml", &text);
        prop_assert!(read.format.is_some(), "{}\n{}", text, read.text());
    }
}

/// A few made-up descriptions are kept, so that a change of the generator loses none of them.
#[test]
fn the_corpus_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions/made-up");
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        for seed in 0..12 {
            fs::write(folder.join(format!("valid-{seed}.toml")), valid(seed)).unwrap();
            fs::write(folder.join(format!("runnable-{seed}.toml")), runnable(seed)).unwrap();
        }
    }
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let read = Format::read(path.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
        assert!(read.format.is_some(), "{}", read.text());
        count += 1;
    }
    assert!(count >= 24);
}

/// What is long, deep or much is refused, on a stack as small as that in a browser.
#[test]
fn hostile_descriptions_are_refused() {
    let fields = |field: &str, count: usize| format!("fields = [{}]", field.repeat(count));
    let block = "{when=\"a\",fields=[";
    let condition = "a&".repeat(30_000);
    let texts = [
        format!("fields = {}", "[".repeat(65_000)),
        format!("fields = {}", "{a=".repeat(20_000)),
        "a.".repeat(32_000) + "b = 1",
        format!("[{}a]", "a.".repeat(32_000)),
        "= \n".repeat(20_000),
        "[a]\n".repeat(16_000),
        "[[fields]]\n".repeat(5_900),
        fields("{},", 21_000),
        fields("0,", 30_000),
        fields("{name=\"a\",type=\"u8\"},", 64),
        fields(block, 3_500),
        format!("fields = [{{name=\"b\",type=\"u8\",when=\"{condition}\"}}]"),
        format!("fields = [{{name=\"b\",type=\"u8\",when=[{}]}}]", "\"a\",".repeat(15_000)),
        format!("fields = [{{name=\"{}\",type=\"u8\"}}]", "a.".repeat(30_000)),
        format!("fields = [{{name=\"a\",type=\"u8\",names={{{}}}}}]", "a=1,".repeat(15_000)),
        format!("name = \"{}\"", "<script>\\u001b".repeat(4_000)),
        format!("name = \"{}\"", "\u{202e}".repeat(20_000)),
        format!("cipher = {{name=\"AEAD_AES_128_GCM\",nonce=[{}]}}", "\"0x00\",".repeat(8_000)),
        (0..8_000).map(|number| format!("k{number}=1")).collect::<Vec<_>>().join("\n"),
        "#".repeat(MAX_FILE_BYTES + 1),
        "x".repeat(1_000_000),
    ];
    let small_stack = std::thread::Builder::new().stack_size(1 << 19);
    let all = small_stack.spawn(move || {
        for text in texts {
            let read = Format::read("hostile.toml", &text);
            assert!(read.format.is_none());
            assert!(read.diagnostics.len() <= 100);
            assert!(read.text().len() < 200_000, "{} bytes", read.text().len());
            assert!(read.diagnostics.iter().any(|found| found.severity == Severity::Error));
        }
    });
    all.unwrap().join().unwrap();
}
