//! Ethernet (IEEE 802.3), frames without preamble and checksum, with VLAN tags (IEEE 802.1Q).

use super::{Malformed, array};

/// Bytes of the header: two addresses and the `EtherType` (`ETH_HLEN`, `linux/if_ether.h`).
pub const HEADER_BYTES: usize = 14;
/// The `EtherType` of Ethernet carried in something else (`ETH_P_TEB`, `linux/if_ether.h`).
pub const ETHERTYPE: u16 = 0x6558;
/// The `EtherTypes` of a VLAN tag: `ETH_P_8021Q` and `ETH_P_8021AD`.
const VLAN_ETHERTYPES: [u16; 2] = [0x8100, 0x88a8];
/// Bytes of a VLAN tag.
const VLAN_TAG_BYTES: usize = 4;
/// VLAN tags that are looked through: a service tag and a customer tag.
const MAX_VLAN_TAGS: usize = 2;

/// A view of an Ethernet frame.
#[derive(Debug, Clone, Copy)]
pub struct Ethernet<'a> {
    bytes: &'a [u8],
}

impl<'a> Ethernet<'a> {
    /// Reads a frame that fills `bytes` to the last one.
    ///
    /// # Errors
    /// [`Malformed`] if the header is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < HEADER_BYTES {
            let (expected, found) = (HEADER_BYTES as u64, bytes.len() as u64);
            return Err(Malformed { field: "eth", offset: 0, expected, found });
        }
        Ok(Self { bytes })
    }

    /// The `EtherType` behind at most two VLAN tags, and what follows it.
    #[must_use]
    pub fn payload(&self) -> (u16, &'a [u8]) {
        let mut header_bytes = HEADER_BYTES;
        for _ in 0..MAX_VLAN_TAGS {
            if VLAN_ETHERTYPES.contains(&self.ethertype(header_bytes)) {
                header_bytes += VLAN_TAG_BYTES;
            }
        }
        (self.ethertype(header_bytes), self.bytes.get(header_bytes..).unwrap_or_default())
    }

    /// The `EtherType` at the end of a header of so many bytes.
    fn ethertype(&self, header_bytes: usize) -> u16 {
        u16::from_be_bytes(array(self.bytes, header_bytes - 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_14_bytes_at_least() {
        assert!(Ethernet::parse(&[0; 14]).is_ok());
        let error = Ethernet::parse(&[0; 13]).unwrap_err();
        assert_eq!((error.field, error.expected, error.found), ("eth", 14, 13));
    }

    #[test]
    fn tags_are_looked_through() {
        let frame = |header: &[u8]| {
            let mut bytes = vec![0; 12];
            bytes.extend(header);
            bytes
        };
        let payload = |bytes: &[u8]| {
            let (ethertype, payload) = Ethernet::parse(bytes).unwrap().payload();
            (ethertype, payload.to_vec())
        };
        assert_eq!(payload(&frame(&[8, 0, 1, 2])), (0x0800, vec![1, 2]));
        assert_eq!(payload(&frame(&[0x81, 0, 0, 7, 0x86, 0xdd, 1])), (0x86dd, vec![1]));
        let two = [0x88, 0xa8, 0, 1, 0x81, 0, 0, 7, 8, 6, 9];
        assert_eq!(payload(&frame(&two)), (0x0806, vec![9]));
        assert_eq!(payload(&frame(&[0x81, 0])), (0, vec![]), "cut in the tag");
    }
}
