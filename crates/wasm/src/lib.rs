//! The wasm-bindgen face of `crapvpn-core`: what JavaScript may call, and nothing else.
//!
//! Packets lie in an arena of equal slots inside wasm memory, which belongs to the tunnel. Only
//! integers cross for each packet: the number of a slot and a length go in, a place in the slot and
//! a length come out, or the number of a reason to drop.

use crapvpn_core::drop::{Drop, Layer, Reason};
use crapvpn_core::format::{PacketKind, RunProblem};
use crapvpn_core::tunnel::{self, Config, Direction, Event};
use serde::Serialize;
use std::net::SocketAddr;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

mod batch;
mod capture;
mod deframer;
mod format;
mod recording;

pub use capture::{CaptureDecoder, CaptureSummary};
pub use deframer::Deframer;
pub use format::{Format, check_descriptions, description_schema, format_names};

/// Bytes free before a packet that is to be encapsulated: as many as the longest header has.
const HEADROOM: usize = 256;

/// Bytes of a slot: the headroom, the longest packet, and what makes an odd number of 4096-byte
/// pages, so that slots don't share cache sets.
const SLOT_BYTES: usize = 17 * 4096;

/// Bits of a result that hold the length; those above hold the offset in the slot.
const LENGTH_BITS: u32 = 17;

/// More than any engine needs, and little enough to be had.
const MAX_ARENA_BYTES: usize = 1024 * SLOT_BYTES;

// Every place in a slot and every length fits the bits it is given, and the sign stays free.
const _: () = assert!(SLOT_BYTES < 1 << LENGTH_BITS && HEADROOM < 1 << (31 - LENGTH_BITS));
const _: () = assert!(HEADROOM + 65_536 <= SLOT_BYTES);

/// The names of the reasons as a TypeScript type; a test holds it against the core.
#[cfg_attr(not(test), expect(dead_code, reason = "read by the attribute below, not by the code"))]
const REASON_TYPE: &str = r#"
/** Why a packet or datagram was refused. */
export type Reason =
  | "too_short" | "not_ours" | "value" | "length" | "trailing" | "empty" | "not_a_packet"
  | "too_long" | "routing_loop" | "other_source" | "unreachable" | "refused" | "no_buffers"
  | "message_size" | "forbidden" | "device_down" | "device_refused" | "system_error"
  | "no_packet" | "unknown_next" | "checksum" | "not_authentic" | "replay" | "list"
  | "framing_lost" | "counter_exhausted";
"#;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = REASON_TYPE;

/// Version of the core.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// The names of all reasons to drop; the first has number 1.
#[wasm_bindgen(unchecked_return_type = "Reason[]")]
#[must_use]
pub fn reasons() -> Vec<String> {
    Reason::ALL.iter().map(|reason| reason.name().into()).collect()
}

/// Bytes of one slot of an arena.
#[wasm_bindgen]
#[must_use]
pub fn slot_bytes() -> usize {
    SLOT_BYTES
}

/// Where in its slot a packet lies that is to be encapsulated. A datagram lies at the slot's start.
#[wasm_bindgen]
#[must_use]
pub fn headroom() -> usize {
    HEADROOM
}

/// How many low bits of a result hold the length.
#[wasm_bindgen]
#[must_use]
pub fn length_bits() -> u32 {
    LENGTH_BITS
}

/// A misuse, with a stable code.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct CoreError {
    /// `unknown_format`, `bad_description`, `cannot_set`, `cannot_run`, `not_an_address`,
    /// `too_many_slots`, `too_many_formats` or `unknown_field`.
    #[wasm_bindgen(readonly)]
    pub code: String,
    /// A sentence.
    #[wasm_bindgen(readonly)]
    pub message: String,
}

impl CoreError {
    fn new(code: &str, message: String) -> Self {
        Self { code: code.into(), message }
    }
}

/// The tunnel that the words of a constructor ask for.
fn config(
    format: &Format,
    packet: Option<&str>,
    key: Vec<u8>,
    seed: &[u8],
    peer: Option<String>,
    max_datagram_bytes: usize,
) -> Result<Config, CoreError> {
    let seed = seed.try_into().map_err(|_| {
        CoreError::new("cannot_run", format!("the seed has {} bytes, not 32", seed.len()))
    })?;
    let packet: PacketKind = format::packet_kind(&format.format, packet);
    let peer = peer.map(|text| parse_address(&text)).transpose()?;
    Ok(Config { key, peer, max_datagram_bytes, packet: Some(packet), seed })
}

