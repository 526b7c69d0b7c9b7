//! A format: a description of how a packet becomes a datagram.
//!
//! One list of fields, in wire order, most significant bit first: the list is the datagram. People
//! write it as TOML; [`Format::read`] reads and checks it. A format is plain data: [`Codec`] is
//! what it compiles to for running, [`decode()`] takes a datagram apart by it, [`diagram`] draws it.
//! The language is told in `docs/language.md`.

pub mod diagram;
#[doc(hidden)]
pub mod fuzz;

mod again;
mod bits;
mod builtin;
mod claim;
mod codec;
mod condition;
mod decode;
mod decoder;
mod deframer;
mod elements;
mod ends;
mod framing;
mod given;
mod literal;
mod opener;
mod plan;
mod problem;
mod read;
mod replay;
mod schema;
mod shape;
mod text;
mod walk;

pub use again::{Again, Difference};
pub use claim::{Claim, Match};
pub use decode::{Decoded, DecodedField, decode};
pub use decoder::{Decoder, Part, Parts, What};
pub use deframer::{Cut, Deframer};
pub use framing::{Frame, Frames};
pub use given::Assignments;
pub use problem::{RunCode, RunProblem, run_problem_reference};
pub use text::{literal_text, range_text};

pub use builtin::BUILT_IN;
pub use codec::{Codec, Opened, Secrets};
pub use condition::{Condition, Subject, Term};
pub use read::{
    Code, Diagnostic, MAX_FILE_BYTES, Place, Read, Related, Severity, check_files, error_reference,
};
pub use schema::{json_schema, key_reference};

/// The version of the language that this program reads.
pub const LANGUAGE: u64 = 1;
/// The most fields that a format may have, blocks opened and list elements counted.
pub const MAX_FIELDS: usize = 64;
/// The most bytes that the fields of fixed size may have together.
pub const MAX_FIXED_BYTES: usize = 255;
/// The most elements of a list that are taken apart.
pub const MAX_ELEMENTS: usize = 64;
/// Bytes of the tag of every AEAD that the language knows (RFC 5116, section 5).
pub const TAG_BYTES: usize = 16;

/// How a packet becomes a datagram. Every format that exists has passed all checks, whether it was
/// read or changed by [`with`](Self::with).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// What the command line calls it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// More for people; empty if there is none.
    pub doc: String,
    /// What the names of its fields begin with in filters.
    pub filter: String,
    /// What moves its datagrams.
    pub carrier: Carrier,
    /// The kinds of packet it carries, the default first; empty if it can only be decoded.
    pub packet: Vec<PacketKind>,
    /// How the packet is enciphered.
    pub cipher: Option<Cipher>,
    /// What both ends agree on off the wire.
    pub settings: Vec<Setting>,
    /// Why it can only be decoded, if its author says so.
    pub decode_only: Option<String>,
    /// The datagram, field by field, in wire order. Blocks are opened: their fields stand here,
    /// each with the block's condition added to its own.
    pub fields: Vec<Field>,
}

/// What moves a format's datagrams: at least one of them is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carrier {
    /// UDP ports; the first is used to run. Empty: no default.
    pub udp: Option<Vec<u16>>,
    /// TCP ports, likewise.
    pub tcp: Option<Vec<u16>>,
}

/// What travels inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// An IPv4 or IPv6 packet: layer 3.
    Ip,
    /// An Ethernet frame without its checksum: layer 2.
    Ethernet,
}

/// A cipher and what it is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cipher {
    /// Which one.
    pub algorithm: Algorithm,
    /// The fields that are enciphered; the packet is one of them.
    pub covers: Range,
    /// The parts of the nonce, 12 bytes in all; empty for XOR.
    pub nonce: Vec<NoncePart>,
    /// The fields that are authenticated but not enciphered: the associated data.
    pub ad: Option<Range>,
}

