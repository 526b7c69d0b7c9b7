//! The face of a batch: addresses of rooms and tables in wasm memory, and calls that work on what
//! lies there.
//!
//! The tables hold integers of 32 bits, little-endian, as wasm memory is: what each stands for is
//! told at the types that they are made of, [`Send`], [`Received`] and [`Write`].
//!
//! [`Send`]: crapvpn_core::offload::sends::Send
//! [`Received`]: crapvpn_core::offload::inbox::Received
//! [`Write`]: crapvpn_core::offload::writes::Write

use super::{
    CoreError, DropReport, Flow, Format, Secrets, TunnelEvent, cannot_run, config, direction,
    known, number, plain, poll_event,
};
use crapvpn_core::offload::batch::{Batch, MAX_MESSAGES, ROOM_BYTES};
use crapvpn_core::offload::wrap::Wrapper;
use crapvpn_core::offload::{inbox, sends, writes};
use crapvpn_core::tunnel::Direction;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

/// The answer of `split` that there may be no room.
const FULL: i32 = -1;

/// A drop that waited to be told.
#[derive(Debug, Serialize, Tsify)]
pub struct BatchDropReport {
    /// Whether it was on its way from the device to the carrier.
    pub outgoing: bool,
    /// Whether it is the first of its direction and reason.
    pub first: bool,
    /// Bytes of the packet or datagram.
    pub length: usize,
    /// Number of the room that the datagram came in; -1: none.
    pub message: i32,
    /// The drop itself.
    pub report: DropReport,
}

/// One end of a tunnel that works on many packets at a time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct BatchTunnel {
    batch: Batch<Wrapper>,
}

#[wasm_bindgen]
#[expect(clippy::unused_self, reason = "one object is asked for all")]
impl BatchTunnel {
    /// Opens a tunnel.
    ///
    /// - `format` to `max_datagram_bytes`: as for `Tunnel`
    /// - `device_header`: whether the device has `IFF_VNET_HDR`
    /// - `messages`: how many are received at once, 1 to 64
    ///
    /// # Errors
    /// `cannot_run`, `not_an_address`, `too_many_slots`.
    #[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives crosses by value")]
    #[wasm_bindgen(constructor)]
    pub fn new(
        format: &Format,
        packet: Option<String>,
        secrets: Secrets,
        peer: Option<String>,
        max_datagram_bytes: usize,
        device_header: bool,
        messages: usize,
    ) -> Result<Self, CoreError> {
        if !(1..=MAX_MESSAGES).contains(&messages) {
            return Err(CoreError::new("too_many_slots", format!("{messages} messages")));
        }
        let config = config(format, packet.as_deref(), secrets, peer, max_datagram_bytes)?;
        let wrapper = Wrapper::new(&format.format, &config).map_err(cannot_run)?;
        Ok(Self { batch: Batch::new(wrapper, device_header, messages) })
    }

