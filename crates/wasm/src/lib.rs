//! The wasm-bindgen face of `crapvpn-core`: what JavaScript may call, and nothing else.
//!
//! Packets lie in an arena of equal slots inside wasm memory, which belongs to the tunnel. Only
//! integers cross for each packet: the number of a slot and a length go in, a place in the slot and
//! a length come out, or the number of a reason to drop.

use crapvpn_core::drop::{Drop, Layer, Reason};
use crapvpn_core::format::{self, CompileError, Format};
use crapvpn_core::tunnel::{self, Config, Direction, Event};
use std::net::SocketAddr;
use wasm_bindgen::prelude::*;

mod batch;

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
  | "message_size" | "forbidden" | "device_down" | "device_refused" | "system_error";
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
    /// `unknown_format`, `cannot_run`, `not_an_address` or `too_many_slots`.
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

/// What a format needs to run, and costs.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct FormatInfo {
    /// What the command line calls it.
    #[wasm_bindgen(readonly)]
    pub name: String,
    /// What people call it.
    #[wasm_bindgen(readonly)]
    pub title: String,
    /// The UDP port it uses by default; 0 if there is none.
    #[wasm_bindgen(readonly)]
    pub udp_port: u16,
    /// Whether it has a cipher, and so needs a key.
    #[wasm_bindgen(readonly)]
    pub needs_key: bool,
}

/// Looks a built-in format up.
///
/// # Errors
/// `unknown_format`.
#[wasm_bindgen]
pub fn format_info(name: &str) -> Result<FormatInfo, CoreError> {
    let format = find_format(name)?;
    Ok(FormatInfo {
        udp_port: format.carrier.udp.first().copied().unwrap_or_default(),
        needs_key: format.cipher != format::Cipher::None,
        name: format.name,
        title: format.title,
    })
}

fn find_format(name: &str) -> Result<Format, CoreError> {
    let format = format::crapvpn();
    if format.name == name {
        return Ok(format);
    }
    Err(CoreError::new("unknown_format", format!("there is no format \"{name}\"")))
}

fn find_format_to_run(name: &str, next_from_table: bool) -> Result<Format, CoreError> {
    let format = find_format(name)?;
    Ok(if next_from_table { format.with_next_from_table() } else { format })
}

fn parse_peer(peer: Option<String>) -> Result<Option<SocketAddr>, CoreError> {
    let parse = |text: String| {
        let wrong = |_| CoreError::new("not_an_address", format!("\"{text}\" is not ADDRESS:PORT"));
        text.parse().map_err(wrong)
    };
    peer.map(parse).transpose()
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn cannot_run(error: CompileError) -> CoreError {
    CoreError::new("cannot_run", error.to_string())
}

/// One direction's counters.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct Flow {
    /// Packets that went through.
    #[wasm_bindgen(readonly)]
    pub packets: f64,
    /// Their bytes.
    #[wasm_bindgen(readonly)]
    pub bytes: f64,
    /// Drops by reason; the first is of reason number 1.
    #[wasm_bindgen(readonly)]
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
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct DropReport {
    /// Number of the reason.
    #[wasm_bindgen(readonly)]
    pub reason: u8,
    /// `header`, `packet` or `system`.
    #[wasm_bindgen(readonly)]
    pub layer: String,
    /// What filters call the field, or nothing if it was no single one.
    #[wasm_bindgen(readonly)]
    pub field: String,
    /// Where the field begins, in bytes.
    #[wasm_bindgen(readonly)]
    pub offset: usize,
    /// What would have fitted.
    #[wasm_bindgen(readonly)]
    pub expected: String,
    /// What stood there.
    #[wasm_bindgen(readonly)]
    pub found: String,
}

impl DropReport {
    fn of(tunnel: &tunnel::Tunnel, drop: &Drop) -> Self {
        Self {
            reason: drop.reason.code(),
            layer: drop.layer.name().into(),
            field: tunnel.field_name(drop.field).into(),
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
    /// - `format`: name of a built-in format
    /// - `key`: its key; empty if it has no cipher
    /// - `next_from_table`: write what kind of packet follows, instead of the format's constant
    /// - `peer`: `ADDRESS:PORT` that datagrams go to, or nothing
    /// - `max_datagram_bytes`: the longest datagram that the carrier moves; 0: as UDP over IPv4
    /// - `slots`: how many the arena has
    ///
    /// # Errors
    /// `unknown_format`, `cannot_run`, `not_an_address`, `too_many_slots`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        format: &str,
        key: Vec<u8>,
        next_from_table: bool,
        peer: Option<String>,
        max_datagram_bytes: usize,
        slots: usize,
    ) -> Result<Self, CoreError> {
        let format = find_format_to_run(format, next_from_table)?;
        let config = Config { key, peer: parse_peer(peer)?, max_datagram_bytes };
        let tunnel = tunnel::Tunnel::new(&format, &config).map_err(cannot_run)?;
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
    #[must_use]
    pub fn flow(&self, outgoing: bool) -> Flow {
        Flow::of(&self.tunnel, outgoing)
    }

    /// Datagrams, delivered all the same, in which a field named another kind of packet than came.
    #[must_use]
    pub fn next_differs(&self) -> f64 {
        number(self.tunnel.counters().next_differs)
    }

    /// The last drop, told in full.
    #[must_use]
    pub fn last_drop(&self) -> Option<DropReport> {
        self.tunnel.last_drop().map(|drop| DropReport::of(&self.tunnel, &drop))
    }
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
        let mut tunnel = Tunnel::new("crapvpn", vec![1], false, None, 0, 2).unwrap();
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
        let mut tunnel = Tunnel::new("crapvpn", vec![1], false, None, 0, 2).unwrap();
        let too_long = -i32::from(Reason::TooLong.code());
        for (slot, length) in [(2, 20), (0, usize::MAX), (usize::MAX, 1), (usize::MAX, usize::MAX)]
        {
            assert_eq!(tunnel.encapsulate(slot, length), too_long);
            assert_eq!(tunnel.decapsulate(slot, length), too_long);
        }
    }

    #[test]
    fn misuse_has_a_code() {
        let code = |format, key, peer: Option<&str>| {
            Tunnel::new(format, key, false, peer.map(Into::into), 0, 1).unwrap_err().code
        };
        assert_eq!(code("nope", vec![1], None), "unknown_format");
        assert_eq!(code("crapvpn", vec![], None), "cannot_run");
        assert_eq!(code("crapvpn", vec![1], Some("here")), "not_an_address");
        for slots in [1025, 61_681, usize::MAX] {
            let error = Tunnel::new("crapvpn", vec![1], false, None, 0, slots).unwrap_err();
            assert_eq!(error.code, "too_many_slots");
        }
    }
}