/// A cipher, by its IANA name but for XOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// XOR with a repeating key, anew from the first enciphered byte.
    Xor,
    /// AES-128 in Galois/Counter Mode (RFC 5116, section 5.1).
    Aes128Gcm,
    /// AES-256 in Galois/Counter Mode (RFC 5116, section 5.2).
    Aes256Gcm,
    /// `ChaCha20` and Poly1305 (RFC 8439, section 2.8).
    ChaCha20Poly1305,
}

/// A part of a nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoncePart {
    /// Bytes that stand in the description.
    Bytes(Vec<u8>),
    /// The bytes of a setting, by its place.
    Setting(usize),
    /// The bytes of a field, by its place: as on the wire, or as a number in the order given.
    Field {
        /// The field's place in the list.
        field: usize,
        /// The order of its bytes, if not that of the wire.
        order: Option<Endian>,
    },
}

/// What both ends agree on off the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What `--set` and conditions call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// More for people; empty if there is none.
    pub doc: String,
    /// What it may hold.
    pub kind: SettingKind,
    /// Its value, unless it must be given.
    pub value: Option<Literal>,
    /// The only values allowed; empty: all that fit.
    pub values: Vec<Literal>,
}

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// A number of so many bits, 1 to 64.
    Uint {
        /// Its width.
        bits: u8,
    },
    /// Bytes, exactly so many.
    Bytes {
        /// How many.
        size: usize,
    },
}

/// A value as written in a description or on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Of an integer.
    Number(u64),
    /// Of everything else, as on the wire. Text may be shorter than its field: zeros follow.
    Bytes(Vec<u8>),
}

/// One field of the datagram, or of the element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What filters and drops call it, after the format's `filter` and a point.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// More for people; empty if there is none.
    pub doc: String,
    /// How it lies in the datagram.
    pub kind: Kind,
    /// Who fills it.
    pub role: Role,
    /// What a receiver takes in it.
    pub accept: Accept,
    /// It is there only if this holds.
    pub when: Condition,
    /// What some of its numbers mean.
    pub names: Vec<(u64, String)>,
}

/// How a field lies in the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An unsigned integer.
    Uint {
        /// Its width, 1 to 64 bits.
        bits: u8,
        /// The order of its bytes; always big unless it is whole bytes.
        endian: Endian,
    },
    /// Bytes.
    Bytes {
        /// How many.
        size: Size,
    },
    /// UTF-8, zeros behind.
    Text {
        /// How many bytes.
        size: Size,
    },
    /// An Ethernet address: 6 bytes.
    Mac,
    /// An IPv4 address: 4 bytes.
    Ipv4,
    /// An IPv6 address: 16 bytes.
    Ipv6,
    /// The packet. At most one in a format.
    Packet,
    /// Zeros that make what is enciphered (without a cipher: packet and padding) a multiple.
    Padding {
        /// Of so many bytes, 1 to 256.
        multiple: u16,
    },
    /// Elements, one after the other: taken apart, never sent.
    List {
        /// One element.
        fields: Vec<Field>,
        /// The element for which this holds is the last. Its subjects are fields of the element.
        until: Option<Condition>,
    },
}

/// How many bytes a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Always so many.
    Fixed(usize),
    /// As many as a setting says, by its place.
    Setting(usize),
    /// As many as a length counts, or all that is left.
    Open,
}

/// The order of the bytes of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// Most significant first: network order.
    Big,
    /// Least significant first.
    Little,
}

