//! The dispatcher: frame by frame, from the link type inwards, with what is known of frames before.

use super::conversation::{Conversations, Echoes};
use super::protocol::{self, cooked, ethernet, ipv4, ipv6, loopback, raw};
use super::tunnel::Tunnels;
use super::{Dissection, FieldId, Place, Registry, Span, Value};
use crate::capture::Comments;
use crate::capture::fragments::Fragments;
use crate::capture::streams::Streams;
use crate::packet::Inside;

/// Packets in packets that are followed, tags and tunnels alike; what is deeper is shown as bytes.
const MAX_NESTING: u8 = 32;

/// A frame to dissect.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Its number in the capture, from 1.
    pub number: u64,
    /// When it was captured, in nanoseconds since 1970.
    pub time: Option<i64>,
    /// What its first bytes are.
    pub link: Link,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Bytes that it had before the capture cut it.
    pub original_length: u32,
    /// What people wrote to it.
    pub comments: Comments<'a>,
}

/// What the first bytes of a frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, without checksum.
    Ethernet,
    /// An IP packet of either version.
    RawIp,
    /// Linux cooked capture, version 1.
    Cooked,
    /// Linux cooked capture, version 2.
    Cooked2,
    /// BSD loopback.
    Loopback,
    /// Any other, which is shown as bytes.
    Other,
}

/// What a dissector is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether the columns are made.
    pub columns: bool,
}

/// Takes frames apart, one after the other.
#[derive(Debug, Default)]
pub struct Dissector {
    /// The fields that it knows.
    pub registry: Registry,
    /// Which tunnels it looks for.
    pub tunnels: Tunnels,
    pub(crate) out: Dissection,
    /// Where the layer begins that a malformed packet inside it ends.
    pub(super) catcher: (u8, u32),
    /// Where the packet comes from that is being read, and where it goes.
    pub(super) ends: (Place, Place),
    pub(super) udp: Conversations,
    pub(super) tcp: Conversations,
    pub(super) echoes: Echoes,
    pub(super) fragments: Fragments,
    pub(crate) streams: Streams,
    /// Room for packets put together.
    pub(super) buffers: Vec<Vec<u8>>,
    /// The number of the frame being read.
    pub(crate) frame_number: u64,
    /// When it was captured.
    pub(super) time: Option<i64>,
    nesting: u8,
}

impl Dissector {
    /// A dissector that has seen no frame.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut dissector = Self::default();
        dissector.out.columns.wanted = options.columns;
        dissector
    }

    /// Takes the next frame apart.
    pub fn dissect(&mut self, frame: &Frame<'_>) -> &Dissection {
        self.out.begin(frame.bytes);
        self.tunnels.begin();
        (self.catcher, self.nesting) = ((0, 0), 0);
        (self.frame_number, self.time) = (frame.number, frame.time);
        self.ends = (Place::Nowhere, Place::Nowhere);
        let span = Span::new(0, frame.bytes, frame.original_length);
        protocol::comment::dissect(self, span, frame.comments);
        protocol::frame::dissect(self, span, frame);
        match frame.link {
            Link::Ethernet => ethernet::dissect(self, span),
            Link::RawIp => raw::dissect(self, span),
            Link::Cooked => cooked::dissect(self, span),
            Link::Cooked2 => cooked::dissect_2(self, span),
            Link::Loopback => loopback::dissect(self, span),
            Link::Other => protocol::data::dissect(self, span),
        }
        &self.out
    }

    /// Says whether the columns are made.
    pub fn want_columns(&mut self, wanted: bool) {
        self.out.columns.wanted = wanted;
    }

    /// Keeps only some fields from now on, besides layers and headings: what nobody looks at costs
    /// nothing then. A protocol stands for all its fields.
    pub fn keep(&mut self, fields: &[FieldId]) {
        self.out.keep(fields);
    }

    /// What was made of the last frame.
    #[must_use]
    pub fn dissection(&self) -> &Dissection {
        &self.out
    }

    /// A packet inside a datagram: a tunnel calls this for what it carries.
    pub(crate) fn inside(&mut self, inside: Inside, span: Span<'_>) {
        let catcher = std::mem::replace(&mut self.catcher, (span.source(), span.offset()));
        self.nested(span, 0, |dissector, span| match inside {
            Inside::Ipv4 => ipv4::dissect(dissector, span),
            Inside::Ipv6 => ipv6::dissect(dissector, span),
            Inside::Ethernet => {
                ethernet::dissect(dissector, span);
                span.stated()
            }
        });
        self.catcher = catcher;
    }

    /// Reads what stands behind a header of so many bytes, unless it lies too deep. Gives how many
    /// bytes both take.
    pub(super) fn nested<'a>(
        &mut self,
        span: Span<'a>,
        header_bytes: u32,
        read: impl FnOnce(&mut Self, Span<'a>) -> u32,
    ) -> u32 {
        let payload = span.skip(header_bytes);
        if self.nesting >= MAX_NESTING {
            protocol::data::dissect(self, payload);
            return span.stated();
        }
        self.nesting += 1;
        let taken = read(self, payload);
        self.nesting -= 1;
        header_bytes.saturating_add(taken)
    }

    /// An IP packet of the version that its first nibble says.
    pub(crate) fn ip(&mut self, span: Span<'_>) -> u32 {
        match span.u8(0).map(|byte| byte >> 4) {
            Some(4) => ipv4::dissect(self, span),
            Some(6) => ipv6::dissect(self, span),
            _ => {
                protocol::data::dissect(self, span);
                span.stated()
            }
        }
    }

    /// Notes where the packet comes from and goes, for the columns and for its conversation.
    pub(super) fn way(&mut self, source: Place, destination: Place) {
        self.ends = (source, destination);
        self.out.columns.way(source, destination);
    }

    /// Reads a packet that another one quotes: it says nothing of the frame.
    pub(super) fn quote<'a>(
        &mut self,
        span: Span<'a>,
        read: impl FnOnce(&mut Self, Span<'a>) -> u32,
    ) {
        if self.out.quotes() {
            return;
        }
        let ends = self.ends;
        self.out.quote(true);
        self.nested(span, 0, read);
        self.out.quote(false);
        self.ends = ends;
    }

    /// Notes an echo request, or says which one a reply answers.
    pub(super) fn echo(&mut self, span: Span<'_>, id: (u16, u16), is_reply: bool, field: FieldId) {
        if self.out.quotes() {
            return;
        }
        if !is_reply {
            return self.echoes.ask(self.ends, id, (self.frame_number, self.time));
        }
        if let Some((frame, _)) = self.echoes.answer(self.ends, id) {
            self.out.generated(field, span, 0, Value::Number(frame));
            self.out.columns.append(format_args!(" (request in {frame})"));
        }
    }

    /// Tells networks with equal addresses apart: how many packets lie around the one being read.
    pub(crate) fn scope(&self) -> u32 {
        self.nesting.into()
    }

    /// Fragments that wait for others.
    #[must_use]
    pub fn fragments(&self) -> &Fragments {
        &self.fragments
    }
}
