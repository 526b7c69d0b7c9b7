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
        let ethertype = self.wrap.may_leave(packet, packet.len())?;
        let keystream = self.wrap.fused()?.keystream;
        let before = self.wrap.overhead().before;
        let datagram = self.sends.room().get_mut(..before + packet.len())?;
        encipher(datagram.get_mut(before..)?, packet, keystream, 0..packet.len())?;
        self.wrap.write_header(datagram, ethertype);
        self.sends.push(before + packet.len(), packet.len());
        Some(())
    }

    /// One pass over each packet of a super-packet, likewise.
    fn segments_fused(&mut self, packet: &[u8], segments: &mut Segments<'_>) -> Option<()> {
        let ethertype = self.wrap.may_leave(packet, segments.longest())?;
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
                self.wrap.write_header(datagram, ethertype);
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
