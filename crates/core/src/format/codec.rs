//! A format compiled: templates of the bytes before and behind the packet, the few places to patch,
//! masks to compare by.
//!
//! Sending copies the templates, patches them and enciphers. Receiving compares with the templates
//! under the masks, checks the lengths and deciphers. Neither looks at the description again. Only
//! a datagram that is not exactly as the peer would send it with the values given is walked over
//! field by field: it is another layout that the format allows, or there is something to refuse.

use super::ends::Split;
use super::replay::Window;
use super::shape::{self, Count, Edge, Lengths, Shape, Side, Spot};
use super::walk::{self, Walk};
use super::{
    Algorithm, Checksum, Field, Format, Kind, Otherwise, PacketKind, Range, Role, RunProblem, Table,
};
use crate::cipher::xor::Xor;
use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::packet::{Ethernet, Inside, Ip, checksum};
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
    /// The fields that say what the packet is, in whatever layout.
    nexts: Vec<usize>,
    /// The numbers of the peer's counters that were there already, by the counter's place.
    windows: Vec<(usize, Window)>,
}

/// The fields that differ from datagram to datagram, or are checked for each.
#[derive(Debug, Clone, Default)]
struct Patches {
    outer: Zone,
    inner: Zone,
    nexts: Vec<(usize, Spot)>,
    counters: Vec<(usize, Spot)>,
    randoms: Vec<Spot>,
    /// There is padding.
    padded: bool,
    /// The length that tells it from the packet; if there is none, the IP packet does.
    padding_length: Option<LengthPatch>,
}

/// What is made of other bytes, among the fields that are enciphered or those that are not.
#[derive(Debug, Clone, Default)]
struct Zone {
    lengths: Vec<LengthPatch>,
    /// In the order in which they are made: one that covers another comes after it.
    checksums: Vec<ChecksumPatch>,
}

#[derive(Debug, Clone, Copy)]
struct LengthPatch {
    place: usize,
    spot: Spot,
    count: Count,
}

