//! What came from the carrier becomes packets for the device, merged to super-packets.
//!
//! 1. Each datagram is checked and the headers of its packet deciphered, in place. By them it joins
//!    the **run** of its flow, if splitting the merged packet would give it back bit by bit, or
//!    begins a new one. What is of no flow is a run of its own, and ends those it could belong to.
//! 2. Each run, in the order in which they began, is copied to its place: payload behind payload, in
//!    one pass that also deciphers and sums. A packet joins only if its checksums are right; else
//!    what is there is finished, the packet goes alone as it came, and the rest begins anew.
//!
//! So the packets of a flow leave in the order in which they came, and nothing is merged that the
//! device's owner could not have received as it is.

use super::checksum::Sum;
use super::flow::{Candidate, Flow, has_headers_of};
use super::head::{Head, Link, Protocol, Version};
use super::reports::Reports;
use super::segments::{PSH, length_sum, low_16};
use super::virtio::{GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, Header, NEEDS_CSUM};
use super::wrap::Wrap;
use super::writes::{Writes, most_merged};
use super::{pass, read, write};
use crate::cipher::xor::Xor;
use crate::drop::{Drop, Layer, Reason};
use crate::tunnel::Direction::In;
use std::collections::BTreeMap;
use std::ops::Range;

/// The longest IP packet, merged or not.
const MAX_IP_BYTES: usize = 65_535;
/// Integers of an entry of the table of what was received.
pub const ENTRY_WORDS: usize = 3;

/// A message from the carrier: one datagram, or several of equal size. All fields are of 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Received {
    /// Number of the room it lies in.
    pub message: u32,
    /// Bytes in all.
    pub bytes: u32,
    /// Bytes of each datagram but the last, which may be shorter; 0: it is one datagram.
    pub datagram_bytes: u32,
}

const _: () = assert!(size_of::<Received>() == 4 * ENTRY_WORDS);

/// Messages from the carrier that wait.
#[derive(Debug)]
pub struct Inbox {
    /// The rooms, one behind the other.
    rooms: Vec<u8>,
    room_bytes: usize,
    table: Vec<Received>,
    /// Entries of the table that were received.
    count: usize,
    /// The entry, and the place in its message, of the next datagram.
    next: (usize, usize),
}

impl Inbox {
    /// Makes `messages` rooms of so many bytes.
    #[must_use]
    pub fn new(messages: usize, room_bytes: usize) -> Self {
        let rooms = vec![0; messages * room_bytes];
        let table = vec![Received::default(); messages];
        Self { rooms, room_bytes, table, count: 0, next: (0, 0) }
    }

    /// The rooms, one behind the other.
    pub fn rooms(&mut self) -> &mut [u8] {
        &mut self.rooms
    }

    /// The table: [`receive`](Self::receive) tells how many of its entries count.
    pub fn table(&mut self) -> &mut [Received] {
        &mut self.table
    }

    /// Takes the first `entries` of the table; what waited before is forgotten.
    pub fn receive(&mut self, entries: usize) {
        self.count = entries.min(self.table.len());
        self.next = (0, 0);
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current().is_none()
    }

    /// The entry whose datagrams are next.
    fn current(&self) -> Option<&Received> {
        self.table.get(..self.count)?.get(self.next.0)
    }

    /// The next datagram: the number of its room, and where it lies; nothing of that if it lies
    /// outside of the room.
    fn peek(&self) -> Option<(usize, Option<Range<usize>>)> {
        let entry = self.current()?;
        let (message, bytes) = (entry.message as usize, entry.bytes as usize);
        if bytes > self.room_bytes || message >= self.table.len() {
            return Some((message, None));
        }
        let size = if entry.datagram_bytes == 0 { bytes } else { entry.datagram_bytes as usize };
        let start = message * self.room_bytes;
        let end = (self.next.1 + size).min(bytes);
        Some((message, Some(start + self.next.1..start + end)))
    }

    /// Goes on to the datagram behind the next one, which is `bytes` long.
    fn advance(&mut self, bytes: usize) {
        let there = self.current().map_or(0, |entry| entry.bytes as usize);
        self.next.1 += bytes;
        if bytes == 0 || self.next.1 >= there {
            self.next = (self.next.0 + 1, 0);
        }
    }
}

/// A packet of this round, in its room.
#[derive(Debug, Clone, Copy)]
struct Packet {
    start: usize,
    bytes: usize,
    /// Bytes of its headers, if they were found; so many at least are plain.
    plain: usize,
    /// Whether the others are enciphered still.
    hidden: bool,
    /// The packet behind it in its run.
    next: Option<usize>,
}

