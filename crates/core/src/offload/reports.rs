//! Drops that wait to be told: the first of each direction and reason, or every one, but never more
//! than [`MAX_WAITING`], so that a flood of them costs little.

use crate::drop::{Drop, Reason};
use crate::tunnel::Direction;
use std::collections::VecDeque;

/// The most reports that wait; more are only counted.
pub const MAX_WAITING: usize = 64;

// Where only the first of each kind are told, there is room for all of them.
const _: () = assert!(2 * Reason::COUNT <= MAX_WAITING);

/// A drop, and what it was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Which way it was going.
    pub direction: Direction,
    /// The drop.
    pub drop: Drop,
    /// Bytes of the packet or datagram.
    pub length: usize,
    /// Number of the message that the datagram came in.
    pub message: Option<usize>,
    /// Whether it is the first of its direction and reason.
    pub first: bool,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Reports {
    every: bool,
    seen: [[bool; Reason::COUNT]; 2],
    waiting: VecDeque<Report>,
    untold: u64,
}

impl Reports {
    /// Whether every drop is to be told, not only the first of each kind.
    pub fn tell_every(&mut self, every: bool) {
        self.every = every;
    }

    /// Takes a drop.
    pub fn add(&mut self, direction: Direction, drop: Drop, length: usize, message: Option<usize>) {
        let seen = self
            .seen
            .get_mut(usize::from(direction == Direction::In))
            .and_then(|seen| seen.get_mut(usize::from(drop.reason.code()) - 1));
        let first = seen.is_some_and(|seen| !std::mem::replace(seen, true));
        if !first && !self.every {
            return;
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(Report { direction, drop, length, message, first });
        } else {
            self.untold += 1;
        }
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The oldest, which waits no longer.
    pub fn take(&mut self) -> Option<Report> {
        self.waiting.pop_front()
    }

    /// How many found no place since this was last asked.
    pub fn untold(&mut self) -> u64 {
        std::mem::take(&mut self.untold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::Layer;

    fn add(reports: &mut Reports, direction: Direction, reason: Reason) {
        reports.add(direction, Drop::whole(reason, Layer::Header, 0, 7), 7, Some(3));
    }

    #[test]
    fn the_first_of_each_kind() {
        let mut reports = Reports::default();
        for direction in [Direction::Out, Direction::In, Direction::In] {
            add(&mut reports, direction, Reason::Empty);
            add(&mut reports, direction, Reason::Length);
        }
        assert_eq!(reports.waiting(), 4);
        let told = reports.take().unwrap();
        assert_eq!((told.direction, told.drop.reason), (Direction::Out, Reason::Empty));
        assert_eq!((told.length, told.message, told.first), (7, Some(3), true));
        while reports.take().is_some() {}
        add(&mut reports, Direction::In, Reason::Empty);
        assert_eq!((reports.waiting(), reports.untold()), (0, 0));
    }

    #[test]
    fn every_one_as_long_as_there_is_room() {
        let mut reports = Reports::default();
        reports.tell_every(true);
        for _ in 0..100 {
            add(&mut reports, Direction::In, Reason::Empty);
        }
        assert_eq!(reports.waiting(), MAX_WAITING);
        assert_eq!((reports.untold(), reports.untold()), (36, 0));
        assert!(reports.take().unwrap().first && !reports.take().unwrap().first);
    }
}
