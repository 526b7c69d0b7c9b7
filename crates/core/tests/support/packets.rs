//! Packets made up by chance.

use crapvpn_core::format::PacketKind;
use proptest::prelude::*;

/// A packet whose stated lengths fit, with at most so many bytes behind its header.
pub(crate) fn packet(kind: PacketKind, most: usize) -> BoxedStrategy<Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..=most);
    match kind {
        PacketKind::Ethernet => payload
            .prop_map(|payload| {
                let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5];
                frame.extend(payload);
                frame
            })
            .boxed(),
        PacketKind::Ip => (payload, any::<bool>())
            .prop_map(|(payload, six)| if six { ipv6(&payload) } else { ipv4(&payload) })
            .boxed(),
    }
}

fn ipv4(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 253, 0, 0];
    packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend(payload);
    packet
}

fn ipv6(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], 253, 64];
    packet.extend([0xfd; 32]);
    packet.extend(payload);
    packet
}
