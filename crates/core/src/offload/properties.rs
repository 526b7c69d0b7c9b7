//! Properties of splitting and merging: the same packets come out that went in, and what is counted
//! is what a plain tunnel counts.

use super::Batch;
use super::head::Link;
use super::testing::{
    Foreign, Packet, TCP_ACK, Tcp, batch, config, datagrams, format, grouped, plain_read, writes,
};
use super::virtio::{HEADER_BYTES, Header};
use super::wrap::Wrap;
use crate::packet::Ip;
use crate::tunnel::{Flow, Tunnel};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn tunnel(key: &[u8]) -> Tunnel {
    Tunnel::new(&format(key), &config(key)).unwrap()
}

/// The packets in datagrams, as a plain tunnel finds them.
fn opened(tunnel: &mut Tunnel, datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let open = |datagram: &Vec<u8>| {
        let mut buffer = datagram.clone();
        let place = tunnel.decapsulate(&mut buffer, 0..datagram.len()).ok()?;
        Some(buffer[place].to_vec())
    };
    datagrams.iter().filter_map(open).collect()
}

/// The datagrams of packets, as a plain tunnel makes them.
fn sealed(tunnel: &mut Tunnel, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let room = tunnel.overhead();
    let seal = |packet: &Vec<u8>| {
        let mut buffer = [&vec![0; room][..], packet].concat();
        let place = tunnel.encapsulate(&mut buffer, room..room + packet.len()).ok()?;
        Some(buffer[place].to_vec())
    };
    packets.iter().filter_map(seal).collect()
}

/// A datagram, whatever is in it: a tunnel would not send what is no packet.
fn wrapped(key: &[u8], packet: &[u8]) -> Vec<u8> {
    let mut datagram = b"crap".to_vec();
    datagram.extend(u16::try_from(packet.len()).unwrap().to_be_bytes());
    datagram.extend([0, 0]);
    let cipher = |(i, byte): (usize, &u8)| byte ^ key.get(i % key.len().max(1)).unwrap_or(&0);
    datagram.extend(packet.iter().enumerate().map(cipher));
    datagram
}

/// What writes stand for: super-packets split again.
fn split_again(link: Link, written: &[(Header, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut again = Batch::new(Foreign::new(link, true), true, 1);
    let mut there = Foreign::new(link, true);
    let mut packets = Vec::new();
    for (header, packet) in written {
        let mut read = vec![0; HEADER_BYTES];
        header.write(&mut read);
        read.extend(packet);
        for mut datagram in datagrams(&mut again, &read) {
            let whole = 0..datagram.len();
            let place = there.open(&mut datagram, whole).unwrap();
            packets.push(datagram[place].to_vec());
        }
    }
    packets
}

/// The flow of a packet: addresses, then protocol and ports if there are any.
fn flow_of(packet: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    match Ip::parse(packet) {
        Ok(Ip::V4(ip)) => {
            let is_whole = [packet[6] & 0x3f, packet[7]] == [0, 0];
            let ports = ip.payload().get(..4).filter(|_| is_whole && [6, 17].contains(&packet[9]));
            let ports = ports.map(|ports| [&[packet[9]], ports].concat());
            (packet[12..20].to_vec(), ports)
        }
        Ok(Ip::V6(ip)) => {
            let ports = ip.payload().get(..4).filter(|_| [6, 17].contains(&packet[6]));
            (packet[8..40].to_vec(), ports.map(|ports| [&[packet[6]], ports].concat()))
        }
        Err(_) => (Vec::new(), None),
    }
}

/// Asserts that the same packets came out, and in each flow in the same order, among packets between
/// the same addresses that are of no flow.
fn assert_same_flows(sent: &[Vec<u8>], got: &[Vec<u8>]) {
    for packet in sent {
        let (addresses, ports) = flow_of(packet);
        let belongs = |packet: &&Vec<u8>| {
            let (theirs, their_ports) = flow_of(packet);
            theirs == addresses && (their_ports.is_none() || their_ports == ports)
        };
        let of_flow = |packets: &[Vec<u8>]| -> Vec<Vec<u8>> {
            packets.iter().filter(belongs).cloned().collect()
        };
        assert_eq!(of_flow(sent), of_flow(got));
    }
    assert_eq!(sent.len(), got.len());
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![]), vec(any::<u8>(), 1..40)]
}

