//! A capture of a running tunnel: every datagram as it went by outside, and the packet in it.
//!
//! The datagrams are all that is given: a recording opens each of them once more, with tunnels of its
//! own. So recording changes nothing in the tunnel that is recorded, and costs it no more than a copy
//! of its datagrams.

use super::{Config, Direction, Tunnel};
use crate::capture::{LinkType, Packet, Time, Writer};
use crate::drop::{Drop, Layer, Reason, Value};
use crate::format::{Format, PacketKind, RunProblem};
use crate::packet::{checksum, ipv4, ipv6, udp};
use std::net::{IpAddr, SocketAddr};

/// Hops that are left to a datagram: what most systems send.
const TTL: u8 = 64;
/// "Do not fragment", in the flags of IPv4.
const DONT_FRAGMENT: u16 = 0x4000;
/// The most bytes that a datagram of UDP has, and then some.
pub const ROOM_BYTES: usize = 65_536;
/// Bytes of the file that wait to be taken at most, if they are whenever [`Recording::is_full`].
const FILE_BYTES: usize = 1 << 20;
/// Bytes that one datagram adds to the file at most: itself, the packet in it, a comment, and what
/// goes around them.
const ENTRY_BYTES: usize = 3 * (ROOM_BYTES + 256);
/// Where the headers have their checksums.
const IPV4_CHECKSUM: usize = 10;
const UDP_CHECKSUM: usize = 6;

/// A datagram that went by.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// When.
    pub time: Time,
    /// Where it came from, if not from the peer. Of no meaning on the way out.
    pub source: Option<SocketAddr>,
    /// Why it was refused before anybody looked into it.
    pub refused: Option<Reason>,
    /// The datagram.
    pub bytes: &'a [u8],
}

/// A pcapng file in the making, with two interfaces: `outer` has the datagrams as IP packets, `inner`
/// the packets in them. Why a datagram was dropped stands in its comment.
///
/// All room is made at the start: a tunnel in the same memory can rely on its growing no more.
#[derive(Debug)]
pub struct Recording {
    writer: Writer,
    outer: u32,
    inner: u32,
    incoming: Tunnel,
    outgoing: Tunnel,
    ours: SocketAddr,
    peer: SocketAddr,
    /// The datagram as an IP packet, and the datagram to be opened: kept for their room.
    frame: Vec<u8>,
    opened: Vec<u8>,
    /// Datagrams that were not recorded since the last that was, and all of them.
    lost_since: u64,
    lost: u64,
    recorded: u64,
}

impl Recording {
    /// Begins a recording of a tunnel that speaks `format` with `config`. `application` is the program
    /// that makes it, with its version.
    ///
    /// # Errors
    /// As [`Tunnel::new`].
    pub fn new(
        application: &str,
        format: &Format,
        config: &Config,
        ours: SocketAddr,
        peer: SocketAddr,
    ) -> Result<Self, Vec<RunProblem>> {
        let incoming = Tunnel::new(format, config)?;
        let link = match incoming.codec().packet_kind() {
            PacketKind::Ip => LinkType::RAW,
            PacketKind::Ethernet => LinkType::ETHERNET,
        };
        // What we send, the peer takes for what we expect of ourselves.
        let outgoing = Tunnel::new(&format.taking_what_it_sends(), config)?;
        let mut writer = Writer::new(application);
        writer.reserve(FILE_BYTES);
        let outer = writer.interface("outer", LinkType::RAW);
        let inner = writer.interface("inner", link);
        Ok(Self {
            writer,
            outer,
            inner,
            incoming,
            outgoing,
            ours,
            peer,
            frame: Vec::with_capacity(ROOM_BYTES + ipv6::HEADER_BYTES + udp::HEADER_BYTES),
            opened: Vec::with_capacity(ROOM_BYTES),
            lost_since: 0,
            lost: 0,
            recorded: 0,
        })
    }

    /// Records a datagram, and the packet in it if it was taken.
    pub fn record(&mut self, seen: &Seen<'_>) {
        let (from, to, tunnel) = match seen.direction {
            Direction::Out => (self.ours, self.peer, &mut self.outgoing),
            Direction::In => (seen.source.unwrap_or(self.peer), self.ours, &mut self.incoming),
        };
        self.opened.clear();
        self.opened.extend_from_slice(seen.bytes);
        let opened = match seen.refused {
            Some(reason) => Err(Drop::whole(reason, Layer::System, 0, seen.bytes.len())),
            None => tunnel.decapsulate(&mut self.opened, 0..seen.bytes.len()),
        };
        let comment = match &opened {
            // Of what goes out nothing is dropped any more.
            Err(drop) if seen.direction == Direction::In => Some(told(tunnel, drop)),
            _ => None,
        };
        as_ip(&mut self.frame, from, to, seen.bytes);
        self.writer.packet(&Packet {
            time: Some(seen.time),
            comment: comment.as_deref(),
            lost: self.lost_since,
            ..Packet::new(self.outer, &self.frame)
        });
        self.lost_since = 0;
        self.recorded += 1;
        let packet = opened.ok().and_then(|packet| self.opened.get(packet));
        if let Some(packet) = packet {
            let time = Some(seen.time);
            self.writer.packet(&Packet { time, ..Packet::new(self.inner, packet) });
        }
    }