/// Packets of one flow that follow one another.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: usize,
    last: usize,
    count: usize,
    /// Where the headers lie, if it has more than one packet or may have.
    head: Option<Head>,
    /// Payload bytes of each but the last.
    size: usize,
    /// Bytes of the merged packet.
    bytes: usize,
    next_sequence: u32,
    is_open: bool,
}

/// The state of a round, kept for its memory only.
#[derive(Debug)]
pub struct Merger {
    /// Whether TCP is merged, and whether UDP is.
    tcp: bool,
    udp: bool,
    packets: Vec<Packet>,
    packet_bytes: usize,
    runs: Vec<Run>,
    /// The last run of each flow.
    flows: BTreeMap<Flow, usize>,
    /// The run of the last packet: nearly always that of the next, too.
    recent: Option<usize>,
    /// The last header that was right.
    right: RightHeader,
    /// The room of the first datagram that ever opened.
    heard_from: Option<usize>,
}

impl Merger {
    /// Merges nothing, until it is told what to.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tcp: false,
            udp: false,
            packets: Vec::new(),
            packet_bytes: 0,
            runs: Vec::new(),
            flows: BTreeMap::new(),
            recent: None,
            right: RightHeader::default(),
            heard_from: None,
        }
    }

    /// Says what is merged.
    pub fn merge_only(&mut self, tcp: bool, udp: bool) {
        (self.tcp, self.udp) = (tcp, udp);
    }

    /// Number of the room of the first datagram that ever opened.
    #[must_use]
    pub fn heard_from(&self) -> Option<usize> {
        self.heard_from
    }

    /// One round: as many of the datagrams that wait as there is room for become writes, which
    /// replace those that were there. When none are left and nothing waits, all is done.
    pub fn merge<W: Wrap>(
        &mut self,
        wrap: &mut W,
        inbox: &mut Inbox,
        writes: &mut Writes,
        reports: &mut Reports,
    ) {
        writes.clear();
        self.packets.clear();
        self.packet_bytes = 0;
        self.runs.clear();
        self.flows.clear();
        self.recent = None;
        while let Some((message, place)) = inbox.peek() {
            let bytes = place.as_ref().map_or(0, Range::len);
            if !writes.has_room(self.packets.len() + 1, self.packet_bytes + bytes) {
                break;
            }
            inbox.advance(bytes);
            let opened = if let Some(place) = place {
                self.open(wrap, &mut inbox.rooms, place)
            } else {
                let drop = Drop::whole(Reason::TooLong, Layer::Header, inbox.room_bytes, 0);
                wrap.refuse(In, drop);
                Err(drop)
            };
            match opened {
                Ok(()) => self.heard_from = self.heard_from.or(Some(message)),
                Err(drop) => reports.add(In, drop, bytes, Some(message)),
            }
        }
        let keystream = wrap.fused().and_then(|fused| fused.keystream);
        for run in &self.runs {
            let mut item = Item::new(writes, &inbox.rooms, keystream);
            item.take_run(run, &self.packets);
        }
    }

    /// Counts what still waits as dropped: there is no time to merge it.
    pub fn give_up<W: Wrap>(wrap: &mut W, inbox: &mut Inbox, reports: &mut Reports) {
        while let Some((message, place)) = inbox.peek() {
            let bytes = place.map_or(0, |place| place.len());
            inbox.advance(bytes);
            let drop = Drop::whole(Reason::NoBuffers, Layer::System, 0, bytes);
            wrap.refuse(In, drop);
            reports.add(In, drop, bytes, Some(message));
        }
    }

    /// Opens a datagram, at least the headers of its packet, and adds the packet to a run.
    fn open<W: Wrap>(
        &mut self,
        wrap: &mut W,
        rooms: &mut [u8],
        place: Range<usize>,
    ) -> Result<(), Drop> {
        let link = wrap.link();
        let datagram = rooms.get_mut(place.clone()).unwrap_or_default();
        if let Some(Opened { plain, hidden, head }) = open_head(wrap, datagram, &mut self.right) {
            let start = place.start + wrap.overhead().before;
            let bytes = place.end - start;
            wrap.pass(In, 1, bytes);
            self.add(link, rooms, Packet { start, bytes, plain, hidden, next: None }, head);
            return Ok(());
        }
        let packet = wrap.open(rooms, place)?;
        let (start, bytes) = (packet.start, packet.len());
        let head = Head::of(link, rooms.get(packet).unwrap_or_default(), bytes);
        let plain = head.map_or(bytes, |head| head.payload);
        self.add(link, rooms, Packet { start, bytes, plain, hidden: false, next: None }, head);
        Ok(())
    }

    /// Adds a packet to the run that it continues, or begins one.
    fn add(&mut self, link: Link, rooms: &[u8], packet: Packet, head: Option<Head>) {
        let number = self.packets.len();
        self.packets.push(packet);
        self.packet_bytes += packet.bytes;
        let bytes = rooms.get(packet.start..packet.start + packet.plain).unwrap_or_default();
        let Some(head) = head else {
            self.runs.push(Run::alone(number));
            self.end_between(link, bytes);
            return;
        };
        let merged = match head.protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
        };
        let candidate = Candidate::of(&head, bytes, packet.bytes).filter(|_| merged);
        if let Some(candidate) = &candidate
            && self.recent.is_some_and(|run| self.join(run, rooms, number, &head, candidate))
        {
            return;
        }
        let flow = Flow::of(&head, bytes);
        if let Some(candidate) = &candidate
            && let Some(run) = self.flows.get(&flow).copied()
            && self.join(run, rooms, number, &head, candidate)
        {
            self.recent = Some(run);
            return;
        }
        let run = self.runs.len();
        self.runs.push(match candidate {
            Some(candidate) => Run::of(number, head, &candidate, packet.bytes),
            None => Run::alone(number),
        });
        self.flows.insert(flow, run);
        self.recent = Some(run);
    }

    /// Adds packet `number` to `run` if it may follow there.
    fn join(
        &mut self,
        run: usize,
        rooms: &[u8],
        number: usize,
        head: &Head,
        candidate: &Candidate,
    ) -> bool {
        let Some(run) = self.runs.get_mut(run) else { return false };
        let headers = |number: usize| {
            let packet = self.packets.get(number)?;
            rooms.get(packet.start..packet.start + packet.plain)
        };
        let (Some(first), Some(bytes)) = (headers(run.first), headers(number)) else {
            return false;
        };
        if !run.takes(head, candidate, first, bytes) {
            return false;
        }
        run.add(candidate);
        if let Some(before) = self.packets.get_mut(std::mem::replace(&mut run.last, number)) {
            before.next = Some(number);
        }
        true
    }

    /// Ends the runs that a packet of no flow may be a part of, so that it is not overtaken.
    fn end_between(&mut self, link: Link, packet: &[u8]) {
        let Some(flows) = Flow::all_between(link, packet) else { return };
        // Taken out, so that a flood of such packets does not end the same runs again and again.
        while let Some(flow) = self.flows.range(flows.clone()).next().map(|(flow, _)| *flow) {
            self.flows.remove(&flow);
        }
        self.recent = None;
    }
}

