//! User Datagram Protocol (RFC 768).

use super::{Malformed, array};

/// The number that IP headers give it.
pub const PROTOCOL: u8 = 17;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 8;

/// A view of a UDP datagram.
#[derive(Debug, Clone, Copy)]
pub struct Udp<'a> {
    bytes: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Reads the datagram at the start of `bytes`; the rest of it may be in other IP fragments.
    ///
    /// # Errors
    /// [`Malformed`] if the header is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < HEADER_BYTES {
            let (expected, found) = (HEADER_BYTES as u64, bytes.len() as u64);
            return Err(Malformed { field: "udp", offset: 0, expected, found });
        }
        Ok(Self { bytes })
    }

    /// The port that the datagram comes from.
    #[must_use]
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes(array(self.bytes, 0))
    }

    /// The port that the datagram goes to.
    #[must_use]
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes(array(self.bytes, 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports() {
        let udp = Udp::parse(&[0x05, 0x39, 0, 53, 0, 8, 0, 0]).unwrap();
        assert_eq!((udp.source_port(), udp.destination_port()), (1337, 53));
    }

    #[test]
    fn a_cut_header_is_refused() {
        assert_eq!(Udp::parse(&[0; 7]).unwrap_err().found, 7);
    }
}
