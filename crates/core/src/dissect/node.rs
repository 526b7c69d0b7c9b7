//! A field found in a frame: where it lies, and what it holds.

use super::FieldId;

/// A field found in a frame. Nodes stand in a list in the order in which a tree is printed: a node,
/// then everything below it, which has a greater depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Which field it is.
    pub field: FieldId,
    /// How deep it stands in the tree: protocols at 0.
    pub depth: u8,
    /// The number of the source that it points into.
    pub source: u8,
    /// What else is to be said of it.
    pub flags: Flags,
    /// Which bits of its bytes are the field's, if not all.
    pub bits: Option<Bits>,
    /// The first byte, from the source's first.
    pub offset: u32,
    /// How many bytes. Nothing, if the field stands nowhere but follows from others.
    pub length: u32,
    /// What it holds.
    pub value: Value,
}

/// Bits of a field's bytes, the most significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// The first bit, from the first of the field's bytes.
    pub first: u8,
    /// How many.
    pub count: u8,
}

/// What is to be said of a node besides its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The bytes are not what the protocol allows, or end too early.
    pub const MALFORMED: Self = Self(1);
    /// It does not stand in the bytes but follows from them.
    pub const GENERATED: Self = Self(2);

    /// Whether all of these are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// With these too.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}

/// What a node holds. How it is shown is a matter of its [`super::Definition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Nothing: a protocol or a heading.
    None,
    /// A number, a flag, a MAC or IPv4 address.
    Number(u64),
    /// A number with a sign, a span of time or a moment in nanoseconds.
    Signed(i64),
    /// The node's own bytes.
    Bytes,
    /// Other bytes of its source: a part of its own, or bytes elsewhere.
    At {
        /// The first byte, from the source's first.
        offset: u32,
        /// How many.
        length: u32,
    },
    /// Text made by the dissector, in `text` of the dissection.
    Text {
        /// Its first byte there.
        start: u32,
        /// How many bytes.
        length: u32,
    },
}
