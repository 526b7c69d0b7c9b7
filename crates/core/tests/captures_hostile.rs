//! The whole way of a capture, from the file to text and the packets inside: what was put in comes
//! out, and nothing stops it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

use crapvpn_core::capture::{Fault, LinkType, Packet, Reader, Writer};
use crapvpn_core::decode::{Output, Session, Show, State, View, Wanted};
use crapvpn_core::dissect::{Dissector, Options};
use crapvpn_core::format::Format;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const KEY: [u8; 5] = [0x00, 0x11, 0x22, 0x33, 0x44];

fn dissector() -> Dissector {
    static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
        let names = ["crapvpn", "crapvpn-tcp", "vxlan", "geneve", "gre-udp"];
        names.iter().map(|name| Format::built_in(name).unwrap()).collect()
    });
    let mut dissector = Dissector::new(Options { columns: true });
    for format in FORMATS.iter() {
        dissector.add_format(format, &KEY);
    }
    dissector
}

/// Text, packets inside, and the session at its end.
fn decode(file: &[u8], view: View) -> (Vec<u8>, Vec<Vec<u8>>, Session) {
    let output = Output::Show(Show::new(view, true));
    let wanted = Wanted { output, inner: true, count: None };
    let mut session = Session::new(dissector(), wanted);
    let (mut all, mut text, mut inner) = (Vec::new(), Vec::new(), Vec::new());
    for piece in file.chunks(1 << 16).map(Some).chain([None]) {
        match piece {
            Some(piece) => session.reader.push(piece),
            None => session.finish(),
        }
        loop {
            let state = session.run();
            session.swap_text(&mut text);
            all.append(&mut text);
            inner.extend(session.inner());
            session.clear_inner();
            if state != State::Output {
                break;
            }
        }
    }
    let mut reader = Reader::new();
    reader.push(&inner);
    reader.finish();
    let mut packets = Vec::new();
    while let Some(frame) = reader.next().unwrap() {
        packets.push(frame.bytes.to_vec());
    }
    (all, packets, session)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/captures")
}

