//! The vectors of `test/vectors/formats/` and `streams/`, which were made without this core, held
//! against it: what a sender makes, what a receiver answers, and what a decoder shows.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

use crapvpn_core::format::{
    BUILT_IN, Decoded, End, Format, Frame, Frames, KeySource, Literal, PacketKind, decode,
};
use crapvpn_core::tunnel::{Config, Tunnel};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::path::Path;

type Assignments = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Case {
    name: String,
    format: String,
    set: Assignments,
    expect: Assignments,
    key: String,
    kind: String,
    packet: Option<String>,
    datagram: String,
    encapsulate: bool,
    decapsulate: Option<Answer>,
    fields: Option<Vec<Field>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Packet { packet: String },
    Drop { drop: String, layer: String, field: String, offset: usize },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Field {
    name: String,
    value: String,
    offset: usize,
    first_bit: usize,
    bits: usize,
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    format: String,
    set: Assignments,
    key: String,
    kind: String,
    #[serde(rename = "stream")]
    sent: String,
    frames: Vec<StreamFrame>,
    rest: usize,
    lost: Option<usize>,
}

#[derive(Deserialize)]
struct StreamFrame {
    offset: usize,
    bytes: usize,
    packet: Option<String>,
}

impl Case {
    fn title(&self) -> String {
        format!("{}: {}", self.format, self.name)
    }
}

fn read_all<T: DeserializeOwned>(folder: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors").join(folder);
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let read = |path| serde_json::from_slice::<Vec<T>>(&std::fs::read(path).unwrap()).unwrap();
    files.flat_map(read).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap();
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap();
    hex.as_bytes().chunks_exact(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn format(name: &str, set: &Assignments, expect: &Assignments) -> Format {
    Format::built_in(name).unwrap().with(&pairs(set), &pairs(expect)).unwrap()
}

fn pairs(values: &Assignments) -> Vec<(&str, &str)> {
    values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn open_tunnel(format: &Format, key: &str, kind: &str) -> Tunnel {
    let packet = Some(if kind == "ip" { PacketKind::Ip } else { PacketKind::Ethernet });
    let aead = format.cipher.as_ref().filter(|cipher| cipher.algorithm.is_aead());
    let given = aead.filter(|cipher| cipher.keys == KeySource::Given);
    // What is received is sealed with the key of the case; where keys are derived, by end a.
    let (key, receive_key) = match given.and_then(|cipher| cipher.algorithm.key_bytes()) {
        Some(own) => (vec![0xaa; own], bytes(key)),
        None => (bytes(key), Vec::new()),
    };
    let config = Config {
        key: key.into(),
        receive_key: receive_key.into(),
        end: Some(End::B),
        now_us: 1_790_000_000_000_000,
        packet,
        ..Config::default()
    };
    Tunnel::new(format, &config).unwrap()
}

fn tunnel(case: &Case) -> Tunnel {
    open_tunnel(&format(&case.format, &case.set, &case.expect), &case.key, &case.kind)
}

/// Compares what each case answers, and shows all that differ, cut to what can be read.
fn compare<T: PartialEq + Debug>(answers: impl Iterator<Item = (String, T, T)>, at_least: usize) {
    let mut wrong = String::new();
    let mut tried = 0;
    for (name, found, expected) in answers {
        tried += 1;
        if found != expected {
            let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
            write!(wrong, "\n{name}:\n  {found:.800}\n  expected {expected:.800}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(tried >= at_least, "{tried} vectors were tried");
}

#[test]
fn packets_become_the_same_datagrams() {
    let cases = read_all::<Case>("formats");
    let answers = cases.iter().filter(|case| case.encapsulate).map(|case| {
        let mut tunnel = tunnel(case);
        let head = tunnel.head_bytes();
        let packet = bytes(case.packet.as_ref().unwrap());
        let mut buffer = vec![0; packet.len() + tunnel.overhead().max(head)];
        buffer[head..head + packet.len()].copy_from_slice(&packet);
        let datagram = tunnel.encapsulate(&mut buffer, head..head + packet.len()).unwrap();
        (case.title(), hex(&buffer[datagram]), case.datagram.clone())
    });
    compare(answers, 150);
}

#[test]
fn datagrams_become_the_same_packets_or_drops() {
    let cases = read_all::<Case>("formats");
    let answers = cases.iter().filter_map(|case| {
        let expected = match case.decapsulate.as_ref()? {
            Answer::Packet { packet } => format!("packet {packet}"),
            Answer::Drop { drop, layer, field, offset } => {
                format!("{drop} in the {layer}, at {field:?}, byte {offset}")
            }
        };
        let mut tunnel = tunnel(case);
        let mut buffer = bytes(&case.datagram);
        let datagram = 0..buffer.len();
        let found = match tunnel.decapsulate(&mut buffer, datagram) {
            Ok(packet) => format!("packet {}", hex(&buffer[packet])),
            Err(drop) => {
                let field = tunnel.field_name(drop.field);
                let (reason, layer) = (drop.reason.name(), drop.layer.name());
                format!("{reason} in the {layer}, at {field:?}, byte {}", drop.offset)
            }
        };
        Some((case.title(), found, expected))
    });
    compare(answers, 400);
}

#[test]
fn datagrams_are_taken_apart_alike() {
    let cases = read_all::<Case>("formats");
    let answers = cases.iter().filter_map(|case| {
        let expected = case.fields.as_ref()?;
        let format = format(&case.format, &case.set, &case.expect);
        let mut datagram = bytes(&case.datagram);
        let decoded = decode(&format, &[], &mut datagram);
        let found = shown(&format, &decoded, &datagram);
        Some((case.title(), found, expected.clone()))
    });
    compare(answers, 300);
}

/// With the key it was sealed with, a datagram of an AEAD shows its packet, and with another nothing.
#[test]
fn sealed_datagrams_open_by_their_key_alone() {
    let cases = read_all::<Case>("formats");
    let mut formats = BTreeMap::<&str, usize>::new();
    for case in cases.iter().filter(|case| !case.key.is_empty() && case.expect.is_empty()) {
        let format = format(&case.format, &case.set, &case.expect);
        let aead = format.cipher.as_ref().is_some_and(|cipher| cipher.algorithm.is_aead());
        let (true, Some(packet)) = (aead, &case.packet) else { continue };
        if matches!(case.decapsulate, Some(Answer::Drop { .. })) {
            continue;
        }
        let key = bytes(&case.key);
        let other = vec![1; key.len()];
        let mut datagram = bytes(&case.datagram);
        let decoded = decode(&format, &[&other[..], &key].concat(), &mut datagram);
        assert_eq!(decoded.problems, [], "{}", case.title());
        assert_eq!(hex(&datagram[decoded.packet.unwrap()]), *packet, "{}", case.title());

        let mut datagram = bytes(&case.datagram);
        let decoded = decode(&format, &other, &mut datagram);
        let reasons: Vec<&str> =
            decoded.problems.iter().map(|problem| problem.reason.name()).collect();
        assert_eq!((reasons, decoded.packet), (vec!["not_authentic"], None), "{}", case.title());
        assert_eq!(hex(&datagram), case.datagram);
        *formats.entry(&case.format).or_default() += 1;
    }
    let wanted = [
        "crapvpn-aead",
        "crapvpn-aead-ethernet",
        "esp-udp",
        "nebula",
        "openvpn-data-v2",
        "wireguard-data",
    ];
    assert_eq!(formats.keys().copied().collect::<Vec<_>>(), wanted);
    assert!(formats.values().all(|count| *count >= 7), "{formats:?}");
}

/// The fields as the vectors have them: none of no bits, and what is enciphered closed.
fn shown(format: &Format, decoded: &Decoded, datagram: &[u8]) -> Vec<Field> {
    let field = |name, value, bits: std::ops::Range<usize>| Field {
        name,
        value,
        offset: bits.start / 8,
        first_bit: bits.start,
        bits: bits.len(),
    };
    let mut fields: Vec<Field> = decoded
        .fields
        .iter()
        .filter(|found| !found.bits.is_empty())
        .map(|found| {
            let value = match &found.value {
                Literal::Number(number) => number.to_string(),
                Literal::Bytes(bytes) => hex(bytes),
            };
            field(found.filter_name(format), value, found.bits.clone())
        })
        .collect();
    if let Some(closed) = decoded.enciphered.clone().filter(|closed| !closed.is_empty()) {
        let covers = format.cipher.as_ref().unwrap().covers;
        let only = (covers.first == covers.last).then(|| format.fields[covers.first].name.as_str());
        let name = only.unwrap_or("ciphertext");
        let name = format!("{}.{name}", format.filter);
        let bits = closed.start * 8..closed.end * 8;
        fields.push(field(name, hex(&datagram[closed]), bits));
        fields.sort_by_key(|field| field.first_bit);
    }
    fields
}

#[test]
fn streams_fall_into_the_same_frames() {
    let streams = read_all::<Stream>("streams");
    assert!(streams.len() > 20);
    for case in streams {
        let name = format!("{}: {}", case.format, case.name);
        let format = format(&case.format, &case.set, &Assignments::new());
        let finder = Frames::new(&format).unwrap();
        let mut tunnel = open_tunnel(&format, &case.key, &case.kind);
        let stream = bytes(&case.sent);
        let mut offset = 0;
        for expected in case.frames {
            assert_eq!(offset, expected.offset, "{name}");
            assert_eq!(finder.next(&stream[offset..]), Frame::Bytes(expected.bytes), "{name}");
            let mut frame = stream[offset..offset + expected.bytes].to_vec();
            let whole = 0..frame.len();
            let packet = tunnel.decapsulate(&mut frame, whole).ok().map(|range| hex(&frame[range]));
            assert_eq!(packet, expected.packet, "{name}");
            offset += expected.bytes;
        }
        match (finder.next(&stream[offset..]), case.lost) {
            (Frame::Lost(_), Some(lost)) => assert_eq!(offset, lost, "{name}"),
            (Frame::Needs(bytes) | Frame::Bytes(bytes), None) => {
                assert_eq!(stream.len() - offset, case.rest, "{name}");
                assert!(bytes > case.rest, "{name}: the frame is there");
            }
            (found, lost) => panic!("{name}: {found:?}, expected {lost:?}"),
        }
    }
}

#[test]
fn every_built_in_format_has_vectors() {
    let cases = read_all::<Case>("formats");
    for (name, _) in BUILT_IN {
        assert!(cases.iter().any(|case| case.format == *name), "{name}");
    }
}
