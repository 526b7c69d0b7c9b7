//! What a dissector makes of one frame: nodes, the bytes they point into, columns.

use super::{Bits, FieldId, Flags, Node, Span, Value};
use crate::drop::Drop;
use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a dissector makes of one frame. Its lists are reused from frame to frame.
#[derive(Debug, Default)]
pub struct Dissection {
    /// The fields, in the order in which a tree is printed.
    pub nodes: Vec<Node>,
    /// The bytes of all sources, the frame's first.
    pub bytes: Vec<u8>,
    /// Where each source lies in `bytes`: the frame, then what was derived from it.
    pub sources: Vec<Source>,
    /// Text that was made, which [`Value::Text`] points into.
    pub text: String,
    /// What was refused on the way, as it was met.
    pub drops: Vec<Drop>,
    /// The line in a list.
    pub columns: Columns,
    /// The fields that are kept, a bit for each, by protocol; all of them if there are no bits.
    wanted: Vec<[u64; 4]>,
    /// Whether the field added last was left out.
    skipped: bool,
    depth: u8,
    base: u8,
}

/// Bytes that nodes point into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// What they are.
    pub kind: SourceKind,
    /// The first, in `Dissection::bytes`.
    pub start: usize,
    /// The one behind the last.
    pub end: usize,
}

/// What the bytes of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// The frame as it was captured.
    Frame,
    /// Fragments or segments put together.
    Reassembled,
    /// What was deciphered.
    Plaintext,
}

impl SourceKind {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Reassembled => "reassembled",
            Self::Plaintext => "plaintext",
        }
    }
}

/// The line of a frame in a list, of its innermost layers. Empty unless asked for.
#[derive(Debug, Default)]
pub struct Columns {
    /// Whether they are asked for.
    pub(super) wanted: bool,
    quoting: bool,
    /// Where it comes from.
    pub source: Place,
    /// Where it goes.
    pub destination: Place,
    /// The innermost protocol.
    pub protocol: String,
    /// What it says.
    pub info: String,
}

