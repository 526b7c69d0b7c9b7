//! What splitting and merging ask of a tunnel, and its answers: the one place that knows both.

use super::head::Link;
use crate::cipher::xor::Xor;
use crate::drop::{Drop, Reason};
use crate::format::{Format, PacketKind, RunProblem};
use crate::packet::Inside;
use crate::tunnel::{Config, Direction, Tunnel};
use std::ops::Range;

/// Bytes that a datagram has more than its packet, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overhead {
    /// In front of it.
    pub before: usize,
    /// Behind it.
    pub behind: usize,
}

/// How a packet becomes a datagram where one pass over it is enough: a header in front, always of the
/// same length, which depends on the packet's length and kind alone; then the packet to the last
/// byte, each of its bytes `XORed` with the keystream's byte at the same place in the packet, or as
/// it is.
#[derive(Debug, Clone, Copy)]
pub struct Fused<'a> {
    /// The keystream; nothing if the packet stays plain.
    pub keystream: Option<&'a Xor>,
}

/// A tunnel, as splitting and merging see it.
///
/// [`seal`](Self::seal) and [`open`](Self::open) are the whole way of a packet. Where
/// [`fused`](Self::fused) allows it, a packet that is right in every respect goes a shorter way:
/// asked for by [`may_leave`](Self::may_leave) or [`accepts`](Self::accepts), counted by
/// [`pass`](Self::pass). Every other packet takes the whole way, so that it is dropped or noted as
/// ever.
pub trait Wrap {
    /// What packets begin with.
    fn link(&self) -> Link;

    /// Bytes that a datagram has more than its packet.
    fn overhead(&self) -> Overhead;

    /// Whether one pass is enough. Then all of the overhead is in front.
    fn fused(&self) -> Option<Fused<'_>>;

    /// Whether `packet`, and every packet of at most `longest` bytes that it stands for, may go out:
    /// what it is. Nothing: ask [`seal`](Self::seal) why.
    fn may_leave(&self, packet: &[u8], longest: usize) -> Option<Inside>;

    /// Writes the header in front of a datagram, of which no other byte is touched or looked at.
    fn write_header(&self, datagram: &mut [u8], inside: Inside);

    /// Whether a datagram, the headers of whose packet are plain by now, is right in every respect.
    /// The bytes stay as they are.
    fn accepts(&self, datagram: &[u8]) -> bool;

    /// Counts packets that went through the short way.
    fn pass(&mut self, direction: Direction, packets: usize, bytes: usize);

    /// Makes a datagram of the packet at `packet`, around which [`overhead`](Self::overhead) bytes
    /// are free, and counts it.
    ///
    /// # Errors
    /// The [`Drop`], already counted.
    fn seal(&mut self, buffer: &mut [u8], packet: Range<usize>) -> Result<Range<usize>, Drop>;

    /// Takes the packet out of the datagram at `datagram`, in place, and counts it.
    ///
    /// # Errors
    /// The [`Drop`], already counted.
    fn open(&mut self, buffer: &mut [u8], datagram: Range<usize>) -> Result<Range<usize>, Drop>;

    /// Counts something that never came as far as [`seal`](Self::seal) or [`open`](Self::open).
    fn refuse(&mut self, direction: Direction, drop: Drop);

    /// Counts packets that went through as dropped after all.
    fn lose(&mut self, direction: Direction, reason: Reason, packets: usize, bytes: usize);
}

/// A [`Tunnel`].
#[derive(Debug)]
pub struct Wrapper {
    tunnel: Tunnel,
}

impl Wrapper {
    /// Opens a tunnel that speaks `format`.
    ///
    /// # Errors
    /// As [`Tunnel::new`].
    pub fn new(format: &Format, config: &Config) -> Result<Self, Vec<RunProblem>> {
        Ok(Self { tunnel: Tunnel::new(format, config)? })
    }

    /// The tunnel, for its counters and events.
    #[must_use]
    pub fn tunnel(&self) -> &Tunnel {
        &self.tunnel
    }

    /// The tunnel, for its events.
    pub fn tunnel_mut(&mut self) -> &mut Tunnel {
        &mut self.tunnel
    }
}

impl Wrap for Wrapper {
    fn link(&self) -> Link {
        match self.tunnel.codec().packet_kind() {
            PacketKind::Ip => Link::Ip,
            PacketKind::Ethernet => Link::Ethernet,
        }
    }

    fn overhead(&self) -> Overhead {
        let before = self.tunnel.head_bytes();
        Overhead { before, behind: self.tunnel.overhead() - before }
    }

