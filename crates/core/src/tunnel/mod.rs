//! The tunnel without sockets: packets and datagrams in, datagrams and packets out, drops counted.
//!
//! [`Tunnel::encapsulate`] and [`Tunnel::decapsulate`] work in place on the caller's buffer and
//! answer where the result lies, or with a [`Drop`]. After a drop, [`Tunnel::poll_event`] tells
//! what a person should hear about. What the system refuses later, the caller reports by
//! [`Tunnel::lose`], so that the counters add up: every packet and datagram that came in either
//! went out or is counted under one reason.

mod bulk;
mod counters;
pub mod recording;

pub use counters::{Counters, Direction, Flow};

use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::format::{Codec, Format, PacketKind, RunProblem, Secrets};
use crate::packet::{Ethernet, Inside, Ip, ipv4, ipv6};
use std::net::SocketAddr;
use std::ops::Range;

/// The longest UDP payload over IPv4: 65,535 − 20 − 8.
pub const MAX_DATAGRAM_BYTES: usize = 65_507;

/// Datagrams in a row that decipher to no packet before the key is suspected; then each time they
/// have become eight times as many.
const WRONG_KEY_AFTER: u64 = 8;

/// What a tunnel is given at its start.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The key of the format's cipher; formats without one ignore it.
    pub key: Vec<u8>,
    /// Where datagrams go, so that a packet that is one of them can be told (a routing loop).
    pub peer: Option<SocketAddr>,
    /// The longest datagram that the carrier moves; 0 stands for [`MAX_DATAGRAM_BYTES`].
    pub max_datagram_bytes: usize,
    /// The kind of packet that the device has, if not the format's first.
    pub packet: Option<PacketKind>,
    /// What random fields are made from: fresh, 32 bytes nobody can guess. Formats without a random
    /// field ignore it.
    pub seed: [u8; 32],
}

/// What a person should hear about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// So many datagrams in a row decipher to no packet: the key is probably not the peer's.
    WrongKey {
        /// How many.
        datagrams: u64,
    },
}

/// One end of a tunnel.
#[derive(Debug, Clone)]
pub struct Tunnel {
    codec: Codec,
    /// Whether a key is needed to read what comes.
    enciphers: bool,
    field_names: Vec<String>,
    peer: Option<SocketAddr>,
    max_packet_bytes: usize,
    counters: Counters,
    last_drop: Option<Drop>,
    /// Datagrams in a row that deciphered to no packet.
    garbage: u64,
    /// How many of them are told next.
    suspect_at: u64,
    event: Option<Event>,
}

impl Tunnel {
    /// Opens a tunnel that speaks `format`.
    ///
    /// # Errors
    /// Everything that keeps the format from running, such as a field that must be given, or a key
    /// that is missing.
    pub fn new(format: &Format, config: &Config) -> Result<Self, Vec<RunProblem>> {
        let packet = config.packet.or(format.packet.first().copied()).unwrap_or(PacketKind::Ip);
        let secrets = Secrets { key: &config.key, seed: config.seed };
        let codec = Codec::compile(format, packet, secrets)?;
        let max_datagram_bytes = match config.max_datagram_bytes {
            0 => MAX_DATAGRAM_BYTES,
            most => most,
        };
        let max_packet_bytes =
            codec.max_packet_bytes().min(max_datagram_bytes.saturating_sub(codec.overhead()));
        Ok(Self {
            codec,
            enciphers: format.cipher.is_some(),
            field_names: format.filter_names(),
            peer: config.peer.map(unmapped),
            max_packet_bytes,
            counters: Counters::default(),
            last_drop: None,
            garbage: 0,
            suspect_at: WRONG_KEY_AFTER,
            event: None,
        })
    }

