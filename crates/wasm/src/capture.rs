//! Captures: chunks of a file go in, chunks of text and of a capture of the packets inside come out.
//!
//! The file's bytes are put straight into wasm memory, and the text is read straight from it: nothing
//! is made in JavaScript for a frame.

use crate::{CoreError, Format, number, plain};
use crapvpn_core::capture::CaptureError;
use crapvpn_core::decode::{Output, Session, Show, State, View, Wanted};
use crapvpn_core::dissect::show::{Fields, UnknownField};
use crapvpn_core::dissect::tunnel::Carrier;
use crapvpn_core::dissect::{Dissector, Options};
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

/// Why a capture was read no further.
#[derive(Debug, Serialize, Tsify)]
pub struct CaptureFault {
    /// Stable: `cut`, `block_length` …
    pub code: String,
    /// A sentence.
    pub message: String,
    /// Where, in bytes from the file's first.
    pub offset: f64,
}

/// Sums over all frames.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CaptureSummary {
    /// Frames.
    pub frames: f64,
    /// Their bytes before the capture cut them.
    pub frame_bytes: f64,
    /// Datagrams of the outermost tunnels.
    pub datagrams: f64,
    /// Their bytes.
    pub datagram_bytes: f64,
    /// The packets in them that could be read.
    pub packets: f64,
    /// Their bytes.
    pub packet_bytes: f64,
    /// Bytes of all frames that those datagrams came in.
    pub carrying_bytes: f64,
    /// Packets, inner or outer, of which fragments are missing.
    pub incomplete: f64,
    /// The first frame with a fragment of one of them, if that is still known.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete_from: Option<f64>,
    /// Chains of protocols, as in `eth:ip:udp`, the most frequent first.
    pub protocols: Vec<ProtocolSummary>,
    /// How often each reason to drop occurred.
    pub drops: Vec<DropSummary>,
    /// How far deciphered packets got.
    pub meter: MeterSummary,
    /// What comparing gave.
    pub verified: VerifySummary,
}

/// A chain of protocols.
#[derive(Debug, Serialize, Tsify)]
pub struct ProtocolSummary {
    /// `eth:ip:udp`.
    pub path: String,
    /// Frames that have it.
    pub frames: f64,
    /// Their bytes.
    pub bytes: f64,
}

/// A reason to drop.
#[derive(Debug, Serialize, Tsify)]
pub struct DropSummary {
    /// Its name.
    #[tsify(type = "Reason")]
    pub reason: &'static str,
    /// How often it occurred.
    pub count: f64,
}

/// The wrong-key meter.
#[derive(Debug, Serialize, Tsify)]
pub struct MeterSummary {
    /// Datagrams that were deciphered.
    pub datagrams: f64,
    /// Of these, whole packets.
    pub valid: f64,
    /// Of these, packets in which nothing can be checked.
    pub unchecked: f64,
    /// Each check.
    pub checks: Vec<CheckSummary>,
    /// If few are whole: how far they got, and what that tells of the key.
    #[tsify(optional)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
}

/// One check over all datagrams.
#[derive(Debug, Serialize, Tsify)]
pub struct CheckSummary {
    /// `version`, `length`, `header checksum`, `payload checksum`.
    pub name: &'static str,
    /// How many passed it.
    pub passed: f64,
    /// How many had it to pass.
    pub there: f64,
}

/// What `verify` counted.
#[derive(Debug, Serialize, Tsify)]
pub struct VerifySummary {
    /// Datagrams.
    pub datagrams: f64,
    /// As described.
    pub same: f64,
    /// With a difference in a field, or no whole packet in them.
    pub differ: f64,
    /// That could not be taken apart to their end.
    pub dropped: f64,
    /// Whose end the capture lacks.
    pub cut: f64,
    /// Of which something stayed closed.
    pub closed: f64,
    /// Packets whose checksum is left to a network card, and so was not compared.
    pub unfinished: f64,
    /// There was a datagram, and all are as described.
    pub matches: bool,
}

