//! The vectors of `test/vectors/`, which were made without this core, held against it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

use crapvpn_core::format::Format;
use crapvpn_core::tunnel::{Config, Tunnel};
use serde::Deserialize;
use std::path::Path;

const HEADER_BYTES: usize = 8;

#[derive(Deserialize)]
struct Case {
    name: String,
    key: String,
    ethertype: bool,
    packet: Option<String>,
    datagram: String,
    encapsulate: bool,
    decapsulate: Answer,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Packet { packet: String, ethertype_differs: bool },
    Drop { drop: String, layer: String, offset: usize },
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors/crapvpn.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap();
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap();
    text.as_bytes().chunks_exact(2).map(byte).collect()
}

fn tunnel(case: &Case) -> Tunnel {
    let format = Format::built_in("crapvpn").unwrap();
    let set: &[_] = if case.ethertype { &[("ethertype", "table")] } else { &[] };
    let format = format.with(set, &[]).unwrap();
    Tunnel::new(&format, &Config { key: hex(&case.key).into(), ..Config::default() }).unwrap()
}

#[test]
fn packets_become_the_same_datagrams() {
    let mut tried = 0;
    for case in cases().iter().filter(|case| case.encapsulate) {
        let mut buffer = vec![0; HEADER_BYTES];
        buffer.extend(hex(case.packet.as_ref().unwrap()));
        let packet = HEADER_BYTES..buffer.len();
        let datagram = tunnel(case).encapsulate(&mut buffer, packet).unwrap();
        assert!(buffer[datagram] == hex(&case.datagram), "{}", case.name);
        tried += 1;
    }
    assert!(tried > 50, "{tried} vectors were tried");
}

#[test]
fn datagrams_become_the_same_packets_or_drops() {
    for case in cases() {
        let mut buffer = hex(&case.datagram);
        let datagram = 0..buffer.len();
        let mut tunnel = tunnel(&case);
        match (tunnel.decapsulate(&mut buffer, datagram), &case.decapsulate) {
            (Ok(range), Answer::Packet { packet, ethertype_differs }) => {
                assert!(buffer[range] == hex(packet), "{}", case.name);
                assert_eq!(
                    tunnel.counters().next_differs == 1,
                    *ethertype_differs,
                    "{}",
                    case.name
                );
            }
            (Err(found), Answer::Drop { drop, layer, offset }) => {
                let found = (found.reason.name(), found.layer.name(), found.offset);
                assert_eq!(found, (drop.as_str(), layer.as_str(), *offset), "{}", case.name);
            }
            (Ok(_), Answer::Drop { drop, .. }) => panic!("{}: not dropped as {drop}", case.name),
            (Err(found), Answer::Packet { .. }) => panic!("{}: dropped: {found:?}", case.name),
        }
    }
}