fn payload(length: impl Strategy<Value = usize>) -> impl Strategy<Value = Vec<u8>> {
    (length, any::<u8>()).prop_map(|(length, seed)| {
        (0..length).map(|i| (i * 31 + i / 256).to_le_bytes()[0].wrapping_add(seed)).collect()
    })
}

fn tcp() -> impl Strategy<Value = Option<Tcp>> {
    let some = (any::<u32>(), any::<u8>(), any::<u16>(), 0usize..11).prop_map(
        |(sequence, flags, window, options)| {
            Some(Tcp { sequence, ack: 5, flags, window, options: vec![1; options * 4] })
        },
    );
    prop_oneof![Just(None), some]
}

prop_compose! {
    /// Any packet that a device could give as a super-packet.
    fn super_packets()(
        (tags, is_ipv6, extension) in (select(vec![None, Some(0), Some(2)]), any::<bool>(),
            select(vec![None, None, Some(60)])),
        (id, tos, ttl) in (any::<u16>(), any::<u8>(), any::<u8>()),
        options in 0usize..4,
        tcp in tcp(),
        payload in payload(0usize..9000),
    ) -> Packet {
        let extension = extension.filter(|_| is_ipv6);
        let ip_options = vec![1; options * 4];
        Packet { tags, is_ipv6, tos, ttl, id, ip_options, extension, tcp, ..Packet::udp(&payload) }
    }
}

/// One step of a peer: what it changes of its flow before it sends.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The next packet of the flow.
    Next,
    Flags(u8),
    Size(usize),
    Gap,
    Tos,
    Ttl,
    Id,
    Ack,
    Options,
    Fragment,
    IpOptions,
    NoChecksum,
    /// A bit of the packet turns over, at this place from its end.
    Flip(usize),
    Icmp,
    Extension,
    NotAPacket,
    /// The header names the packet's kind where others write zero.
    HeaderDiffers,
    /// The header has the length of a longer packet.
    HeaderLies,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        20 => Just(Step::Next),
        2 => select(vec![0x18, 0x11, 0x02, 0x90, 0x50, 0x30, 0x04]).prop_map(Step::Flags),
        2 => select(vec![0usize, 1, 50, 99, 100, 101]).prop_map(Step::Size),
        3 => (0usize..150).prop_map(Step::Flip),
        1 => select(vec![
            Step::Gap, Step::Tos, Step::Ttl, Step::Id, Step::Ack, Step::Options, Step::Fragment,
            Step::IpOptions, Step::NoChecksum, Step::Icmp, Step::Extension, Step::NotAPacket,
            Step::HeaderDiffers, Step::HeaderLies,
        ]),
    ];
    vec((0usize..6, step), 1..120)
}

/// The datagrams of some flows, in which all happens that can.
fn traffic(key: &[u8], steps: &[(usize, Step)]) -> Vec<Vec<u8>> {
    let flow = |number: usize| Packet {
        is_ipv6: number % 2 == 1,
        source_port: 1000 + u16::try_from(number / 2).unwrap(),
        tcp: (number < 4).then(|| Packet::tcp(0, TCP_ACK, &[]).tcp.unwrap()),
        payload: vec![3; 100],
        ..Packet::udp(&[])
    };
    let mut flows: Vec<Packet> = (0..6).map(flow).collect();
    let mut sent = Vec::new();
    for (number, step) in steps {
        let lasting = &mut flows[*number];
        match (step, &mut lasting.tcp) {
            (Step::Gap, Some(tcp)) => tcp.sequence += 7,
            (Step::Tos, _) => lasting.tos ^= 2,
            (Step::Ttl, _) => lasting.ttl -= 1,
            (Step::Id, _) => lasting.id = 99,
            (Step::Ack, Some(tcp)) => tcp.ack += 1,
            (Step::Options, Some(tcp)) => tcp.options.resize(12 - tcp.options.len(), 1),
            _ => {}
        }
        let mut packet = lasting.clone();
        match (step, &mut packet.tcp) {
            (Step::Flags(flags), Some(tcp)) => tcp.flags = *flags,
            (Step::HeaderLies, _) => packet.payload.truncate(50),
            (Step::Size(size), _) => packet.payload.resize(*size, 9),
            (Step::Fragment, _) => packet.fragment = 0x2000,
            (Step::IpOptions, _) if !packet.is_ipv6 => packet.ip_options = vec![1; 4],
            (Step::Extension, _) if packet.is_ipv6 => packet.extension = Some(60),
            _ => {}
        }
        let mut bytes = packet.build();
        match step {
            Step::Flip(place) => {
                let last = bytes.len() - 1;
                bytes[last - place % last] ^= 1 << (place % 8);
            }
            Step::NoChecksum => {
                let at = packet.transport() + if packet.tcp.is_some() { 16 } else { 6 };
                bytes[at..at + 2].fill(0);
            }
            Step::Icmp => bytes[if packet.is_ipv6 { 6 } else { 9 }] = 1,
            Step::NotAPacket => bytes[0] = 0,
            _ => {}
        }
        let lasting = &mut flows[*number];
        lasting.id = lasting.id.wrapping_add(1);
        if let Some(tcp) = &mut lasting.tcp {
            tcp.sequence += u32::try_from(packet.payload.len()).unwrap();
        }
        let mut datagram = wrapped(key, &bytes);
        match step {
            Step::HeaderDiffers => datagram[6..8].copy_from_slice(&[0x08, 0x00]),
            Step::HeaderLies => {
                let length = u16::try_from(bytes.len() + 50).unwrap();
                datagram[4..6].copy_from_slice(&length.to_be_bytes());
            }
            _ => {}
        }
        sent.push(datagram);
    }
    sent
}