    /// Counts datagrams that went by and were not recorded.
    pub fn lose(&mut self, datagrams: u64) {
        self.lost_since += datagrams;
        self.lost += datagrams;
    }

    /// Datagrams that were recorded.
    #[must_use]
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Datagrams that were not.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Ends the file with what was recorded and lost in all.
    pub fn finish(&mut self, time: Time) {
        let seen = self.recorded + self.lost;
        self.writer.statistics(self.outer, time, seen, self.lost);
    }

    /// What of the file was made since the last [`clear`](Self::clear).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.writer.bytes()
    }

    /// Whether there is no room for one datagram more: then take [`bytes`](Self::bytes) first.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.writer.bytes().len() + ENTRY_BYTES > FILE_BYTES
    }

    /// Forgets [`bytes`](Self::bytes), and keeps their room.
    pub fn clear(&mut self) {
        self.writer.clear();
    }
}

/// Why a datagram was dropped, in words.
fn told(tunnel: &Tunnel, drop: &Drop) -> String {
    let reason = drop.reason.name();
    if drop.layer == Layer::System || drop.expected == Value::Nothing {
        return format!("dropped: {reason}");
    }
    let field = match tunnel.field_name(drop.field) {
        "" => String::new(),
        name => format!(" ({name})"),
    };
    let Drop { offset, expected, found, .. } = drop;
    format!("dropped: {reason} at byte {offset}{field}: expected {expected}, found {found}")
}