#[derive(Debug, Clone, Copy)]
struct ChecksumPatch {
    place: usize,
    spot: Spot,
    covers: (Edge, Edge),
    algorithm: Checksum,
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
            Role::Counter { window, .. } if window > 0 => Some((place, Window::new(window))),
            _ => None,
        };
        let mut codec = Self {
            packet,
            cipher,
            multiple: send.multiple(format),
            max_packet_bytes: usize::MAX,
            random: ChaCha20Rng::from_seed(secrets.seed),
            counters,
            nexts: places(format, |role| matches!(role, Role::Next { .. })),
            windows: format.fields.iter().enumerate().filter_map(window).collect(),
            format: format.clone(),
            send,
            receive,
            sent: patches,
            received,
        };
        codec.max_packet_bytes = codec.most_that_lengths_count();
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
        let lengths = self.lengths(packet.len());
        let place = packet.start.checked_sub(lengths.head);
        let place = place.map(|start| start..start + lengths.datagram());
        let outside = Drop::whole(Reason::TooLong, Layer::Packet, buffer.len(), packet.end);
        let place = place.ok_or(outside)?;
        let datagram = buffer.get_mut(place.clone()).ok_or(outside)?;
        let tail_start = lengths.tail_start();
        let (before, tail) = datagram.split_at_mut_checked(tail_start).ok_or(outside)?;
        let (before, padding) =
            before.split_at_mut_checked(lengths.head + lengths.packet).ok_or(outside)?;
        let head = before.get_mut(..lengths.head).ok_or(outside)?;
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
        if !self.received.padded && !self.received.outer.lengths_fit(datagram, closed) {
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
        if !head.matches(before, &head.inner) || !tail.matches(behind, &tail.inner) {
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

impl Patches {
    fn new(format: &Format, shape: &Shape, side: Side) -> Self {
        let mut patches = Self::default();
        for (place, spot, field) in shape.fields(format) {
            let Self { inner, outer, .. } = &mut patches;
            let zone = if format.enciphers(place) { inner } else { outer };
            match &field.role {
                Role::Length { counts, unit } => {
                    let count = shape.count(format, *counts, *unit);
                    zone.lengths.push(LengthPatch { place, spot, count });
                }
                Role::Next { .. } => patches.nexts.push((place, spot)),
                Role::Counter { .. } => patches.counters.push((place, spot)),
                Role::Random => patches.randoms.push(spot),
                Role::Checksum { covers, algorithm } => {
                    let (covers, algorithm) = (shape.edges(format, *covers), *algorithm);
                    zone.checksums.push(ChecksumPatch { place, spot, covers, algorithm });
                }
                _ => {}
            }
        }
        let order = checksum_order(format);
        let rank = |patch: &ChecksumPatch| order.iter().position(|place| *place == patch.place);
        patches.inner.checksums.sort_by_key(rank);
        patches.outer.checksums.sort_by_key(rank);
        patches.padded = shape.padding.is_some();
        let split = shape.padding.and_then(|padding| shape::split(format, padding, side));
        if let Some(Split::Length(place)) = split {
            let length = patches.lengths().find(|length| length.place == place).copied();
            patches.padding_length = length;
        }
        patches
    }

    fn lengths(&self) -> impl Iterator<Item = &LengthPatch> {
        self.outer.lengths.iter().chain(&self.inner.lengths)
    }
}

impl Zone {
    /// Writes the checksums.
    #[inline]
    fn sum(&self, datagram: &mut [u8], lengths: Lengths) {
        for checksum in &self.checksums {
            let (bits, covers) = checksum.at(lengths);
            bits.write(datagram, 0);
            let sum = summed(datagram, covers, checksum.algorithm);
            bits.write(datagram, sum);
        }
    }

    #[inline]
    fn sums_fit(&self, datagram: &mut [u8], lengths: Lengths) -> bool {
        self.checksums.iter().all(|checksum| {
            let (bits, covers) = checksum.at(lengths);
            wrong_sum(datagram, bits, covers, checksum.algorithm).is_none()
        })
    }

    #[inline]
    fn lengths_fit(&self, datagram: &[u8], lengths: Lengths) -> bool {
        self.lengths.iter().all(|length| {
            let found = length.spot.in_datagram(lengths.tail_start()).read(datagram);
            length.count.number(lengths.packet, lengths.padding) == Some(found)
        })
    }
}

impl LengthPatch {
    /// The drop for a packet that it cannot count.
    fn refuse(&self, lengths: Lengths) -> Drop {
        let bytes = self.count.bytes(lengths.packet, lengths.padding);
        Drop {
            field: drop::Field::Format(self.place),
            ..Drop::whole(
                Reason::Length,
                Layer::Header,
                bytes >> self.count.unit_shift << self.count.unit_shift,
                bytes,
            )
        }
    }
}

impl ChecksumPatch {
    fn at(&self, lengths: Lengths) -> (super::bits::Bits, ops::Range<usize>) {
        let (start, end) = self.covers;
        let bits = self.spot.in_datagram(lengths.tail_start());
        (bits, start.offset(lengths)..end.offset(lengths))
    }
}

/// The enciphered bytes of a datagram, by how many of head and tail they reach into.
fn enciphered((in_head, in_tail): (usize, usize), lengths: Lengths) -> ops::Range<usize> {
    lengths.head - in_head..lengths.tail_start() + in_tail
}

/// Tells packet and padding apart, which were taken together.
fn split_padding(
    length: Option<&LengthPatch>,
    datagram: &[u8],
    closed: Lengths,
) -> Option<Lengths> {
    let padding = if let Some(length) = length {
        let number = length.spot.in_datagram(closed.tail_start()).read(datagram);
        let bytes = usize::try_from(number).ok()?.checked_mul(1 << length.count.unit_shift)?;
        bytes.checked_sub(length.count.fixed)?
    } else {
        let both = datagram.get(closed.head..closed.tail_start())?;
        both.len() - walk::ip_bytes(both)
    };
    Some(Lengths { packet: closed.packet.checked_sub(padding)?, padding, ..closed })
}

/// The checksums' places in the order in which they are made: one that covers another comes later.
fn checksum_order(format: &Format) -> Vec<usize> {
    let mut waiting: Vec<(usize, Range)> = Vec::new();
    for (place, field) in format.fields.iter().enumerate() {
        if let Role::Checksum { covers, .. } = field.role {
            waiting.push((place, covers));
        }
    }
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let covers_none = |(place, covers): &(usize, Range)| {
            !waiting.iter().any(|(other, _)| other != place && covers.contains(*other))
        };
        // The checks of the description leave none that cover each other.
        let next = waiting.iter().position(covers_none).unwrap_or_default();
        order.push(waiting.remove(next).0);
    }
    order
}

fn summed(datagram: &[u8], covers: ops::Range<usize>, algorithm: Checksum) -> u64 {
    let bytes = datagram.get(covers).unwrap_or_default();
    match algorithm {
        Checksum::Internet => checksum::internet(bytes).into(),
        Checksum::Crc32 => checksum::crc32(bytes).into(),
    }
}

/// What a checksum should be, and what it is, if these differ.
pub(super) fn wrong_sum(
    datagram: &mut [u8],
    bits: super::bits::Bits,
    covers: ops::Range<usize>,
    algorithm: Checksum,
) -> Option<(u64, u64)> {
    let found = bits.read(datagram);
    bits.write(datagram, 0);
    let expected = summed(datagram, covers, algorithm);
    bits.write(datagram, found);
    // The Internet checksum knows two zeros (RFC 1624, section 3).
    let zeros = [0, 0xffff];
    let same =
        algorithm == Checksum::Internet && zeros.contains(&found) && zeros.contains(&expected);
    (found != expected && !same).then_some((expected, found))
}

/// Checks the checksums of a datagram that was walked over.
fn sums_by_walk(
    format: &Format,
    walk: &Walk<'_>,
    datagram: &mut [u8],
    enciphered: bool,
) -> Result<(), Drop> {
    match sum_problems(format, walk, datagram, enciphered).next() {
        None => Ok(()),
        Some(drop) => Err(drop),
    }
}

/// The checksums that are wrong, among those that are enciphered or those that are not.
pub(super) fn sum_problems<'a>(
    format: &'a Format,
    walk: &'a Walk<'a>,
    datagram: &'a mut [u8],
    enciphered: bool,
) -> impl Iterator<Item = Drop> + 'a {
    checksum_order(format).into_iter().filter_map(move |place| {
        let Field {
            role: Role::Checksum { covers, algorithm },
            kind: Kind::Uint { bits, endian },
            ..
        } = format.fields.get(place)?
        else {
            return None;
        };
        let at = walk.bits(place).filter(|_| format.enciphers(place) == enciphered)?;
        let integer = walk::integer(at.start, *bits, *endian);
        let (expected, found) = wrong_sum(datagram, integer, walk.range(*covers), *algorithm)?;
        Some(Drop {
            reason: Reason::Checksum,
            layer: Layer::Header,
            field: drop::Field::Format(place),
            offset: at.start / 8,
            expected: Value::Number(expected),
            found: Value::Number(found),
        })
    })
}

