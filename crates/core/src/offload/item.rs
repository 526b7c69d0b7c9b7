//! A write in the making: the packets of a run, one behind the other, or one alone.

use super::checksum::Sum;
use super::head::{Head, Protocol, Version};
use super::run::{Packet, Run};
use super::segments::{PSH, length_sum, low_16};
use super::virtio::{GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, Header, NEEDS_CSUM};
use super::writes::Writes;
use super::{pass, read, write};
use crate::cipher::xor::Xor;

/// A write in the making, at the start of the free area.
pub(super) struct Item<'a> {
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
    /// Sum of the pseudo-header without its length: the same for all packets of a run.
    pseudo_header: Sum,
}

impl<'a> Item<'a> {
    pub(super) fn new(writes: &'a mut Writes, rooms: &'a [u8], keystream: Option<&'a Xor>) -> Self {
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
            pseudo_header: Sum::default(),
        }
    }

    /// Makes the writes of a run.
    pub(super) fn take_run(&mut self, run: &Run, packets: &[Packet]) {
        if let (Some(head), Some(first)) = (run.head, packets.get(run.first)) {
            let network = first.bytes_in(self.rooms).get(head.network..).unwrap_or_default();
            self.pseudo_header = Sum::pseudo_header(network, head.version, head.protocol.number());
        }
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
        if !is_right(
            head,
            bytes,
            self.pseudo_header + length_sum(packet.bytes - head.transport) + sum,
        ) {
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
        if !headers.is_empty() {
            pass::copy_few(to_headers, headers);
        }
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
        let (size, pushes, pseudo_header) = (self.size, self.pushes, self.pseudo_header);
        if let Some((header, packet)) =
            self.writes.room().get_mut(..end).and_then(|room| room.split_at_mut_checked(start))
        {
            if is_merged {
                merged_header(head, size).write(header);
                patch(head, packet, pushes, pseudo_header);
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

/// Whether the checksums of a packet with these headers are right; `rest` is the sum of the
/// pseudo-header and of what follows the headers.
fn is_right(head: &Head, headers: &[u8], rest: Sum) -> bool {
    let network = headers.get(head.network..head.transport).unwrap_or_default();
    let transport = headers.get(head.transport..head.payload).unwrap_or_default();
    let is_right = head.version == Version::V6 || Sum::of_few(network).is_right();
    is_right && (rest + Sum::of_few(transport)).is_right()
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
fn patch(head: &Head, packet: &mut [u8], pushes: bool, pseudo_header: Sum) {
    let Head { version, protocol, network, transport, .. } = *head;
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
    let sum = pseudo_header + length_sum(length - transport);
    write(packet, transport + protocol.checksum_offset(), sum.folded());
}
