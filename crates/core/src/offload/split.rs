//! What was read from a device becomes datagrams: one of a packet, many of a super-packet.
//!
//! 1. Take the virtio header off and see that all it says fits the packet; if not, drop it.
//! 2. Make sure that there is room for all that can come of it; if not, do nothing yet.
//! 3. For each packet that it stands for, payload first: copy, encipher and sum it in one pass.
//!    Then the headers, with that sum in their checksum, and the format's header in front.
//!
//! Where the format does not allow the one pass, or the packet is not to go out at all, each packet
//! is built plain and takes the tunnel's own way.

use super::checksum::Sum;
use super::pass;
use super::reports::Reports;
use super::segments::{MAX_SEGMENTS, Segments, finish_checksum, malformed};
use super::sends::Sends;
use super::virtio::{self, GSO_NONE, Header};
use super::wrap::{Overhead, Wrap};
use crate::cipher::xor::Xor;
use crate::drop::Drop;
use crate::packet::Malformed;
use crate::tunnel::Direction::Out;
use std::ops::Range;

/// The longest header of a format.
const MAX_HEADER_BYTES: usize = 255;

/// There may be no room for the datagrams: send those that are there, then split again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Bytes of room that are always enough for one read of `read_bytes`.
#[must_use]
pub fn worst_case(overhead: Overhead, read_bytes: usize) -> usize {
    let each = overhead.before + super::head::MAX_HEAD_BYTES + overhead.behind;
    read_bytes + MAX_SEGMENTS * each
}

/// Makes datagrams of one read from the device: `read` is a packet, with a virtio header before it
/// if `device_header`. Drops are counted and reported.
///
/// # Errors
/// [`Full`]: nothing was done, and `read` is as it was.
pub fn split<W: Wrap>(
    wrap: &mut W,
    device_header: bool,
    read: &mut [u8],
    sends: &mut Sends,
    reports: &mut Reports,
) -> Result<(), Full> {
    let header = if device_header {
        Header::parse(read).map(|(header, _)| header)
    } else {
        Some(Header::default())
    };
    let start = if device_header { virtio::HEADER_BYTES } else { 0 };
    let length = read.len();
    let (Some(header), Some(packet)) = (header, read.get_mut(start..)) else {
        let expected = virtio::HEADER_BYTES;
        drop_whole(wrap, reports, malformed("virtio_net_hdr", expected, length), length);
        return Ok(());
    };
    let length = packet.len();
    let overhead = wrap.overhead();
    if header.kind() == GSO_NONE {
        check_room(sends, overhead, length, 1)?;
        match finish_checksum(&header, packet) {
            Ok(()) => Outgoing { wrap, sends, reports }.packet(packet),
            Err(error) => drop_whole(wrap, reports, error, length),
        }
        return Ok(());
    }
    match Segments::parse(wrap.link(), &header, packet) {
        Ok(segments) => {
            check_room(sends, overhead, segments.total(), segments.count())?;
            Outgoing { wrap, sends, reports }.super_packet(packet, segments);
        }
        Err(error) => drop_whole(wrap, reports, error, length),
    }
    Ok(())
}

/// Whether datagrams of so many packets, of so many bytes together, are sure to fit.
fn check_room(
    sends: &Sends,
    overhead: Overhead,
    packet_bytes: usize,
    packets: usize,
) -> Result<(), Full> {
    let bytes = packet_bytes + packets * (overhead.before + overhead.behind);
    if sends.has_room(bytes, packets) { Ok(()) } else { Err(Full) }
}

/// Counts and reports a read that stands for no packet at all.
fn drop_whole<W: Wrap>(wrap: &mut W, reports: &mut Reports, error: Malformed, length: usize) {
    let drop = Drop::not_a_packet(error, 0);
    wrap.refuse(Out, drop);
    reports.add(Out, drop, length, None);
}

struct Outgoing<'a, W> {
    wrap: &'a mut W,
    sends: &'a mut Sends,
    reports: &'a mut Reports,
}