/// A number that stands in a datagram.
#[derive(Clone, Copy)]
struct Found {
    place: usize,
    offset: usize,
    number: u64,
}

impl Found {
    fn refuse(self, reason: Reason, expected: Option<u64>) -> Drop {
        Drop {
            reason,
            layer: Layer::Header,
            field: drop::Field::Format(self.place),
            offset: self.offset,
            expected: expected.map_or(Value::Nothing, Value::Number),
            found: Value::Number(self.number),
        }
    }
}

/// The last steps, whichever way a datagram was opened: that there is a packet, that it is of the
/// kind which the header says, and that it was not there before.
fn finish(
    format: &Format,
    kind: PacketKind,
    nexts: &[usize],
    windows: &mut [(usize, Window)],
    datagram: &[u8],
    packet: ops::Range<usize>,
    find: impl Fn(usize) -> Option<Found>,
) -> Result<Opened, Drop> {
    let bytes = datagram.get(packet.clone()).unwrap_or_default();
    let inside = inside(kind, bytes).map_err(|error| Drop::not_a_packet(error, packet.start));
    let mut next_differs = false;
    for found in nexts.iter().filter_map(|place| find(*place)) {
        let role = format.fields.get(found.place).map(|field| &field.role);
        let Some(Role::Next { table, value, otherwise }) = role else { continue };
        let fits = match &inside {
            Ok(inside) => table.number(*inside) == Some(found.number),
            // What is no packet is of no kind; but a number that names none of ours comes first.
            Err(_) => table.names(found.number, kind),
        };
        if fits || *value == Some(found.number) {
            continue;
        }
        next_differs = true;
        if *otherwise == Otherwise::Drop {
            let expected = inside.ok().and_then(|inside| table.number(inside));
            return Err(found.refuse(Reason::UnknownNext, expected));
        }
    }
    inside?;
    for (place, window) in windows.iter() {
        let refused = find(*place).and_then(|found| Some((found, window.refuses(found.number)?)));
        if let Some((found, expected)) = refused {
            return Err(found.refuse(Reason::Replay, Some(expected)));
        }
    }
    for (place, window) in windows {
        if let Some(found) = find(*place) {
            window.take(found.number);
        }
    }
    Ok(Opened { packet, next_differs })
}