fn parse_address(text: &str) -> Result<SocketAddr, CoreError> {
    let wrong = |_| CoreError::new("not_an_address", format!("\"{text}\" is not ADDRESS:PORT"));
    text.parse().map_err(wrong)
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn cannot_run(problems: Vec<RunProblem>) -> CoreError {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    CoreError::new("cannot_run", lines.join("\n"))
}

/// One direction's counters.
#[derive(Debug, Serialize, Tsify)]
pub struct Flow {
    /// Packets that went through.
    pub packets: f64,
    /// Their bytes.
    pub bytes: f64,
    /// Drops by reason; the first is of reason number 1.
    pub drops: Vec<f64>,
}

impl Flow {
    fn of(tunnel: &tunnel::Tunnel, outgoing: bool) -> Self {
        let counters = tunnel.counters();
        let flow = if outgoing { &counters.out } else { &counters.r#in };
        Self {
            packets: number(flow.packets),
            bytes: number(flow.bytes),
            drops: Reason::ALL.iter().map(|reason| number(flow.drops(*reason))).collect(),
        }
    }
}

fn poll_wrong_key(tunnel: &mut tunnel::Tunnel) -> f64 {
    match tunnel.poll_event() {
        Some(Event::WrongKey { datagrams }) => number(datagrams),
        None => 0.0,
    }
}

/// The last drop, told in full.
#[derive(Debug, Serialize, Tsify)]
pub struct DropReport {
    /// Why.
    #[tsify(type = "Reason")]
    pub reason: &'static str,
    /// `header`, `packet` or `system`.
    pub layer: &'static str,
    /// What filters call the field, or nothing if it was no single one.
    pub field: String,
    /// Where the field begins, in bytes from the start of what was refused.
    pub offset: usize,
    /// What would have fitted.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

impl DropReport {
    fn of(tunnel: &tunnel::Tunnel, drop: &Drop) -> Self {
        Self::new(drop, tunnel.field_name(drop.field))
    }

    fn new(drop: &Drop, field: &str) -> Self {
        Self {
            reason: drop.reason.name(),
            layer: drop.layer.name(),
            field: field.into(),
            offset: drop.offset,
            expected: drop.expected.to_string(),
            found: drop.found.to_string(),
        }
    }
}

/// One end of a tunnel, with the arena that its packets lie in.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tunnel {
    tunnel: tunnel::Tunnel,
    arena: Vec<u8>,
}

#[wasm_bindgen]
impl Tunnel {
    /// Opens a tunnel.
    ///
    /// - `format`: with all values given that it needs
    /// - `packet`: the kind of packet that the device has, `ip` or `ethernet`; nothing: the
    ///   format's default
    /// - `key`: its key; empty if it has no cipher
    /// - `seed`: 32 fresh random bytes, which random fields are made from
    /// - `peer`: `ADDRESS:PORT` that datagrams go to, or nothing
    /// - `max_datagram_bytes`: the longest datagram that the carrier moves; 0: as UDP over IPv4
    /// - `slots`: how many the arena has
    ///
    /// # Errors
    /// `cannot_run`, `not_an_address`, `too_many_slots`.
    #[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives crosses by value")]
    #[wasm_bindgen(constructor)]
    pub fn new(
        format: &Format,
        packet: Option<String>,
        key: Vec<u8>,
        seed: &[u8],
        peer: Option<String>,
        max_datagram_bytes: usize,
        slots: usize,
    ) -> Result<Self, CoreError> {
        let config = config(format, packet.as_deref(), key, seed, peer, max_datagram_bytes)?;
        let tunnel = tunnel::Tunnel::new(&format.format, &config).map_err(cannot_run)?;
        let arena = slots
            .checked_mul(SLOT_BYTES)
            .filter(|bytes| *bytes <= MAX_ARENA_BYTES)
            .map(|bytes| vec![0; bytes])
            .ok_or_else(|| CoreError::new("too_many_slots", format!("{slots} slots")))?;
        Ok(Self { tunnel, arena })
    }

    /// Where the arena begins in wasm memory. It stays there.
    #[must_use]
    pub fn arena_address(&self) -> usize {
        self.arena.as_ptr() as usize
    }

    /// Bytes of the arena.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.arena.len()
    }

    /// Bytes that a datagram has more than its packet.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.tunnel.overhead()
    }

    /// The most bytes that a packet may have.
    #[must_use]
    pub fn max_packet_bytes(&self) -> usize {
        self.tunnel.max_packet_bytes()
    }

    /// Makes a datagram, in place, of the packet of `length` bytes that lies at `headroom()` of a
    /// slot. Returns where it lies: `offset << length_bits() | length`, or minus the number of the
    /// reason it was dropped for.
    pub fn encapsulate(&mut self, slot: usize, length: usize) -> i32 {
        let start = slot.saturating_mul(SLOT_BYTES);
        let packet = start.saturating_add(HEADROOM);
        let range = packet..packet.saturating_add(length);
        packed(start, self.tunnel.encapsulate(&mut self.arena, range))
    }

    /// Takes the packet, in place, out of the datagram of `length` bytes that lies at the start of
    /// a slot. Returns as `encapsulate` does.
    pub fn decapsulate(&mut self, slot: usize, length: usize) -> i32 {
        let start = slot.saturating_mul(SLOT_BYTES);
        let range = start..start.saturating_add(length);
        packed(start, self.tunnel.decapsulate(&mut self.arena, range))
    }

    /// Counts a packet of `length` bytes that went through as dropped after all. A number that is
    /// no reason counts as `system_error`.
    pub fn lose(&mut self, outgoing: bool, reason: u8, length: usize) {
        self.tunnel.lose(direction(outgoing), known(reason), length);
    }

    /// Counts a datagram or packet of `length` bytes as dropped that was refused before it came
    /// here.
    pub fn refuse(&mut self, outgoing: bool, reason: u8, length: usize) {
        let drop = Drop::whole(known(reason), Layer::System, 0, length);
        self.tunnel.refuse(direction(outgoing), drop);
    }

    /// If a wrong key is suspected anew: how many datagrams in a row deciphered to no packet.
    /// Otherwise 0.
    pub fn poll_wrong_key(&mut self) -> f64 {
        poll_wrong_key(&mut self.tunnel)
    }

    /// The counters of one direction.
    ///
    /// # Errors
    /// None that could occur.
    pub fn flow(&self, outgoing: bool) -> Result<Ts<Flow>, CoreError> {
        plain(&Flow::of(&self.tunnel, outgoing))
    }

    /// Datagrams, delivered all the same, in which a field named another kind of packet than came.
    #[must_use]
    pub fn next_differs(&self) -> f64 {
        number(self.tunnel.counters().next_differs)
    }

    /// The last drop, told in full; nothing if there was none.
    ///
    /// # Errors
    /// None that could occur.
    pub fn last_drop(&self) -> Result<Option<Ts<DropReport>>, CoreError> {
        let drop = self.tunnel.last_drop();
        drop.map(|drop| plain(&DropReport::of(&self.tunnel, &drop))).transpose()
    }
}