impl Default for Merger {
    fn default() -> Self {
        Self::new()
    }
}

impl Packet {
    /// The plain bytes that it begins with.
    fn bytes_in<'a>(&self, rooms: &'a [u8]) -> &'a [u8] {
        rooms.get(self.start..self.start + self.plain).unwrap_or_default()
    }
}

impl Run {
    /// A packet that nothing can be merged with.
    fn alone(packet: usize) -> Self {
        Self {
            first: packet,
            last: packet,
            count: 1,
            head: None,
            size: 0,
            bytes: 0,
            next_sequence: 0,
            is_open: false,
        }
    }

    /// A packet that others may follow.
    fn of(packet: usize, head: Head, candidate: &Candidate, bytes: usize) -> Self {
        Self {
            head: Some(head),
            size: candidate.payload_bytes,
            bytes,
            next_sequence: candidate.next_sequence(),
            is_open: !candidate.pushes,
            ..Self::alone(packet)
        }
    }

    /// Whether a packet with these headers may follow. `first` are those of the run's first packet.
    fn takes(&self, head: &Head, candidate: &Candidate, first: &[u8], bytes: &[u8]) -> bool {
        self.is_open
            && self.head.as_ref() == Some(head)
            && candidate.payload_bytes <= self.size
            && self.bytes + candidate.payload_bytes - head.network <= MAX_IP_BYTES
            && self.count < most_merged(head.protocol)
            && candidate.continues(head, self.next_sequence)
            && has_headers_of(head, first, bytes, low_16(self.count))
    }

    /// Counts a packet that follows. One that is shorter, or pushes, is the last.
    fn add(&mut self, candidate: &Candidate) {
        self.count += 1;
        self.bytes += candidate.payload_bytes;
        self.next_sequence = candidate.next_sequence();
        self.is_open = candidate.payload_bytes == self.size && !candidate.pushes;
    }
}

/// A header that was right for packets of one length and version: it is for the next ones, too.
#[derive(Debug, Default)]
struct RightHeader {
    bytes: Vec<u8>,
    datagram_bytes: usize,
    version: Option<Version>,
}