impl<W: Wrap> Outgoing<'_, W> {
    fn packet(&mut self, packet: &[u8]) {
        let length = packet.len();
        if self.packet_fused(packet).is_some() {
            self.wrap.pass(Out, 1, length);
        } else {
            self.seal(&[], packet);
        }
    }

    fn super_packet(&mut self, packet: &[u8], mut segments: Segments<'_>) {
        if self.segments_fused(packet, &mut segments).is_some() {
            self.wrap.pass(Out, segments.count(), segments.total());
            return;
        }
        for number in 0..segments.count() {
            let payload = segments.payload(number);
            let head = segments.head(number, Sum::of(payload));
            self.seal(head, payload);
        }
    }

    /// One pass over a packet; nothing if it cannot go this way, and then nothing is done.
    fn packet_fused(&mut self, packet: &[u8]) -> Option<()> {
        let inside = self.wrap.may_leave(packet, packet.len())?;
        let keystream = self.wrap.fused()?.keystream;
        let before = self.wrap.overhead().before;
        let datagram = self.sends.room().get_mut(..before + packet.len())?;
        encipher(datagram.get_mut(before..)?, packet, keystream, 0..packet.len())?;
        self.wrap.write_header(datagram, inside);
        self.sends.push(before + packet.len(), packet.len());
        Some(())
    }

    /// One pass over each packet of a super-packet, likewise.
    fn segments_fused(&mut self, packet: &[u8], segments: &mut Segments<'_>) -> Option<()> {
        let inside = self.wrap.may_leave(packet, segments.longest())?;
        let keystream = self.wrap.fused()?.keystream;
        // Asked first, so that no segment can fail later.
        if let Some(xor) = keystream {
            xor.keystream(0..segments.longest())?;
        }
        let before = self.wrap.overhead().before;
        let head_bytes = segments.head_bytes();
        let mut header = [0; MAX_HEADER_BYTES];
        let header = header.get_mut(..before)?;
        let mut header_of = None;
        for number in 0..segments.count() {
            let payload = segments.payload(number);
            let length = head_bytes + payload.len();
            let datagram = self.sends.room().get_mut(..before + length)?;
            if header_of != Some(length) {
                self.wrap.write_header(datagram, inside);
                header.copy_from_slice(datagram.get(..before)?);
                header_of = Some(length);
            }
            let (to_header, packet) = datagram.split_at_mut_checked(before)?;
            let (head, body) = packet.split_at_mut_checked(head_bytes)?;
            pass::copy_few(to_header, header);
            let sum = encipher(body, payload, keystream, head_bytes..length)?;
            encipher(head, segments.head(number, sum), keystream, 0..head_bytes)?;
            self.sends.push(before + length, length);
        }
        Some(())
    }

    /// The tunnel's own way, for a packet in two pieces.
    fn seal(&mut self, head: &[u8], payload: &[u8]) {
        let Overhead { before, behind } = self.wrap.overhead();
        let length = head.len() + payload.len();
        let packet = before..before + length;
        let Some(room) = self.sends.room().get_mut(..packet.end + behind) else { return };
        if let Some((to_head, to_payload)) =
            room.get_mut(packet.clone()).and_then(|room| room.split_at_mut_checked(head.len()))
        {
            to_head.copy_from_slice(head);
            to_payload.copy_from_slice(payload);
        }
        match self.wrap.seal(room, packet) {
            Ok(datagram) => {
                let bytes = datagram.len();
                if datagram.start > 0 {
                    room.copy_within(datagram, 0);
                }
                self.sends.push(bytes, length);
            }
            Err(drop) => self.reports.add(Out, drop, length, None),
        }
    }
}

