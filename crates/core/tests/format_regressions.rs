//! Every fault that was found once, by name.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use crapvpn_core::format::{Assignments, Format, Frame, Frames, PacketKind, RunProblem};
use crapvpn_core::tunnel::{Config, Tunnel};

fn format(more: &str, fields: &str) -> Format {
    let text = format!(
        "name = \"x\"\ncarrier = {{ udp = 9, tcp = 9 }}\npacket = \"ip\"\n{more}\nfields = [\n{fields}\n]\n"
    );
    let read = Format::read("x.toml", &text);
    read.format.clone().or_else(|| on_udp(&text)).unwrap_or_else(|| panic!("{}", read.text()))
}

/// Where nothing says the end of a frame, without TCP.
fn on_udp(text: &str) -> Option<Format> {
    Format::read("x.toml", &text.replace(", tcp = 9", "")).format
}

fn tunnel(format: &Format) -> Result<Tunnel, Vec<RunProblem>> {
    Tunnel::new(format, &Config { key: vec![1, 2, 3].into(), ..Config::default() })
}

fn codes(problems: &[RunProblem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.code.name()).collect()
}

fn packet() -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 20, 0, 0, 0, 0, 64, 0, 0, 0, 10, 1, 0, 0, 10, 0, 0, 2];
    packet[9] = 253;
    packet
}

fn seal(tunnel: &mut Tunnel) -> Vec<u8> {
    let head = tunnel.head_bytes();
    let mut buffer = vec![0; head + 20 + tunnel.overhead()];
    buffer[head..head + 20].copy_from_slice(&packet());
    let datagram = tunnel.encapsulate(&mut buffer, head..head + 20).unwrap();
    buffer[datagram].to_vec()
}

fn open(tunnel: &mut Tunnel, datagram: &[u8]) -> Result<usize, &'static str> {
    let mut buffer = datagram.to_vec();
    let packet = tunnel.decapsulate(&mut buffer, 0..datagram.len());
    packet.map(|packet| packet.len()).map_err(|drop| drop.reason.name())
}

const PACKET: &str = r#"{ name = "packet", type = "packet" },"#;