/// A capture being decoded. First the formats are added, then it is said what to show, then the
/// file is fed.
#[wasm_bindgen]
#[derive(Debug)]
pub struct CaptureDecoder {
    stage: Stage,
    /// What was taken last, kept until the next call.
    taken: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    Dissector(Box<Dissector>),
    Session(Box<Session>),
}

#[wasm_bindgen]
impl CaptureDecoder {
    /// A decoder that knows no formats yet.
    #[expect(clippy::new_without_default, reason = "made by JavaScript only")]
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        let dissector = Dissector::new(Options { columns: false });
        Self { stage: Stage::Dissector(Box::new(dissector)), taken: Vec::new() }
    }

    /// Looks for a format on its ports. An empty key opens nothing.
    ///
    /// # Errors
    /// `too_many_formats`.
    pub fn add_format(&mut self, format: &Format, key: &[u8]) -> Result<(), CoreError> {
        let added = match &mut self.stage {
            Stage::Dissector(dissector) => dissector.add_format(&format.format, key),
            Stage::Session(_) => None,
        };
        let wrong = || CoreError::new("too_many_formats", "too many formats at once".into());
        added.map(|_| ()).ok_or_else(wrong)
    }

    /// Takes whatever comes from or goes to a port for datagrams of a format, by its place among
    /// those added.
    pub fn decode_as(&mut self, is_tcp: bool, port: u16, format: usize) {
        if let Stage::Dissector(dissector) = &mut self.stage {
            let carrier = if is_tcp { Carrier::Tcp } else { Carrier::Udp };
            dissector.decode_as(carrier, port, format);
        }
    }

    /// Says what to show: `list`, `tree`, `fields`, `json`, `verify`, `verify-json`, `nothing`; the
    /// fields by name, for `fields`; whether with bytes; whether a capture of the packets inside is
    /// made; after how many frames it ends.
    ///
    /// # Errors
    /// `unknown_field`.
    #[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives crosses by value")]
    pub fn show(
        &mut self,
        output: &str,
        fields: Vec<String>,
        bytes: bool,
        inner: bool,
        count: Option<f64>,
    ) -> Result<(), CoreError> {
        let Stage::Dissector(dissector) = &mut self.stage else { return Ok(()) };
        let view = match output {
            "list" => View::List,
            "tree" => View::Tree,
            "json" => View::Json,
            "fields" => {
                let names = fields.iter().map(String::as_str);
                let unknown =
                    |error: UnknownField| CoreError::new("unknown_field", error.to_string());
                View::Fields(Fields::new(&dissector.registry, names).map_err(unknown)?)
            }
            _ => View::Nothing,
        };
        let output = match output {
            "verify" => Output::Verify,
            "verify-json" => Output::VerifyJson,
            "nothing" if !bytes => Output::Nothing,
            _ => Output::Show(Show::new(view, bytes)),
        };
        let dissector = std::mem::take(&mut **dissector);
        let wanted = Wanted { output, inner, count: count.map(count_of) };
        self.stage = Stage::Session(Box::new(Session::new(dissector, wanted)));
        Ok(())
    }

    /// Where the file's next bytes go: room for at least so many.
    pub fn space_address(&mut self, least: usize) -> usize {
        self.space(least).as_ptr() as usize
    }

    /// Bytes of that room.
    pub fn space_bytes(&mut self) -> usize {
        self.space(0).len()
    }

    /// So many bytes were put there.
    pub fn filled(&mut self, bytes: usize) {
        if let Stage::Session(session) = &mut self.stage {
            session.reader.filled(bytes);
        }
    }

    /// The file has no more.
    pub fn finish(&mut self) {
        if let Stage::Session(session) = &mut self.stage {
            session.finish();
        }
    }

    /// Decodes. Returns 0 if more of the file is needed, 1 if there is text to be taken, 2 at the
    /// end.
    pub fn run(&mut self) -> u8 {
        match &mut self.stage {
            Stage::Session(session) => session.run() as u8,
            Stage::Dissector(_) => State::End as u8,
        }
    }

    /// Takes the text made so far: where it is. It stays there until the next call.
    pub fn take_text(&mut self) -> usize {
        if let Stage::Session(session) = &mut self.stage {
            session.swap_text(&mut self.taken);
        }
        self.taken.as_ptr() as usize
    }

    /// Takes what was made of the capture of packets inside, likewise.
    pub fn take_inner(&mut self) -> usize {
        self.taken.clear();
        if let Stage::Session(session) = &mut self.stage {
            self.taken.extend_from_slice(session.inner());
            session.clear_inner();
        }
        self.taken.as_ptr() as usize
    }

    /// Bytes that were taken last.
    #[must_use]
    pub fn taken_bytes(&self) -> usize {
        self.taken.len()
    }

    /// Frames decoded so far.
    #[must_use]
    pub fn frames(&self) -> f64 {
        self.session().map_or(0.0, |session| number(session.stats().frames))
    }

    /// Why it ended early, if it did.
    ///
    /// # Errors
    /// None that could occur.
    pub fn fault(&self) -> Result<Option<Ts<CaptureFault>>, CoreError> {
        let told = |fault: &CaptureError| CaptureFault {
            code: fault.fault.name().into(),
            message: fault.to_string(),
            offset: number(fault.file_offset),
        };
        self.session().and_then(Session::fault).map(|fault| plain(&told(fault))).transpose()
    }

    /// Sums over the frames so far.
    ///
    /// # Errors
    /// `fault` before it is said what to show.
    pub fn summary(&self) -> Result<Ts<CaptureSummary>, CoreError> {
        let wrong = || CoreError::new("fault", "nothing was decoded yet".into());
        plain(&CaptureSummary::of(self.session().ok_or_else(wrong)?))
    }
}