/// A value as JavaScript's plain object. None of ours fails.
fn plain<T: Tsify + Serialize>(value: &T) -> Result<Ts<T>, CoreError> {
    value.into_ts().map_err(|error| CoreError::new("fault", error.to_string()))
}

/// A place in the slot that begins at `start`, or a drop, as one integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "asserted above")]
fn packed(start: usize, result: Result<std::ops::Range<usize>, Drop>) -> i32 {
    match result {
        Ok(range) => ((range.start - start) << LENGTH_BITS | range.len()) as i32,
        Err(drop) => -i32::from(drop.reason.code()),
    }
}

fn direction(outgoing: bool) -> Direction {
    if outgoing { Direction::Out } else { Direction::In }
}

fn known(reason: u8) -> Reason {
    Reason::from_code(reason).unwrap_or(Reason::SystemError)
}

/// A counter as JavaScript's number: exact to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no counter gets there")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_reasons_names_them_all() {
        let union: Vec<&str> = REASON_TYPE.split('"').skip(1).step_by(2).collect();
        let names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(union, names);
    }

    #[test]
    fn integers_carry_place_and_length() {
        let mut tunnel = open("crapvpn", vec![1], None, 2).unwrap();
        let packet = SLOT_BYTES + HEADROOM;
        tunnel.arena[packet] = 0x45;
        tunnel.arena[packet + 3] = 20;
        let sealed = tunnel.encapsulate(1, 20);
        assert_eq!(sealed >> LENGTH_BITS, 248);
        assert_eq!(sealed & ((1 << LENGTH_BITS) - 1), 28);
        tunnel.arena.copy_within(packet - 8..packet + 20, 0);
        assert_eq!(tunnel.decapsulate(0, 28), (8 << LENGTH_BITS) + 20);
    }

    #[test]
    fn slots_and_lengths_that_are_not_there_are_drops() {
        let mut tunnel = open("crapvpn", vec![1], None, 2).unwrap();
        let too_long = -i32::from(Reason::TooLong.code());
        for (slot, length) in [(2, 20), (0, usize::MAX), (usize::MAX, 1), (usize::MAX, usize::MAX)]
        {
            assert_eq!(tunnel.encapsulate(slot, length), too_long);
            assert_eq!(tunnel.decapsulate(slot, length), too_long);
        }
    }

    #[test]
    fn misuse_has_a_code() {
        let code = |format: &str, key, peer| open(format, key, peer, 1).unwrap_err().code;
        assert_eq!(Format::built_in("nope").unwrap_err().code, "unknown_format");
        assert_eq!(code("crapvpn", vec![], None), "cannot_run");
        assert_eq!(code("vxlan", vec![], None), "cannot_run");
        assert_eq!(code("crapvpn", vec![1], Some("here")), "not_an_address");
        for slots in [1025, 61_681, usize::MAX] {
            let error = open("crapvpn", vec![1], None, slots).unwrap_err();
            assert_eq!(error.code, "too_many_slots");
        }
        let format = Format::built_in("vxlan").unwrap();
        assert_eq!(format.with(vec!["vni".into()], vec![]).unwrap_err().code, "cannot_set");
        assert_eq!(Format::read("x.toml", "fields").unwrap_err().code, "bad_description");
    }

    fn open(
        format: &str,
        key: Vec<u8>,
        peer: Option<&str>,
        slots: usize,
    ) -> Result<Tunnel, CoreError> {
        let format = Format::built_in(format)?;
        Tunnel::new(&format, None, key, &[0; 32], peer.map(Into::into), 0, slots)
    }
}
