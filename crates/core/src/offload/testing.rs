//! Packets and tunnels for the tests of this folder. Packets are built by definition, byte by byte,
//! sharing nothing with what is tested.

use super::Batch;
use super::head::Link;
use super::inbox::Received;
use super::virtio::{HEADER_BYTES, Header};
use super::wrap::{Fused, Overhead, Wrap, Wrapper};
use crate::cipher::xor::Xor;
use crate::drop::{Drop, Layer, Reason};
use crate::format::Format;
use crate::packet::Inside;
use crate::tunnel::{Config, Direction};
use std::ops::Range;

pub(super) const TCP_ACK: u8 = 0x10;

/// A packet to be built.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    /// VLAN tags of its Ethernet header, if it has one.
    pub(super) tags: Option<usize>,
    pub(super) is_ipv6: bool,
    /// Last byte of the source address.
    pub(super) host: u8,
    pub(super) tos: u8,
    pub(super) ttl: u8,
    pub(super) id: u16,
    pub(super) fragment: u16,
    pub(super) ip_options: Vec<u8>,
    /// IPv6 extension header of 8 bytes: its number.
    pub(super) extension: Option<u8>,
    pub(super) source_port: u16,
    /// Nothing: UDP.
    pub(super) tcp: Option<Tcp>,
    pub(super) payload: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) sequence: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) options: Vec<u8>,
}

impl Packet {
    pub(super) fn udp(payload: &[u8]) -> Self {
        Self {
            tags: None,
            is_ipv6: false,
            host: 1,
            tos: 0,
            ttl: 64,
            id: 0,
            fragment: 0x4000,
            ip_options: Vec::new(),
            extension: None,
            source_port: 4000,
            tcp: None,
            payload: payload.to_vec(),
        }
    }

    pub(super) fn tcp(sequence: u32, flags: u8, payload: &[u8]) -> Self {
        let tcp = Tcp { sequence, ack: 77, flags, window: 500, options: Vec::new() };
        Self { tcp: Some(tcp), ..Self::udp(payload) }
    }

    pub(super) fn over_ipv6(self) -> Self {
        Self { is_ipv6: true, ..self }
    }

    pub(super) fn in_ethernet(self, tags: usize) -> Self {
        Self { tags: Some(tags), ..self }
    }

    /// Where the TCP or UDP header begins.
    pub(super) fn transport(&self) -> usize {
        let ethernet = self.tags.map_or(0, |tags| 14 + 4 * tags);
        let extension = if self.extension.is_some() { 8 } else { 0 };
        ethernet + if self.is_ipv6 { 40 + extension } else { 20 + self.ip_options.len() }
    }

    fn protocol(&self) -> u8 {
        if self.tcp.is_some() { 6 } else { 17 }
    }

    /// The bytes, with all checksums.
    pub(super) fn build(&self) -> Vec<u8> {
        self.build_with(|_, sum| {
            let checksum = !sum;
            if checksum == 0 && self.tcp.is_none() { 0xffff } else { checksum }
        })
    }

    /// The bytes as a device gives those of a super-packet, virtio header and all.
    pub(super) fn build_super(&self, size: usize) -> Vec<u8> {
        let packet = self.build_with(|pseudo_header, _| pseudo_header);
        let kind = match (&self.tcp, self.is_ipv6) {
            (Some(_), false) => 1,
            (Some(_), true) => 4,
            (None, _) => 5,
        };
        let (start, offset) = (self.transport(), if self.tcp.is_some() { 16 } else { 6 });
        let mut bytes = vec![1, kind];
        for number in [start + 8, size, start, offset] {
            bytes.extend(u16::try_from(number).unwrap().to_le_bytes());
        }
        bytes.extend(packet);
        bytes
    }

