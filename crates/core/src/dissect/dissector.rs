//! The dispatcher: frame by frame, from the link type inwards, with what is known of frames before.

use super::protocol::{self, ethernet, ipv4, ipv6};
use super::tunnel::Tunnels;
use super::{Dissection, Registry, Span};
use crate::packet::Inside;

/// Packets in packets that are followed; more are shown as bytes.
const MAX_NESTING: u8 = 8;

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
}

/// What the first bytes of a frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, without checksum.
    Ethernet,
    /// An IP packet of either version.
    RawIp,
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
    pub(super) nesting: u8,
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
        self.nesting = 0;
        self.tunnels.begin();
        let span = Span::new(0, frame.bytes, frame.original_length);
        match frame.link {
            Link::Ethernet => ethernet::dissect(self, span),
            Link::RawIp => self.ip(span),
        }
        &self.out
    }

    /// Says whether the columns are made.
    pub fn want_columns(&mut self, wanted: bool) {
        self.out.columns.wanted = wanted;
    }

    /// What was made of the last frame.
    #[must_use]
    pub fn dissection(&self) -> &Dissection {
        &self.out
    }

    /// A packet inside a datagram: a protocol that carries others calls this, not theirs.
    pub(crate) fn inside(&mut self, inside: Inside, span: Span<'_>) {
        if self.nesting == MAX_NESTING {
            return protocol::data::dissect(self, span);
        }
        self.nesting += 1;
        match inside {
            Inside::Ipv4 => ipv4::dissect(self, span),
            Inside::Ipv6 => ipv6::dissect(self, span),
            Inside::Ethernet => ethernet::dissect(self, span),
        }
        self.nesting -= 1;
    }

    /// An IP packet of the version that its first nibble says.
    pub(crate) fn ip(&mut self, span: Span<'_>) {
        match span.u8(0).map(|byte| byte >> 4) {
            Some(4) => ipv4::dissect(self, span),
            Some(6) => ipv6::dissect(self, span),
            _ => protocol::data::dissect(self, span),
        }
    }
}
