//! The face of a recording: datagrams of a running tunnel go in, chunks of a pcapng file come out.

use super::{CoreError, Format, cannot_run, config, direction, known, number, parse_address};
use crapvpn_core::capture::Time;
use crapvpn_core::tunnel::recording::{self, ROOM_BYTES, Seen};
use wasm_bindgen::prelude::*;

/// A capture of a running tunnel in the making.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Recording {
    recording: recording::Recording,
    /// Where a datagram is put that is to be recorded.
    room: Vec<u8>,
}

#[wasm_bindgen]
impl Recording {
    /// Begins a recording.
    ///
    /// - `format`, `packet`, `key`: as for `Tunnel`
    /// - `ours`, `peer`: `ADDRESS:PORT` of both ends outside
    ///
    /// # Errors
    /// `cannot_run`, `not_an_address`.
    #[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives crosses by value")]
    #[wasm_bindgen(constructor)]
    pub fn new(
        format: &Format,
        packet: Option<String>,
        key: Vec<u8>,
        ours: &str,
        peer: &str,
    ) -> Result<Self, CoreError> {
        // Nothing is sent here that random bytes would be needed for.
        let config = config(format, packet.as_deref(), key, &[0; 32], None, 0)?;
        let application = concat!("crapvpn ", env!("CARGO_PKG_VERSION"));
        let (ours, peer) = (parse_address(ours)?, parse_address(peer)?);
        recording::Recording::new(application, &format.format, &config, ours, peer)
            .map(|recording| Self { recording, room: vec![0; ROOM_BYTES] })
            .map_err(cannot_run)
    }

    /// Where a datagram goes that is to be recorded.
    #[must_use]
    pub fn room_address(&self) -> usize {
        self.room.as_ptr() as usize
    }

    /// Bytes of the room for it.
    #[must_use]
    pub fn room_bytes(&self) -> usize {
        self.room.len()
    }

    /// Records the datagram of `length` bytes in the room.
    ///
    /// - `time`: milliseconds since 1970, with decimals
    /// - `source`: `ADDRESS:PORT` that it came from, if not the peer's
    /// - `refused`: number of the reason that it was refused for without a look into it, or 0
    ///
    /// # Errors
    /// `not_an_address`.
    pub fn record(
        &mut self,
        outgoing: bool,
        time: f64,
        source: Option<String>,
        refused: u8,
        length: usize,
    ) -> Result<(), CoreError> {
        let source = source.map(|text| parse_address(&text)).transpose()?;
        self.recording.record(&Seen {
            direction: direction(outgoing),
            time: time_of(time),
            source,
            refused: (refused > 0).then(|| known(refused)),
            bytes: self.room.get(..length).unwrap_or(&self.room),
        });
        Ok(())
    }

    /// Counts datagrams that were not recorded.
    pub fn lose(&mut self, datagrams: u32) {
        self.recording.lose(datagrams.into());
    }

    /// Datagrams that were recorded.
    #[must_use]
    pub fn recorded(&self) -> f64 {
        number(self.recording.recorded())
    }

    /// Datagrams that were not.
    #[must_use]
    pub fn lost(&self) -> f64 {
        number(self.recording.lost())
    }

    /// Ends the file, at a time as for `record`.
    pub fn finish(&mut self, time: f64) {
        self.recording.finish(time_of(time));
    }

    /// Where the part of the file lies that was made since the last `clear`.
    #[must_use]
    pub fn file_address(&self) -> usize {
        self.recording.bytes().as_ptr() as usize
    }

    /// How many bytes of it there are.
    #[must_use]
    pub fn file_bytes(&self) -> usize {
        self.recording.bytes().len()
    }

    /// Whether it must be taken before more is recorded.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.recording.is_full()
    }

    /// Forgets that part of the file.
    pub fn clear(&mut self) {
        self.recording.clear();
    }
}

/// A time of JavaScript's clocks.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts to the nearest")]
fn time_of(milliseconds: f64) -> Time {
    Time::from_nanoseconds((milliseconds * 1e6) as u64)
}