/// An address of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Place {
    /// It has none.
    #[default]
    Nowhere,
    /// A MAC address.
    Ether([u8; 6]),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl Dissection {
    /// The bytes of a source.
    #[must_use]
    pub fn source(&self, number: u8) -> &[u8] {
        let range = self.sources.get(usize::from(number)).map(|source| source.start..source.end);
        self.bytes.get(range.unwrap_or_default()).unwrap_or_default()
    }

    /// The bytes that a node points to.
    #[must_use]
    pub fn bytes_of(&self, node: &Node) -> &[u8] {
        self.part(node.source, node.offset, node.length)
    }

    /// The bytes that are a node's value.
    #[must_use]
    pub fn value_bytes(&self, node: &Node) -> &[u8] {
        match node.value {
            Value::At { offset, length } => self.part(node.source, offset, length),
            Value::Text { start, length } => {
                let range = start as usize..(start as usize).saturating_add(length as usize);
                self.text.as_bytes().get(range).unwrap_or_default()
            }
            _ => self.bytes_of(node),
        }
    }

    fn part(&self, source: u8, offset: u32, length: u32) -> &[u8] {
        let bytes = self.source(source).get(offset as usize..).unwrap_or_default();
        bytes.get(..length as usize).unwrap_or(bytes)
    }

    /// Begins anew with a frame.
    pub(super) fn begin(&mut self, frame: &[u8]) {
        self.nodes.clear();
        self.bytes.clear();
        self.sources.clear();
        self.text.clear();
        self.drops.clear();
        self.depth = 0;
        self.quote(false);
        self.columns.clear();
        self.derive(SourceKind::Frame, frame);
    }

    /// Adds a source, and gives its number; the last one, if there are 256 already.
    pub(crate) fn derive(&mut self, kind: SourceKind, bytes: &[u8]) -> u8 {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.sources.push(Source { kind, start, end: self.bytes.len() });
        u8::try_from(self.sources.len() - 1).unwrap_or(u8::MAX)
    }

    /// Adds a node for `length` bytes at `at` of a span.
    #[inline]
    pub(crate) fn add(
        &mut self,
        field: FieldId,
        span: Span<'_>,
        at: u32,
        length: u32,
        value: Value,
    ) {
        if self.wants(field) {
            self.push(field, span, (at, length), None, value);
        }
    }

    /// Whether a field is kept, which is noted for [`Self::flag_last`].
    #[inline]
    fn wants(&mut self, field: FieldId) -> bool {
        let wanted = self.wanted.get(usize::from(field.protocol)).is_none_or(|mask| {
            let word = mask.get(usize::from(field.field / 64)).copied().unwrap_or_default();
            word >> (field.field % 64) & 1 == 1
        });
        self.skipped = !wanted;
        wanted
    }

    #[inline]
    fn push(
        &mut self,
        field: FieldId,
        span: Span<'_>,
        (at, length): (u32, u32),
        bits: Option<Bits>,
        value: Value,
    ) {
        self.nodes.push(Node {
            field,
            depth: self.depth,
            source: span.source(),
            flags: Flags::NONE,
            bits,
            offset: span.offset() + at,
            length,
            value,
        });
    }

    /// Keeps only some fields from now on, besides layers and headings: what nobody looks at need
    /// not be written down. A protocol stands for all its fields.
    pub(super) fn keep(&mut self, fields: &[FieldId]) {
        self.wanted.clear();
        self.wanted.resize(256, [0; 4]);
        for field in fields {
            let Some(mask) = self.wanted.get_mut(usize::from(field.protocol)) else { continue };
            if field.field == 0 {
                *mask = [u64::MAX; 4];
            } else if let Some(word) = mask.get_mut(usize::from(field.field / 64)) {
                *word |= 1 << (field.field % 64);
            }
        }
    }

    /// Adds a number.
    #[inline]
    pub(crate) fn number(
        &mut self,
        field: FieldId,
        span: Span<'_>,
        at: u32,
        length: u32,
        number: impl Into<u64>,
    ) {
        self.add(field, span, at, length, Value::Number(number.into()));
    }

    /// Adds a number that takes `count` bits of its bytes, from bit `first` on.
    #[inline]
    pub(crate) fn bits(
        &mut self,
        field: FieldId,
        span: Span<'_>,
        place: (u32, u32),
        bits: (u8, u8),
        number: impl Into<u64>,
    ) {
        if self.wants(field) {
            let bits = Bits { first: bits.0, count: bits.1 };
            self.push(field, span, place, Some(bits), Value::Number(number.into()));
        }
    }

    /// Adds bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, field: FieldId, span: Span<'_>, at: u32, length: u32) {
        self.add(field, span, at, length, Value::Bytes);
    }

    /// Adds a MAC address.
    #[inline]
    pub(crate) fn ether(&mut self, field: FieldId, span: Span<'_>, at: u32, address: [u8; 6]) {
        let number = address.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.number(field, span, at, 6, number);
    }

    /// Adds what does not stand in the bytes but follows from them; it is shown at `at`.
    #[inline]
    pub(crate) fn generated(&mut self, field: FieldId, span: Span<'_>, at: u32, value: Value) {
        self.add(field, span, at, 0, value);
        self.flag_last(Flags::GENERATED);
    }

    /// Adds text that is made now.
    pub(crate) fn text(
        &mut self,
        field: FieldId,
        span: Span<'_>,
        at: u32,
        length: u32,
        text: fmt::Arguments<'_>,
    ) {
        if self.wants(field) {
            let value = self.write_text(text);
            self.push(field, span, (at, length), None, value);
        }
    }

    /// Keeps text that is made now.
    pub(crate) fn write_text(&mut self, text: fmt::Arguments<'_>) -> Value {
        let start = self.text.len();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Value::Text { start: place(start), length: place(self.text.len() - start) }
    }

    /// Adds a layer, below which everything stands until [`Self::leave`]. Gives its place.
    pub(crate) fn layer(&mut self, protocol: FieldId, span: Span<'_>, length: u32) -> usize {
        self.depth = self.base;
        self.skipped = false;
        self.push(protocol, span, (0, length), None, Value::None);
        self.depth = self.base.saturating_add(1);
        self.nodes.len() - 1
    }

    /// A protocol that quotes a packet has its layers below itself; `false` when the quote ends.
    pub(crate) fn quote(&mut self, begins: bool) {
        self.base = if begins { self.depth } else { 0 };
        self.columns.quoting = begins;
    }

    /// Whether a packet is being quoted.
    pub(crate) fn quotes(&self) -> bool {
        self.base > 0
    }

    /// What is added next stands below what was added last.
    #[inline]
    pub(crate) fn enter(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    /// What is added next stands beside what stood above.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Adds a heading over what follows until [`Self::leave`]. Gives its place.
    pub(crate) fn heading(
        &mut self,
        field: FieldId,
        span: Span<'_>,
        at: u32,
        length: u32,
    ) -> usize {
        self.skipped = false;
        self.push(field, span, (at, length), None, Value::None);
        self.enter();
        self.nodes.len() - 1
    }

    /// Adds a field to a layer that others follow already, at the end of what stands below it.
    pub(crate) fn add_late(&mut self, layer: usize, node: Node) {
        let depth = self.nodes.get(layer).map_or(0, |layer| layer.depth);
        let below = self.nodes.iter().skip(layer + 1).take_while(|node| node.depth > depth).count();
        let node = Node { depth: depth.saturating_add(1), ..node };
        self.nodes.insert((layer + 1 + below).min(self.nodes.len()), node);
    }

    /// Where the next node will stand.
    pub(crate) fn next_place(&self) -> usize {
        self.nodes.len()
    }

    /// Says how many bytes a node has, once that is known.
    pub(crate) fn set_length(&mut self, place: usize, length: u32) {
        if let Some(node) = self.nodes.get_mut(place) {
            node.length = length;
        }
    }

    /// Says more of the last node.
    #[inline]
    pub(crate) fn flag_last(&mut self, flags: Flags) {
        if let Some(node) = self.nodes.last_mut().filter(|_| !self.skipped) {
            node.flags = node.flags.with(flags);
        }
    }
}

