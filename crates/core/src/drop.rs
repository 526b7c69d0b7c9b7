//! What a drop says: the reason, where it was found, what was expected and what stood there.

use crate::packet::Malformed;
use std::fmt;

/// Declares the reasons once: variant, number, name, and what it tells a person.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $name:literal;)+) => {
        /// Why a packet or datagram was refused. Numbers and names are stable: they are only ever
        /// added to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant = $code,)+
        }

        impl Reason {
            /// Every reason, in the order of its number, which is its place here plus 1.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// The name used in counters, in JSON and on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// The datagram ends inside its header.
    TooShort = 1, "too_short";
    /// A constant text or constant bytes are not there: a datagram of some other protocol.
    NotOurs = 2, "not_ours";
    /// A header field has a number that the format does not allow.
    Value = 3, "value";
    /// A length field counts more bytes than there are; or it cannot count a packet of this length
    /// in its unit.
    Length = 4, "length";
    /// Bytes are left over after what the length field counts.
    Trailing = 5, "trailing";
    /// There is no packet in it.
    Empty = 6, "empty";
    /// What was deciphered, or came from the device, is no packet of the format's kind: an IP
    /// packet whose version or lengths do not fit, or a frame without a whole Ethernet header.
    NotAPacket = 7, "not_a_packet";
    /// The datagram would be longer than the carrier or a length field allows.
    TooLong = 8, "too_long";
    /// The packet is a datagram of this very tunnel, routed back into it.
    RoutingLoop = 9, "routing_loop";
    /// The datagram comes from an address other than the peer's, and only the peer is listened to.
    OtherSource = 10, "other_source";
    /// The system has no way to the peer just now (`EHOSTUNREACH`, `ENETUNREACH`, `ENETDOWN`).
    Unreachable = 11, "unreachable";
    /// The peer's host answered that nobody listens there (`ECONNREFUSED`).
    Refused = 12, "refused";
    /// The system, or our own queue, is full (`ENOBUFS`, `ENOMEM`, `EAGAIN`).
    NoBuffers = 13, "no_buffers";
    /// The system takes no datagram or packet of this length (`EMSGSIZE`).
    MessageSize = 14, "message_size";
    /// A firewall forbids to send (`EPERM`, `EACCES`).
    Forbidden = 15, "forbidden";
    /// The device is set down.
    DeviceDown = 16, "device_down";
    /// The device does not take this packet (`EINVAL`).
    DeviceRefused = 17, "device_refused";
    /// The system failed in some other way.
    SystemError = 18, "system_error";
    /// A message of the protocol that carries no packet.
    NoPacket = 19, "no_packet";
    /// A field that says what kind of packet follows names none that the format carries, or
    /// another than follows.
    UnknownNext = 20, "unknown_next";
    /// A checksum of the format is wrong.
    Checksum = 21, "checksum";
    /// The AEAD's tag does not fit: another key, or changed bytes.
    NotAuthentic = 22, "not_authentic";
    /// A number that was there before, or is older than the window of those remembered.
    Replay = 23, "replay";
    /// A list does not end where its elements do, or has too many of them.
    List = 24, "list";
    /// Nothing that could be a frame begins here in the TCP stream.
    FramingLost = 25, "framing_lost";
    /// The counter has no numbers left that this key was not used with.
    CounterExhausted = 26, "counter_exhausted";
}

impl Reason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The stable number, from 1.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// The layer at which a drop was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The format's header.
    Header,
    /// The packet inside.
    Packet,
    /// The device or the carrier, as the system told.
    System,
}

impl Layer {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Packet => "packet",
            Self::System => "system",
        }
    }
}

/// Up to 16 bytes, or a number: what was expected at a place, or found there. Copied, never
/// allocated, since a flood of bad datagrams must cost little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// No value says it.
    Nothing,
    /// A number.
    Number(u64),
    /// The first `length` of `bytes`.
    Bytes {
        /// The bytes, zeros behind.
        bytes: [u8; 16],
        /// How many of them count.
        length: u8,
    },
}

impl Value {
    /// The first 16 bytes of `bytes`.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        let mut kept = [0; 16];
        let mut length = 0;
        for (to, from) in kept.iter_mut().zip(bytes) {
            *to = *from;
            length += 1;
        }
        Self::Bytes { bytes: kept, length }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Number(number) => number.fmt(f),
            Self::Bytes { bytes, length } => {
                for (i, byte) in bytes.iter().take((*length).into()).enumerate() {
                    let space = if i == 0 { "" } else { " " };
                    write!(f, "{space}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// The field that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A field of the format, by its place in the list.
    Format(usize),
    /// A field of the packet, by Wireshark's name.
    Packet(&'static str),
    /// No single field: the whole datagram or packet.
    Whole,
}

impl Field {
    /// What filters call it; empty if it is no single one.
    ///
    /// `names` are those of the format's fields, in the list's order.
    #[must_use]
    pub fn name(self, names: &[String]) -> &str {
        match self {
            Self::Format(place) => names.get(place).map_or("", String::as_str),
            Self::Packet(name) => name,
            Self::Whole => "",
        }
    }
}

/// A packet or datagram refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drop {
    /// Why.
    pub reason: Reason,
    /// At which layer.
    pub layer: Layer,
    /// At which field.
    pub field: Field,
    /// Where the field begins: bytes from the start of the datagram, or of the packet if it was on
    /// its way out.
    pub offset: usize,
    /// What would have fitted.
    pub expected: Value,
    /// What stood there.
    pub found: Value,
}

impl Drop {
    /// A drop about a whole datagram or packet, in which `found` bytes were met instead of
    /// `expected`.
    #[must_use]
    pub fn whole(reason: Reason, layer: Layer, expected: usize, found: usize) -> Self {
        Self {
            reason,
            layer,
            field: Field::Whole,
            offset: 0,
            expected: Value::Number(expected as u64),
            found: Value::Number(found as u64),
        }
    }

    /// The drop `not_a_packet`, for a packet that begins at `offset`.
    #[must_use]
    pub fn not_a_packet(malformed: Malformed, offset: usize) -> Self {
        Self {
            reason: Reason::NotAPacket,
            layer: Layer::Packet,
            field: Field::Packet(malformed.field),
            offset: offset + malformed.offset,
            expected: Value::Number(malformed.expected),
            found: Value::Number(malformed.found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_places_in_the_list() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.code()), place + 1);
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_code(u8::try_from(Reason::COUNT).unwrap() + 1), None);
    }

    #[test]
    fn values_read_as_numbers_or_hex() {
        assert_eq!(Value::Number(77).to_string(), "77");
        assert_eq!(Value::bytes(b"crap").to_string(), "63 72 61 70");
        assert_eq!(Value::bytes(&[0xff; 40]).to_string().len(), 16 * 3 - 1);
        assert_eq!(Value::bytes(&[]).to_string(), "");
        assert_eq!(Value::Nothing.to_string(), "");
    }
}