    fn fused(&self) -> Option<Fused<'_>> {
        let codec = self.tunnel.codec();
        codec.is_fused().then(|| Fused { keystream: codec.keystream() })
    }

    fn may_leave(&self, packet: &[u8], longest: usize) -> Option<Inside> {
        self.tunnel.may_leave(packet, longest)
    }

    fn write_header(&self, datagram: &mut [u8], inside: Inside) {
        self.tunnel.codec().write_head(datagram, inside);
    }

    fn accepts(&self, datagram: &[u8]) -> bool {
        let packet = datagram.get(self.tunnel.head_bytes()..).unwrap_or_default();
        let codec = self.tunnel.codec();
        codec.inside(packet).is_some_and(|inside| codec.accepts_head(datagram, inside))
    }

    fn pass(&mut self, direction: Direction, packets: usize, bytes: usize) {
        self.tunnel.pass(direction, packets, bytes);
    }

    fn seal(&mut self, buffer: &mut [u8], packet: Range<usize>) -> Result<Range<usize>, Drop> {
        self.tunnel.encapsulate(buffer, packet)
    }

    fn open(&mut self, buffer: &mut [u8], datagram: Range<usize>) -> Result<Range<usize>, Drop> {
        self.tunnel.decapsulate(buffer, datagram)
    }

    fn refuse(&mut self, direction: Direction, drop: Drop) {
        self.tunnel.refuse(direction, drop);
    }

    fn lose(&mut self, direction: Direction, reason: Reason, packets: usize, bytes: usize) {
        self.tunnel.lose_all(direction, reason, packets, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::super::segments::Segments;
    use super::super::testing::{Packet, TCP_ACK, datagrams, grouped, writes};
    use super::*;

    const SIZE: usize = 100;

    /// Formats that carry frames, with what they must be given: in one pass, and in none.
    const FORMATS: [(&str, &[(&str, &str)]); 6] = [
        ("crapvpn-ethernet", &[]),
        ("vxlan", &[("vni", "42")]),
        ("geneve", &[("vni", "42")]),
        ("vxlan-gpe", &[("vni", "42")]),
        ("gre-udp", &[("flags.checksum", "1"), ("key", "7")]),
        ("l2tpv3-udp", &[("sid", "7")]),
    ];

    fn frames() -> Vec<Packet> {
        let payload: Vec<u8> = (0..250).collect();
        let both = [Packet::tcp(1, TCP_ACK, &payload), Packet::udp(&payload)];
        let families = both.into_iter().flat_map(|packet| [packet.clone(), packet.over_ipv6()]);
        let tagged =
            families.flat_map(|packet| (0..=2).map(move |n| packet.clone().in_ethernet(n)));
        tagged.collect()
    }

    #[test]
    fn frames_of_every_format_are_split_as_one_by_one_and_merged_again() {
        for (name, given) in FORMATS {
            let format = Format::built_in(name).unwrap().with(given, &[]).unwrap();
            let packet = Some(PacketKind::Ethernet);
            let config = Config { key: vec![1, 2, 3], packet, ..Config::default() };
            let batch = || Batch::new(Wrapper::new(&format, &config).unwrap(), true, 4);
            let (mut here, mut there) = (batch(), batch());
            let mut one_by_one = Tunnel::new(&format, &config).unwrap();
            assert_eq!(here.wrap().link(), Link::Ethernet);
            for frame in frames() {
                let (read, alone) = (frame.build_super(SIZE), frame.split(SIZE));
                let expected: Vec<Vec<u8>> =
                    alone.iter().map(|f| sealed(&mut one_by_one, f)).collect();
                let sent = datagrams(&mut here, &read);
                assert_eq!(sent, expected, "{name}");

                let written = writes(&mut there, &grouped(&sent));
                assert_eq!(written.len(), 1, "{name}: one super-packet");
                let (header, packet) = &written[0];
                let segments = Segments::parse(Link::Ethernet, header, packet).unwrap();
                assert_eq!(segments.count(), alone.len());
                let payloads: usize = (0..3).map(|number| segments.payload(number).len()).sum();
                assert_eq!(payloads, 250);
                let head = packet.len() - 250;
                assert_eq!(packet[head..], read[read.len() - 250..]);
            }
            let counters = one_by_one.counters().out;
            assert_eq!(here.wrap().tunnel().counters().out, counters);
            assert_eq!(there.wrap().tunnel().counters().r#in, counters);
        }
    }

    fn sealed(tunnel: &mut Tunnel, frame: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; 100];
        let start = buffer.len();
        buffer.extend(frame);
        let end = buffer.len();
        buffer.resize(end + 100, 0);
        let place = tunnel.encapsulate(&mut buffer, start..end).unwrap();
        buffer[place].to_vec()
    }
}