impl Columns {
    fn clear(&mut self) {
        if self.wanted {
            (self.source, self.destination) = (Place::Nowhere, Place::Nowhere);
            self.protocol.clear();
            self.info.clear();
        }
    }

    /// Says the protocol and what it says, in place of what was there.
    pub(crate) fn set(&mut self, protocol: &str, info: fmt::Arguments<'_>) {
        self.set_protocol(format_args!("{protocol}"));
        self.set_info(info);
    }

    /// Says the protocol, in place of what was there.
    pub(crate) fn set_protocol(&mut self, protocol: fmt::Arguments<'_>) {
        if self.writes() {
            self.protocol.clear();
            // Writing to a string cannot fail.
            let _ = self.protocol.write_fmt(protocol);
        }
    }

    /// Says something in place of what was there.
    pub(crate) fn set_info(&mut self, info: fmt::Arguments<'_>) {
        if self.writes() {
            self.info.clear();
            self.append(info);
        }
    }

    /// Whether they are asked for, and no packet is being quoted: it says nothing of the frame.
    fn writes(&self) -> bool {
        self.wanted && !self.quoting
    }

    /// Says more.
    pub(crate) fn append(&mut self, info: fmt::Arguments<'_>) {
        if self.writes() {
            // Writing to a string cannot fail.
            let _ = self.info.write_fmt(info);
        }
    }

    /// Says where it comes from and goes.
    pub(crate) fn way(&mut self, source: Place, destination: Place) {
        if self.writes() {
            (self.source, self.destination) = (source, destination);
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::Ether(address) => {
                for (place, byte) in address.iter().enumerate() {
                    let colon = if place == 0 { "" } else { ":" };
                    write!(f, "{colon}{byte:02x}")?;
                }
                Ok(())
            }
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => address.fmt(f),
        }
    }
}