/// Copies and sums, and enciphers as the bytes of the packet at `place`.
fn encipher(
    to: &mut [u8],
    from: &[u8],
    keystream: Option<&Xor>,
    place: Range<usize>,
) -> Option<Sum> {
    Some(match keystream {
        Some(xor) => pass::encipher(to, from, xor.keystream(place)?),
        None => pass::copy(to, from),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::super::sends::Send;
    use super::super::testing::{Packet, TCP_ACK, batch, config, datagrams, format, plain_read};
    use super::super::wrap::Wrapper;
    use super::*;
    use crate::drop::Reason;

    const FIN_PSH_CWR: u8 = 0x89;

    /// The reason that a read is dropped for, with the field, and how often.
    fn refused(read: &[u8]) -> (Reason, String, u64) {
        let mut batch = batch(&[]);
        assert!(datagrams(&mut batch, read).is_empty());
        let tunnel = batch.wrap().tunnel();
        let drop = tunnel.last_drop().unwrap();
        let (field, out) = (tunnel.field_name(drop.field).to_string(), tunnel.counters().out);
        assert_eq!(batch.reports().take().unwrap().drop, drop);
        (drop.reason, field, out.dropped())
    }

    #[test]
    fn flags_stand_where_they_belong() {
        let packet = Packet::tcp(0xffff_fff0, TCP_ACK | FIN_PSH_CWR, &[1; 250]);
        let sent = datagrams(&mut batch(&[]), &packet.build_super(100));
        let flags: Vec<u8> = sent.iter().map(|datagram| datagram[8 + 33]).collect();
        assert_eq!(flags, [0x90, 0x10, 0x19]);
        let sequence: Vec<&[u8]> = sent.iter().map(|datagram| &datagram[8 + 24..][..4]).collect();
        assert_eq!(sequence, [[0xff, 0xff, 0xff, 0xf0], [0, 0, 0, 0x54], [0, 0, 0, 0xb8]]);
        assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [148, 148, 98]);
    }

    #[test]
    fn hdr_len_and_the_bit_for_ecn_change_nothing() {
        let packet = Packet::tcp(1, TCP_ACK, &[1; 250]);
        let mut read = packet.build_super(100);
        let expected = datagrams(&mut batch(&[5]), &read);
        for hdr_len in [0, 1, 40, 0xffff_u16] {
            read[1] = 0x81;
            read[2..4].copy_from_slice(&hdr_len.to_le_bytes());
            assert_eq!(datagrams(&mut batch(&[5]), &read), expected);
        }
    }

    #[test]
    fn a_checksum_is_finished_and_never_zero_in_udp() {
        let packet = Packet::udp(b"hello").build();
        let mut read = Packet::udp(b"hello").build_super(5);
        read[1] = GSO_NONE;
        assert_eq!(datagrams(&mut batch(&[]), &read)[0][8..], packet);

        // A payload that complements the sum gives zero.
        let mut payload = [0, 0];
        let sum = Packet::udp(&payload).build()[26..28].to_vec();
        payload.copy_from_slice(&sum);
        let packet = Packet::udp(&payload);
        assert_eq!(packet.build()[26..28], [0xff, 0xff]);
        let mut read = packet.build_super(2);
        assert_eq!(datagrams(&mut batch(&[]), &read)[0][8..], packet.build());
        read[1] = GSO_NONE;
        assert_eq!(datagrams(&mut batch(&[]), &read)[0][8..], packet.build());
    }

    #[test]
    fn more_than_64_segments_are_several_sends() {
        let mut batch = batch(&[]);
        let read = Packet::udp(&[1; 1301]).build_super(10);
        batch.read()[..read.len()].copy_from_slice(&read);
        batch.split(read.len()).unwrap();
        let sends = |batch: &Batch| -> Vec<u32> {
            batch.sends().table().iter().map(|send| send.datagrams).collect()
        };
        assert_eq!(sends(&batch), [64, 64, 3]);
        assert_eq!(batch.sends().table()[2].packet_bytes, 2 * 38 + 29);
        batch.sent();
        batch.limit_sends(1);
        batch.split(read.len()).unwrap();
        assert_eq!(sends(&batch), [1; 131]);
        assert_eq!(batch.wrap().tunnel().counters().out.packets, 262);
    }

    #[test]
    fn virtio_headers_that_lie_are_drops() {
        let read = Packet::tcp(1, TCP_ACK, &[1; 250]).build_super(100);
        let lie = |at: usize, value: u16| {
            let mut read = read.clone();
            read[at..at + 2].copy_from_slice(&value.to_le_bytes());
            refused(&read)
        };
        let drop = |field: &str| (Reason::NotAPacket, field.to_string(), 1);
        assert_eq!(lie(4, 0), drop("virtio_net_hdr.gso_size"));
        for start in [0, 19, 21, 289, 290, 65_535] {
            assert_eq!(lie(6, start), drop("virtio_net_hdr.csum_start"), "{start}");
        }
        assert_eq!(lie(8, 6), drop("virtio_net_hdr.csum_offset"));
        // UFO, TCP over IPv6, UDP, and a number that is none.
        for kind in [3, 4, 5, 9] {
            let mut read = read.clone();
            read[1] = kind;
            assert_eq!(refused(&read).0, Reason::NotAPacket);
        }
        // A packet that is none, of a kind that is one.
        assert_eq!(lie(12, 0), drop("ip.len"));
        assert_eq!(lie(16, 0x0020), drop("ip.frag_offset"));
        for length in 0..10 {
            assert_eq!(refused(&read[..length]), drop("virtio_net_hdr"));
        }
        // A checksum beyond a packet that is none of a flow.
        let mut read = plain_read(&[1; 30]);
        read[..10].copy_from_slice(&[1, 0, 0, 0, 0, 0, 20, 0, 9, 0]);
        assert_eq!(refused(&read), drop("virtio_net_hdr.csum_start"));
        // Too many segments: one byte each.
        let read = Packet::tcp(1, TCP_ACK, &[1; 2049]).build_super(1);
        assert_eq!(refused(&read), drop("virtio_net_hdr.gso_size"));
        let read = Packet::tcp(1, TCP_ACK, &[1; 2048]).build_super(1);
        assert_eq!(datagrams(&mut batch(&[1]), &read).len(), 2048);
    }

    #[test]
    fn each_packet_of_a_super_packet_is_dropped_for_itself() {
        let mut packet = Packet::udp(&[1; 460]);
        packet.source_port = 1337;
        let mut read = packet.build_super(10);
        // To port 1337 of the peer.
        read[32..34].copy_from_slice(&1337u16.to_be_bytes());
        assert_eq!(refused(&read), (Reason::RoutingLoop, String::new(), 46));
    }

    #[test]
    fn packets_too_long_for_the_carrier_go_no_shorter_way() {
        let config = crate::tunnel::Config { max_datagram_bytes: 148, ..config(&[1]) };
        let mut batch = Batch::new(Wrapper::new(&format(&[1]), &config).unwrap(), true, 1);
        let packet = Packet::tcp(1, TCP_ACK, &[1; 250]);
        assert_eq!(datagrams(&mut batch, &packet.build_super(100)).len(), 3);
        // The last of them is short enough.
        assert_eq!(datagrams(&mut batch, &packet.build_super(101)).len(), 1);
        assert_eq!(batch.wrap().tunnel().counters().out.drops(Reason::TooLong), 2);
    }

    #[test]
    fn where_there_may_be_no_room_nothing_is_done() {
        let mut wrap = Wrapper::new(&format(&[1]), &config(&[1])).unwrap();
        let mut sends = Sends::new(1000);
        let mut read = Packet::udp(b"hello").build_super(5);
        read[1] = GSO_NONE;
        let mut go = |read: &mut [u8], sends: &mut Sends| {
            split(&mut wrap, true, read, sends, &mut Reports::default())
        };
        let mut count = 0;
        while go(&mut read.clone(), &mut sends).is_ok() {
            count += 1;
        }
        assert_eq!(count, 1000 / 41);
        let before = read.clone();
        assert_eq!(go(&mut read, &mut sends), Err(Full));
        assert_eq!(read, before, "its checksum is not finished twice");
        sends.clear();
        assert_eq!(go(&mut read, &mut sends), Ok(()));
        assert_eq!(sends.table().iter().map(|send: &Send| send.datagrams).sum::<u32>(), 1);
    }

    #[test]
    fn the_worst_read_fits_an_empty_area() {
        let mut batch = batch(&[]);
        let overhead = batch.wrap().overhead();
        let room = worst_case(overhead, batch.read().len());
        assert!(room <= batch.sends().area().len());
        let packet = Packet::tcp(1, TCP_ACK, &vec![1; 65_000]);
        let mut read = packet.build_super(32);
        assert_eq!(datagrams(&mut batch, &read).len(), 65_000_usize.div_ceil(32));
        read = Packet { extension: Some(60), ..packet }.over_ipv6().build_super(33);
        assert_eq!(datagrams(&mut batch, &read).len(), 65_000_usize.div_ceil(33));
    }

    #[test]
    fn without_a_device_header_a_read_is_a_packet() {
        let wrapper = Wrapper::new(&format(&[9]), &config(&[9])).unwrap();
        let mut batch = Batch::new(wrapper, false, 1);
        let packet = Packet::udp(b"hello").build();
        let sent = datagrams(&mut batch, &packet);
        assert_eq!(sent, datagrams(&mut super::super::testing::batch(&[9]), &plain_read(&packet)));
        assert!(datagrams(&mut batch, &[]).is_empty());
        assert_eq!(batch.wrap().tunnel().counters().out.drops(Reason::Empty), 1);
    }
}
