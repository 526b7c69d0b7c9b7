//! `virtio_net_hdr` (`linux/virtio_net.h`): what stands before each packet of a device that was
//! opened with `IFF_VNET_HDR`.
//!
//! Little-endian here, as the machines are that run this; on others a device is told so by
//! `TUNSETVNETLE`.

use super::{read, write};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 10;
/// The L4 checksum is to be finished (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
pub const NEEDS_CSUM: u8 = 1;
/// A packet, not a super-packet (`VIRTIO_NET_HDR_GSO_NONE`).
pub const GSO_NONE: u8 = 0;
/// TCP over IPv4 (`VIRTIO_NET_HDR_GSO_TCPV4`).
pub const GSO_TCPV4: u8 = 1;
/// TCP over IPv6 (`VIRTIO_NET_HDR_GSO_TCPV6`).
pub const GSO_TCPV6: u8 = 4;
/// UDP, every segment a datagram (`VIRTIO_NET_HDR_GSO_UDP_L4`).
pub const GSO_UDP_L4: u8 = 5;
/// The first segment has CWR (`VIRTIO_NET_HDR_GSO_ECN`).
pub const GSO_ECN: u8 = 0x80;

/// The header, field by field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// [`NEEDS_CSUM`], or 0.
    pub flags: u8,
    /// One of the `GSO_` numbers, and perhaps [`GSO_ECN`].
    pub gso_type: u8,
    /// Bytes of all headers of the packet. Only a hint: never trusted, but written right.
    pub hdr_len: u16,
    /// Bytes of payload of each segment; the last may have fewer.
    pub gso_size: u16,
    /// Where in the packet the checksum begins to count.
    pub csum_start: u16,
    /// Where, from there, it is written.
    pub csum_offset: u16,
}

impl Header {
    /// Takes the header off what was read from a device; nothing if that is too short.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, packet) = bytes.split_at_checked(HEADER_BYTES)?;
        let number = |offset| u16::from_le_bytes(read(header, offset));
        let [flags, gso_type] = read(header, 0);
        Some((
            Self {
                flags,
                gso_type,
                hdr_len: number(2),
                gso_size: number(4),
                csum_start: number(6),
                csum_offset: number(8),
            },
            packet,
        ))
    }

    /// Writes the header at the start of `bytes`, which has room for it.
    pub fn write(&self, bytes: &mut [u8]) {
        write(bytes, 0, [self.flags, self.gso_type]);
        let numbers = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset];
        for (place, number) in numbers.into_iter().enumerate() {
            write(bytes, 2 + 2 * place, number.to_le_bytes());
        }
    }

    /// The kind of super-packet, without the bit for ECN, which says nothing new: CWR stands in the
    /// TCP header.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.gso_type & !GSO_ECN
    }

    /// Whether the L4 checksum is to be finished.
    #[must_use]
    pub fn needs_checksum(&self) -> bool {
        self.flags & NEEDS_CSUM != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_by_field_and_back() {
        let bytes = [1, 0x81, 54, 0, 0xa8, 0x05, 34, 0, 16, 0, 0x45];
        let (header, packet) = Header::parse(&bytes).unwrap();
        let expected = Header {
            flags: NEEDS_CSUM,
            gso_type: GSO_TCPV4 | GSO_ECN,
            hdr_len: 54,
            gso_size: 1448,
            csum_start: 34,
            csum_offset: 16,
        };
        assert_eq!((header, packet), (expected, &[0x45][..]));
        assert_eq!(header.kind(), GSO_TCPV4);
        assert!(header.needs_checksum());
        let mut written = [0xff; 11];
        header.write(&mut written);
        assert_eq!(written[..10], bytes[..10]);
        assert_eq!(written[10], 0xff);
    }

    #[test]
    fn a_header_that_is_cut_is_none() {
        for length in 0..HEADER_BYTES {
            assert!(Header::parse(&[0; HEADER_BYTES][..length]).is_none());
        }
        assert!(Header::parse(&[0; HEADER_BYTES]).unwrap().1.is_empty());
    }
}