fn assert_counts(got: &Flow, expected: &Flow) {
    assert_eq!(got, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn splitting_is_what_it_is_defined_as(
        packet in super_packets(),
        size in 1usize..3000,
        key in keys(),
    ) {
        let size = size.max(packet.payload.len().div_ceil(super::segments::MAX_SEGMENTS));
        let expected = packet.split(size);
        let read = packet.build_super(size);
        let link = if packet.tags.is_some() { Link::Ethernet } else { Link::Ip };
        for is_fused in [true, false] {
            let mut here = Batch::new(Foreign::new(link, is_fused), true, 1);
            let mut there = Foreign::new(link, is_fused);
            let open = |mut datagram: Vec<u8>| {
                let whole = 0..datagram.len();
                let place = there.open(&mut datagram, whole).unwrap();
                datagram[place].to_vec()
            };
            let got: Vec<_> = datagrams(&mut here, &read).into_iter().map(open).collect();
            prop_assert_eq!(&got, &expected);
        }
        if link == Link::Ip {
            let mut here = batch(&key);
            let mut plain = tunnel(&key);
            prop_assert_eq!(datagrams(&mut here, &read), sealed(&mut plain, &expected));
            assert_counts(&here.wrap().tunnel().counters().out, &plain.counters().out);
        }
    }

    #[test]
    fn a_stream_split_and_merged_is_the_same_stream(
        packet in super_packets(),
        size in 1usize..3000,
        key in keys(),
    ) {
        let mut packet = Packet { tags: None, extension: None, ip_options: vec![], ..packet };
        if let Some(tcp) = &mut packet.tcp {
            tcp.flags = TCP_ACK | tcp.flags & 0x48;
        }
        let size = size.max(packet.payload.len().div_ceil(super::segments::MAX_SEGMENTS));
        let (mut here, mut there) = (batch(&key), batch(&key));
        let sent = datagrams(&mut here, &packet.build_super(size));
        let written = writes(&mut there, &grouped(&sent));
        let bytes = packet.payload.len();
        let most = if packet.tcp.is_some() { 128 } else { 64 };
        prop_assert_eq!(written.len(), bytes.div_ceil(size).div_ceil(most).max(1));
        let payloads: Vec<u8> = split_again(Link::Ip, &written)
            .iter()
            .flat_map(|got| got[got.len().min(packet.split(size)[0].len()
                - packet.payload.len().min(size))..].to_vec())
            .collect();
        prop_assert_eq!(payloads, packet.payload.clone());
        prop_assert_eq!(split_again(Link::Ip, &written), packet.split(size));
    }

    #[test]
    fn merging_gives_back_exactly_what_came(steps in steps(), key in keys(), group in any::<bool>()) {
        let sent = traffic(&key, &steps);
        let mut plain = tunnel(&key);
        let expected = opened(&mut plain, &sent);
        let messages = if group {
            grouped(&sent)
        } else {
            sent.iter().map(|datagram| vec![datagram.clone()]).collect()
        };
        let mut there = batch(&key);
        let written = writes(&mut there, &messages);
        assert_same_flows(&expected, &split_again(Link::Ip, &written));
        let counters = there.wrap().tunnel().counters();
        assert_counts(&counters.r#in, &plain.counters().r#in);
        prop_assert_eq!(counters.next_differs, plain.counters().next_differs);
    }

    #[test]
    fn merging_goes_on_where_there_is_no_one_pass(steps in steps(), is_fused in any::<bool>()) {
        let link = Link::Ip;
        let packets = opened(&mut tunnel(&[]), &traffic(&[], &steps));
        let mut there = Batch::new(Foreign::new(link, is_fused), true, 4);
        let mut here = Batch::new(Foreign::new(link, is_fused), true, 4);
        let sent: Vec<_> =
            packets.iter().flat_map(|packet| datagrams(&mut here, &plain_read(packet))).collect();
        prop_assert_eq!(sent.len(), packets.len());
        let written = writes(&mut there, &grouped(&sent));
        assert_same_flows(&packets, &split_again(link, &written));
        let bytes = packets.iter().map(Vec::len).sum();
        prop_assert_eq!(there.wrap().passed[1], (packets.len(), bytes));
    }

    #[test]
    fn a_write_taken_apart_is_its_packets(steps in steps(), at in any::<prop::sample::Index>()) {
        let key = [7, 9];
        let sent = traffic(&key, &steps);
        let mut there = batch(&key);
        let mut again = batch(&key);
        // One message each, as many as fit at once.
        let sent = &sent[..sent.len().min(4)];
        let messages: Vec<_> = sent.iter().map(|datagram| vec![datagram.clone()]).collect();
        let whole = split_again(Link::Ip, &writes(&mut again, &messages));
        for (number, message) in messages.iter().enumerate() {
            let start = number * super::batch::ROOM_BYTES;
            let bytes = message.concat();
            there.inbox().rooms()[start..start + bytes.len()].copy_from_slice(&bytes);
            there.inbox().table()[number] = super::inbox::Received {
                message: u32::try_from(number).unwrap(),
                bytes: u32::try_from(bytes.len()).unwrap(),
                datagram_bytes: 0,
            };
        }
        there.receive(messages.len());
        let count = there.merge();
        prop_assume!(count > 0);
        let refused = at.index(count);
        let read = |there: &Batch, from: usize, to: usize| -> Vec<(Header, Vec<u8>)> {
            let writes = there.writes();
            let table = writes.table()[from..to].iter();
            let parse = |write| Header::parse(writes.bytes(write)).unwrap();
            table.map(parse).map(|(header, packet)| (header, packet.to_vec())).collect()
        };
        let mut all = read(&there, 0, refused);
        let apart = there.writes().table()[refused].packets as usize;
        let left = there.unmerge(refused);
        prop_assert_eq!(left, count - refused - 1 + apart);
        for (header, _) in read(&there, 0, apart) {
            prop_assert_eq!(header, Header::default());
        }
        all.extend(read(&there, 0, left));
        prop_assert_eq!(split_again(Link::Ip, &all), whole);
    }

    #[test]
    fn whatever_is_read_or_received_is_bounded_and_counted(
        bytes in vec(any::<u8>(), 0..300),
        message in 0u32..6,
        length in 0u32..100_000,
        datagram_bytes in 0u32..200,
    ) {
        super::fuzz::split(&bytes);
        super::fuzz::merge(&bytes);
        let mut there = batch(&[1]);
        let count = bytes.len();
        there.inbox().rooms()[..count].copy_from_slice(&bytes);
        there.inbox().table()[0] =
            super::inbox::Received { message, bytes: length, datagram_bytes };
        there.receive(1);
        while there.merge() > 0 {}
        let flow = there.wrap().tunnel().counters().r#in;
        let lies = message >= 4 || length as usize > super::batch::ROOM_BYTES;
        let size = if datagram_bytes == 0 { length } else { datagram_bytes };
        let expected = if lies { 1 } else { length.div_ceil(size.max(1)).max(1) };
        prop_assert_eq!(flow.packets + flow.dropped(), u64::from(expected));
    }
}