/// Writes a UDP datagram as an IP packet, as it would be without fragments.
fn as_ip(packet: &mut Vec<u8>, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
    let udp_bytes = low_16(udp::HEADER_BYTES + payload.len());
    packet.clear();
    let addresses = if let (IpAddr::V4(source), IpAddr::V4(target)) =
        (from.ip().to_canonical(), to.ip().to_canonical())
    {
        let bytes = low_16(ipv4::MIN_HEADER_BYTES).saturating_add(udp_bytes);
        packet.extend([ipv4::VERSION << 4 | 5, 0]);
        for word in [bytes, 0, DONT_FRAGMENT, u16::from(TTL) << 8 | u16::from(udp::PROTOCOL), 0] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend(source.octets());
        packet.extend(target.octets());
        let sum = checksum::internet(packet);
        set_16(packet, IPV4_CHECKSUM, sum);
        ipv4::MIN_HEADER_BYTES - 8
    } else {
        let octets = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        packet.extend([ipv6::VERSION << 4, 0, 0, 0]);
        packet.extend(udp_bytes.to_be_bytes());
        packet.extend([udp::PROTOCOL, TTL]);
        packet.extend(octets(from.ip()));
        packet.extend(octets(to.ip()));
        ipv6::HEADER_BYTES - 32
    };
    let udp_start = packet.len();
    for word in [from.port(), to.port(), udp_bytes, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend_from_slice(payload);
    // The pseudo-header: the addresses, which stand in front; the length, and the protocol (RFC 768).
    let sum = !checksum::internet(packet.get(addresses..).unwrap_or_default());
    let sum = u32::from(sum) + u32::from(udp_bytes) + u32::from(udp::PROTOCOL);
    let sum = !low_16(((sum & 0xffff) + (sum >> 16)) as usize);
    set_16(packet, udp_start + UDP_CHECKSUM, if sum == 0 { 0xffff } else { sum });
}

fn set_16(bytes: &mut [u8], at: usize, number: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// A length as headers state it. No datagram of UDP is longer than they can tell.
fn low_16(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Reader;

    fn end(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// Number, interface, bytes and comment of each frame.
    fn frames(file: &[u8]) -> Vec<(u32, Vec<u8>, Option<String>)> {
        let mut reader = Reader::new();
        reader.push(file);
        reader.finish();
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            let comment = frame.comments.first().map(Into::into);
            frames.push((frame.interface, frame.bytes.to_vec(), comment));
        }
        frames
    }

    fn packet() -> Vec<u8> {
        let mut packet =
            vec![0x45, 0, 0, 21, 0, 0, 0, 0, 64, 253, 0, 0, 10, 8, 0, 1, 10, 8, 0, 2, 7];
        let sum = checksum::internet(&packet[..20]);
        set_16(&mut packet, 10, sum);
        packet
    }

    /// A recording and a datagram of the other end.
    fn recording(set: &[(&str, &str)], expect: &[(&str, &str)]) -> (Recording, Vec<u8>) {
        let format = |set, expect| Format::built_in("gtpu").unwrap().with(set, expect).unwrap();
        let config = Config::default();
        let (ours, peer) = (end("192.0.2.1:2152"), end("192.0.2.2:2152"));
        let recording = Recording::new("test", &format(set, expect), &config, ours, peer).unwrap();
        let mut there = Tunnel::new(&format(expect, set), &config).unwrap();
        let head = there.head_bytes();
        let mut buffer = vec![0; head];
        buffer.extend(packet());
        let datagram = there.encapsulate(&mut buffer, head..head + packet().len()).unwrap();
        (recording, buffer[datagram].to_vec())
    }

    fn seen(direction: Direction, bytes: &[u8]) -> Seen<'_> {
        let time = Time::from_nanoseconds(5);
        Seen { direction, time, source: None, refused: None, bytes }
    }

    #[test]
    fn what_goes_by_is_there_outside_and_inside() {
        let (mut recording, datagram) = recording(&[("teid", "7")], &[("teid", "8")]);
        recording.record(&seen(Direction::In, &datagram));
        let mut ours = datagram.clone();
        ours[7] = 7;
        recording.record(&seen(Direction::Out, &ours));
        let frames = frames(recording.bytes());
        let interfaces: Vec<u32> = frames.iter().map(|frame| frame.0).collect();
        assert_eq!(interfaces, [0, 1, 0, 1]);
        assert_eq!(frames[0].1[28..], datagram);
        assert_eq!((&frames[1].1, &frames[3].1), (&packet(), &packet()));
        assert_eq!(frames[0].1[12..24], [192, 0, 2, 2, 192, 0, 2, 1, 8, 104, 8, 104]);
        assert_eq!(frames[2].1[12..20], [192, 0, 2, 1, 192, 0, 2, 2]);
        assert!(frames.iter().all(|frame| frame.2.is_none()));
        assert_eq!((recording.recorded(), recording.lost()), (2, 0));
    }

    #[test]
    fn a_drop_is_told_beside_its_datagram() {
        let (mut recording, datagram) = recording(&[("teid", "7")], &[("teid", "8")]);
        let mut wrong = datagram.clone();
        wrong[7] = 9;
        recording.record(&seen(Direction::In, &wrong));
        let stranger = Some(end("198.51.100.9:1"));
        let refused = Some(Reason::OtherSource);
        recording.record(&Seen { source: stranger, refused, ..seen(Direction::In, &datagram) });
        recording.lose(3);
        recording.finish(Time::from_nanoseconds(9));
        let frames = frames(recording.bytes());
        let comments: Vec<_> = frames.iter().map(|frame| frame.2.as_deref().unwrap()).collect();
        assert_eq!(
            comments,
            ["dropped: value at byte 4 (gtp.teid): expected 8, found 9", "dropped: other_source"]
        );
        assert_eq!(frames[1].1[12..16], [198, 51, 100, 9]);
        assert_eq!((recording.recorded(), recording.lost()), (2, 3));
    }

    #[test]
    fn what_is_taken_in_time_needs_no_more_room() {
        let (mut recording, _) = recording(&[("teid", "7")], &[("teid", "8")]);
        let room = |recording: &Recording| recording.bytes().as_ptr();
        let before = room(&recording);
        let longest = vec![0x30; ROOM_BYTES];
        for _ in 0..3 {
            while !recording.is_full() {
                recording.record(&seen(Direction::In, &longest));
                recording.record(&seen(Direction::In, &[]));
            }
            assert!(recording.bytes().len() > FILE_BYTES / 2);
            recording.clear();
        }
        assert_eq!(room(&recording), before);
    }

    #[test]
    fn checksums_are_right() {
        for (from, to, addresses) in [
            ("192.0.2.1:1", "192.0.2.2:65535", 12),
            ("[::ffff:192.0.2.1]:1", "192.0.2.2:65535", 12),
            ("[2001:db8::1]:1", "[2001:db8::2]:1337", 8),
            ("[2001:db8::1]:1", "192.0.2.2:1337", 8),
        ] {
            for payload in [&[][..], &[1], &[1, 2, 3, 4], &[0xff; 1401]] {
                let mut packet = Vec::new();
                as_ip(&mut packet, end(from), end(to), payload);
                if addresses == 12 {
                    assert_eq!(checksum::internet(&packet[..20]), 0);
                }
                let mut covered = packet[addresses..].to_vec();
                covered.resize(covered.len().next_multiple_of(2), 0);
                let bytes = low_16(8 + payload.len());
                covered.extend([bytes.to_be_bytes(), [0, udp::PROTOCOL]].concat());
                assert_eq!(checksum::internet(&covered), 0, "{from} {to} {}", payload.len());
            }
        }
    }
}