fn made() -> Vec<(String, Vec<u8>, Option<Vec<String>>)> {
    let json: Value =
        serde_json::from_slice(&fs::read(folder().join("made.json")).unwrap()).unwrap();
    let files = json.as_object().unwrap().iter();
    files
        .map(|(name, made)| {
            let inner = made["inner"].as_array();
            let inner = inner.map(|all| all.iter().map(|p| p.as_str().unwrap().into()).collect());
            (name.clone(), fs::read(folder().join(name)).unwrap(), inner)
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|d| char::from(b"0123456789abcdef"[usize::from(d)]))
        .collect()
}

#[test]
fn the_packets_inside_are_those_that_were_put_in() {
    let mut wrong = Vec::new();
    for (name, file, inner) in made() {
        let (_, packets, session) = decode(&file, View::List);
        assert_eq!(session.fault(), None, "{name}");
        let found: Vec<String> = packets.iter().map(|packet| hex(packet)).collect();
        if Some(&found) != inner.as_ref() {
            wrong.push(format!("{name}: {} of {}", found.len(), inner.unwrap().len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn views() -> [View; 3] {
    [View::List, View::Tree, View::Json]
}

fn harmless(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'\n' | b'\t' | 0x20..=0x7e | 0x80..))
}

#[test]
fn bytes_changed_or_missing() {
    for (name, file, _) in made() {
        // Many bytes of the small ones; the larger ones are more of the same.
        let step = if file.len() < 600 { 3 } else { 29 };
        for place in (0..file.len()).step_by(step) {
            let mut changed = file.clone();
            changed[place] ^= if place.is_multiple_of(2) { 0xff } else { 0x04 };
            let view = views().into_iter().nth(place % 3).unwrap();
            let (text, ..) = decode(&changed, view);
            assert!(harmless(&text), "{name}: {place}");
            if place.is_multiple_of(7) {
                decode(&file[..place], View::Json);
            }
        }
    }
}

/// A capture of Ethernet frames.
fn capture(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut writer = Writer::new("test");
    let interface = writer.interface("", LinkType::ETHERNET);
    for frame in frames {
        writer.packet(&Packet::new(interface, &frame));
    }
    writer.take()
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind.to_be_bytes(), payload].concat()
}

fn ipv4(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let [[i, j], [f, g]] = [id.to_be_bytes(), fragment.to_be_bytes()];
    let head = [0x45, 0, length[0], length[1], i, j, f, g, 64, protocol, 0, 0];
    [&head[..], &[10, 0, 0, 1, 10, 0, 0, 2], payload].concat()
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    [&port.to_be_bytes()[..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

fn tcp(sequence: u32, payload: &[u8]) -> Vec<u8> {
    let ports = [0x9c, 0x40, 0x05, 0x39];
    let rest = [0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0];
    [&ports[..], &sequence.to_be_bytes(), &[0; 4], &rest, payload].concat()
}

#[test]
fn a_hundred_nested_tunnels() {
    let mut frame = ethernet(0x0800, &ipv4(17, 1, 0, &udp(9, b"inside")));
    for _ in 0..100 {
        let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &frame].concat();
        frame = ethernet(0x0800, &ipv4(17, 1, 0, &udp(4789, &vxlan)));
    }
    for view in views() {
        let (text, ..) = decode(&capture([frame.clone()]), view);
        assert!(!text.is_empty());
    }
}

#[test]
fn options_and_names_that_loop() {
    let dns = |name: &[u8]| {
        let head = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        udp(53, &[&head[..], name, &[0, 1, 0, 1]].concat())
    };
    let mut chain = vec![0x60, 0, 0, 0, 0x1f, 0x40, 0, 64];
    chain.extend([0xfd; 32]);
    for _ in 0..1000 {
        chain.extend([60, 0, 1, 4, 0, 0, 0, 0]);
    }
    let short_options = |ihl: u8| {
        let mut packet = ipv4(17, 1, 0, &[7, 0, 0, 0, 7, 1, 1, 1, 0x44, 3, 0, 0]);
        packet[0] = ihl;
        packet
    };
    let mut tcp_options = tcp(1, &[2, 0, 3, 1, 5, 2, 8, 0, 253, 0, 1, 1]);
    tcp_options[12] = 0x80;
    let nd = {
        let mut packet = vec![0x60, 0, 0, 0, 0, 32, 58, 255];
        packet.extend([0xfd; 32]);
        packet.extend([135, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([0xfd; 16]);
        packet.extend([1, 0, 1, 1, 1, 1, 1, 1]);
        packet
    };
    let mut frames = vec![
        ethernet(0x0800, &ipv4(17, 1, 0, &dns(&[0xc0, 12]))),
        ethernet(0x0800, &ipv4(17, 1, 0, &dns(&[1, b'a', 0xc0, 12]))),
        ethernet(0x0800, &ipv4(17, 1, 0, &dns(&[0xc0, 14, 0xc0, 12]))),
        ethernet(0x0800, &ipv4(17, 1, 0, &dns(&[63, b'a']))),
        ethernet(0x86dd, &chain),
        ethernet(0x86dd, &nd),
        ethernet(0x0800, &short_options(0x48)),
        ethernet(0x0800, &short_options(0x4f)),
        ethernet(0x0800, &ipv4(6, 1, 0, &tcp_options)),
    ];
    // A VLAN tag in another, and so on.
    frames.push(ethernet(0x8100, &[0, 1, 0x81, 0].repeat(2000)));
    for view in views() {
        let (text, _, session) = decode(&capture(frames.clone()), view);
        assert_eq!(session.stats().frames, frames.len() as u64);
        assert!(harmless(&text) && text.len() < 4_000_000, "{}", text.len());
    }
}

/// Bytes that look random and are the same each time.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn noise_behind_every_header() {
    let mut frames = Vec::new();
    for seed in 0..300 {
        let bytes = noise(seed, usize::try_from(seed * 7 % 400).unwrap());
        let kinds = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8];
        frames.extend(kinds.map(|kind| ethernet(kind, &bytes)));
        for protocol in [1, 6, 17, 58, 47, 50] {
            frames.push(ethernet(0x0800, &ipv4(protocol, 1, 0, &bytes)));
        }
        for port in [53, 67, 80, 1337, 4789, 6081, 4754] {
            frames.push(ethernet(0x0800, &ipv4(17, 1, 0, &udp(port, &bytes))));
        }
        frames.push(bytes);
    }
    for view in views() {
        let (text, _, session) = decode(&capture(frames.clone()), view);
        assert_eq!(session.stats().frames, frames.len() as u64);
        assert!(harmless(&text));
    }
}

#[test]
fn fragments_that_never_complete_and_bytes_out_of_order() {
    let fragments = (0..60_000u16).map(|id| ethernet(0x0800, &ipv4(17, id, 0x2000, &[7; 64])));
    let (_, packets, session) = decode(&capture(fragments), View::List);
    assert!(packets.is_empty());
    assert_eq!(session.incomplete().packets, 60_000);
    // Every second byte, backwards: all are holes.
    let bytes = (0..20_000u32).rev().map(|at| ethernet(0x0800, &ipv4(6, 1, 0, &tcp(at * 2, b"c"))));
    let (_, packets, session) = decode(&capture(bytes), View::List);
    assert!(packets.is_empty() && session.stats().frames == 20_000);
}

#[test]
fn a_file_that_ends_inside_a_frame_shows_what_was_before() {
    let (name, file, inner) = made().into_iter().find(|made| made.0.contains("in_order")).unwrap();
    let (_, packets, session) = decode(&file[..file.len() - 1], View::List);
    assert!(matches!(session.fault().unwrap().fault, Fault::Cut { .. }), "{name}");
    assert_eq!(packets.len(), inner.unwrap().len());
}