impl CaptureDecoder {
    fn session(&self) -> Option<&Session> {
        match &self.stage {
            Stage::Session(session) => Some(session),
            Stage::Dissector(_) => None,
        }
    }

    fn space(&mut self, least: usize) -> &mut [u8] {
        match &mut self.stage {
            Stage::Session(session) => session.reader.space(least),
            Stage::Dissector(_) => &mut [],
        }
    }
}

impl CaptureSummary {
    fn of(session: &Session) -> Self {
        let (stats, meter, verified) = (session.stats(), session.meter(), session.verified());
        let chains = stats.chains(session.registry()).into_iter();
        let incomplete = session.incomplete();
        Self {
            frames: number(stats.frames),
            frame_bytes: number(stats.frame_bytes),
            datagrams: number(stats.datagrams),
            datagram_bytes: number(stats.datagram_bytes),
            packets: number(stats.packets),
            packet_bytes: number(stats.packet_bytes),
            carrying_bytes: number(stats.carrying_bytes),
            incomplete: number(incomplete.packets),
            incomplete_from: incomplete.first_frame.map(number),
            protocols: chains
                .map(|(path, chain)| ProtocolSummary {
                    path,
                    frames: number(chain.frames),
                    bytes: number(chain.bytes),
                })
                .collect(),
            drops: stats
                .drops()
                .map(|(reason, count)| DropSummary { reason: reason.name(), count: number(count) })
                .collect(),
            meter: MeterSummary {
                datagrams: number(meter.datagrams),
                valid: number(meter.valid),
                unchecked: number(meter.unchecked),
                checks: meter
                    .rungs()
                    .map(|(name, rung)| CheckSummary {
                        name,
                        passed: number(rung.passed),
                        there: number(rung.there),
                    })
                    .collect(),
                sentence: meter.sentence(),
            },
            verified: VerifySummary {
                datagrams: number(verified.datagrams),
                same: number(verified.same),
                differ: number(verified.differ),
                dropped: number(verified.dropped),
                cut: number(verified.cut),
                closed: number(verified.closed),
                unfinished: number(verified.unfinished),
                matches: verified.matches(),
            },
        }
    }
}

/// A number that JavaScript gave.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn count_of(number: f64) -> u64 {
    number as u64
}
