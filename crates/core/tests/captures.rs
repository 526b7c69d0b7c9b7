//! Captures of the author's own program: the same traffic outside the tunnel and inside.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

use crapvpn_core::format::Format;
use crapvpn_core::packet::{Ip, udp};
use crapvpn_core::tunnel::{Config, Tunnel};
use std::fs;
use std::path::{Path, PathBuf};

const ETHERNET_HEADER_BYTES: usize = 14;
const PORT: u16 = 1337;

/// The records of a little-endian pcap file, each a packet.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let file = fs::read(path).unwrap();
    assert_eq!(file[..4], 0xa1b2_c3d4u32.to_le_bytes(), "{}", path.display());
    let mut rest = &file[24..];
    let mut records = Vec::new();
    while let Some((header, after)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(*header[8..].first_chunk().unwrap()) as usize;
        records.push(after[..length].to_vec());
        rest = &after[length..];
    }
    records
}

/// The datagram of an Ethernet frame with unfragmented UDP to the tunnel's port.
fn datagram(frame: &[u8]) -> Option<Vec<u8>> {
    let ip = frame.get(ETHERNET_HEADER_BYTES..)?;
    let whole = ip.get(6..8)? == [0x40, 0] || ip.get(6..8)? == [0, 0];
    let udp = Ip::parse(ip).ok().filter(|_| whole)?.udp()?;
    let header_bytes = usize::from(ip[0] & 0x0f) * 4 + udp::HEADER_BYTES;
    (udp.destination_port() == PORT).then(|| ip[header_bytes..].to_vec())
}

/// Key, outer and inner file of each pair.
fn captures() -> Vec<(Vec<u8>, PathBuf, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/captures");
    let mut captures = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let inner = entry.unwrap().path();
        let name = inner.file_name().unwrap().to_str().unwrap().to_string();
        let Some(key) = name.strip_suffix(".inner.pcap") else { continue };
        let outer = inner.with_file_name(format!("{key}.outer.pcap"));
        let digits = key.strip_prefix("program_key").unwrap();
        let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap();
        captures.push(((0..digits.len()).step_by(2).map(byte).collect(), outer, inner));
    }
    captures
}

#[test]
fn every_datagram_is_exactly_its_packet_and_back() {
    let captures = captures();
    assert_eq!(captures.len(), 3);
    for (key, outer, inner) in captures {
        let inner = records(&inner);
        let config = Config { key: key.into(), ..Config::default() };
        let mut tunnel = Tunnel::new(&Format::built_in("crapvpn").unwrap(), &config).unwrap();
        // Outside and inside were recorded by two programs, so order may differ by a packet.
        let mut unseen = inner.clone();
        let mut opened = 0;
        for sent in records(&outer).iter().filter_map(|frame| datagram(frame)) {
            let mut buffer = sent.clone();
            let range = tunnel.decapsulate(&mut buffer, 0..sent.len()).unwrap();
            let packet = &buffer[range.clone()];
            let place = unseen.iter().position(|expected| expected == packet);
            unseen.remove(place.unwrap_or_else(|| panic!("datagram {opened} is no packet inside")));
            let again = tunnel.encapsulate(&mut buffer, range).unwrap();
            assert!(buffer[again] == sent, "datagram {opened}");
            opened += 1;
        }
        // What is left travelled in fragments.
        assert!(opened > 20, "{opened} datagrams were tried");
        assert!(unseen.iter().all(|packet| packet.len() > 1464), "{}", outer.display());
    }
}