    /// `checksum` is given the sum of the pseudo-header and the whole sum.
    fn build_with(&self, checksum: impl Fn(u16, u16) -> u16) -> Vec<u8> {
        let mut transport = self.source_port.to_be_bytes().to_vec();
        if let Some(tcp) = &self.tcp {
            transport.extend([0, 80]);
            transport.extend(tcp.sequence.to_be_bytes());
            transport.extend(tcp.ack.to_be_bytes());
            let length = u8::try_from(5 + tcp.options.len() / 4).unwrap();
            transport.extend([length << 4, tcp.flags]);
            transport.extend(tcp.window.to_be_bytes());
            transport.extend([0, 0, 0, 0]);
            transport.extend(&tcp.options);
        } else {
            transport.extend([0, 53]);
            transport.extend(u16::try_from(8 + self.payload.len()).unwrap().to_be_bytes());
            transport.extend([0, 0]);
        }
        transport.extend(&self.payload);
        let length = transport.len();

        let mut addresses = Vec::new();
        for host in [self.host, 200] {
            if self.is_ipv6 {
                addresses.extend([0xfd; 15]);
                addresses.push(host);
            } else {
                addresses.extend([10, 1, 2, host]);
            }
        }
        let mut pseudo_header = addresses.clone();
        pseudo_header.extend(u32::try_from(length).unwrap().to_be_bytes());
        pseudo_header.extend([0, self.protocol()]);
        let whole = sum(&[&pseudo_header[..], &transport].concat());
        let at = if self.tcp.is_some() { 16 } else { 6 };
        let value = checksum(sum(&pseudo_header), whole);
        transport[at..at + 2].copy_from_slice(&value.to_be_bytes());

        let mut packet = Vec::new();
        if let Some(tags) = self.tags {
            packet.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
            (0..tags).for_each(|tag| packet.extend([0x81, 0, 0, u8::try_from(tag).unwrap()]));
            packet.extend(if self.is_ipv6 { [0x86, 0xdd] } else { [0x08, 0x00] });
        }
        if self.is_ipv6 {
            let extension =
                self.extension.map_or(vec![], |_| vec![self.protocol(), 0, 1, 4, 0, 0, 0, 0]);
            let next = self.extension.unwrap_or(self.protocol());
            packet.extend([0x60 | self.tos >> 4, self.tos << 4, 0, 7]);
            let length = u16::try_from(extension.len() + length).unwrap();
            packet.extend(length.to_be_bytes());
            packet.extend([next, self.ttl]);
            packet.extend(addresses);
            packet.extend(extension);
        } else {
            let header_bytes = 20 + self.ip_options.len();
            let mut header = vec![0x40 | u8::try_from(header_bytes / 4).unwrap(), self.tos];
            header.extend(u16::try_from(header_bytes + length).unwrap().to_be_bytes());
            header.extend(self.id.to_be_bytes());
            header.extend(self.fragment.to_be_bytes());
            header.extend([self.ttl, self.protocol(), 0, 0]);
            header.extend(addresses);
            header.extend(&self.ip_options);
            let checksum = !sum(&header);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            packet.extend(header);
        }
        packet.extend(transport);
        packet
    }

    /// What a super-packet of this stands for, by definition.
    pub(super) fn split(&self, size: usize) -> Vec<Vec<u8>> {
        let count = self.payload.len().div_ceil(size).max(1);
        let segment = |number: usize| {
            let start = number * size;
            let end = (start + size).min(self.payload.len());
            let mut segment = Self { payload: self.payload[start..end].to_vec(), ..self.clone() };
            segment.id = self.id.wrapping_add(u16::try_from(number).unwrap());
            if let Some(tcp) = &mut segment.tcp {
                tcp.sequence = tcp.sequence.wrapping_add(u32::try_from(start).unwrap());
                if number > 0 {
                    tcp.flags &= 0x7f;
                }
                if number + 1 < count {
                    tcp.flags &= !0x09;
                }
            }
            segment.build()
        };
        (0..count).map(segment).collect()
    }
}

/// The Internet checksum's sum by definition.
fn sum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum = bytes.chunks(2).map(word).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}

pub(super) fn config(key: &[u8]) -> Config {
    let peer = Some("10.1.2.200:1337".parse().unwrap());
    Config { key: key.to_vec().into(), peer, ..Config::default() }
}

/// `CrapVPN`, without a cipher if there is no key.
pub(super) fn format(key: &[u8]) -> Format {
    let mut format = Format::built_in("crapvpn").unwrap();
    format.cipher = format.cipher.filter(|_| !key.is_empty());
    format
}

pub(super) fn batch(key: &[u8]) -> Batch {
    Batch::new(Wrapper::new(&format(key), &config(key)).unwrap(), true, 4)
}

/// What a device gives for a packet that is no super-packet.
pub(super) fn plain_read(packet: &[u8]) -> Vec<u8> {
    [&[0; HEADER_BYTES][..], packet].concat()
}

/// The datagrams that one read from the device becomes.
pub(super) fn datagrams<W: Wrap>(batch: &mut Batch<W>, read: &[u8]) -> Vec<Vec<u8>> {
    batch.read()[..read.len()].copy_from_slice(read);
    batch.split(read.len()).unwrap();
    let sends = batch.sends();
    let places = sends.table().iter().flat_map(super::sends::Send::datagrams);
    let datagrams = places.map(|place| sends.area()[place].to_vec()).collect();
    batch.sent();
    datagrams
}

/// What messages become for the device, round by round: headers and packets. Each message is some
/// datagrams of equal size, the last perhaps shorter.
pub(super) fn writes<W: Wrap>(
    batch: &mut Batch<W>,
    messages: &[Vec<Vec<u8>>],
) -> Vec<(Header, Vec<u8>)> {
    let mut written = Vec::new();
    for messages in messages.chunks(4) {
        for (number, message) in messages.iter().enumerate() {
            let bytes = message.concat();
            let start = number * super::batch::ROOM_BYTES;
            batch.inbox().rooms()[start..start + bytes.len()].copy_from_slice(&bytes);
            batch.inbox().table()[number] = Received {
                message: u32::try_from(number).unwrap(),
                bytes: u32::try_from(bytes.len()).unwrap(),
                datagram_bytes: if message.len() == 1 {
                    0
                } else {
                    u32::try_from(message[0].len()).unwrap()
                },
            };
        }
        batch.receive(messages.len());
        while batch.merge() > 0 {
            let writes = batch.writes();
            for write in writes.table() {
                let (header, packet) = Header::parse(writes.bytes(write)).unwrap();
                written.push((header, packet.to_vec()));
            }
        }
    }
    written
}

