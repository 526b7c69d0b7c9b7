//! Captures decoded as a whole: what comes out is what went in, byte for byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

use crapvpn_core::capture::{LinkType, Packet, Reader, Writer};
use crapvpn_core::decode::{Output, Session, Show, State, View, Wanted};
use crapvpn_core::dissect::show::Fields;
use crapvpn_core::dissect::tunnel::Carrier;
use crapvpn_core::dissect::{Dissector, Options, Registry};
use crapvpn_core::format::{BUILT_IN, Format};
use std::fs;
use std::path::{Path, PathBuf};

const CAPTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/captures");

/// The frames of a capture.
fn frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new();
    reader.push(file);
    reader.finish();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next().unwrap() {
        frames.push(frame.bytes.to_vec());
    }
    frames
}

/// A dissector that looks for all built-in formats.
fn dissector(key: &[u8]) -> Dissector {
    let mut dissector = Dissector::new(Options { columns: true });
    for (name, _) in BUILT_IN {
        dissector.add_format(&Format::built_in(name).unwrap(), key).unwrap();
    }
    dissector
}

/// What decoding gave.
struct Decoded {
    text: String,
    inner: Vec<u8>,
    session: Session,
}

/// Decodes a file in chunks of so many bytes.
fn decode(dissector: Dissector, output: Output, file: &[u8], chunk: usize) -> Decoded {
    let wanted = Wanted { output, inner: true, count: None };
    let mut session = Session::new(dissector, wanted);
    let (mut text, mut inner) = (Vec::new(), Vec::new());
    let mut chunks = file.chunks(chunk);
    loop {
        let state = session.run();
        text.extend_from_slice(session.text());
        session.swap_text(&mut Vec::new());
        inner.extend_from_slice(session.inner());
        session.clear_inner();
        match state {
            State::End => break,
            State::Output => {}
            State::Input => match chunks.next() {
                Some(chunk) => session.reader.push(chunk),
                None => session.finish(),
            },
        }
    }
    Decoded { text: String::from_utf8(text).unwrap(), inner, session }
}

fn list() -> Output {
    Output::Show(Show::new(View::List, false))
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Name, key, outer file of the recorded captures.
fn recorded() -> Vec<(String, Vec<u8>, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(CAPTURES).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let Some(stem) = name.strip_suffix(".outer.pcap") else { continue };
        let key = stem.strip_prefix("program_key").unwrap().split('_').next().unwrap();
        found.push((stem.to_owned(), hex(key), path.clone()));
    }
    found.sort();
    found
}

#[test]
fn the_recorded_captures_decode_to_their_inner_side() {
    let mut pairs = 0;
    for (stem, key, outer) in recorded() {
        let inner = Path::new(CAPTURES).join(format!("{stem}.inner.pcap"));
        if !inner.exists() {
            continue;
        }
        let Decoded { inner: decoded, session, .. } =
            decode(dissector(&key), list(), &fs::read(outer).unwrap(), 1000);
        let mut expected = frames(&fs::read(inner).unwrap());
        let mut found = frames(&decoded);
        // Two programs recorded the two sides, so that the order may differ by a packet.
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{stem}");
        assert!(expected.iter().any(|packet| packet.len() > 1464), "some travelled in fragments");
        let meter = session.meter();
        assert_eq!(meter.valid, meter.datagrams, "{stem}");
        pairs += 1;
    }
    assert_eq!(pairs, 3);
}

#[test]
fn of_first_fragments_alone_what_is_there_is_shown() {
    let (_, key, outer) = recorded().into_iter().find(|(stem, ..)| stem.ends_with("only")).unwrap();
    let tree = Output::Show(Show::new(View::Tree, false));
    let Decoded { text, session, .. } =
        decode(dissector(&key), tree, &fs::read(outer).unwrap(), 64);
    assert!(text.contains("bytes travel in other fragments"), "{text}");
    let waiting = session.incomplete();
    assert!(waiting.packets > 0, "it is told how many lack fragments");
    // The inner header of a packet that is there only in part.
    let start = text.find("bytes travel in other fragments").unwrap();
    assert!(text[start..].contains("Internet Protocol Version 4, Src: 192.168.2."));
}