    /// Bytes that must be free before a packet that is to be encapsulated.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        self.codec.head_bytes()
    }

    /// The most bytes that a datagram has more than its packet. As many as are not
    /// [`head_bytes`](Self::head_bytes) must be free behind a packet that is to be encapsulated.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.codec.overhead()
    }

    /// The most bytes that a packet may have: so that its datagram is not too long for the carrier,
    /// and every length of the format can count it.
    #[must_use]
    pub fn max_packet_bytes(&self) -> usize {
        self.max_packet_bytes
    }

    /// Makes a datagram of the packet at `packet` in `buffer`, in place, and tells where it lies.
    ///
    /// # Errors
    /// The [`Drop`], already counted: `empty`, `too_long`, `not_a_packet`, `routing_loop`,
    /// `unknown_next`, `length`.
    pub fn encapsulate(
        &mut self,
        buffer: &mut [u8],
        packet: Range<usize>,
    ) -> Result<Range<usize>, Drop> {
        let length = packet.len();
        let sealed = self.seal(buffer, packet);
        self.count(Direction::Out, length, sealed)
    }

    /// Takes the packet out of the datagram at `datagram` in `buffer`.
    ///
    /// # Errors
    /// The [`Drop`], already counted.
    pub fn decapsulate(
        &mut self,
        buffer: &mut [u8],
        datagram: Range<usize>,
    ) -> Result<Range<usize>, Drop> {
        let opened = self.open(buffer, datagram);
        match &opened {
            Ok(_) => {
                self.garbage = 0;
                self.suspect_at = WRONG_KEY_AFTER;
            }
            Err(Drop { reason: Reason::NotAPacket, .. }) if self.enciphers => {
                self.garbage += 1;
                if self.garbage == self.suspect_at {
                    self.suspect_at = self.suspect_at.saturating_mul(8);
                    self.event = Some(Event::WrongKey { datagrams: self.garbage });
                }
            }
            Err(_) => {}
        }
        let length = opened.as_ref().map_or(0, Range::len);
        self.count(Direction::In, length, opened)
    }

    /// Counts a packet of `length` bytes, that was encapsulated or decapsulated, as dropped after
    /// all: the carrier or the device did not take it.
    pub fn lose(&mut self, direction: Direction, reason: Reason, length: usize) {
        let flow = self.counters.flow_mut(direction);
        flow.packets = flow.packets.saturating_sub(1);
        flow.bytes = flow.bytes.saturating_sub(length as u64);
        self.refuse(direction, Drop::whole(reason, Layer::System, 0, length));
    }

    /// Counts a datagram that was refused before it came here.
    pub fn refuse(&mut self, direction: Direction, drop: Drop) {
        self.counters.flow_mut(direction).drop(drop.reason);
        self.last_drop = Some(drop);
    }

    /// What a person should hear about, once.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// What went through and what was dropped, since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The last drop, for a report of it.
    #[must_use]
    pub fn last_drop(&self) -> Option<Drop> {
        self.last_drop
    }

    /// What filters call the field that a drop names; empty for the whole.
    #[must_use]
    pub fn field_name(&self, field: drop::Field) -> &str {
        field.name(&self.field_names)
    }

    fn seal(&mut self, buffer: &mut [u8], packet: Range<usize>) -> Result<Range<usize>, Drop> {
        let outside = || Drop::whole(Reason::TooLong, Layer::Packet, buffer.len(), packet.end);
        let bytes = buffer.get(packet.clone()).ok_or_else(outside)?;
        if bytes.is_empty() {
            return Err(Drop::whole(Reason::Empty, Layer::Packet, 1, 0));
        }
        if bytes.len() > self.max_packet_bytes {
            let (most, length) = (self.max_packet_bytes, bytes.len());
            return Err(Drop::whole(Reason::TooLong, Layer::Packet, most, length));
        }
        let (inside, ip) = self.look_inside(bytes)?;
        if let Some(ip) = ip {
            self.refuse_loop(&ip)?;
        }
        self.codec.seal(buffer, packet, inside)
    }

    /// What a packet of the device is, and the IP packet in it.
    fn look_inside<'p>(&self, packet: &'p [u8]) -> Result<(Inside, Option<Ip<'p>>), Drop> {
        let wrong = |error| Drop::not_a_packet(error, 0);
        match self.codec.packet_kind() {
            PacketKind::Ip => {
                let ip = Ip::parse(packet).map_err(wrong)?;
                Ok((ip.inside(), Some(ip)))
            }
            PacketKind::Ethernet => {
                let frame = Ethernet::parse(packet).map_err(wrong)?;
                Ok((Inside::Ethernet, ip_of_frame(&frame)))
            }
        }
    }

    /// Refuses a packet that is a datagram to our own peer: routed back, it would be wrapped for
    /// ever.
    fn refuse_loop(&self, ip: &Ip<'_>) -> Result<(), Drop> {
        let Some(peer) = self.peer else { return Ok(()) };
        if ip.destination() != peer.ip() {
            return Ok(());
        }
        match ip.udp() {
            Some(udp) if udp.destination_port() == peer.port() => Err(Drop {
                expected: Value::Nothing,
                found: Value::Nothing,
                ..Drop::whole(Reason::RoutingLoop, Layer::Packet, 0, 0)
            }),
            _ => Ok(()),
        }
    }

    fn open(&mut self, buffer: &mut [u8], datagram: Range<usize>) -> Result<Range<usize>, Drop> {
        let room = buffer.len();
        let outside = || Drop::whole(Reason::TooLong, Layer::Header, room, datagram.end);
        let opened = self.codec.open(buffer.get_mut(datagram.clone()).ok_or_else(outside)?)?;
        if opened.next_differs {
            self.counters.next_differs += 1;
        }
        Ok(datagram.start + opened.packet.start..datagram.start + opened.packet.end)
    }

    fn count(
        &mut self,
        direction: Direction,
        length: usize,
        result: Result<Range<usize>, Drop>,
    ) -> Result<Range<usize>, Drop> {
        match &result {
            Ok(_) => {
                let flow = self.counters.flow_mut(direction);
                flow.packets += 1;
                flow.bytes += length as u64;
            }
            Err(drop) => self.refuse(direction, *drop),
        }
        result
    }
}

