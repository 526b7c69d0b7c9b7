//! A format compiled: templates of the bytes before and behind the packet, the few places to patch,
//! masks to compare by.
//!
//! Sending copies the templates, patches them and enciphers. Receiving compares with the templates
//! under the masks, checks the lengths and deciphers. Neither looks at the description again. Only
//! a datagram that is not exactly as the peer would send it with the values given is walked over
//! field by field: it is another layout that the format allows, or there is something to refuse.

mod finish;
mod fused;
mod patches;

pub(super) use finish::inside;
pub(super) use patches::{sum_expected, sum_problems};

use super::replay::Window;
use super::shape::{Lengths, Shape, Side};
use super::walk::Walk;
use super::{Algorithm, Field, Format, PacketKind, Role, RunProblem};
use crate::cipher::xor::Xor;
use crate::drop::{Drop, Layer, Reason};
use crate::packet::Inside;
use finish::{Found, counter, finish, next_number, places};
use patches::{LengthPatch, Patches, enciphered, split_padding, sums_by_walk};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::ops;

/// A format ready to run.
#[derive(Debug, Clone)]
pub struct Codec {
    format: Format,
    packet: PacketKind,
    send: Shape,
    receive: Shape,
    sent: Patches,
    received: Patches,
    cipher: Option<Xor>,
    multiple: usize,
    max_packet_bytes: usize,
    random: ChaCha20Rng,
    /// The next number of each counter, in the order of `sent.counters`.
    counters: Vec<u64>,
    /// Whether a datagram is a head and the packet: see [`fused`].
    is_fused: bool,
    /// The fields that say what the packet is, in whatever layout.
    nexts: Vec<usize>,
    /// The numbers of the peer's counters that were there already, by the counter's place.
    windows: Vec<(usize, Window)>,
}

/// A datagram opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Where the packet lies in the datagram.
    pub packet: ops::Range<usize>,
    /// A field said that another kind of packet follows than does. Worth a note, never a drop.
    pub next_differs: bool,
}

/// What a codec is given beside its format.
#[derive(Debug, Clone, Copy, Default)]
pub struct Secrets<'a> {
    /// The key of the cipher; formats without one ignore it.
    pub key: &'a [u8],
    /// What random fields are made from: fresh, 32 bytes nobody can guess. Formats without a random
    /// field ignore it.
    pub seed: [u8; 32],
}

impl Codec {
    /// Compiles a format for one kind of packet.
    ///
    /// # Errors
    /// Everything that keeps it from running.
    pub fn compile(
        format: &Format,
        packet: PacketKind,
        secrets: Secrets<'_>,
    ) -> Result<Self, Vec<RunProblem>> {
        let problems = format.run_problems(packet);
        if !problems.is_empty() {
            return Err(problems);
        }
        let send = Shape::new(format, Side::Send)?;
        let receive = Shape::new(format, Side::Receive)?;
        let cipher = match format.cipher.as_ref().map(|cipher| cipher.algorithm) {
            Some(Algorithm::Xor) => {
                Some(Xor::new(secrets.key).map_err(|_| vec![RunProblem::no_key(format)])?)
            }
            _ => None,
        };
        let patches = Patches::new(format, &send, Side::Send);
        let counters =
            patches.counters.iter().map(|(place, _)| counter(format, *place).0).collect();
        let received = Patches::new(format, &receive, Side::Receive);
        let window = |(place, field): (usize, &Field)| match field.role {
            Role::Counter { window, .. } if window > 0 => {
                let bits = format.fixed_bits(field).and_then(|bits| u32::try_from(bits).ok());
                Some((place, Window::new(window, bits.unwrap_or(u64::BITS))))
            }
            _ => None,
        };
        let mut codec = Self {
            packet,
            cipher,
            multiple: send.multiple(format),
            max_packet_bytes: usize::MAX,
            random: ChaCha20Rng::from_seed(secrets.seed),
            counters,
            is_fused: false,
            nexts: places(format, |role| matches!(role, Role::Next { .. })),
            windows: format.fields.iter().enumerate().filter_map(window).collect(),
            format: format.clone(),
            send,
            receive,
            sent: patches,
            received,
        };
        codec.max_packet_bytes = codec.most_that_lengths_count();
        codec.is_fused = codec.find_fused();
        Ok(codec)
    }

