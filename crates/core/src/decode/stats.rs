//! Sums over the frames of a capture: protocols, drops, overhead.

use crate::dissect::protocol::comment::PROTOCOL as COMMENT;
use crate::dissect::protocol::frame::PROTOCOL as FRAME;
use crate::dissect::tunnel::Tunnels;
use crate::dissect::{Dissection, FieldId, Node, Registry, Value};
use crate::drop::Reason;
use std::collections::BTreeMap;

/// Chains of protocols that are told apart; frames with others are counted together.
const MAX_CHAINS: usize = 4096;

/// Sums over the frames of a capture.
#[derive(Debug, Clone)]
pub struct Stats {
    /// Frames.
    pub frames: u64,
    /// Their bytes before the capture cut them.
    pub frame_bytes: u64,
    /// Datagrams of tunnels on the outside: not those in other tunnels.
    pub datagrams: u64,
    /// Their bytes, without the headers of transports and networks around them.
    pub datagram_bytes: u64,
    /// The packets in them that could be read.
    pub packets: u64,
    /// Their bytes.
    pub packet_bytes: u64,
    /// Bytes of the frames that have a whole datagram with such a packet in them.
    pub carrying_bytes: u64,
    /// How often each reason occurred, in the order of [`Reason::ALL`].
    drops: [u64; Reason::COUNT],
    chains: BTreeMap<Vec<u8>, Chain>,
    /// The chain of the frame at hand.
    key: Vec<u8>,
    /// The fields that tell the fragments of a packet, and how many there are.
    parts: Vec<FieldId>,
    counts: Vec<FieldId>,
}

/// Frames with the same protocols in each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chain {
    /// How many.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            frames: 0,
            frame_bytes: 0,
            datagrams: 0,
            datagram_bytes: 0,
            packets: 0,
            packet_bytes: 0,
            carrying_bytes: 0,
            drops: [0; Reason::COUNT],
            chains: BTreeMap::new(),
            key: Vec::new(),
            parts: Vec::new(),
            counts: Vec::new(),
        }
    }
}

impl Stats {
    /// Sums over frames whose fields a registry knows.
    pub(super) fn new(registry: &Registry) -> Self {
        let find = |name| registry.find(name);
        Self {
            parts: [find("ip.fragment"), find("ipv6.fragment")].concat(),
            counts: [find("ip.fragment.count"), find("ipv6.fragment.count")].concat(),
            ..Self::default()
        }
    }

    /// The fields that it looks at, besides layers.
    pub(super) fn fields(&self) -> Vec<FieldId> {
        [self.parts.as_slice(), &self.counts].concat()
    }

    /// Bytes of all frames that a packet came in: of each of its fragments, if it has some. They
    /// are taken to have headers of one length, as those of a link have.
    fn carrying(&self, frame: u64, bytes: u64, dissection: &Dissection) -> u64 {
        let number = |node: &Node| match node.value {
            Value::Number(number) => number,
            _ => 0,
        };
        let nodes = || dissection.nodes.iter();
        let Some(count) = nodes().find(|node| self.counts.contains(&node.field)).map(number) else {
            return bytes;
        };
        let parts = || nodes().filter(|node| self.parts.contains(&node.field));
        let all: u64 = parts().map(|node| u64::from(node.length)).sum();
        let here = parts().find(|node| number(node) == frame);
        let headers = bytes.saturating_sub(here.map_or(0, |node| node.length.into()));
        all + count * headers
    }

    /// Counts a frame that had `bytes` before the capture cut it.
    pub(super) fn count(
        &mut self,
        frame: u64,
        bytes: u64,
        dissection: &Dissection,
        tunnels: &Tunnels,
    ) {
        self.frames += 1;
        self.frame_bytes += bytes;
        for drop in &dissection.drops {
            if let Some(count) = self.drops.get_mut(usize::from(drop.reason.code()) - 1) {
                *count += 1;
            }
        }
        let before = self.packets;
        for found in tunnels.found().iter().filter(|found| found.depth == 0 && !found.is_cut) {
            self.datagrams += 1;
            self.datagram_bytes += found.place.len() as u64;
            if let Some((_, packet)) = &found.packet {
                self.packets += 1;
                self.packet_bytes += packet.len() as u64;
            }
        }
        if self.packets > before {
            self.carrying_bytes += self.carrying(frame, bytes, dissection);
        }
        self.key.clear();
        // Before the layers of the network are the frame itself and its comments.
        let layers = dissection.nodes.iter().filter(|node| node.depth == 0);
        let layers = layers.filter(|node| node.field != FRAME && node.field != COMMENT);
        self.key.extend(layers.map(|node| node.field.protocol));
        if !self.chains.contains_key(&self.key) {
            if self.chains.len() >= MAX_CHAINS {
                self.key.clear();
            }
            self.chains.entry(self.key.clone()).or_default();
        }
        if let Some(chain) = self.chains.get_mut(&self.key) {
            chain.frames += 1;
            chain.bytes += bytes;
        }
    }

    /// The reasons that occurred, and how often.
    pub fn drops(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().zip(self.drops).filter(|(_, count)| *count > 0)
    }

    /// Each chain of protocols, as in `eth:ip:udp`, and its frames: the most frequent first.
    #[must_use]
    pub fn chains(&self, registry: &Registry) -> Vec<(String, Chain)> {
        let name = |protocol: &u8| {
            let field = FieldId::new(*protocol, 0);
            registry.get(field).map_or("?", |definition| definition.name.as_ref()).to_owned()
        };
        let told = |(key, chain): (&Vec<u8>, &Chain)| {
            let names: Vec<String> = key.iter().map(name).collect();
            let path = if names.is_empty() { "other".into() } else { names.join(":") };
            (path, *chain)
        };
        let mut chains: Vec<(String, Chain)> = self.chains.iter().map(told).collect();
        chains.sort_by(|(a, left), (b, right)| right.frames.cmp(&left.frames).then(a.cmp(b)));
        chains
    }
}