/// The IP packet in a frame, without the bytes with which Ethernet fills short frames up.
fn ip_of_frame<'a>(frame: &Ethernet<'a>) -> Option<Ip<'a>> {
    let (ethertype, payload) = frame.payload();
    let stated = match ethertype {
        ipv4::ETHERTYPE => ipv4::Ipv4::stated_bytes(payload),
        ipv6::ETHERTYPE => ipv6::Ipv6::stated_bytes(payload),
        _ => None,
    };
    Ip::parse(payload.get(..stated?)?).ok()
}

/// An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) becomes IPv4 again, since packets hold it
/// so.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use proptest::prelude::*;

    const HEADER: usize = 8;

    fn tunnel() -> Tunnel {
        with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Config)) -> Tunnel {
        let mut config = Config { key: vec![0x12, 0x34, 0xab, 0xcd], ..Config::default() };
        change(&mut config);
        Tunnel::new(&Format::built_in("crapvpn").unwrap(), &config).unwrap()
    }

    /// An IPv4 packet of UDP to 192.0.2.7:1337, with room for a header before it.
    fn ipv4(length: u16) -> Vec<u8> {
        let mut buffer = vec![0; HEADER + usize::from(length)];
        buffer[8] = 0x45;
        buffer[10..12].copy_from_slice(&length.to_be_bytes());
        buffer[17] = 17;
        buffer[24..28].copy_from_slice(&[192, 0, 2, 7]);
        if length >= 28 {
            buffer[30..32].copy_from_slice(&1337u16.to_be_bytes());
        }
        buffer
    }

    #[test]
    fn there_and_back() {
        let (mut here, mut there) = (tunnel(), tunnel());
        let mut buffer = ipv4(100);
        let sent = buffer.clone();
        let datagram = here.encapsulate(&mut buffer, 8..108).unwrap();
        assert_eq!(datagram, 0..108);
        assert_ne!(buffer[8..], sent[8..]);
        assert_eq!(there.decapsulate(&mut buffer, datagram).unwrap(), 8..108);
        assert_eq!(buffer[8..], sent[8..]);
        assert_eq!((here.counters().out.packets, here.counters().out.bytes), (1, 100));
        assert_eq!((there.counters().r#in.packets, there.counters().r#in.bytes), (1, 100));
    }

    #[test]
    fn packets_that_cannot_go_are_dropped_and_counted() {
        let mut tunnel = tunnel();
        let reason = |tunnel: &mut Tunnel, buffer: &mut [u8], range| {
            tunnel.encapsulate(buffer, range).unwrap_err().reason
        };
        assert_eq!(reason(&mut tunnel, &mut ipv4(20), 8..8), Reason::Empty);
        assert_eq!(reason(&mut tunnel, &mut ipv4(20), 8..27), Reason::NotAPacket);
        assert_eq!(reason(&mut tunnel, &mut ipv4(65_500), 8..65_508), Reason::TooLong);
        assert_eq!(reason(&mut tunnel, &mut ipv4(20), 8..29), Reason::TooLong, "past the buffer");
        assert_eq!(reason(&mut tunnel, &mut ipv4(20)[1..], 7..27), Reason::TooLong, "no headroom");
        assert!(tunnel.encapsulate(&mut ipv4(65_499), 8..65_507).is_ok());
        let out = &tunnel.counters().out;
        assert_eq!((out.packets, out.drops(Reason::TooLong), out.dropped()), (1, 3, 5));
    }

    #[test]
    fn a_carrier_can_be_narrower() {
        let mut tunnel = with(|config| config.max_datagram_bytes = 108);
        assert!(tunnel.encapsulate(&mut ipv4(100), 8..108).is_ok());
        let drop = tunnel.encapsulate(&mut ipv4(101), 8..109).unwrap_err();
        assert_eq!((drop.reason, drop.expected), (Reason::TooLong, Value::Number(100)));
    }

    #[test]
    fn a_datagram_routed_back_into_the_tunnel_is_refused() {
        for peer in ["192.0.2.7:1337", "[::ffff:192.0.2.7]:1337"] {
            let mut tunnel = with(|config| config.peer = Some(peer.parse().unwrap()));
            let drop = tunnel.encapsulate(&mut ipv4(100), 8..108).unwrap_err();
            assert_eq!(drop.reason, Reason::RoutingLoop);
        }
        for peer in ["192.0.2.7:1338", "192.0.2.8:1337"] {
            let mut tunnel = with(|config| config.peer = Some(peer.parse().unwrap()));
            assert!(tunnel.encapsulate(&mut ipv4(100), 8..108).is_ok(), "{peer}");
        }
    }

    #[test]
    fn a_wrong_key_is_suspected_after_some_in_a_row() {
        let mut here = with(|config| config.key = vec![0xff]);
        let mut there = tunnel();
        let mut told = Vec::new();
        for _ in 0..600 {
            let mut buffer = ipv4(100);
            let datagram = here.encapsulate(&mut buffer, 8..108).unwrap();
            assert!(there.decapsulate(&mut buffer, datagram).is_err());
            told.extend(there.poll_event());
        }
        let wrong = |datagrams| Event::WrongKey { datagrams };
        assert_eq!(told, [wrong(8), wrong(64), wrong(512)]);
        assert_eq!(there.counters().r#in.drops(Reason::NotAPacket), 600);
    }

    #[test]
    fn a_good_datagram_ends_the_suspicion() {
        let (mut bad, mut good, mut there) = (with(|c| c.key = vec![0xff]), tunnel(), tunnel());
        for round in 0..40 {
            let mut buffer = ipv4(100);
            let sender = if round % 5 == 4 { &mut good } else { &mut bad };
            let datagram = sender.encapsulate(&mut buffer, 8..108).unwrap();
            let _ = there.decapsulate(&mut buffer, datagram);
            assert_eq!(there.poll_event(), None);
        }
    }

    #[test]
    fn what_the_system_refuses_is_no_longer_counted_as_gone() {
        let mut tunnel = tunnel();
        tunnel.encapsulate(&mut ipv4(100), 8..108).unwrap();
        tunnel.encapsulate(&mut ipv4(50), 8..58).unwrap();
        tunnel.lose(Direction::Out, Reason::NoBuffers, 100);
        let out = &tunnel.counters().out;
        assert_eq!((out.packets, out.bytes, out.drops(Reason::NoBuffers)), (1, 50, 1));
    }

    #[test]
    fn a_drop_names_its_field() {
        let mut tunnel = tunnel();
        let mut datagram = *b"crab\0\0\0\0";
        let drop = tunnel.decapsulate(&mut datagram, 0..8).unwrap_err();
        assert_eq!(tunnel.field_name(drop.field), "crapvpn.magic");
        assert_eq!(tunnel.last_drop(), Some(drop));
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_counted_once_and_never_panics(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            ours in any::<bool>(),
            start in 0usize..250,
            end in 0usize..250,
        ) {
            if ours && bytes.len() >= 8 {
                let length = u16::try_from(bytes.len() - 8).unwrap();
                bytes[..4].copy_from_slice(b"crap");
                bytes[4..6].copy_from_slice(&length.to_be_bytes());
            }
            let mut tunnel = tunnel();
            let whole = 0..bytes.len();
            let _ = tunnel.decapsulate(&mut bytes.clone(), whole);
            let _ = tunnel.decapsulate(&mut bytes.clone(), start..end);
            let _ = tunnel.encapsulate(&mut bytes, start..end);
            let counters = tunnel.counters();
            prop_assert_eq!(counters.r#in.packets + counters.r#in.dropped(), 2);
            prop_assert_eq!(counters.out.packets + counters.out.dropped(), 1);
        }

        #[test]
        fn every_truncation_is_a_drop(cut in 0usize..108) {
            let (mut here, mut there) = (tunnel(), tunnel());
            let mut buffer = ipv4(100);
            here.encapsulate(&mut buffer, 8..108).unwrap();
            prop_assert!(there.decapsulate(&mut buffer, 0..cut).is_err());
        }
    }
}
