//! What must hold of every description that can run, whatever it says: what one end seals the other
//! opens, and nothing that is not exactly so gets through unnoticed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod support;

use crapvpn_core::format::{
    Accept, BUILT_IN, End, Field, Format, Kind, Literal, PacketKind, Role, RunCode, SettingKind,
    decode,
};
use crapvpn_core::tunnel::Tunnel;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::descriptions::runnable_description;
use support::keys::{all_keys, config};
use support::packets::packet;

/// The format of a description with a value for all that must be given.
fn complete(text: &str, number: u64) -> Format {
    let format = Format::read("made-up.toml", text).format.unwrap();
    let given = format.fields.iter().filter(|field| {
        matches!(field.role, Role::Given { value: None, .. }) && field.when.is_always()
    });
    let names: Vec<String> = given.map(|field| field.name.clone()).collect();
    let values: Vec<String> = names.iter().map(|name| value(&format, name, number)).collect();
    let set: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
    give_rest(format.with(&set, &[]).unwrap(), number)
}

/// Gives what conditions have brought in, until nothing is missing.
fn give_rest(format: Format, number: u64) -> Format {
    let kind = format.packet.first().copied().unwrap_or(PacketKind::Ip);
    let missing =
        format.run_problems(kind).into_iter().find(|problem| problem.code == RunCode::R01);
    let Some(problem) = missing else { return format };
    let name = problem.message.split('"').nth(1).unwrap().to_owned();
    let text = value(&format, &name, number);
    give_rest(format.with(&[(&name, &text)], &[]).unwrap(), number)
}

/// A value for the field or setting with a name.
fn value(format: &Format, name: &str, number: u64) -> String {
    let bytes = |size: usize| {
        let byte = |place| format!("{:02x}", number.rotate_left(place) & 0xff);
        format!("0x{}", (0..u32::try_from(size).unwrap()).map(byte).collect::<String>())
    };
    let Some(place) = format.field_place(name) else {
        let setting = format.settings.iter().find(|setting| setting.name == name).unwrap();
        return match setting.kind {
            SettingKind::Bytes { size } => bytes(size),
            SettingKind::Uint { .. } => {
                setting.values.first().map_or("1".into(), ToString::to_string)
            }
        };
    };
    let field = format.fields.get(place).unwrap();
    match field.kind {
        Kind::Uint { bits, .. } => (number >> (64 - u32::from(bits))).to_string(),
        Kind::Mac => "02:00:00:00:00:07".into(),
        Kind::Ipv4 => "192.0.2.7".into(),
        Kind::Ipv6 => "2001:db8::7".into(),
        Kind::Text { .. } => "t".into(),
        _ => bytes(format.fixed_bits(field).unwrap_or(24) / 8),
    }
}

/// The end that sends, by custom of these tests.
fn sender(format: &Format) -> Tunnel {
    Tunnel::new(format, &config(format, End::A)).unwrap()
}

/// The end that receives.
fn tunnel(format: &Format) -> Tunnel {
    Tunnel::new(format, &config(format, End::B)).unwrap()
}

/// The datagram that an end makes of a packet, if it can.
fn seal(tunnel: &mut Tunnel, packet: &[u8]) -> Option<Vec<u8>> {
    let head = tunnel.head_bytes();
    let mut buffer = vec![0xa5; head + packet.len() + tunnel.overhead()];
    buffer[head..head + packet.len()].copy_from_slice(packet);
    let datagram = tunnel.encapsulate(&mut buffer, head..head + packet.len()).ok()?;
    Some(buffer[datagram].to_vec())
}

/// The packet that an end takes out of a datagram, or why it does not.
fn open(tunnel: &mut Tunnel, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut buffer = datagram.to_vec();
    match tunnel.decapsulate(&mut buffer, 0..datagram.len()) {
        Ok(packet) => Ok(buffer[packet].to_vec()),
        Err(drop) => Err(drop.reason.name()),
    }
}

/// What must hold of a format, with some packets.
fn check(format: &Format, packets: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let (mut here, mut there) = (sender(format), tunnel(format));
    for (number, packet) in packets.iter().enumerate() {
        let Some(datagram) = seal(&mut here, packet) else { continue };
        prop_assert!(datagram.len() <= packet.len() + here.overhead());
        let opened = open(&mut there, &datagram);
        prop_assert_eq!(opened.as_deref(), Ok(packet.as_slice()));
        check_decoded(format, packet, &datagram)?;
        check_cut(format, packet, &datagram)?;
        check_flipped(format, &datagram)?;
        if number == 0 {
            check_authentic(format, &datagram)?;
        }
    }
    Ok(())
}

/// The fields lie side by side and fill the datagram, and nothing is wrong with it.
fn check_decoded(format: &Format, packet: &[u8], datagram: &[u8]) -> Result<(), TestCaseError> {
    let mut open = datagram.to_vec();
    let decoded = decode(format, &all_keys(format), &mut open);
    prop_assert_eq!(&decoded.problems, &vec![]);
    prop_assert_eq!(open.get(decoded.packet.unwrap()), Some(packet));
    let mut bit = 0;
    for field in decoded.fields.iter().filter(|field| field.element.is_none()) {
        prop_assert_eq!(field.bits.start, bit);
        bit = field.bits.end;
    }
    prop_assert_eq!(bit, datagram.len() * 8);
    Ok(())
}

