//! What a tunnel answers those who work on many packets at a time, and counts for them.

use super::{Direction, Tunnel};
use crate::drop::{Drop, Layer, Reason};
use crate::format::Codec;
use crate::packet::Inside;

impl Tunnel {
    /// The codec, to be asked.
    #[must_use]
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Whether [`encapsulate`](Self::encapsulate) would take `packet` if it were of `longest` bytes:
    /// what it is.
    #[must_use]
    pub fn may_leave(&self, packet: &[u8], longest: usize) -> Option<Inside> {
        let (inside, ip) = self.look_inside(packet).ok()?;
        let may = longest <= self.max_packet_bytes
            && ip.is_none_or(|ip| self.refuse_loop(&ip).is_ok())
            && self.codec.holds(inside, longest);
        may.then_some(inside)
    }

    /// Counts packets of `bytes` together that went through without
    /// [`encapsulate`](Self::encapsulate) or [`decapsulate`](Self::decapsulate).
    pub fn pass(&mut self, direction: Direction, packets: usize, bytes: usize) {
        if direction == Direction::In {
            self.good();
        }
        let flow = self.counters.flow_mut(direction);
        flow.packets += packets as u64;
        flow.bytes += bytes as u64;
    }

    /// Counts packets of `bytes` together, that went through, as dropped after all: as
    /// [`lose`](Self::lose) for each.
    pub fn lose_all(&mut self, direction: Direction, reason: Reason, packets: usize, bytes: usize) {
        let flow = self.counters.flow_mut(direction);
        flow.packets = flow.packets.saturating_sub(packets as u64);
        flow.bytes = flow.bytes.saturating_sub(bytes as u64);
        flow.drop_many(reason, packets as u64);
        self.last_drop = Some(Drop::whole(reason, Layer::System, 0, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, MAX_DATAGRAM_BYTES};
    use super::*;
    use crate::format::Format;

    fn tunnel() -> Tunnel {
        let peer = Some("192.0.2.7:1337".parse().unwrap());
        let config = Config { key: vec![1].into(), peer, ..Config::default() };
        Tunnel::new(&Format::built_in("crapvpn").unwrap(), &config).unwrap()
    }

    #[test]
    fn what_may_leave_is_what_encapsulate_takes() {
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1];
        packet.extend([192, 0, 2, 7, 0, 1, 0x05, 0x39, 0, 8, 0, 0]);
        let tunnel = tunnel();
        assert_eq!(tunnel.may_leave(&packet, 28), None, "a routing loop");
        packet[23] = 0x38;
        assert_eq!(tunnel.may_leave(&packet, 28), Some(Inside::Ipv4));
        assert!(tunnel.may_leave(&packet, MAX_DATAGRAM_BYTES - 8).is_some());
        assert_eq!(tunnel.may_leave(&packet, MAX_DATAGRAM_BYTES - 7), None);
        assert_eq!(tunnel.may_leave(&packet[1..], 27), None);
    }

    #[test]
    fn many_are_counted_as_one_by_one() {
        let mut tunnel = tunnel();
        tunnel.pass(Direction::Out, 46, 60_000);
        tunnel.lose_all(Direction::Out, Reason::NoBuffers, 40, 50_000);
        let out = &tunnel.counters().out;
        assert_eq!((out.packets, out.bytes, out.drops(Reason::NoBuffers)), (6, 10_000, 40));
        assert_eq!(tunnel.last_drop().unwrap().reason, Reason::NoBuffers);
    }
}
