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

use super::flow::{Candidate, Flow};
use super::head::{Head, Link, Protocol};
use super::inbox::Inbox;
use super::item::Item;
use super::open::{Opened, RightHeader, open_head};
use super::reports::Reports;
use super::run::{Packet, Run};
use super::wrap::Wrap;
use super::writes::Writes;
use crate::drop::{Drop, Layer, Reason};
use crate::tunnel::Direction::In;
use std::collections::BTreeMap;
use std::ops::Range;

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

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::super::checksum::Sum;
    use super::super::inbox::Received;
    use super::super::segments::PSH;
    use super::super::testing::{
        Foreign, Packet, TCP_ACK, batch, datagrams, grouped, plain_read, writes,
    };
    use super::super::virtio::{self, Header};
    use super::*;

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
