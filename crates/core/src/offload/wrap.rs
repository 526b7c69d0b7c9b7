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
