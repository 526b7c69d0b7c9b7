//! The fast way and the walk answer alike.

use super::*;
use crate::format::KeySource;
use proptest::prelude::*;

#[path = "../../../tests/support/descriptions.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with other tests")]
mod descriptions;

/// Keys and all for one end, whatever the cipher.
fn compile(format: &Format, packet: PacketKind, end: End) -> Option<Codec> {
    let cipher = format.cipher.as_ref();
    let bytes = cipher.and_then(|cipher| cipher.algorithm.key_bytes()).unwrap_or(3);
    let derived = cipher.is_some_and(|cipher| cipher.keys == KeySource::Derived);
    let (mut key, mut receive_key) = (vec![1; if derived { 32 } else { bytes }], vec![2; bytes]);
    let one_key = derived || !cipher.is_some_and(|cipher| cipher.algorithm.is_aead());
    if end == End::B && !one_key {
        std::mem::swap(&mut key, &mut receive_key);
    }
    let secrets = Secrets {
        key: &key,
        receive_key: &receive_key,
        end: Some(end),
        now_us: 1_790_000_000_000_000,
        seed: [0; 32],
    };
    Codec::compile(format, packet, secrets).ok()
}

/// Both ends of a runnable description, with 1 for all that must be given.
fn codecs(text: &str) -> Option<(Codec, Codec)> {
    let mut format = Format::read("made-up.toml", text).format?;
    let packet = format.packet.first().copied()?;
    while let Some(problem) = format.run_problems(packet).first() {
        let name = problem.message.split('"').nth(1)?.to_owned();
        let size =
            format.field_place(&name).and_then(|place| format.fixed_bits(&format.fields[place]));
        let bytes = format!("0x{}", "01".repeat(size.unwrap_or(8) / 8));
        let given = ["1", &bytes, "192.0.2.1", "2001:db8::1", "02:00:00:00:00:01"]
            .into_iter()
            .find_map(|value| format.with(&[(&name, value)], &[]).ok());
        format = given?;
    }
    Some((compile(&format, packet, End::A)?, compile(&format, packet, End::B)?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The walk is the definition; the way past it must answer the same, or leave it to the
    /// walk with the datagram as it came.
    #[test]
    fn the_fast_way_answers_as_the_walk_does(
        text in descriptions::runnable_description(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in 0usize..6,
    ) {
        let (mut here, mut codec) = codecs(&text).unwrap();
        let head = codec.head_bytes();
        let mut buffer = vec![0; head + 40 + codec.overhead()];
        let ip = codec.packet_kind() == PacketKind::Ip;
        if ip {
            buffer[head..head + 4].copy_from_slice(&[0x45, 0, 0, 40]);
        }
        let inside = if ip { Inside::Ipv4 } else { Inside::Ethernet };
        let sealed = here.seal(&mut buffer, head..head + 40, inside);
        prop_assume!(sealed.is_ok());
        let mut datagram = buffer[sealed.unwrap()].to_vec();
        for (place, byte) in changes {
            let place = place.index(datagram.len());
            datagram[place] = byte;
        }
        datagram.truncate(datagram.len() - cut.saturating_sub(3));

        let (mut fast, mut walked) = (datagram.clone(), datagram.clone());
        let by_walk = codec.clone().open_by_walk(&mut walked);
        let mut whole = datagram.clone();
        let opened = codec.clone().open(&mut whole);
        prop_assert_eq!(&opened, &by_walk, "{}", text);
        if let Ok(opened) = opened {
            prop_assert_eq!(&whole[opened.packet.clone()], &walked[opened.packet]);
        }
        if let Some(opened) = codec.open_as_expected(&mut fast) {
            prop_assert_eq!(&opened, &by_walk, "{}", text);
            if let Ok(opened) = opened {
                prop_assert_eq!(&fast[opened.packet.clone()], &walked[opened.packet]);
            }
        } else {
            prop_assert_eq!(fast, datagram);
        }
    }
}

#[test]
fn what_is_sent_is_opened_without_a_walk() {
    let plain = ["crapvpn", "crapvpn-ethernet", "bare-ip", "vde-stream", "gre-udp", "vxlan"];
    for name in plain.into_iter().chain(["crapvpn-aead", "crapvpn-aead-ethernet", "esp-udp"]) {
        let format = Format::built_in(name).unwrap();
        let set: &[_] = match name {
            "vxlan" => &[("vni", "7")],
            "esp-udp" => &[("spi", "7"), ("salt", "0x01020304")],
            _ => &[],
        };
        let format = format.with(set, &[]).unwrap();
        let packet = format.packet[0];
        let mut here = compile(&format, packet, End::A).unwrap();
        let mut codec = compile(&format, packet, End::B).unwrap();
        let head = codec.head_bytes();
        let mut buffer = vec![0; head + 40 + codec.overhead()];
        buffer[head..head + 4].copy_from_slice(&[0x45, 0, 0, 40]);
        let inside = inside(packet, &buffer[head..head + 40]).unwrap();
        let datagram = here.seal(&mut buffer, head..head + 40, inside).unwrap();
        assert!(codec.open_as_expected(&mut buffer[datagram]).unwrap().is_ok(), "{name}");
    }
}

/// What a codec makes of the smallest packet.
fn seal_one(codec: &mut Codec) -> Result<Vec<u8>, Drop> {
    let head = codec.head_bytes();
    let mut buffer = vec![0; head + 20 + codec.overhead()];
    buffer[head..head + 4].copy_from_slice(&[0x45, 0, 0, 20]);
    let datagram = codec.seal(&mut buffer, head..head + 20, Inside::Ipv4)?;
    Ok(buffer[datagram].to_vec())
}

#[test]
fn a_counter_in_a_nonce_never_wraps_and_others_do() {
    let format = Format::built_in("esp-udp").unwrap();
    let format = format.with(&[("spi", "7"), ("salt", "0"), ("sequence", "0xffffffff")], &[]);
    assert!(format.is_err(), "a salt of one byte");
    let given = [("spi", "7"), ("salt", "0x01020304"), ("sequence", "0xffffffff")];
    let format = Format::built_in("esp-udp").unwrap().with(&given, &[]).unwrap();
    let secrets = Secrets {
        key: &[1; 16],
        receive_key: &[2; 16],
        now_us: u64::MAX - 1,
        ..Secrets::default()
    };
    let mut codec = Codec::compile(&format, PacketKind::Ip, secrets).unwrap();
    let numbers = |datagram: &[u8]| {
        let sequence = u32::from_be_bytes(datagram[4..8].try_into().unwrap());
        (sequence, u64::from_be_bytes(datagram[8..16].try_into().unwrap()))
    };
    assert_eq!(numbers(&seal_one(&mut codec).unwrap()), (u32::MAX, u64::MAX - 1));
    assert_eq!(numbers(&seal_one(&mut codec).unwrap()), (0, u64::MAX));
    for _ in 0..3 {
        let drop = seal_one(&mut codec).unwrap_err();
        assert_eq!(drop.reason, Reason::CounterExhausted);
        assert_eq!(drop.found, Value::Number(u64::MAX));
    }
}

#[test]
fn a_counter_in_a_nonce_cannot_be_set() {
    let format = Format::built_in("crapvpn-aead").unwrap();
    let problems = format.with(&[("counter", "1")], &[]).unwrap_err();
    assert_eq!(problems[0].message, "counter is filled by its role and cannot be set");
    assert!(
        Format::built_in("gtpu")
            .unwrap()
            .with(&[("seq_number", "1"), ("flags.s", "1")], &[])
            .is_ok()
    );
}

/// What was forged takes nothing from the window, and leaves no trace in what is opened later.
#[test]
fn what_is_forged_teaches_nothing() {
    let format = Format::built_in("crapvpn-aead").unwrap();
    let mut here = compile(&format, PacketKind::Ip, End::A).unwrap();
    let mut there = compile(&format, PacketKind::Ip, End::B).unwrap();
    let datagrams: Vec<Vec<u8>> = (0..3).map(|_| seal_one(&mut here).unwrap()).collect();
    // A counter far ahead would move the window on.
    let mut forged = datagrams[0].clone();
    forged[10..18].fill(0xff);
    assert_eq!(there.open(&mut forged).unwrap_err().reason, Reason::NotAuthentic);
    for datagram in &datagrams {
        assert!(there.open(&mut datagram.clone()).is_ok());
        assert_eq!(there.open(&mut datagram.clone()).unwrap_err().reason, Reason::Replay);
    }
    assert!(there.is_own(&mut seal_one(&mut there.clone()).unwrap()));
    assert!(!there.is_own(&mut datagrams[0].clone()));
}

#[test]
fn nothing_prints_a_key() {
    for name in ["crapvpn", "crapvpn-aead"] {
        let format = Format::built_in(name).unwrap();
        let codec = compile(&format, PacketKind::Ip, End::A).unwrap();
        let text = format!("{codec:?}");
        assert!(text.contains("key hidden"), "{text}");
        assert!(!text.contains("1, 1, 1"), "{text}");
    }
}