/// No bit of a datagram of an AEAD can be changed unnoticed, but those outside of text, associated data
/// and nonce.
fn check_authentic(format: &Format, datagram: &[u8]) -> Result<(), TestCaseError> {
    let Some(cipher) = format.cipher.as_ref().filter(|cipher| cipher.algorithm.is_aead()) else {
        return Ok(());
    };
    let decoded = decode(format, &[], &mut datagram.to_vec());
    let guarded = |place: usize| {
        cipher.ad.is_some_and(|ad| ad.contains(place))
            || cipher.is_in_nonce(place)
            || format.fields[place].role == Role::Tag
    };
    let fields = decoded.fields.iter().filter(|found| guarded(found.place));
    let text = decoded.enciphered.clone().unwrap();
    let (mut end, keys) = (tunnel(format), all_keys(format));
    for bit in fields.flat_map(|found| found.bits.clone()).chain(text.start * 8..text.end * 8) {
        let mut flipped = datagram.to_vec();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert!(open(&mut end, &flipped).is_err(), "bit {}", bit);
        let decoded = decode(format, &keys, &mut flipped);
        prop_assert!(!decoded.problems.is_empty());
    }
    // All these are no reason to refuse the true one.
    prop_assert!(open(&mut end, datagram).is_ok());
    Ok(())
}

/// A datagram that was cut is dropped. Only of padding, which nobody looks at, may something be
/// missing; and an Ethernet frame that no length guards is shorter.
fn check_cut(format: &Format, packet: &[u8], datagram: &[u8]) -> Result<(), TestCaseError> {
    for bytes in 0..datagram.len() {
        let opened = open(&mut tunnel(format), &datagram[..bytes]);
        let padded = |field: &Field| matches!(field.kind, Kind::Padding { .. });
        match opened {
            Err(_) => {}
            Ok(whole) if whole == packet => prop_assert!(format.fields.iter().any(padded)),
            Ok(shorter) => {
                prop_assert!(format.packet.first() == Some(&PacketKind::Ethernet));
                prop_assert!(shorter.len() < packet.len());
            }
        }
    }
    Ok(())
}

/// No bit of a constant can be changed unnoticed.
fn check_flipped(format: &Format, datagram: &[u8]) -> Result<(), TestCaseError> {
    let decoded = decode(format, &all_keys(format), &mut datagram.to_vec());
    for found in &decoded.fields {
        let field = found.described(format).unwrap();
        let constant =
            matches!(field.role, Role::Constant { .. } | Role::Given { value: Some(_), .. });
        if !constant || field.accept == Accept::Any || found.element.is_some() {
            continue;
        }
        for bit in found.bits.clone() {
            let mut flipped = datagram.to_vec();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let opened = open(&mut tunnel(format), &flipped);
            prop_assert!(opened.is_err(), "bit {} of {} is not looked at", bit, field.name);
        }
    }
    Ok(())
}

/// Packets of a format's kind, small ones so that all of their cuts can be tried.
fn packets(kind: PacketKind) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(packet(kind, 40), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_one_end_seals_the_other_opens_and_nothing_else(
        (text, number, ip, frames) in
            (runnable_description(), any::<u64>(), packets(PacketKind::Ip), packets(PacketKind::Ethernet)),
    ) {
        let format = complete(&text, number);
        let kind = format.packet.first().copied().unwrap();
        let problems = format.run_problems(kind);
        prop_assert!(problems.is_empty(), "{}\n{:?}", text, problems);
        let packets = if kind == PacketKind::Ip { ip } else { frames };
        check(&format, &packets).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    }

    #[test]
    fn whatever_arrives_is_a_packet_or_a_drop(
        text in runnable_description(), number: u64, noise in prop::collection::vec(any::<u8>(), 0..200),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        packet in packet(PacketKind::Ip, 60),
    ) {
        let format = complete(&text, number);
        let (mut here, mut end) = (sender(&format), tunnel(&format));
        let _ = open(&mut end, &noise);
        let _ = decode(&format, &all_keys(&format), &mut noise.clone());
        if let Some(mut datagram) = seal(&mut here, &packet) {
            for (place, byte) in places {
                let place = place.index(datagram.len());
                datagram[place] = byte;
            }
            let _ = open(&mut end, &datagram);
            let _ = decode(&format, &all_keys(&format), &mut datagram);
        }
        let counters = end.counters();
        prop_assert!(counters.r#in.packets + counters.r#in.dropped() >= 1);
    }
}

#[test]
fn built_in_formats_too() {
    let mut runner = TestRunner::deterministic();
    let mut tried = 0;
    for (name, text) in BUILT_IN {
        let format = Format::built_in(name).unwrap();
        if format.decode_only.is_some() {
            continue;
        }
        let kind = format.packet.first().copied().unwrap();
        for _ in 0..5 {
            let (number, packets) =
                (any::<u64>(), packets(kind)).new_tree(&mut runner).unwrap().current();
            check(&complete(text, number), &packets).unwrap();
        }
        tried += 1;
    }
    assert_eq!(tried, 15);
}

/// Given values that look like others.
#[test]
fn given_values_are_compared() {
    let format = Format::built_in("vxlan").unwrap();
    let with = |set: &str, expect: Option<&str>| {
        let expect: Vec<(&str, &str)> = expect.iter().map(|value| ("vni", *value)).collect();
        tunnel(&format.with(&[("vxlan.vni", set)], &expect).unwrap())
    };
    let frame = [0; 60];
    let datagram = seal(&mut with("42", None), &frame).unwrap();
    assert_eq!(open(&mut with("42", None), &datagram).unwrap(), frame);
    assert_eq!(open(&mut with("43", None), &datagram), Err("value"));
    assert_eq!(open(&mut with("43", Some("42")), &datagram).unwrap(), frame);
    assert_eq!(Literal::Number(42).to_string(), "42");
}