    /// Bytes that a datagram has more than its packet.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.batch.wrap().tunnel().overhead()
    }

    /// Limits the datagrams of one send to 1 to 64. It starts at 64.
    pub fn limit_sends(&mut self, datagrams: usize) {
        self.batch.limit_sends(datagrams);
    }

    /// Says what is merged for a device with a header. It starts with both.
    pub fn merge_for_device(&mut self, tcp: bool, udp: bool) {
        self.batch.merge_for_device(tcp, udp);
    }

    /// Where one read from the device goes.
    #[must_use]
    pub fn read_address(&mut self) -> usize {
        self.batch.read().as_ptr() as usize
    }

    /// Bytes of the room for it.
    #[must_use]
    pub fn read_bytes(&self) -> usize {
        ROOM_BYTES
    }

    /// Where the datagrams are made that `split` makes.
    #[must_use]
    pub fn datagrams_address(&self) -> usize {
        self.batch.sends().area().as_ptr() as usize
    }

    /// Bytes of that area.
    #[must_use]
    pub fn datagrams_bytes(&self) -> usize {
        self.batch.sends().area().len()
    }

    /// Where the table of sends is.
    #[must_use]
    pub fn sends_address(&self) -> usize {
        self.batch.sends().all_entries().as_ptr() as usize
    }

    /// Integers of each of its entries.
    #[must_use]
    pub fn send_words(&self) -> usize {
        sends::ENTRY_WORDS
    }

    /// Entries that it can hold.
    #[must_use]
    pub fn send_entries(&self) -> usize {
        self.batch.sends().all_entries().len()
    }

    /// Where a message from the carrier goes.
    #[must_use]
    pub fn message_address(&mut self, message: usize) -> usize {
        let rooms = self.batch.inbox().rooms();
        let place = message.saturating_mul(ROOM_BYTES).min(rooms.len());
        rooms.as_ptr() as usize + place
    }

    /// Bytes of the room for each.
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        ROOM_BYTES
    }

    /// Where the table of messages received is.
    #[must_use]
    pub fn received_address(&mut self) -> usize {
        self.batch.inbox().table().as_ptr() as usize
    }

    /// Integers of each of its entries.
    #[must_use]
    pub fn received_words(&self) -> usize {
        inbox::ENTRY_WORDS
    }

    /// Where the packets are made that `merge` makes.
    #[must_use]
    pub fn packets_address(&self) -> usize {
        self.batch.writes().area().as_ptr() as usize
    }

    /// Bytes of that area.
    #[must_use]
    pub fn packets_bytes(&self) -> usize {
        self.batch.writes().area().len()
    }

    /// Where the table of writes is.
    #[must_use]
    pub fn writes_address(&self) -> usize {
        self.batch.writes().all_entries().as_ptr() as usize
    }

    /// Integers of each of its entries.
    #[must_use]
    pub fn write_words(&self) -> usize {
        writes::ENTRY_WORDS
    }

    /// Entries that it can hold.
    #[must_use]
    pub fn write_entries(&self) -> usize {
        self.batch.writes().all_entries().len()
    }

    /// Makes datagrams of one read of `bytes` from the device. Returns how many sends the table
    /// holds, or -1: there may be no room, nothing was done.
    pub fn split(&mut self, bytes: usize) -> i32 {
        match self.batch.split(bytes) {
            Ok(()) => i32::try_from(self.batch.sends().table().len()).unwrap_or(i32::MAX),
            Err(_) => FULL,
        }
    }

    /// Forgets all sends: they were sent, or `lose` told.
    pub fn sent(&mut self) {
        self.batch.sent();
    }

    /// Takes so many entries of the table of messages received.
    pub fn receive(&mut self, entries: usize) {
        self.batch.receive(entries);
    }

    /// Makes writes of what was received. Returns how many the table holds; 0: all is done.
    pub fn merge(&mut self) -> usize {
        self.batch.merge()
    }

    /// Takes a write apart that the device refused. Returns how many the table holds now.
    pub fn unmerge(&mut self, write: usize) -> usize {
        self.batch.unmerge(write)
    }

    /// Makes one write of a pair of packets that nobody gets, to find out whether the device takes
    /// their kind: virtio's number for it. Returns how many writes the table holds: 1, or 0.
    pub fn probe(&mut self, kind: u8) -> usize {
        self.batch.probe(kind)
    }

    /// Number of the room of the first datagram that ever opened; -1: none yet.
    #[must_use]
    pub fn heard_from(&self) -> i32 {
        message_number(self.batch.heard_from())
    }

    /// Counts packets that went through as dropped after all. A number that is no reason counts as
    /// `system_error`.
    pub fn lose(&mut self, outgoing: bool, reason: u8, packets: usize, packet_bytes: usize) {
        self.batch.lose(direction(outgoing), known(reason), packets, packet_bytes);
    }

    /// Counts a datagram or packet that was refused before it came here, and that lies in room
    /// number `message`, or -1.
    pub fn refuse(&mut self, outgoing: bool, reason: u8, bytes: usize, message: i32) {
        let message = usize::try_from(message).ok();
        self.batch.refuse(direction(outgoing), known(reason), bytes, message);
    }

    /// As of `Tunnel`.
    ///
    /// # Errors
    /// None that could occur.
    pub fn poll_event(&mut self) -> Result<Option<Ts<TunnelEvent>>, CoreError> {
        poll_event(self.batch.wrap_mut().tunnel_mut())
    }

    /// The counters of one direction.
    ///
    /// # Errors
    /// None that could occur.
    pub fn flow(&self, outgoing: bool) -> Result<Ts<Flow>, CoreError> {
        plain(&Flow::of(self.batch.wrap().tunnel(), outgoing))
    }

    /// As of `Tunnel`.
    #[must_use]
    pub fn next_differs(&self) -> f64 {
        number(self.batch.wrap().tunnel().counters().next_differs)
    }

    /// The last drop, told in full; nothing if there was none.
    ///
    /// # Errors
    /// None that could occur.
    pub fn last_drop(&self) -> Result<Option<Ts<DropReport>>, CoreError> {
        let tunnel = self.batch.wrap().tunnel();
        tunnel.last_drop().map(|drop| plain(&DropReport::of(tunnel, &drop))).transpose()
    }

    /// Whether every drop waits to be told, not only the first of each direction and reason.
    pub fn tell_every_drop(&mut self, every: bool) {
        self.batch.reports().tell_every(every);
    }

    /// How many drops wait to be told.
    #[must_use]
    pub fn drops_waiting(&mut self) -> usize {
        self.batch.reports().waiting()
    }

    /// The oldest of them, which waits no longer.
    ///
    /// # Errors
    /// None that could occur.
    pub fn next_drop(&mut self) -> Result<Option<Ts<BatchDropReport>>, CoreError> {
        self.take_drop().as_ref().map(plain).transpose()
    }

    /// How many drops found no place to wait since this was last asked.
    pub fn drops_untold(&mut self) -> f64 {
        number(self.batch.reports().untold())
    }
}