impl RightHeader {
    /// Whether a datagram has this header, and a packet of the same version and length.
    fn is_of(&self, datagram: &[u8], version: Version) -> bool {
        self.datagram_bytes == datagram.len()
            && self.version == Some(version)
            && self.bytes.iter().zip(datagram).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
    }

    fn set(&mut self, header: &[u8], datagram_bytes: usize, version: Version) {
        self.bytes.clear();
        self.bytes.extend_from_slice(header);
        self.datagram_bytes = datagram_bytes;
        self.version = Some(version);
    }
}

/// Whether a datagram is right in every respect. `head` is where the headers of its packet lie, which
/// are plain by now.
fn is_accepted<W: Wrap>(
    wrap: &W,
    datagram: &mut [u8],
    head: Option<Head>,
    right: &mut RightHeader,
) -> bool {
    // Where the headers were found, the packet's own lengths are right.
    if head.is_some_and(|head| right.is_of(datagram, head.version)) {
        return true;
    }
    let is_accepted = wrap.accepts(datagram);
    if let Some(head) = head.filter(|_| is_accepted) {
        let header = datagram.get(..wrap.overhead().before).unwrap_or_default();
        right.set(header, datagram.len(), head.version);
    }
    is_accepted
}

/// A datagram with the headers of its packet deciphered.
struct Opened {
    /// Bytes of the packet's headers, if they were found; so many at least are plain.
    plain: usize,
    /// Whether the others are enciphered still.
    hidden: bool,
    head: Option<Head>,
}

/// Checks a datagram and deciphers the headers of its packet in place. Nothing if it cannot go this
/// way or is not right in every respect; then it is as it was.
fn open_head<W: Wrap>(wrap: &W, datagram: &mut [u8], right: &mut RightHeader) -> Option<Opened> {
    let link = wrap.link();
    let before = wrap.overhead().before;
    let bytes = datagram.len().checked_sub(before).filter(|bytes| *bytes > 0)?;
    let Some(xor) = wrap.fused()?.keystream else {
        let head = Head::of(link, datagram.get(before..)?, bytes);
        let plain = head.map_or(bytes, |head| head.payload);
        let accepted = is_accepted(wrap, datagram, head, right);
        return accepted.then_some(Opened { plain, hidden: false, head });
    };
    let key = xor.keystream(0..bytes)?;
    let looked_at = link.head_bytes().min(bytes);
    pass::apply(datagram.get_mut(before..before + looked_at)?, key);
    let head = Head::of(link, datagram.get(before..)?, bytes);
    if !is_accepted(wrap, datagram, head, right) {
        pass::apply(datagram.get_mut(before..before + looked_at)?, key);
        return None;
    }
    let Some(payload) = head.map(|head| head.payload) else {
        return Some(Opened { plain: looked_at, hidden: true, head });
    };
    // Exactly the headers are to be plain: the rest comes in the pass over the payload.
    let rest = payload.min(looked_at)..payload.max(looked_at);
    let packet = datagram.get_mut(before..)?;
    pass::apply(packet.get_mut(rest.clone())?, key.get(rest)?);
    Some(Opened { plain: payload, hidden: true, head })
}

/// A write in the making, at the start of the free area.
struct Item<'a> {
    writes: &'a mut Writes,
    rooms: &'a [u8],
    keystream: Option<&'a Xor>,
    /// Bytes in front of the packet.
    start: usize,
    /// Bytes so far, with those in front.
    end: usize,
    packets: usize,
    packet_bytes: usize,
    /// Payload bytes of the first packet.
    size: usize,
    /// Whether the last packet has PSH.
    pushes: bool,
}

impl<'a> Item<'a> {
    fn new(writes: &'a mut Writes, rooms: &'a [u8], keystream: Option<&'a Xor>) -> Self {
        let start = writes.header_bytes();
        Self {
            writes,
            rooms,
            keystream,
            start,
            end: start,
            packets: 0,
            packet_bytes: 0,
            size: 0,
            pushes: false,
        }
    }

    /// Makes the writes of a run.
    fn take_run(&mut self, run: &Run, packets: &[Packet]) {
        let mut next = Some(run.first);
        while let Some(packet) = next.and_then(|number| packets.get(number)) {
            next = packet.next;
            match run.head.filter(|_| run.count > 1) {
                Some(head) => self.take(&head, packet),
                None => self.take_alone(packet),
            }
        }
        if let Some(head) = run.head {
            self.finish(&head);
        }
    }

