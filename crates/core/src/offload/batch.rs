//! A tunnel with the memory for batches: what the device gives is split, what the carrier gives is
//! merged, and tables say what lies where.

use super::inbox::Inbox;
use super::merge::Merger;
use super::probe;
use super::reports::Reports;
use super::sends::Sends;
use super::split::{Full, split, worst_case};
use super::wrap::{Wrap, Wrapper};
use super::writes::Writes;
use crate::drop::{Drop, Layer, Reason};
use crate::tunnel::Direction;

/// Bytes of the room for one read from the device, and of that for one message: 64 KiB with what
/// stands before, and an odd number of pages of 4096 bytes, so that rooms don't share cache sets.
pub const ROOM_BYTES: usize = 17 * 4096;
/// Bytes of the area for datagrams, unless the format's overhead needs more.
const SENDS_BYTES: usize = 1 << 20;
/// The most messages that are received at once.
pub const MAX_MESSAGES: usize = 64;

/// A tunnel with the memory for batches.
#[derive(Debug)]
pub struct Batch<W = Wrapper> {
    wrap: W,
    device_header: bool,
    read: Vec<u8>,
    sends: Sends,
    inbox: Inbox,
    merger: Merger,
    writes: Writes,
    reports: Reports,
}

impl<W: Wrap> Batch<W> {
    /// Takes a tunnel. `device_header`: the device has `IFF_VNET_HDR`; without it nothing is merged
    /// for the device. `messages`, 1 to [`MAX_MESSAGES`]: how many are received at once.
    #[must_use]
    pub fn new(wrap: W, device_header: bool, messages: usize) -> Self {
        let sends_bytes = worst_case(wrap.overhead(), ROOM_BYTES).max(SENDS_BYTES);
        let mut merger = Merger::new();
        merger.merge_only(device_header, device_header);
        Self {
            wrap,
            device_header,
            read: vec![0; ROOM_BYTES],
            sends: Sends::new(sends_bytes),
            inbox: Inbox::new(messages.clamp(1, MAX_MESSAGES), ROOM_BYTES),
            merger,
            writes: Writes::new(device_header),
            reports: Reports::default(),
        }
    }

    /// The tunnel.
    #[must_use]
    pub fn wrap(&self) -> &W {
        &self.wrap
    }

    /// The tunnel.
    pub fn wrap_mut(&mut self) -> &mut W {
        &mut self.wrap
    }

    /// The room for one read from the device.
    pub fn read(&mut self) -> &mut [u8] {
        &mut self.read
    }

    /// The datagrams made, and the table of sends.
    #[must_use]
    pub fn sends(&self) -> &Sends {
        &self.sends
    }

    /// The rooms for messages, and the table of those received.
    pub fn inbox(&mut self) -> &mut Inbox {
        &mut self.inbox
    }

    /// The packets made, and the table of writes.
    #[must_use]
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Drops that wait to be told.
    pub fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    /// Number of the room of the first datagram that ever opened.
    #[must_use]
    pub fn heard_from(&self) -> Option<usize> {
        self.merger.heard_from()
    }

    /// Limits the datagrams of one send: 1 where there is no `UDP_SEGMENT`.
    pub fn limit_sends(&mut self, datagrams: usize) {
        self.sends.limit(datagrams);
    }

    /// Says what is merged for the device, if that has a header.
    pub fn merge_for_device(&mut self, tcp: bool, udp: bool) {
        self.merger.merge_only(tcp && self.device_header, udp && self.device_header);
    }

    /// Makes datagrams of the first `bytes` of [`read`](Self::read), beside those that are there.
    ///
    /// # Errors
    /// [`Full`]: nothing was done. Never if no datagrams are there.
    pub fn split(&mut self, bytes: usize) -> Result<(), Full> {
        let bytes = bytes.min(self.read.len());
        let read = self.read.get_mut(..bytes).unwrap_or_default();
        split(&mut self.wrap, self.device_header, read, &mut self.sends, &mut self.reports)
    }

    /// Forgets the datagrams: they were sent, or [`lose`](Self::lose) told.
    pub fn sent(&mut self) {
        self.sends.clear();
    }

    /// Takes the first `entries` of the table of what was received. What was received before and not
    /// merged yet is dropped.
    pub fn receive(&mut self, entries: usize) {
        Merger::give_up(&mut self.wrap, &mut self.inbox, &mut self.reports);
        self.inbox.receive(entries);
    }

    /// Makes writes of what was received, as many as there is room for, instead of those that are
    /// there. None: all is done.
    pub fn merge(&mut self) -> usize {
        // A round may consist of drops alone: only the end of what was received makes none.
        loop {
            let is_last = self.inbox.is_empty();
            let Self { wrap, inbox, writes, reports, .. } = self;
            self.merger.merge(wrap, inbox, writes, reports);
            let count = self.writes.table().len();
            if count > 0 || is_last {
                return count;
            }
        }
    }

    /// Takes a write apart that the device refused. See [`Writes::unmerge`].
    pub fn unmerge(&mut self, number: usize) -> usize {
        self.writes.unmerge(self.wrap.link(), number);
        self.writes.table().len()
    }

    /// Makes one write, instead of those that are there, by which to find out whether the device
    /// takes super-packets of this kind, virtio's `gso_type`: nobody gets the packets in it.
    pub fn probe(&mut self, kind: u8) -> usize {
        self.writes.clear();
        if let Some(bytes) = probe::write(self.wrap.link(), kind).filter(|_| self.device_header)
            && let Some(room) = self.writes.room().get_mut(..bytes.len())
        {
            room.copy_from_slice(&bytes);
            self.writes.push(bytes.len(), 0, 0);
        }
        self.writes.table().len()
    }

    /// Counts packets that went through as dropped after all: carrier or device did not take them.
    pub fn lose(&mut self, direction: Direction, reason: Reason, packets: usize, bytes: usize) {
        if packets > 0 {
            self.wrap.lose(direction, reason, packets, bytes);
            let drop = Drop::whole(reason, Layer::System, 0, bytes);
            self.reports.add(direction, drop, bytes, None);
        }
    }

    /// Counts a datagram or packet that was refused before it came here. `message` is the number of
    /// the room it lies in.
    pub fn refuse(
        &mut self,
        direction: Direction,
        reason: Reason,
        bytes: usize,
        message: Option<usize>,
    ) {
        let drop = Drop::whole(reason, Layer::System, 0, bytes);
        self.wrap.refuse(direction, drop);
        self.reports.add(direction, drop, bytes, message);
    }
}