    /// Bytes that a datagram has before its packet.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        self.send.head.bytes.len()
    }

    /// The most bytes that a datagram has more than its packet: head, padding and tail.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.send.overhead(&self.format)
    }

    /// The most bytes that a packet may have so that every length can count it.
    #[must_use]
    pub fn max_packet_bytes(&self) -> usize {
        self.max_packet_bytes
    }

    /// What kind of packet it carries.
    #[must_use]
    pub fn packet_kind(&self) -> PacketKind {
        self.packet
    }

    /// What a packet of its kind is; nothing if it is none.
    #[must_use]
    pub fn inside(&self, packet: &[u8]) -> Option<Inside> {
        inside(self.packet, packet).ok()
    }

    /// Makes a datagram, in place, of the packet at `packet` in `buffer`; the caller has checked
    /// that it is one. Before it [`head_bytes`](Self::head_bytes) must be free, and behind it the
    /// rest of the [`overhead`](Self::overhead). Returns where the datagram lies.
    ///
    /// # Errors
    /// `too_long` if there is no such room, `unknown_next` if a table has no number for the packet,
    /// `length` if a length cannot count it in its unit.
    pub fn seal(
        &mut self,
        buffer: &mut [u8],
        packet: ops::Range<usize>,
        inside: Inside,
    ) -> Result<ops::Range<usize>, Drop> {
        if self.is_fused {
            return self.seal_fused(buffer, packet, inside);
        }
        let lengths = self.lengths(packet.len());
        let place = packet.start.checked_sub(lengths.head);
        let place = place.map(|start| start..start + lengths.datagram());
        let room = buffer.len();
        let outside = || Drop::whole(Reason::TooLong, Layer::Packet, room, packet.end);
        let place = place.ok_or_else(outside)?;
        let datagram = buffer.get_mut(place.clone()).ok_or_else(outside)?;
        let tail_start = lengths.tail_start();
        let (before, tail) = datagram.split_at_mut_checked(tail_start).ok_or_else(outside)?;
        let (before, padding) =
            before.split_at_mut_checked(lengths.head + lengths.packet).ok_or_else(outside)?;
        let head = before.get_mut(..lengths.head).ok_or_else(outside)?;
        head.copy_from_slice(&self.send.head.bytes);
        padding.fill(0);
        tail.copy_from_slice(&self.send.tail.bytes);
        for length in self.sent.lengths() {
            let number = length.count.number(lengths.packet, lengths.padding);
            let number = number.ok_or_else(|| length.refuse(lengths))?;
            length.spot.in_datagram(tail_start).write(datagram, number);
        }
        for (place, spot) in &self.sent.nexts {
            let number = next_number(&self.format, *place, inside)?;
            spot.in_datagram(tail_start).write(datagram, number);
        }
        for ((_, spot), number) in self.sent.counters.iter().zip(&mut self.counters) {
            spot.in_datagram(tail_start).write(datagram, *number);
            *number = number.wrapping_add(1);
        }
        for spot in &self.sent.randoms {
            let bits = spot.in_datagram(tail_start);
            if bits.count <= 64 {
                bits.write(datagram, self.random.next_u64());
            } else {
                let bytes = datagram.get_mut(bits.first / 8..(bits.first + bits.count) / 8);
                self.random.fill_bytes(bytes.unwrap_or_default());
            }
        }
        self.sent.inner.sum(datagram, lengths);
        if let (Some(cipher), Some(region)) = (&self.cipher, self.send.region) {
            cipher.apply(datagram.get_mut(enciphered(region, lengths)).unwrap_or_default());
        }
        self.sent.outer.sum(datagram, lengths);
        Ok(place)
    }

    /// Opens a datagram in place: checks all that the format says of it, deciphers it, and checks
    /// that what it carries is a packet.
    ///
    /// # Errors
    /// The [`Drop`] that names what does not fit. Bytes may have been deciphered.
    pub fn open(&mut self, datagram: &mut [u8]) -> Result<Opened, Drop> {
        if self.is_fused
            && let Some(packet) = self.open_fused(datagram)
        {
            return Ok(Opened { packet, next_differs: false });
        }
        match self.open_as_expected(datagram) {
            Some(opened) => opened,
            None => self.open_by_walk(datagram),
        }
    }

    /// Opens a datagram if its layout and all its fields are what the peer would send.
    fn open_as_expected(&mut self, datagram: &mut [u8]) -> Option<Result<Opened, Drop>> {
        let Shape { head, tail, region, .. } = &self.receive;
        let fixed_bytes = head.bytes.len() + tail.bytes.len();
        // Packet and padding, which are told apart when they are open.
        let open_bytes = datagram.len().checked_sub(fixed_bytes).filter(|bytes| *bytes > 0)?;
        let closed = Lengths {
            head: head.bytes.len(),
            packet: open_bytes,
            padding: 0,
            tail: tail.bytes.len(),
        };
        let (before, behind) = datagram.split_at_mut_checked(closed.tail_start())?;
        if !head.matches(before, &head.outer) || !tail.matches(behind, &tail.outer) {
            return None;
        }
        if self.received.padded {
            // Where packet and padding meet is not known yet, and so no checksum's end.
            if !self.received.outer.checksums.is_empty() {
                return None;
            }
        } else if !self.received.outer.lengths_fit(datagram, closed) {
            return None;
        }
        if !self.received.outer.sums_fit(datagram, closed) {
            return None;
        }
        let (Some(cipher), Some(region)) = (&self.cipher, *region) else {
            return self.open_inner(datagram, closed);
        };
        let region = enciphered(region, closed);
        cipher.apply(datagram.get_mut(region.clone())?);
        let opened = self.open_inner(datagram, closed);
        if opened.is_none()
            && let Some(cipher) = &self.cipher
        {
            // The walk begins with the datagram as it came: XOR is its own inverse.
            cipher.apply(datagram.get_mut(region)?);
        }
        opened
    }

    fn open_inner(&mut self, datagram: &mut [u8], closed: Lengths) -> Option<Result<Opened, Drop>> {
        let Shape { head, tail, .. } = &self.receive;
        let (before, behind) = datagram.split_at_checked(closed.tail_start())?;
        let enciphered = self.receive.region.is_some_and(|region| region != (0, 0));
        if enciphered && !(head.matches(before, &head.inner) && tail.matches(behind, &tail.inner)) {
            return None;
        }
        let Patches { outer, inner, padded, padding_length, .. } = &self.received;
        let lengths = if *padded {
            split_padding(padding_length.as_ref(), datagram, closed)?
        } else {
            closed
        };
        let fit = (!padded || outer.lengths_fit(datagram, lengths))
            && inner.lengths_fit(datagram, lengths)
            && inner.sums_fit(datagram, lengths);
        if !fit || lengths.packet == 0 {
            return None;
        }
        let tail_start = closed.tail_start();
        let packet = lengths.head..lengths.head + lengths.packet;
        let Self { format, receive, nexts, windows, packet: kind, .. } = self;
        let find = |place| {
            let bits = receive.spot(place)?.in_datagram(tail_start);
            Some(Found { place, offset: bits.first / 8, number: bits.read(datagram) })
        };
        Some(finish(format, *kind, nexts, windows, datagram, packet, find))
    }

    /// Opens a datagram field by field.
    fn open_by_walk(&mut self, datagram: &mut [u8]) -> Result<Opened, Drop> {
        let format = &self.format;
        let mut walk = Walk::outer(format, datagram);
        if let Some(drop) = walk.drop() {
            return Err(drop);
        }
        sums_by_walk(format, &walk, datagram, false)?;
        if let (Some(cipher), Some(region)) = (&self.cipher, walk.region()) {
            cipher.apply(datagram.get_mut(region).unwrap_or_default());
        }
        walk.inner(datagram);
        if let Some(drop) = walk.drop() {
            return Err(drop);
        }
        sums_by_walk(format, &walk, datagram, true)?;
        let packet = walk.packet()?;
        let find = |place| {
            let offset = walk.bits(place)?.start / 8;
            Some(Found { place, offset, number: walk.number(place)? })
        };
        finish(format, self.packet, &self.nexts, &mut self.windows, datagram, packet, find)
    }

    fn lengths(&self, packet: usize) -> Lengths {
        let (head, tail) = (self.send.head.bytes.len(), self.send.tail.bytes.len());
        let padding = if self.send.padding.is_some() {
            // Without a cipher, packet and padding are made a multiple; else what is enciphered.
            let (in_head, in_tail) = self.send.region.unwrap_or((0, 0));
            (in_head + packet + in_tail).next_multiple_of(self.multiple)
                - (in_head + packet + in_tail)
        } else {
            0
        };
        Lengths { head, packet, padding, tail }
    }

    fn most_that_lengths_count(&self) -> usize {
        let most = |length: &LengthPatch| {
            let numbers = u64::MAX >> (64 - length.spot.bits.count.clamp(1, 64));
            let bytes = usize::try_from(numbers).unwrap_or(usize::MAX);
            let bytes = bytes
                .saturating_mul(1 << length.count.unit_shift)
                .saturating_sub(length.count.fixed);
            match (length.count.packet, length.count.padding) {
                (true, true) => Some(bytes.saturating_sub(self.multiple - 1)),
                (true, false) => Some(bytes),
                (false, _) => None,
            }
        };
        self.sent.lengths().filter_map(most).min().unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