    /// Adds a packet if its checksums are right, else makes it a write of its own.
    fn take(&mut self, head: &Head, packet: &Packet) {
        let is_first = self.packets == 0;
        let copied = self.copy(packet, if is_first { 0 } else { head.payload }, self.end);
        let Some(sum) = copied else { return };
        let bytes = packet.bytes_in(self.rooms);
        if !is_right(head, bytes, packet.bytes, sum) {
            self.finish(head);
            self.take_alone(packet);
            return;
        }
        let payload_bytes = packet.bytes - head.payload;
        if is_first {
            self.size = payload_bytes;
            self.end += head.payload;
        }
        self.end += payload_bytes;
        self.packets += 1;
        self.packet_bytes += packet.bytes;
        self.pushes = read::<1>(bytes, head.transport + 13)[0] & PSH != 0;
    }

    /// Makes a packet a write of its own, as it came.
    fn take_alone(&mut self, packet: &Packet) {
        if self.copy(packet, 0, self.start).is_none() {
            return;
        }
        if self.writes.device_header() {
            Header::default().write(self.writes.room());
        }
        self.writes.push(self.start + packet.bytes, 1, packet.bytes);
    }

    /// Copies a packet from its byte `from` to `to` in the free area, deciphered. The sum is that of
    /// what follows the headers.
    fn copy(&mut self, packet: &Packet, from: usize, to: usize) -> Option<Sum> {
        let bytes = self.rooms.get(packet.start..packet.start + packet.bytes)?;
        let room = self.writes.room().get_mut(to..to + packet.bytes - from)?;
        let (headers, payload) = bytes.split_at_checked(packet.plain)?;
        let headers = headers.get(from..)?;
        let (to_headers, to_payload) = room.split_at_mut_checked(headers.len())?;
        pass::copy_few(to_headers, headers);
        Some(match self.keystream {
            Some(xor) if packet.hidden => {
                let key = xor.keystream(packet.plain..packet.bytes)?;
                pass::decipher(to_payload, payload, key)
            }
            _ => pass::copy(to_payload, payload),
        })
    }

    /// Ends the write, if there is one: makes a super-packet of it if it has more than one packet.
    fn finish(&mut self, head: &Head) {
        if self.packets == 0 {
            return;
        }
        let (start, end) = (self.start, self.end);
        let is_merged = self.packets > 1;
        let (size, pushes) = (self.size, self.pushes);
        if let Some((header, packet)) =
            self.writes.room().get_mut(..end).and_then(|room| room.split_at_mut_checked(start))
        {
            if is_merged {
                merged_header(head, size).write(header);
                patch(head, packet, pushes);
            } else {
                Header::default().write(header);
            }
        }
        self.writes.push(end, self.packets, self.packet_bytes);
        self.end = start;
        self.packets = 0;
        self.packet_bytes = 0;
    }
}

/// Whether the checksums of a packet of `length` bytes with these headers are right; `payload` is the
/// sum of what follows them.
fn is_right(head: &Head, headers: &[u8], length: usize, payload: Sum) -> bool {
    let network = headers.get(head.network..head.transport).unwrap_or_default();
    let transport = headers.get(head.transport..head.payload).unwrap_or_default();
    if head.version == Version::V4 && !Sum::of_few(network).is_right() {
        return false;
    }
    let pseudo_header = Sum::pseudo_header(network, head.version, head.protocol.number());
    let sum =
        pseudo_header + length_sum(length - head.transport) + Sum::of_few(transport) + payload;
    sum.is_right()
}

/// The virtio header of a super-packet with payloads of `size` bytes.
pub(super) fn merged_header(head: &Head, size: usize) -> Header {
    let gso_type = match (head.protocol, head.version) {
        (Protocol::Tcp, Version::V4) => GSO_TCPV4,
        (Protocol::Tcp, Version::V6) => GSO_TCPV6,
        (Protocol::Udp, _) => GSO_UDP_L4,
    };
    Header {
        flags: NEEDS_CSUM,
        gso_type,
        hdr_len: low_16(head.payload),
        gso_size: low_16(size),
        csum_start: low_16(head.transport),
        csum_offset: low_16(head.protocol.checksum_offset()),
    }
}

