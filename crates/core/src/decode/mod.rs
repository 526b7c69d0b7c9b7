//! A capture decoded: chunks of a file go in, text and a capture of the packets inside come out.

pub mod fuzz;
mod inner;
mod show;
mod stats;
mod verify;

pub use show::{Show, View};
pub use stats::{Chain, Stats};
pub use verify::Verified;

use crate::capture::{CaptureError, Reader};
use crate::capture::{LinkType, Time};
use crate::dissect::tunnel::Meter;
use crate::dissect::{Dissector, Frame as Captured, Link, Registry};
use inner::Inner;
use verify::Report;

/// Text that is enough to be taken.
const ENOUGH_BYTES: usize = 256 * 1024;

/// What is told of each frame.
#[derive(Debug, Default)]
pub enum Output {
    /// Nothing.
    #[default]
    Nothing,
    /// What a [`Show`] writes.
    Show(Show),
    /// Differences between datagrams and their descriptions: a line each.
    Verify,
    /// The same, an object a line.
    VerifyJson,
}

/// What a decoder is told to do.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What is told of each frame.
    pub output: Output,
    /// Whether a capture of the packets inside is made.
    pub inner: bool,
    /// Frames after which it ends.
    pub count: Option<u64>,
}

/// Why [`Session::run`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It needs more of the file.
    Input = 0,
    /// There is text to be taken.
    Output = 1,
    /// There is nothing more.
    End = 2,
}

/// Packets that lack fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete {
    /// How many.
    pub packets: u64,
    /// The first frame with a fragment of one of those that still wait.
    pub first_frame: Option<u64>,
}

/// A capture being decoded.
#[derive(Debug)]
pub struct Session {
    /// The file. Fill it, and say when it has ended.
    pub reader: Reader,
    dissector: Dissector,
    output: Output,
    text: Vec<u8>,
    inner: Option<Inner>,
    count: Option<u64>,
    is_finished: bool,
    fault: Option<CaptureError>,
    stats: Stats,
    verified: Verified,
}

impl Session {
    /// Begins to decode with a dissector that knows the formats to look for.
    #[must_use]
    pub fn new(mut dissector: Dissector, wanted: Wanted) -> Self {
        let Wanted { output, inner, count } = wanted;
        let stats = Stats::new(&dissector.registry);
        if let Output::Show(show) = &output {
            dissector.want_columns(show.needs_columns());
        }
        if let Output::Show(Show { view: View::Fields(fields), .. }) = &output {
            dissector.keep(&[fields.ids(), stats.fields()].concat());
        }
        Self {
            reader: Reader::new(),
            dissector,
            output,
            text: Vec::new(),
            inner: inner.then(Inner::new),
            count,
            is_finished: false,
            fault: None,
            stats,
            verified: Verified::default(),
        }
    }

    /// Says that the file has no more.
    pub fn finish(&mut self) {
        self.is_finished = true;
        self.reader.finish();
    }

    /// Decodes until more of the file is needed or there is enough text to be taken.
    pub fn run(&mut self) -> State {
        loop {
            if self.fault.is_some() || self.count.is_some_and(|count| self.stats.frames >= count) {
                return State::End;
            }
            let inner_bytes = self.inner.as_ref().map_or(0, |inner| inner.writer.bytes().len());
            if self.text.len() + inner_bytes >= ENOUGH_BYTES {
                return State::Output;
            }
            let frame = match self.reader.next() {
                Ok(Some(frame)) => frame,
                Ok(None) if self.is_finished => return State::End,
                Ok(None) => return State::Input,
                Err(fault) => {
                    self.fault = Some(fault);
                    return State::End;
                }
            };
            let captured = Captured {
                number: frame.number,
                time: frame.time.and_then(nanoseconds),
                link: link(frame.link),
                bytes: frame.bytes,
                original_length: frame.original_length,
                comments: frame.comments,
            };
            self.dissector.dissect(&captured);
            let Self { dissector, text, .. } = self;
            let (dissection, tunnels) = (dissector.dissection(), &dissector.tunnels);
            let bytes = frame.original_length.into();
            self.stats.count(frame.number, bytes, dissection, tunnels);
            match &mut self.output {
                Output::Nothing => {}
                Output::Show(show) => {
                    show.frame(text, &captured, dissection, &dissector.registry);
                }
                Output::Verify => {
                    self.verified.frame(frame.number, dissection, tunnels, Report::Text, text);
                }
                Output::VerifyJson => {
                    self.verified.frame(frame.number, dissection, tunnels, Report::Json, text);
                }
            }
            if let Some(inner) = &mut self.inner {
                inner.write(frame.number, frame.time, dissection, tunnels);
            }
        }
    }

    /// The text made since it was taken last.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// What was made of the capture of packets inside since it was taken last.
    #[must_use]
    pub fn inner(&self) -> &[u8] {
        self.inner.as_ref().map(|inner| inner.writer.bytes()).unwrap_or_default()
    }

    /// Takes the text, and leaves the room of what was given.
    pub fn swap_text(&mut self, other: &mut Vec<u8>) {
        std::mem::swap(&mut self.text, other);
        self.text.clear();
    }

    /// Forgets what was made of the capture of packets inside, likewise.
    pub fn clear_inner(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.writer.clear();
        }
    }

    /// The fields that it knows.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.dissector.registry
    }

    /// Sums over the frames so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How far deciphered packets got.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.dissector.tunnels.meter()
    }

    /// What comparing gave.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Packets of which fragments are missing so far.
    #[must_use]
    pub fn incomplete(&self) -> Incomplete {
        let fragments = self.dissector.fragments();
        let evicted = fragments.evicted();
        let first_frame = fragments.waiting().map(|waiting| waiting.first_frame).min();
        Incomplete { packets: fragments.waiting().count() as u64 + evicted, first_frame }
    }

    /// Why it ended early, if it did.
    #[must_use]
    pub fn fault(&self) -> Option<&CaptureError> {
        self.fault.as_ref()
    }
}

fn nanoseconds(time: Time) -> Option<i64> {
    time.seconds.checked_mul(1_000_000_000)?.checked_add(time.nanoseconds.into())
}

fn link(link: LinkType) -> Link {
    match link {
        LinkType::ETHERNET => Link::Ethernet,
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Link::RawIp,
        LinkType::LINUX_SLL => Link::Cooked,
        LinkType::LINUX_SLL2 => Link::Cooked2,
        LinkType::NULL | LinkType::LOOP => Link::Loopback,
        _ => Link::Other,
    }
}