/// Groups datagrams as `UDP_GRO` does: equal ones, then perhaps a shorter one, 64 at most.
pub(super) fn grouped(datagrams: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut messages: Vec<Vec<Vec<u8>>> = Vec::new();
    for datagram in datagrams {
        let fits = messages.last().is_some_and(|message| {
            let size = message[0].len();
            let bytes: usize = message.iter().map(Vec::len).sum();
            message.len() < 64
                && bytes == size * message.len()
                && (1..=size).contains(&datagram.len())
                && bytes + datagram.len() <= 65_507
        });
        match messages.last_mut() {
            Some(message) if fits => message.push(datagram.clone()),
            _ => messages.push(vec![datagram.clone()]),
        }
    }
    messages
}

/// A tunnel of another kind: Ethernet or IP, and either one pass, or none with something behind the
/// packet and room in front that is not all used.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) link: Link,
    pub(super) xor: Xor,
    pub(super) is_fused: bool,
    pub(super) passed: [(usize, usize); 2],
    pub(super) dropped: [usize; 2],
}

impl Foreign {
    pub(super) fn new(link: Link, is_fused: bool) -> Self {
        let xor = Xor::new(&[1, 2, 3]).unwrap();
        Self { link, xor, is_fused, passed: [(0, 0); 2], dropped: [0; 2] }
    }

    fn header(bytes: usize) -> [u8; 4] {
        let [low, high, ..] = bytes.to_le_bytes();
        [0xee, 0x77, low, high]
    }

    fn refused(&mut self, direction: Direction) -> Drop {
        self.dropped[usize::from(direction == Direction::In)] += 1;
        Drop::whole(Reason::NotOurs, Layer::Header, 0, 0)
    }
}

impl Wrap for Foreign {
    fn link(&self) -> Link {
        self.link
    }

    fn overhead(&self) -> Overhead {
        if self.is_fused {
            Overhead { before: 4, behind: 0 }
        } else {
            Overhead { before: 7, behind: 3 }
        }
    }

    fn fused(&self) -> Option<Fused<'_>> {
        self.is_fused.then_some(Fused { keystream: Some(&self.xor) })
    }

    fn may_leave(&self, packet: &[u8], _longest: usize) -> Option<Inside> {
        (!packet.is_empty()).then_some(Inside::Ethernet)
    }

    fn write_header(&self, datagram: &mut [u8], _inside: Inside) {
        let header = Self::header(datagram.len() - 4);
        datagram[..4].copy_from_slice(&header);
    }

    fn accepts(&self, datagram: &[u8]) -> bool {
        datagram.len() > 4 && datagram[..4] == Self::header(datagram.len() - 4)
    }

    fn pass(&mut self, direction: Direction, packets: usize, bytes: usize) {
        let (all, all_bytes) = &mut self.passed[usize::from(direction == Direction::In)];
        *all += packets;
        *all_bytes += bytes;
    }

    fn seal(&mut self, buffer: &mut [u8], packet: Range<usize>) -> Result<Range<usize>, Drop> {
        if packet.is_empty() {
            return Err(self.refused(Direction::Out));
        }
        self.pass(Direction::Out, 1, packet.len());
        self.xor.apply(&mut buffer[packet.clone()]);
        let start = packet.start - 4;
        buffer[start..packet.start].copy_from_slice(&Self::header(packet.len()));
        if self.is_fused {
            return Ok(start..packet.end);
        }
        buffer[packet.end..packet.end + 3].fill(0x99);
        Ok(start..packet.end + 3)
    }

    fn open(&mut self, buffer: &mut [u8], datagram: Range<usize>) -> Result<Range<usize>, Drop> {
        let behind = self.overhead().behind;
        let Some(bytes) = datagram.len().checked_sub(4 + behind).filter(|bytes| *bytes > 0) else {
            return Err(self.refused(Direction::In));
        };
        if buffer[datagram.start..datagram.start + 4] != Self::header(bytes) {
            return Err(self.refused(Direction::In));
        }
        let packet = datagram.start + 4..datagram.end - behind;
        self.xor.apply(&mut buffer[packet.clone()]);
        self.pass(Direction::In, 1, bytes);
        Ok(packet)
    }

    fn refuse(&mut self, direction: Direction, _drop: Drop) {
        self.refused(direction);
    }

    fn lose(&mut self, _: Direction, _: Reason, _: usize, _: usize) {}
}