/// Who fills a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The description: always the same.
    Constant {
        /// What is sent.
        value: Literal,
        /// What is expected on receipt instead, if something else (`--expect`).
        expect: Option<Literal>,
    },
    /// Whoever runs it, by `--set`; who only decodes takes any.
    Given {
        /// What is sent, once it is given.
        value: Option<Literal>,
        /// What is expected on receipt instead, if something else (`--expect`).
        expect: Option<Literal>,
    },
    /// The bytes of a range, divided by a unit.
    Length {
        /// The fields counted.
        counts: Range,
        /// Bytes that one stands for: 1, 2, 4 or 8.
        unit: u8,
    },
    /// What kind of packet follows.
    Next {
        /// The numbers of the kinds.
        table: Table,
        /// Sent instead of the table's number.
        value: Option<u64>,
        /// What to do about a number that does not name the packet's kind.
        otherwise: Otherwise,
    },
    /// One more for each datagram.
    Counter {
        /// The first number.
        start: u64,
        /// Numbers below the highest seen that are still taken, each once; 0: no check.
        window: u32,
    },
    /// Random bytes, fresh for each datagram.
    Random,
    /// A checksum of a range, its own bytes taken as zero.
    Checksum {
        /// The fields summed.
        covers: Range,
        /// How.
        algorithm: Checksum,
    },
    /// The tag of the AEAD.
    Tag,
    /// Itself: the packet, the padding, a list, or a field of a list's element.
    Content,
}

/// Fields of one list, by place, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
}

/// Numbers that name what a packet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the description calls it, if it is one of those with a name.
    pub name: Option<String>,
    /// IPv4's.
    pub ipv4: Option<u64>,
    /// IPv6's.
    pub ipv6: Option<u64>,
    /// Ethernet's.
    pub ethernet: Option<u64>,
}

/// What to do about a number that does not name the packet's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// Drop the datagram: `unknown_next`.
    Drop,
    /// Look at the packet's version nibble, and note it.
    Look,
}

/// How a checksum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// The Internet checksum (RFC 1071), 16 bits.
    Internet,
    /// The CRC-32 of Ethernet and zip (ISO 3309), 32 bits.
    Crc32,
}

/// What a receiver takes in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Exactly what the sender would write.
    Exact,
    /// Any value: reserved bits, flags, types.
    Any,
}

impl Range {
    /// Whether the field at `place` is in it.
    #[must_use]
    pub fn contains(self, place: usize) -> bool {
        (self.first..=self.last).contains(&place)
    }
}

impl PacketKind {
    /// The word for it in descriptions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ethernet => "ethernet",
        }
    }
}

impl Algorithm {
    /// Every cipher.
    pub const ALL: [Self; 4] =
        [Self::Xor, Self::Aes128Gcm, Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The word for it in descriptions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xor => "xor",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
            Self::ChaCha20Poly1305 => "AEAD_CHACHA20_POLY1305",
        }
    }

    /// Whether it proves that nothing was changed.
    #[must_use]
    pub fn is_aead(self) -> bool {
        self != Self::Xor
    }
}

impl Format {
    /// The place of the packet in the list.
    #[must_use]
    pub fn packet_place(&self) -> Option<usize> {
        self.fields.iter().position(|field| field.kind == Kind::Packet)
    }

    /// The place of the field with this name.
    #[must_use]
    pub fn field_place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// What filters call the fields, in the list's order.
    #[must_use]
    pub fn filter_names(&self) -> Vec<String> {
        self.fields.iter().map(|field| format!("{}.{}", self.filter, field.name)).collect()
    }

    /// The bits that a field has whatever the datagram, or nothing if only the datagram tells.
    /// A setting without a value counts as 0.
    #[must_use]
    pub fn fixed_bits(&self, field: &Field) -> Option<usize> {
        let bytes = match &field.kind {
            Kind::Uint { bits, .. } => return Some((*bits).into()),
            Kind::Mac => 6,
            Kind::Ipv4 => 4,
            Kind::Ipv6 => 16,
            Kind::Bytes { size } | Kind::Text { size } => match *size {
                Size::Fixed(bytes) => bytes,
                Size::Setting(place) => self.setting_number(place),
                Size::Open => return None,
            },
            Kind::Packet | Kind::Padding { .. } | Kind::List { .. } => return None,
        };
        Some(bytes.saturating_mul(8))
    }

    /// The number that a setting holds; 0 if it has none.
    #[must_use]
    pub(crate) fn setting_number(&self, place: usize) -> usize {
        match self.settings.get(place).and_then(|setting| setting.value.as_ref()) {
            Some(Literal::Number(number)) => usize::try_from(*number).unwrap_or(usize::MAX),
            _ => 0,
        }
    }
}
