//! Bodies of fuzz targets: whatever the bytes, nothing panics, and what reads a format agrees.

use super::{BUILT_IN, Format, Frame, Frames, PacketKind, decode, diagram};
use crate::tunnel::{Config, Tunnel};
use std::sync::LazyLock;

const KEY: [u8; 4] = [0x12, 0x34, 0xab, 0xcd];

/// The text of a description.
pub fn description(data: &[u8]) {
    let read = Format::read("fuzz.toml", &String::from_utf8_lossy(data));
    let told = read.text();
    let Some(format) = read.format else {
        assert!(told.contains(": error "), "no format, and no error: {told}");
        return;
    };
    assert!(!diagram::ascii(&format).is_empty());
    assert!(diagram::svg(&format).ends_with("</svg>\n"));
    check(&format, data);
}

/// A datagram, or the beginning of a stream: of each built-in format, so that a new one changes nothing
/// for the corpus.
pub fn datagram(data: &[u8]) {
    static FORMATS: LazyLock<Vec<Format>> =
        LazyLock::new(|| BUILT_IN.iter().filter_map(|(name, _)| Format::built_in(name)).collect());
    for format in FORMATS.iter() {
        check(format, data);
    }
}

/// Bytes as a datagram and as a stream of a format.
fn check(format: &Format, bytes: &[u8]) {
    let decoded = decode(format, &KEY, &mut bytes.to_vec());
    for field in &decoded.fields {
        assert!(field.bits.end <= 8 * bytes.len(), "{} lies outside", field.filter_name(format));
    }
    let frame = Frames::new(format).map(|frames| frames.next(bytes));
    assert!(!matches!(frame, Some(Frame::Bytes(0))), "a stream of empty frames has no end");
    for packet in [PacketKind::Ip, PacketKind::Ethernet] {
        let config = Config { key: KEY.to_vec().into(), packet: Some(packet), ..Config::default() };
        let Ok(mut tunnel) = Tunnel::new(format, &config) else { continue };
        let opened = tunnel.decapsulate(&mut bytes.to_vec(), 0..bytes.len());
        if let Ok(packet) = opened {
            assert_eq!(decoded.problems, [], "what the tunnel takes fits the description");
            assert_eq!(decoded.packet, Some(packet));
        }
    }
}