/// The places of the fields with a role.
fn places(format: &Format, is: impl Fn(&Role) -> bool) -> Vec<usize> {
    let fields = format.fields.iter().enumerate();
    fields.filter(|(_, field)| is(&field.role)).map(|(place, _)| place).collect()
}

/// What a packet is.
///
/// # Errors
/// It is none of its kind.
pub(crate) fn inside(kind: PacketKind, bytes: &[u8]) -> Result<Inside, crate::packet::Malformed> {
    match kind {
        PacketKind::Ip => Ip::parse(bytes).map(|ip| ip.inside()),
        PacketKind::Ethernet => Ethernet::parse(bytes).map(|_| Inside::Ethernet),
    }
}

/// The number that a `next` field is sent with.
fn next_number(format: &Format, place: usize, inside: Inside) -> Result<u64, Drop> {
    let Some(Field { role: Role::Next { table, value, .. }, .. }) = format.fields.get(place) else {
        return Ok(0);
    };
    value.or_else(|| table.number(inside)).ok_or_else(|| Drop {
        field: drop::Field::Format(place),
        expected: Value::Nothing,
        found: Value::Nothing,
        ..Drop::whole(Reason::UnknownNext, Layer::Header, 0, 0)
    })
}

fn counter(format: &Format, place: usize) -> (u64, u32) {
    match format.fields.get(place).map(|field| &field.role) {
        Some(Role::Counter { start, window }) => (*start, *window),
        _ => (0, 0),
    }
}

impl Table {
    /// The number of a kind of packet.
    #[must_use]
    pub fn number(&self, inside: Inside) -> Option<u64> {
        match inside {
            Inside::Ipv4 => self.ipv4,
            Inside::Ipv6 => self.ipv6,
            Inside::Ethernet => self.ethernet,
        }
    }

    /// Whether a number names packets of a kind.
    #[must_use]
    pub fn names(&self, number: u64, kind: PacketKind) -> bool {
        match kind {
            PacketKind::Ip => [self.ipv4, self.ipv6].contains(&Some(number)),
            PacketKind::Ethernet => self.ethernet == Some(number),
        }
    }
}