impl BatchTunnel {
    fn take_drop(&mut self) -> Option<BatchDropReport> {
        let report = self.batch.reports().take()?;
        Some(BatchDropReport {
            outgoing: report.direction == Direction::Out,
            first: report.first,
            length: report.length,
            message: message_number(report.message),
            report: DropReport::of(self.batch.wrap().tunnel(), &report.drop),
        })
    }
}

fn message_number(message: Option<usize>) -> i32 {
    message.and_then(|message| i32::try_from(message).ok()).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crapvpn_core::drop::Reason;

    fn tunnel() -> BatchTunnel {
        open(2).unwrap()
    }

    fn open(messages: usize) -> Result<BatchTunnel, CoreError> {
        let format = Format::built_in("crapvpn").unwrap();
        let secrets = Secrets::new(vec![1], None, None, 0.0, &[0; 32])?;
        BatchTunnel::new(&format, None, secrets, None, 0, true, messages)
    }

    /// A packet with the header that a device gives.
    fn read(tunnel: &mut BatchTunnel) -> usize {
        let bytes = &mut tunnel.batch.read()[..30];
        bytes.fill(0);
        bytes[10] = 0x45;
        bytes[13] = 20;
        30
    }

    #[test]
    fn a_packet_goes_there_and_back() {
        let (mut here, mut there) = (tunnel(), tunnel());
        let bytes = read(&mut here);
        assert_eq!(here.split(bytes), 1);
        let bytes = read(&mut here);
        assert_eq!(here.split(bytes), 1, "of the same length: one send more than a packet");
        let send = here.batch.sends().table()[0];
        assert_eq!((send.bytes, send.datagram_bytes, send.datagrams), (56, 28, 2));
        let datagrams = here.batch.sends().area()[..56].to_vec();
        here.sent();

        there.batch.inbox().rooms()[..56].copy_from_slice(&datagrams);
        there.batch.inbox().table()[0] =
            inbox::Received { message: 0, bytes: 56, datagram_bytes: 28 };
        there.receive(1);
        assert_eq!(there.merge(), 2);
        assert_eq!(there.heard_from(), 0);
        let write = there.batch.writes().table()[1];
        assert_eq!((write.offset, write.bytes, write.packets, write.packet_bytes), (30, 30, 1, 20));
        assert_eq!(there.unmerge(1), 1);
        assert_eq!(there.merge(), 0);
        there.lose(false, Reason::DeviceDown.code(), 2, 40);
        assert_eq!(there.batch.wrap().tunnel().counters().r#in.packets, 0);
        let drop = there.take_drop().unwrap();
        assert_eq!((drop.outgoing, drop.first, drop.length, drop.message), (false, true, 40, -1));
        assert_eq!((drop.report.reason, drop.report.layer), ("device_down", "system"));
    }

    #[test]
    fn addresses_tell_rooms_and_tables_apart() {
        let mut tunnel = tunnel();
        let places = [
            (tunnel.read_address(), tunnel.read_bytes()),
            (tunnel.datagrams_address(), tunnel.datagrams_bytes()),
            (tunnel.sends_address(), 4 * tunnel.send_words() * tunnel.send_entries()),
            (tunnel.message_address(0), 2 * tunnel.message_bytes()),
            (tunnel.received_address(), 4 * tunnel.received_words() * 2),
            (tunnel.packets_address(), tunnel.packets_bytes()),
            (tunnel.writes_address(), 4 * tunnel.write_words() * tunnel.write_entries()),
        ];
        for (number, (address, bytes)) in places.iter().enumerate() {
            for (other, _) in &places[number + 1..] {
                assert!(other + 1 > address + bytes || other < address);
            }
        }
        assert_eq!(tunnel.message_address(1) - tunnel.message_address(0), tunnel.message_bytes());
        assert_eq!(tunnel.message_address(9) - tunnel.message_address(0), 2 * ROOM_BYTES);
    }

    #[test]
    fn misuse_has_a_code_and_numbers_that_are_none_do_no_harm() {
        for messages in [0, 65, usize::MAX] {
            assert_eq!(open(messages).unwrap_err().code, "too_many_slots");
        }
        let mut tunnel = tunnel();
        tunnel.batch.inbox().table()[0] =
            inbox::Received { message: u32::MAX, bytes: u32::MAX, datagram_bytes: u32::MAX };
        tunnel.receive(usize::MAX);
        assert_eq!((tunnel.merge(), tunnel.unmerge(usize::MAX), tunnel.heard_from()), (0, 0, -1));
        assert_eq!(tunnel.split(usize::MAX), 0);
        assert_eq!((tunnel.probe(1), tunnel.probe(2)), (1, 0));
        tunnel.refuse(false, 255, 9, -1);
        tunnel.limit_sends(usize::MAX);
    }
}
