//! A format: a description of how a packet becomes a datagram.
//!
//! The list of fields, in wire order, is the datagram. A format is plain data; [`Codec`] is what it
//! compiles to.

mod builtin;
mod codec;

pub use builtin::crapvpn;
pub use codec::{Codec, CompileError, Opened};

/// How a packet becomes a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// What the command line calls it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What moves its datagrams.
    pub carrier: Carrier,
    /// How the packet is enciphered.
    pub cipher: Cipher,
    /// The datagram, field by field, in wire order.
    pub fields: Vec<Field>,
}

/// What moves a format's datagrams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// UDP ports; the first is used to run.
    pub udp: Vec<u16>,
}

/// How the packet is enciphered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// Not at all.
    None,
    /// XOR with a repeating key, anew from the packet's first byte.
    Xor,
}

/// One field of the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What filters and drops call it, after the format's name and a point.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How it lies in the datagram.
    pub kind: FieldKind,
    /// Who fills it.
    pub role: Role,
}

/// How a field lies in the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// An unsigned integer of 1 to 64 bits, most significant bit first.
    Uint {
        /// Its width in bits.
        bits: u8,
    },
    /// Text of a fixed number of bytes, zeros behind.
    Text {
        /// Its width in bytes.
        size: usize,
    },
    /// The packet, enciphered if the format has a cipher. It ends the datagram.
    Packet,
}

/// Who fills a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Always the same number.
    Number {
        /// The number sent.
        value: u64,
        /// Whether the receiver takes only that.
        accept: Accept,
    },
    /// Always the same text; any other is a datagram of another protocol.
    Text(String),
    /// Bytes of the fields `from` to `to`, both included.
    Length {
        /// First field counted, by name.
        from: String,
        /// Last field counted, by name.
        to: String,
    },
    /// What kind of packet follows. A number that does not name the packet's real kind is not
    /// refused: the packet's own version nibble tells.
    Next {
        /// The numbers of the kinds.
        table: Table,
        /// Sent instead of the table's number.
        value: Option<u64>,
    },
    /// The packet itself.
    Packet,
}

/// What the receiver takes in a constant field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Exactly what the sender writes.
    Exact,
    /// Any value: reserved bits, and flags that mean nothing to us.
    Any,
}

/// Numbers that name kinds of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// IEEE 802 `EtherTypes`: 0800 for IPv4, 86dd for IPv6.
    Ethertype,
}

impl Format {
    /// The format with the `next` fields filled from their table, as `--ethertype` asks for.
    #[must_use]
    pub fn with_next_from_table(mut self) -> Self {
        for field in &mut self.fields {
            if let Role::Next { value, .. } = &mut field.role {
                *value = None;
            }
        }
        self
    }
}