#[test]
fn what_people_wrote_to_a_frame_is_shown() {
    let file = fs::read(format!("{CAPTURES}/file_pcapng_comments.pcapng")).unwrap();
    let dissector = dissector(&[]);
    let fields = Fields::new(&dissector.registry, ["frame.number", "frame.comment"]).unwrap();
    let output = Output::Show(Show::new(View::Fields(fields), false));
    let text = decode(dissector, output, &file, file.len()).text;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["1\tfirst", "2\t"]);
    assert!(lines[2].starts_with("3\tgrößer als ein Byte,"), "{text}");

    let tree = decode(self::dissector(&[]), Output::Show(Show::new(View::Tree, false)), &file, 100);
    assert!(tree.text.starts_with("Packet comments\n    Comment: first\nFrame"), "{}", tree.text);
    let chains = tree.session.stats().chains(&Registry::default());
    assert!(chains.iter().all(|(chain, _)| !chain.contains("comment")), "{chains:?}");
}

#[test]
fn chunks_make_no_difference() {
    let (_, key, outer) = recorded().swap_remove(0);
    let file = fs::read(outer).unwrap();
    let whole = decode(dissector(&key), list(), &file, file.len());
    for chunk in [1, 7, 1000] {
        let decoded = decode(dissector(&key), list(), &file, chunk);
        assert_eq!(decoded.text, whole.text);
        assert_eq!(decoded.inner, whole.inner);
    }
}

#[test]
fn the_published_capture() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures/");
    let path = Path::new(path).join("crapvpn_key0011223344.pcapng");
    let Ok(file) = fs::read(&path) else {
        eprintln!(
            "skipped: the published capture is not at ../shared/captures, and not ours to copy"
        );
        return;
    };
    let key = [0x00, 0x11, 0x22, 0x33, 0x44];
    let Decoded { text, inner, session } = decode(dissector(&key), Output::Verify, &file, 100);
    assert_eq!(text, "", "no difference");
    assert_eq!(session.verified().same, 6);
    assert!(session.verified().matches());
    let packets = frames(&inner);
    assert_eq!(packets.len(), 6);
    assert!(packets.iter().all(|packet| packet.len() == 84 && packet[0] == 0x45));
}

#[test]
fn a_wrong_key_is_told_how_far_it_gets() {
    let (_, key, outer) = recorded()
        .into_iter()
        .find(|(stem, ..)| stem == "program_key5f1d8e02c4a97b3360ee418cda57f0b91c2d3e4f50617283")
        .unwrap();
    let file = fs::read(outer).unwrap();
    let said = |key: &[u8]| {
        let decoded = decode(dissector(key), Output::Nothing, &file, 1000);
        decoded.session.meter().sentence()
    };
    assert_eq!(said(&key), None);
    assert_eq!(said(&[]), None, "without a key nothing is wrong");
    let short = said(&key[..6]).unwrap();
    assert!(short.ends_with("no checksum does: the key is probably longer"), "{short}");
    assert!(said(&[0xa0]).unwrap().contains("wrong from its first byte on"));
}

