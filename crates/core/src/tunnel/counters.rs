//! What went through a tunnel, and what did not, by reason.

use crate::drop::Reason;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the device to the carrier.
    Out,
    /// From the carrier to the device.
    In,
}

/// One direction: packets in = `packets` + all drops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Packets that went through.
    pub packets: u64,
    /// Their bytes, without any header of ours.
    pub bytes: u64,
    drops: [u64; Reason::COUNT],
}

/// Both directions, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// From the device to the carrier.
    pub out: Flow,
    /// From the carrier to the device.
    pub r#in: Flow,
    /// Datagrams, delivered all the same, in which a field named another kind of packet than came.
    pub next_differs: u64,
}

impl Flow {
    /// How often something was dropped for this reason.
    #[must_use]
    pub fn drops(&self, reason: Reason) -> u64 {
        self.drops.get(usize::from(reason.code()) - 1).copied().unwrap_or_default()
    }

    /// How often something was dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.drops.iter().sum()
    }

    pub(super) fn drop(&mut self, reason: Reason) {
        self.drop_many(reason, 1);
    }

    pub(super) fn drop_many(&mut self, reason: Reason, times: u64) {
        if let Some(count) = self.drops.get_mut(usize::from(reason.code()) - 1) {
            *count += times;
        }
    }
}

impl Counters {
    pub(super) fn flow_mut(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Out => &mut self.out,
            Direction::In => &mut self.r#in,
        }
    }
}