#[test]
fn values_given_later_are_held_to_the_bounds_of_descriptions() {
    let sized = |kind: &str| {
        let settings = format!(r#"settings = [{{ name = "n", type = "{kind}" }}]"#);
        let fields = r#"{ name = "a", type = "bytes", size = "n", value = "0x00" },
            { name = "b", type = "bytes", size = "n", value = "0x00" },"#;
        format(&settings, &format!("{fields}{PACKET}"))
    };
    for (kind, number) in [
        ("u16", "300"),
        ("u32", "268435456"),
        ("u32", "4294967295"),
        ("u64", "18446744073709551615"),
    ] {
        let format = sized(kind).with(&[("n", number)], &[]).unwrap();
        assert_eq!(codes(&format.run_problems(PacketKind::Ip)), ["R14"], "{number}");
        assert_eq!(codes(&tunnel(&format).unwrap_err()), ["R14"]);
        assert_eq!(format.overhead(), None);
    }
    let counted = r#"{ name = "l", type = "u16", role = "length", counts = "m" }, { name = "m", type = "bytes" },"#;
    let long = format!("0x{}", "00".repeat(300));
    let format = format("", &format!("{counted}{PACKET}")).with(&[("m", &long)], &[]).unwrap();
    assert_eq!(codes(&format.run_problems(PacketKind::Ip)), ["R14"]);
}

#[test]
fn a_counter_with_a_window_goes_on_behind_its_greatest_number() {
    let fields = r#"{ name = "c", type = "u8", role = "counter", window = 16 },"#;
    let format = format("", &format!("{fields}{PACKET}"));
    let (mut here, mut there) = (tunnel(&format).unwrap(), tunnel(&format).unwrap());
    for number in 0..600 {
        let datagram = seal(&mut here);
        assert_eq!(open(&mut there, &datagram), Ok(20), "{number}");
        assert_eq!(open(&mut there, &datagram), Err("replay"), "{number}");
    }
}

#[test]
fn a_unit_that_padding_cannot_meet_is_told() {
    let fields = r#"{ name = "length", type = "u16", role = "length", counts = "packet..", unit = 4 },
        { name = "packet", type = "packet" }, { name = "padding", type = "padding", multiple = 4 },"#;
    let end = r#"{ name = "end", type = "u8", value = 7 },"#;
    let problems = format("", &format!("{fields}{end}")).run_problems(PacketKind::Ip);
    assert_eq!(codes(&problems), ["R16"]);
    let mut fits = tunnel(&format("", fields)).unwrap();
    assert_eq!(seal(&mut fits).len(), 22);
}

#[test]
fn counted_bytes_may_have_another_length_than_ours() {
    let fields = |accept: &str| {
        let length = r#"{ name = "l", type = "u8", role = "length", counts = "o" },"#;
        format("", &format!("{length} {{ name = \"o\", type = \"bytes\"{accept} }},{PACKET}"))
    };
    let any = fields(r#", accept = "any""#).with(&[("o", "0x")], &[]).unwrap();
    let theirs = [&[2, 1, 2][..], &packet()].concat();
    assert_eq!(open(&mut tunnel(&any).unwrap(), &theirs), Ok(20));
    let set: Assignments<'_> = &[("o", "0x0102")];
    let other = fields("").with(set, &[("o", "0x010203")]).unwrap();
    let theirs = [&[3, 1, 2, 3][..], &packet()].concat();
    assert_eq!(open(&mut tunnel(&other).unwrap(), &theirs), Ok(20));
    let ours = [&[2, 1, 2][..], &packet()].concat();
    assert_eq!(open(&mut tunnel(&other).unwrap(), &ours), Err("value"));
}

#[test]
fn a_checksum_of_which_any_is_taken_is_not_looked_at() {
    let fields = r#"{ name = "s", type = "u16", role = "checksum", algorithm = "internet", accept = "any" },"#;
    let format = format("", &format!("{fields}{PACKET}"));
    let mut datagram = seal(&mut tunnel(&format).unwrap());
    datagram[0] ^= 1;
    assert_eq!(open(&mut tunnel(&format).unwrap(), &datagram), Ok(20));
}

#[test]
fn a_checksum_of_the_padding_alone_is_looked_at() {
    let fields = r#"{ name = "f0", type = "u16", value = 7 }, { name = "packet", type = "packet" },
        { name = "pad", type = "padding", multiple = 8 },
        { name = "f1", type = "u16", role = "checksum", algorithm = "internet", covers = "pad..f1" },"#;
    let format = format("", fields);
    let datagram = seal(&mut tunnel(&format).unwrap());
    assert_eq!(open(&mut tunnel(&format).unwrap(), &datagram), Ok(20));
    let mut wrong = datagram.clone();
    wrong[23] = 1;
    assert_eq!(open(&mut tunnel(&format).unwrap(), &wrong), Err("checksum"));
}

#[test]
fn values_that_exclude_each_other_are_told() {
    let fields = r#"{ name = "f", type = "u8", value = 0, accept = "any" },
        { name = "a", type = "u8", when = "f = 1" }, { name = "b", type = "u8", when = "f = 2" },"#;
    let format = format("", &format!("{fields}{PACKET}"));
    for set in [[("a", "7"), ("b", "8")], [("b", "8"), ("a", "7")]] {
        assert_eq!(codes(&format.with(&set, &[]).unwrap_err()), ["R11"]);
    }
}

#[test]
fn what_is_expected_must_be_there_and_carry_a_packet() {
    let built_in = |name: &str| Format::built_in(name).unwrap();
    let absent = built_in("gre-udp").with(&[], &[("key", "8")]).unwrap_err();
    assert_eq!(codes(&absent), ["R11"]);
    let flag = built_in("gre-udp").with(&[], &[("flags.key", "1")]).unwrap();
    assert_eq!(codes(&flag.run_problems(PacketKind::Ip)), ["R01"]);
    let message = built_in("gtpu").with(&[("teid", "1")], &[("message", "1")]).unwrap();
    assert_eq!(codes(&message.run_problems(PacketKind::Ip)), ["R05"]);
}

#[test]
fn frames_of_other_layouts_are_frames() {
    let fields = r#"{ name = "f", type = "u8", value = 1, accept = "any" },
        { name = "l", type = "u16", role = "length", counts = "x.." },
        { name = "x", type = "bytes", size = 38, value = "0x", accept = "any", when = "f" },"#;
    let value = format!(r#"value = "{}""#, "x".repeat(38));
    let fields = fields.replace(r#"value = "0x""#, &value);
    let frames = Frames::new(&format("", &format!("{fields}{PACKET}"))).unwrap();
    let shorter = [&[0, 0, 20][..], &packet()].concat();
    assert_eq!(frames.next(&shorter), Frame::Bytes(23));
}
