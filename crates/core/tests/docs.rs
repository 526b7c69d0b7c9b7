//! The README and docs/: what is generated in them is what the program says today, and each
//! description in them can be used. With `UPDATE_SNAPSHOTS=1` the generated parts are written anew,
//! to be looked at and committed.

#![expect(clippy::unwrap_used, reason = "a test says so by panicking")]

use crapvpn_core::drop::Reason;
use crapvpn_core::format::{
    Code, Diagnostic, Format, decode, diagram, error_reference, key_reference,
    run_problem_reference,
};
use crapvpn_core::tunnel::{Config, Tunnel};
use std::fs;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// What a fragment must not have, whatever is around it.
const WRONG_IN_ITSELF: [Code; 16] = [
    Code::F01,
    Code::F02,
    Code::F04,
    Code::F06,
    Code::F08,
    Code::F09,
    Code::F10,
    Code::F11,
    Code::F12,
    Code::F13,
    Code::F19,
    Code::F20,
    Code::F28,
    Code::F29,
    Code::F30,
    Code::F57,
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Every page by its path: the README and those of docs/.
fn pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut paths: Vec<String> = docs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| format!("docs/{}", path.file_name().unwrap().to_str().unwrap()))
        .chain(["README.md".into()])
        .collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// What stands between the markers of a part.
fn generated(part: &str) -> String {
    match part.split_once(' ') {
        None if part == "keys" => key_reference(),
        None if part == "errors" => error_reference(),
        None if part == "problems" => run_problem_reference(),
        Some(("diagram", name)) => {
            format!("```\n{}```\n", diagram::ascii(&Format::built_in(name).unwrap()))
        }
        _ => unreachable!("nothing is generated for \"{part}\""),
    }
}

/// A page with its generated parts made anew, and their names.
fn regenerated(page: &str) -> (String, Vec<&str>) {
    let mut text = page.to_owned();
    let mut names = Vec::new();
    for part in page.split(BEGIN).skip(1) {
        let (name, rest) = part.split_once(" -->\n").unwrap();
        let (old, _) = rest.split_once(END).unwrap();
        let marked = |body: &str| format!("{BEGIN}{name} -->\n{body}{END}");
        text = text.replace(&marked(old), &marked(&generated(name)));
        names.push(name);
    }
    (text, names)
}

/// The fenced blocks of a page: the words behind the fence, and what is in the block.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((info, body.flat_map(|line| [line, "\n"]).collect()));
        }
    }
    blocks
}

/// The only block of a page with these words.
fn block(page: &str, words: &str) -> String {
    let found = blocks(page).into_iter().filter(|(info, _)| *info == words);
    let [body] = <[String; 1]>::try_from(found.map(|(_, body)| body).collect::<Vec<_>>()).unwrap();
    body
}

#[test]
fn generated_parts_are_what_the_program_says() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut found = Vec::new();
    for (path, page) in pages() {
        let (text, names) = regenerated(&page);
        found.extend(names.into_iter().map(ToOwned::to_owned));
        if update {
            fs::write(root().join(&path), &text).unwrap();
        } else {
            assert!(text == page, "{path} is old: run with UPDATE_SNAPSHOTS=1");
        }
    }
    found.sort();
    assert_eq!(found, ["diagram crapvpn", "errors", "keys", "problems"]);
}

/// A part of a description is marked `toml fragment`: entries of the list, or keys of the top.
#[test]
fn descriptions_can_be_used() {
    let mut count = 0;
    for (path, page) in pages() {
        for (info, body) in blocks(&page).into_iter().filter(|(info, _)| info.starts_with("toml")) {
            if info == "toml" {
                let read = Format::read(&path, &body);
                assert!(read.is_sound(), "{}", read.text());
                count += 1;
                continue;
            }
            assert_eq!(info, "toml fragment", "{path}");
            let entries = body.starts_with('{');
            let body = if entries { format!("fields = [\n{body}]\n") } else { body };
            let read = Format::read(&path, &body);
            let wrong = |found: &Diagnostic| WRONG_IN_ITSELF.contains(&found.code);
            assert!(!read.diagnostics.iter().any(wrong), "{}", read.text());
        }
    }
    assert!(count >= 2, "{count}");
}

#[test]
fn every_reason_to_drop_is_told() {
    let page = read("docs/language.md");
    for reason in Reason::ALL {
        assert!(page.contains(&format!("`{}`", reason.name())), "{}", reason.name());
    }
}

#[test]
fn the_files_beside_the_first_steps_are_those_on_the_page() {
    let page = read("docs/describe-your-protocol.md");
    let description = block(&page, "toml");
    assert_eq!(read("docs/mole/mole.toml"), description);
    let svg = diagram::svg(&Format::read("mole.toml", &description).format.unwrap());
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(root().join("docs/mole/mole.svg"), &svg).unwrap();
    }
    assert!(read("docs/mole/mole.svg") == svg, "mole.svg is old: run with UPDATE_SNAPSHOTS=1");
    let lines: Vec<Vec<u8>> = read("docs/mole/dump.txt").lines().map(bytes).collect();
    assert_eq!(lines, dumps(&page));
}

/// The page's datagrams come from elsewhere: its description takes them apart without a remark, and
/// makes the same bytes of their packets.
#[test]
fn the_first_steps_describe_their_datagrams() {
    let page = read("docs/describe-your-protocol.md");
    let key = bytes(read("docs/mole/key.hex").trim());
    let format = Format::read("mole.toml", &block(&page, "toml")).format.unwrap();
    let dumps = dumps(&page);
    assert_eq!(dumps.len(), 3);
    for (number, datagram) in dumps.iter().enumerate() {
        let mut opened = datagram.clone();
        let decoded = decode(&format, &key, &mut opened);
        assert_eq!(decoded.problems, []);
        let packet = &opened[decoded.packet.unwrap()];

        let counter = (300 + number).to_string();
        let mut set = vec![("session", "0x5c07"), ("counter", &counter)];
        if number == 2 {
            set.push(("label", "9"));
        }
        let given = format.with(&set, &[]).unwrap();
        let config = Config { key: key.clone().into(), ..Config::default() };
        let mut tunnel = Tunnel::new(&given, &config).unwrap();
        let head = tunnel.head_bytes();
        let mut buffer = vec![0; datagram.len()];
        buffer[head..head + packet.len()].copy_from_slice(packet);
        let made = tunnel.encapsulate(&mut buffer, head..head + packet.len()).unwrap();
        assert_eq!(buffer[made], datagram[..]);
    }
}

/// The hex dumps of a page, as bytes.
fn dumps(page: &str) -> Vec<Vec<u8>> {
    let dump = |text: String| text.lines().flat_map(|line| bytes(&line[4..])).collect();
    let found = blocks(page).into_iter().filter(|(info, _)| *info == "hex");
    found.map(|(_, body)| dump(body)).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}