/// Makes the headers of the first packet those of the merged one.
fn patch(head: &Head, packet: &mut [u8], pushes: bool) {
    let Head { version, protocol, network, transport, payload } = *head;
    let length = packet.len();
    match version {
        Version::V4 => {
            write(packet, network + 2, low_16(length - network).to_be_bytes());
            write(packet, network + 10, [0; 2]);
            let sum = Sum::of(packet.get(network..transport).unwrap_or_default());
            write(packet, network + 10, sum.checksum());
        }
        Version::V6 => write(packet, network + 4, low_16(length - transport).to_be_bytes()),
    }
    match protocol {
        Protocol::Tcp => {
            let [flags] = read(packet, transport + 13);
            write(packet, transport + 13, [flags | if pushes { PSH } else { 0 }]);
        }
        Protocol::Udp => write(packet, transport + 4, low_16(length - transport).to_be_bytes()),
    }
    let header = packet.get(network..payload).unwrap_or_default();
    let pseudo_header = Sum::pseudo_header(header, version, protocol.number());
    let sum = pseudo_header + length_sum(length - transport);
    write(packet, transport + protocol.checksum_offset(), sum.folded());
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::super::testing::{
        Foreign, Packet, TCP_ACK, batch, datagrams, grouped, plain_read, writes,
    };
    use super::*;
    use crate::offload::head::Link;
    use crate::offload::virtio;

    /// What packets that come one by one become: how many are in each write, and the writes.
    fn merged(packets: &[Vec<u8>]) -> (Vec<usize>, Vec<(Header, Vec<u8>)>) {
        let key = [1, 2, 3, 4];
        let mut here = batch(&key);
        let reads = packets.iter().map(|packet| plain_read(packet));
        let sent: Vec<_> = reads.flat_map(|read| datagrams(&mut here, &read)).collect();
        let mut there = batch(&key);
        let written = writes(&mut there, &grouped(&sent));
        let count = |(header, packet): &(Header, Vec<u8>)| match header.gso_type {
            virtio::GSO_NONE => 1,
            _ => (packet.len() - usize::from(header.hdr_len)).div_ceil(header.gso_size.into()),
        };
        (written.iter().map(count).collect(), written)
    }

    fn counts(packets: &[Vec<u8>]) -> Vec<usize> {
        merged(packets).0
    }

    /// Segments of 100 bytes each, changed by number.
    fn segments(count: u16, change: impl Fn(u16, &mut Packet)) -> Vec<Vec<u8>> {
        let segment = |number: u16| {
            let mut packet = Packet::tcp(100 * u32::from(number), TCP_ACK, &[7; 100]);
            packet.id = number;
            change(number, &mut packet);
            packet.build()
        };
        (0..count).map(segment).collect()
    }

    #[test]
    fn the_bytes_of_a_merged_pair() {
        let (_, written) = merged(&segments(2, |_, _| ()));
        let [(header, packet)] = &written[..] else { panic!("{} writes", written.len()) };
        let expected = Header {
            flags: 1,
            gso_type: 1,
            hdr_len: 40,
            gso_size: 100,
            csum_start: 20,
            csum_offset: 16,
        };
        assert_eq!(*header, expected);
        assert_eq!(packet[..12], [0x45, 0, 0, 240, 0, 0, 0x40, 0, 64, 6, 0x21, 0x3e]);
        assert!(Sum::of(&packet[..20]).is_right());
        // 10.1.2.1 + 10.1.2.200 + 6 + 220, neither complemented nor with anything else.
        let sum = 0x0a01 + 0x0201 + 0x0a01 + 0x02c8 + 6 + 220_u16;
        assert_eq!(packet[36..38], sum.to_be_bytes());
        assert_eq!(packet[40..], [7; 200]);
    }

    #[test]
    fn the_last_may_be_shorter_or_push_and_nothing_follows_it() {
        assert_eq!(counts(&segments(5, |_, _| ())), [5]);
        assert_eq!(counts(&segments(5, |n, p| p.payload.truncate(100 - usize::from(n == 4)))), [5]);
        let push = |number| {
            counts(&segments(5, |n, p| {
                p.tcp.as_mut().unwrap().flags |= if n == number { PSH } else { 0 };
            }))
        };
        assert_eq!(push(4), [5]);
        assert_eq!(push(1), [2, 3]);
        assert_eq!(push(0), [1, 4]);
        let udp = |sizes: &[usize]| {
            let packet = |(id, size): (u16, &usize)| Packet { id, ..Packet::udp(&vec![1; *size]) };
            counts(&(0..).zip(sizes).map(packet).map(|packet| packet.build()).collect::<Vec<_>>())
        };
        assert_eq!(udp(&[100, 100, 60, 60, 100]), [3, 1, 1]);
        assert_eq!(udp(&[100, 101]), [1, 1]);
        assert_eq!(udp(&[0, 100, 0, 100]), [1, 1, 1, 1]);
    }

    #[test]
    fn a_push_on_the_last_is_a_push_of_all() {
        let (counts, written) = merged(&segments(3, |n, p| {
            p.tcp.as_mut().unwrap().flags |= if n == 2 { PSH } else { 0 };
        }));
        assert_eq!((counts, written[0].1[33]), (vec![3], TCP_ACK | PSH));
    }

    #[test]
    fn what_differs_is_not_merged() {
        let differs = |change: fn(&mut Packet)| {
            counts(&segments(4, |n, p| {
                if n >= 2 {
                    change(p);
                }
            }))
        };
        assert_eq!(differs(|_| ()), [4]);
        assert_eq!(differs(|p| p.ttl = 63), [2, 2]);
        assert_eq!(differs(|p| p.tos = 3), [2, 2]);
        assert_eq!(differs(|p| p.fragment = 0), [2, 2]);
        assert_eq!(differs(|p| p.id += 1), [2, 2]);
        assert_eq!(differs(|p| p.source_port = 1), [2, 2]);
        assert_eq!(differs(|p| p.host = 77), [2, 2]);
        assert_eq!(differs(|p| p.tcp.as_mut().unwrap().ack += 1), [2, 2]);
        assert_eq!(differs(|p| p.tcp.as_mut().unwrap().window += 1), [2, 2]);
        assert_eq!(differs(|p| p.tcp.as_mut().unwrap().sequence += 1), [2, 2]);
        assert_eq!(differs(|p| p.tcp.as_mut().unwrap().options = vec![1; 4]), [2, 2]);
        for flag in [FIN_FLAG, 0x02, 0x04, 0x20, 0x80] {
            let flagged = |n, p: &mut Packet| {
                if n == 1 {
                    p.tcp.as_mut().unwrap().flags |= flag;
                }
            };
            assert_eq!(counts(&segments(4, flagged)), [1, 1, 2], "flag {flag:02x}");
        }
        assert_eq!(differs(|p| p.ip_options = vec![1; 4]), [2, 1, 1]);
        assert_eq!(differs(|p| p.fragment = 0x2000), [2, 1, 1]);
    }

    const FIN_FLAG: u8 = 0x01;

    #[test]
    fn a_wrong_checksum_goes_alone_and_leaves_nothing_behind() {
        // In the payload, the TCP header and the IPv4 header, and of every packet in turn.
        for place in [139, 32, 10] {
            for wrong in 0..4 {
                let mut packets = segments(4, |_, _| ());
                packets[wrong][place] ^= 4;
                let (counts, written) = merged(&packets);
                let before = if wrong == 0 { vec![] } else { vec![wrong] };
                let behind = if wrong == 3 { vec![] } else { vec![3 - wrong] };
                if place != 32 {
                    assert_eq!(counts, [before.clone(), vec![1], behind].concat());
                }
                assert_eq!(written[before.len()].1, packets[wrong], "as it came");
            }
        }
    }

    #[test]
    fn the_zero_that_nobody_writes_is_kept() {
        // The right checksum is zero; what stands there is the other zero. First that of TCP, by
        // two bytes of the payload.
        let mut packets = segments(3, |_, _| ());
        let missing = packets[1][36..38].to_vec();
        let mut packet = Packet { id: 1, ..Packet::tcp(100, TCP_ACK, &[7; 100]) };
        let filled = u16::from_be_bytes([missing[0], missing[1]]) + 0x0707;
        packet.payload[..2].copy_from_slice(&filled.to_be_bytes());
        packets[1] = packet.build();
        assert_eq!((&packets[1][36..38], counts(&packets)), (&[0, 0][..], vec![3]));
        packets[1][36..38].fill(0xff);
        assert_eq!(counts(&packets), [1, 1, 1]);
        // In the IPv4 header, by the identification.
        let first = segments(1, |_, _| ())[0][10..12].to_vec();
        let id = u16::from_be_bytes([first[0], first[1]]) - 1;
        let mut packets = segments(3, |n, p| p.id = id + n);
        assert_eq!((&packets[1][10..12], counts(&packets)), (&[0, 0][..], vec![3]));
        packets[1][10..12].fill(0xff);
        assert_eq!(counts(&packets), [1, 1, 1]);
    }

    #[test]
    fn flows_are_told_apart_and_none_is_reordered() {
        let one = segments(3, |_, _| ());
        let two = segments(3, |_, p| p.source_port = 9);
        let turns: Vec<_> =
            one.iter().zip(&two).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
        assert_eq!(counts(&turns), [3, 3]);

        // A fragment is not overtaken by what is between the same addresses, and by that alone.
        let fragment = Packet { fragment: 1, ..Packet::udp(&[1; 50]) }.build();
        let other = segments(3, |_, p| p.host = 99);
        let mut turns = vec![other[0].clone(), one[0].clone(), fragment.clone()];
        turns.extend([one[1].clone(), other[1].clone(), one[2].clone(), other[2].clone()]);
        let (counts, written) = merged(&turns);
        assert_eq!(counts, [3, 1, 1, 2]);
        assert_eq!(written[2].1, fragment);
    }

    #[test]
    fn merged_packets_have_bounds() {
        let udp = |number: u16| Packet { id: number, ..Packet::udp(&[1; 20]) }.build();
        assert_eq!(counts(&(0..100).map(udp).collect::<Vec<_>>()), [64, 36]);
        let small = segments(200, |n, p| {
            p.payload = vec![1];
            p.tcp.as_mut().unwrap().sequence = n.into();
        });
        assert_eq!(counts(&small), [128, 72]);
        // 45 × 1448 + 40 is 65,200; one more would be 66,648.
        let large = segments(50, |n, p| {
            p.payload = vec![1; 1448];
            p.tcp.as_mut().unwrap().sequence = u32::from(n) * 1448;
        });
        assert_eq!(counts(&large), [45, 5]);
    }

    #[test]
    fn frames_are_merged_behind_their_ethernet() {
        for is_fused in [true, false] {
            let mut here = Batch::new(Foreign::new(Link::Ethernet, is_fused), true, 4);
            let mut there = Batch::new(Foreign::new(Link::Ethernet, is_fused), true, 4);
            let mut frames = segments(4, |_, p| p.tags = Some(1));
            // A tag of another network, and ARP.
            frames[3][15] = 9;
            frames.push([&[2; 12][..], &[8, 6], &[1; 46]].concat());
            let reads = frames.iter().map(|frame| plain_read(frame));
            let sent: Vec<_> = reads.flat_map(|read| datagrams(&mut here, &read)).collect();
            let written = writes(&mut there, &grouped(&sent));
            let sizes: Vec<_> = written.iter().map(|(_, frame)| frame.len()).collect();
            assert_eq!(sizes, [18 + 40 + 300, 18 + 140, 60]);
            assert_eq!((written[0].0.csum_start, written[0].0.hdr_len), (38, 58));
            assert_eq!(written[2].1, frames[4]);
        }
    }

    #[test]
    fn without_offloads_packets_stay_as_they_are() {
        let mut there = batch(&[]);
        there.merge_for_device(false, true);
        let sent: Vec<_> = segments(3, |_, _| ())
            .iter()
            .flat_map(|packet| datagrams(&mut batch(&[]), &plain_read(packet)))
            .collect();
        assert_eq!(writes(&mut there, &grouped(&sent)).len(), 3);
        there.merge_for_device(true, false);
        assert_eq!(writes(&mut there, &grouped(&sent)).len(), 1);
    }

    #[test]
    fn drops_are_told_with_their_message_and_the_first_that_opens_is_known() {
        let mut there = batch(&[]);
        let good = datagrams(&mut batch(&[]), &plain_read(&Packet::udp(b"hello").build()));
        assert_eq!(there.heard_from(), None);
        let messages = [vec![b"HTTP/1.1".to_vec()], vec![vec![]], good];
        assert_eq!(writes(&mut there, &messages).len(), 1);
        assert_eq!(there.heard_from(), Some(2));
        let told = there.reports().take().unwrap();
        assert_eq!((told.drop.reason, told.message, told.length), (Reason::NotOurs, Some(0), 8));
        let told = there.reports().take().unwrap();
        assert_eq!((told.drop.reason, told.message, told.length), (Reason::TooShort, Some(1), 0));
        assert_eq!(there.reports().take(), None);
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let mut there = batch(&[]);
        for entry in there.inbox().table() {
            *entry = Received { message: 0, bytes: 100, datagram_bytes: 30 };
        }
        there.receive(2);
        there.receive(0);
        assert_eq!(there.merge(), 0);
        let flow = there.wrap().tunnel().counters().r#in;
        assert_eq!((flow.drops(Reason::NoBuffers), flow.dropped()), (8, 8));
    }

    #[test]
    fn a_round_ends_where_the_room_does_and_the_next_goes_on() {
        let wrapper = super::super::wrap::Wrapper::new(
            &super::super::testing::format(&[3]),
            &super::super::testing::config(&[3]),
        );
        let mut there = Batch::new(wrapper.unwrap(), true, 64);
        let packet = Packet::udp(&vec![1; 65_471]).build();
        let sent = datagrams(&mut batch(&[3]), &plain_read(&packet)).concat();
        for message in 0..40 {
            let start = message * super::super::batch::ROOM_BYTES;
            there.inbox().rooms()[start..start + sent.len()].copy_from_slice(&sent);
            let (message, bytes) = (u32::try_from(message).unwrap(), 65_507);
            there.inbox().table()[message as usize] =
                Received { message, bytes, datagram_bytes: 0 };
        }
        there.receive(40);
        let mut rounds = Vec::new();
        while there.merge() > 0 {
            let writes = there.writes();
            assert!(writes.table().iter().all(|write| writes.bytes(write)[10..] == packet));
            rounds.push(writes.table().len());
        }
        assert_eq!(rounds, [16, 16, 8]);
    }
}