/// A TCP segment from 10.0.0.1:40000 to a port of 10.0.0.2, as a raw IP packet without checksums.
fn segment(port: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(40 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(40_000u16.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

fn capture(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new("a test");
    let interface = writer.interface("raw", LinkType::RAW);
    for packet in packets {
        writer.packet(&Packet::new(interface, packet));
    }
    writer.take()
}

/// A stream of the vectors.
struct Stream {
    format: String,
    key: Vec<u8>,
    bytes: Vec<u8>,
    packets: Vec<Vec<u8>>,
}

/// The streams of the vectors in which every frame has a packet.
fn streams() -> Vec<Stream> {
    let folder = Path::new(CAPTURES).join("../vectors/streams");
    let mut streams = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
        for case in cases.as_array().unwrap() {
            let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
            if !case["lost"].is_null() {
                continue;
            }
            let Some(found) = case["frames"].as_array() else { continue };
            let packets = found.iter().map(|frame| Some(hex(frame["packet"].as_str()?)));
            let Some(packets) = packets.collect() else { continue };
            streams.push(Stream {
                format: text("format"),
                key: hex(&text("key")),
                bytes: hex(&text("stream")),
                packets,
            });
        }
    }
    streams
}

#[test]
fn frames_of_streams_are_found_however_they_are_cut() {
    const PORT: u16 = 7000;
    const SYN: u8 = 2;
    let mut tried = 0;
    for Stream { format: name, key, bytes: stream, packets: expected } in streams() {
        for bytes in [1, 3, 50, 1400] {
            let mut sent = vec![segment(PORT, 0, SYN, &[])];
            let mut sequence = 1;
            // Byte by byte only what is short.
            for payload in stream.chunks(if stream.len() > 600 { bytes.max(20) } else { bytes }) {
                sent.push(segment(PORT, sequence, 0x10, payload));
                sequence += u32::try_from(payload.len()).unwrap();
            }
            // Pairs swapped, and each third sent twice: in order again, and once.
            sent[1..].chunks_mut(2).for_each(<[Vec<u8>]>::reverse);
            let twice = |(place, packet): (usize, &Vec<u8>)| {
                vec![packet.clone(); 1 + usize::from(place % 3 == 0)]
            };
            let sent: Vec<Vec<u8>> = sent.iter().enumerate().flat_map(twice).collect();
            let mut dissector = Dissector::new(Options::default());
            let known = dissector.add_format(&Format::built_in(&name).unwrap(), &key).unwrap();
            dissector.decode_as(Carrier::Tcp, PORT, known);
            let decoded = decode(dissector, Output::Verify, &capture(&sent), 10_000);
            assert_eq!(decoded.session.verified().datagrams, expected.len() as u64, "{name}");
            let found = frames(&decoded.inner);
            assert_eq!(found, expected, "{name}, {bytes} bytes a segment");
            tried += 1;
        }
    }
    assert!(tried > 10);
}

#[test]
fn a_stream_is_found_again_behind_a_gap_and_in_the_middle() {
    let long = |stream: &Stream| stream.format == "crapvpn-tcp" && stream.packets.len() > 3;
    let Stream { format: name, key, bytes: stream, packets: expected } =
        streams().into_iter().find(long).unwrap();
    let number = 1337;
    let run = |sent: &[Vec<u8>]| {
        let mut dissector = Dissector::new(Options::default());
        dissector.add_format(&Format::built_in(&name).unwrap(), &key).unwrap();
        let tree = Output::Show(Show::new(View::Tree, false));
        decode(dissector, tree, &capture(sent), 10_000)
    };
    // From the middle of the first frame on, without a handshake.
    let part = |range: std::ops::Range<usize>, flags| {
        segment(number, u32::try_from(range.start).unwrap() + 1, flags, &stream[range])
    };
    let decoded = run(&[part(5..300, 0x10), part(300..stream.len(), 0x10)]);
    assert_eq!(frames(&decoded.inner), expected[1..]);
    assert!(decoded.text.contains("bytes in which no frame begins are passed over"));
    // A segment is missing, and acknowledged all the same.
    let syn = segment(number, 0, 2, &[]);
    let mut acknowledged = segment(number, 0, 0x10, &[]);
    acknowledged[12..20].rotate_left(4);
    acknowledged[20..24].rotate_left(2);
    acknowledged[28..32].copy_from_slice(&1701u32.to_be_bytes());
    let end = stream.len();
    let lost =
        [syn, part(0..100, 0x10), part(150..1700, 0x10), acknowledged, part(1700..end, 0x10)];
    let behind = run(&lost);
    assert!(behind.text.contains("50 bytes of the stream were not captured"), "{}", behind.text);
    let found = frames(&behind.inner);
    assert_eq!(found, [&expected[..1], &expected[2..]].concat());
}
