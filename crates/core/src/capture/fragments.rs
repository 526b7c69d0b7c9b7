//! Puts IP fragments together again (RFC 791, RFC 8200 section 4.5).
//!
//! Where fragments overlap, the bytes of the one that begins first count, and of those that begin
//! at the same place, the one that came first: as Wireshark does it.

use super::time::Time;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::net::IpAddr;

/// How long a datagram waits for the rest of it after its first fragment: as in Linux.
pub const LIFETIME_SECONDS: i64 = 30;
/// The most bytes that datagrams in waiting hold, all of them together; more evict the oldest.
pub const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;
/// What is in a datagram behind the IP header, at most.
const MAX_DATAGRAM_BYTES: usize = 65_535;
/// Fragments of 8 bytes make that many; a datagram of more is evicted.
const MAX_PARTS: usize = 8192;
/// Bytes that a datagram in waiting costs, beside its parts and their bytes.
const DATAGRAM_COST: usize = 512;
/// Datagrams whose room is kept for the next ones.
const MAX_SPARE: usize = 16;

/// What the fragments of a datagram have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The identification of the IPv4 header, or of the IPv6 fragment header.
    pub id: u32,
    /// The IPv4 header's protocol; 0 for IPv6, where fragments may differ in it.
    pub protocol: u8,
    /// Tells networks with equal addresses apart, such as outside and inside of a tunnel.
    pub scope: u32,
    /// The IP header's source.
    pub source: IpAddr,
    /// The IP header's destination.
    pub destination: IpAddr,
}

/// A fragment.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    /// Whose fragment it is.
    pub key: Key,
    /// Where its bytes belong: bytes from the beginning of what was fragmented.
    pub offset: usize,
    /// Whether more follow behind it.
    pub more: bool,
    /// All of its bytes. One that was not recorded whole cannot be put together.
    pub bytes: &'a [u8],
    /// The number of the frame that it came in.
    pub frame: u64,
    /// When it came.
    pub time: Option<Time>,
}

/// What became of a fragment, and of others.
#[derive(Debug, PartialEq, Eq)]
pub struct Added<'a> {
    /// What became of it.
    pub outcome: Outcome<'a>,
    /// What was given up, for age or for room.
    pub evicted: Option<Evicted>,
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Others are still missing.
    Waiting(Waiting),
    /// It was the last one missing.
    Whole(Whole<'a>),
    /// It cannot be one.
    Refused(Refusal),
}

/// A datagram whose fragments are not all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The frame of the fragment that came first.
    pub first_frame: u64,
    /// Fragments that are there.
    pub fragments: usize,
    /// Bytes that are there; those of overlaps count each time.
    pub bytes: usize,
    /// Bytes of the whole, if its last fragment is there.
    pub total: Option<usize>,
}

/// A datagram put together.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole<'a> {
    /// What was fragmented.
    pub bytes: &'a [u8],
    /// The fragments, by their places.
    pub parts: &'a [Part],
}

/// A fragment of a whole datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own to Wireshark")]
pub struct Part {
    /// The number of the frame that it came in.
    pub frame: u64,
    /// Where it begins in the whole.
    pub offset: usize,
    /// Bytes that it has.
    pub length: usize,
    /// It has bytes that one before it has, too (`ip.fragment.overlap`).
    pub overlaps: bool,
    /// They differ (`ip.fragment.overlap.conflict`).
    pub conflicts: bool,
    /// It says to be the last, but ends elsewhere than the one that said so first
    /// (`ip.fragment.multipletails`).
    pub second_tail: bool,
    /// It reaches beyond the end (`ip.fragment.toolongfragment`).
    pub too_long: bool,
    /// Where its bytes are among those of the datagram in waiting.
    stored: usize,
}

/// Why a fragment cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It would end behind 65,535 bytes.
    TooLong,
    /// It has no bytes, though others should follow it.
    Empty,
}

/// Datagrams that were given up before they were whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// How many.
    pub datagrams: usize,
    /// The frame of the oldest one's first fragment.
    pub first_frame: u64,
    /// Bytes of their fragments.
    pub bytes: usize,
}

/// Fragments that wait for others.
#[derive(Debug, Default)]
pub struct Fragments {
    waiting: BTreeMap<Key, Datagram>,
    /// In the order in which they began, with some that are gone.
    order: VecDeque<(u64, Key)>,
    /// Datagrams begun so far.
    begun: u64,
    held_bytes: usize,
    spare: Vec<Datagram>,
    /// The datagram put together last, and its parts.
    whole: Vec<u8>,
    parts: Vec<Part>,
    evicted: u64,
}

#[derive(Debug, Default)]
struct Datagram {
    /// Tells it from others of the same key.
    serial: u64,
    first_frame: u64,
    began: Option<Time>,
    /// By offset, and those of the same offset as they came.
    parts: Vec<Part>,
    /// Bytes of the parts, as they came.
    bytes: Vec<u8>,
    /// Where the first fragment that said to be the last one ends.
    total: Option<usize>,
}

impl Datagram {
    fn cost(&self) -> usize {
        DATAGRAM_COST + self.bytes.len() + self.parts.len() * size_of::<Part>()
    }

    fn waiting(&self) -> Waiting {
        Waiting {
            first_frame: self.first_frame,
            fragments: self.parts.len(),
            bytes: self.bytes.len(),
            total: self.total,
        }
    }

    fn is_older_than_allowed(&self, now: Option<Time>) -> bool {
        let (Some(began), Some(now)) = (self.began, now) else { return false };
        now.seconds.saturating_sub(began.seconds) > LIFETIME_SECONDS
    }

    fn add(&mut self, fragment: &Fragment<'_>) {
        let end = fragment.offset + fragment.bytes.len();
        let mut second_tail = false;
        if !fragment.more {
            second_tail = *self.total.get_or_insert(end) != end;
        }
        let place = self.parts.partition_point(|part| part.offset <= fragment.offset);
        let part = Part {
            frame: fragment.frame,
            offset: fragment.offset,
            length: fragment.bytes.len(),
            overlaps: false,
            conflicts: false,
            second_tail,
            too_long: false,
            stored: self.bytes.len(),
        };
        self.parts.insert(place, part);
        self.bytes.extend(fragment.bytes);
    }

    /// Bytes of the whole, if none is missing.
    fn complete(&self) -> Option<usize> {
        let total = self.total?;
        let mut reached = 0;
        for part in &self.parts {
            if part.offset > reached || reached >= total {
                break;
            }
            reached = reached.max(part.offset + part.length);
        }
        (reached >= total).then_some(total)
    }

    /// Puts the parts together in `whole`, and marks what is wrong with them.
    fn join(&mut self, total: usize, whole: &mut Vec<u8>) {
        whole.clear();
        for part in &mut self.parts {
            let stored = self.bytes.get(part.stored..part.stored + part.length);
            let mut bytes = stored.unwrap_or_default();
            if part.offset + part.length > total {
                part.too_long = true;
                bytes = bytes.get(..total.saturating_sub(part.offset)).unwrap_or_default();
            }
            let known = whole.get(part.offset..).unwrap_or_default();
            let common = known.len().min(bytes.len());
            part.overlaps = common > 0;
            part.conflicts = known.get(..common) != bytes.get(..common);
            whole.extend(bytes.get(common..).unwrap_or_default());
        }
    }

    /// Forgets everything but its room.
    fn clear(&mut self) {
        self.parts.clear();
        self.bytes.clear();
        self.total = None;
    }
}

impl Fragments {
    /// No fragments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a fragment. A datagram that is whole now is valid until the next one.
    pub fn add(&mut self, fragment: &Fragment<'_>) -> Added<'_> {
        let refused = |refusal| Added { outcome: Outcome::Refused(refusal), evicted: None };
        if fragment.offset.saturating_add(fragment.bytes.len()) > MAX_DATAGRAM_BYTES {
            return refused(Refusal::TooLong);
        }
        if fragment.bytes.is_empty() && fragment.more {
            return refused(Refusal::Empty);
        }
        let mut evicted = None;
        let key = fragment.key;
        let mut datagram = match self.take(&key) {
            Some(old)
                if old.is_older_than_allowed(fragment.time) || old.parts.len() == MAX_PARTS =>
            {
                self.evict(old, &mut evicted);
                self.begin(fragment)
            }
            Some(datagram) => datagram,
            None => self.begin(fragment),
        };
        datagram.add(fragment);
        if let Some(total) = datagram.complete() {
            datagram.join(total, &mut self.whole);
            mem::swap(&mut self.parts, &mut datagram.parts);
            self.recycle(datagram);
            let whole = Whole { bytes: &self.whole, parts: &self.parts };
            return Added { outcome: Outcome::Whole(whole), evicted };
        }
        let waiting = datagram.waiting();
        self.keep(key, datagram);
        self.make_room(&mut evicted);
        Added { outcome: Outcome::Waiting(waiting), evicted }
    }

    /// What waits for fragments, in no order that means anything.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting> {
        self.waiting.values().map(Datagram::waiting)
    }

    /// How many datagrams were given up so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn begin(&mut self, fragment: &Fragment<'_>) -> Datagram {
        let mut datagram = self.spare.pop().unwrap_or_default();
        datagram.clear();
        datagram.serial = self.begun;
        datagram.first_frame = fragment.frame;
        datagram.began = fragment.time;
        self.begun += 1;
        self.order.push_back((datagram.serial, fragment.key));
        self.forget_gone();
        datagram
    }

    /// Keeps the order from growing with datagrams that are gone.
    fn forget_gone(&mut self) {
        if self.order.len() > 2 * self.waiting.len() + 64 {
            let last = self.order.pop_back();
            let waiting = &self.waiting;
            self.order.retain(|(serial, key)| {
                waiting.get(key).is_some_and(|datagram| datagram.serial == *serial)
            });
            self.order.extend(last);
        }
    }

    fn take(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.waiting.remove(key)?;
        self.held_bytes -= datagram.cost();
        Some(datagram)
    }

    fn keep(&mut self, key: Key, datagram: Datagram) {
        self.held_bytes += datagram.cost();
        self.waiting.insert(key, datagram);
    }

    fn make_room(&mut self, evicted: &mut Option<Evicted>) {
        while self.held_bytes > MAX_HELD_BYTES {
            let Some((serial, key)) = self.order.pop_front() else { return };
            if self.waiting.get(&key).is_some_and(|datagram| datagram.serial == serial)
                && let Some(oldest) = self.take(&key)
            {
                self.evict(oldest, evicted);
            }
        }
    }

    fn evict(&mut self, datagram: Datagram, evicted: &mut Option<Evicted>) {
        let first_frame = datagram.first_frame;
        let all = evicted.get_or_insert(Evicted { datagrams: 0, first_frame, bytes: 0 });
        all.datagrams += 1;
        all.bytes += datagram.bytes.len();
        self.evicted += 1;
        self.recycle(datagram);
    }

    fn recycle(&mut self, datagram: Datagram) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(datagram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key {
        id: 7,
        protocol: 17,
        scope: 0,
        source: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
        destination: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)),
    };

    fn fragment(frame: u64, offset: usize, more: bool, bytes: &[u8]) -> Fragment<'_> {
        Fragment { key: KEY, offset, more, bytes, frame, time: None }
    }

    /// The whole that the last of these makes, and its parts: frame, and the four flags.
    fn whole(fragments: &[Fragment<'_>]) -> (Vec<u8>, Vec<(u64, [bool; 4])>) {
        let mut state = Fragments::new();
        let (last, others) = fragments.split_last().unwrap();
        for fragment in others {
            assert!(matches!(state.add(fragment).outcome, Outcome::Waiting(_)));
        }
        let Outcome::Whole(whole) = state.add(last).outcome else { panic!("not whole") };
        let flags = |part: &Part| {
            (part.frame, [part.overlaps, part.conflicts, part.second_tail, part.too_long])
        };
        let result = (whole.bytes.to_vec(), whole.parts.iter().map(flags).collect());
        assert_eq!((state.held_bytes, state.waiting().count()), (0, 0));
        result
    }

    const NONE: [bool; 4] = [false; 4];

    #[test]
    fn in_any_order() {
        let parts = [
            fragment(1, 0, true, b"01234567"),
            fragment(2, 8, true, b"89abcdef"),
            fragment(3, 16, false, b"ghi"),
        ];
        let expected = (b"0123456789abcdefghi".to_vec(), vec![(1, NONE), (2, NONE), (3, NONE)]);
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            assert_eq!(whole(&order.map(|place| parts[place])), expected);
        }
    }

    #[test]
    fn one_that_is_no_fragment_at_all() {
        assert_eq!(whole(&[fragment(1, 0, false, b"abc")]), (b"abc".to_vec(), vec![(1, NONE)]));
        assert_eq!(whole(&[fragment(1, 0, false, b"")]), (vec![], vec![(1, NONE)]));
    }

    #[test]
    fn twice_the_same() {
        let first = fragment(1, 0, true, b"01234567");
        let again = fragment(2, 0, true, b"01234567");
        let last = fragment(3, 8, false, b"89");
        let overlap = [true, false, false, false];
        let expected = (b"0123456789".to_vec(), vec![(1, NONE), (2, overlap), (3, NONE)]);
        assert_eq!(whole(&[first, again, last]), expected);
    }

    #[test]
    fn overlaps_that_differ_keep_what_begins_first() {
        let conflict = [true, true, false, false];
        let parts = [
            fragment(1, 8, true, b"BBBBBBBB"),
            fragment(2, 16, false, b"CCCC"),
            fragment(3, 0, true, b"AAAAAAAAAAAA"),
        ];
        let expected =
            (b"AAAAAAAAAAAABBBBCCCC".to_vec(), vec![(3, NONE), (1, conflict), (2, NONE)]);
        assert_eq!(whole(&parts), expected);
        // One inside another.
        let parts = [fragment(1, 4, true, b"xy"), fragment(2, 0, false, b"AAAAAAAA")];
        assert_eq!(whole(&parts), (b"AAAAAAAA".to_vec(), vec![(2, NONE), (1, conflict)]));
    }

    #[test]
    fn two_ends() {
        let parts = [
            fragment(1, 8, false, b"89"),
            fragment(2, 8, false, b"89ab"),
            fragment(3, 0, true, b"01234567"),
        ];
        let flags = [true, false, true, true];
        let expected = (b"0123456789".to_vec(), vec![(3, NONE), (1, NONE), (2, flags)]);
        assert_eq!(whole(&parts), expected);
        // The shorter one is met second.
        let parts = [
            fragment(1, 8, false, b"89ab"),
            fragment(2, 8, false, b"89"),
            fragment(3, 0, true, b"01234567"),
        ];
        let flags = [true, false, true, false];
        let expected = (b"0123456789ab".to_vec(), vec![(3, NONE), (1, NONE), (2, flags)]);
        assert_eq!(whole(&parts), expected);
    }

    #[test]
    fn one_beyond_the_end_does_not_keep_the_rest_from_being_whole() {
        let parts = [
            fragment(1, 800, true, b"01234567"),
            fragment(2, 8, false, b"89"),
            fragment(3, 0, true, b"01234567"),
        ];
        let too_long = [false, false, false, true];
        let expected = (b"0123456789".to_vec(), vec![(3, NONE), (2, NONE), (1, too_long)]);
        assert_eq!(whole(&parts), expected);
    }

    #[test]
    fn what_is_missing_is_told() {
        let mut state = Fragments::new();
        let Outcome::Waiting(waiting) = state.add(&fragment(4, 0, true, b"01234567")).outcome
        else {
            panic!("whole")
        };
        assert_eq!(waiting, Waiting { first_frame: 4, fragments: 1, bytes: 8, total: None });
        let Outcome::Waiting(waiting) = state.add(&fragment(5, 16, false, b"gh")).outcome else {
            panic!("whole")
        };
        let expected = Waiting { first_frame: 4, fragments: 2, bytes: 10, total: Some(18) };
        assert_eq!(waiting, expected);
        assert_eq!(state.waiting().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn what_no_fragment_can_be() {
        let mut state = Fragments::new();
        let long = state.add(&fragment(1, 65_528, false, b"01234567"));
        assert_eq!(long.outcome, Outcome::Refused(Refusal::TooLong));
        let endless = state.add(&fragment(1, usize::MAX, false, b"01234567"));
        assert_eq!(endless.outcome, Outcome::Refused(Refusal::TooLong));
        let empty = state.add(&fragment(1, 8, true, b""));
        assert_eq!(empty.outcome, Outcome::Refused(Refusal::Empty));
        assert_eq!(state.waiting().count(), 0);
    }

    #[test]
    fn datagrams_are_told_apart() {
        let mut state = Fragments::new();
        let first = fragment(1, 0, true, b"01234567");
        state.add(&first);
        let last = fragment(2, 8, false, b"89");
        for key in [
            Key { id: 8, ..KEY },
            Key { protocol: 6, ..KEY },
            Key { scope: 1, ..KEY },
            Key { source: KEY.destination, ..KEY },
            Key { destination: KEY.source, ..KEY },
        ] {
            let added = state.add(&Fragment { key, ..last });
            assert!(matches!(added.outcome, Outcome::Waiting(_)));
        }
        assert!(matches!(state.add(&last).outcome, Outcome::Whole(_)));
        assert_eq!(state.waiting().count(), 5);
    }

    #[test]
    fn after_30_seconds_a_new_datagram_begins() {
        let at = |seconds| Some(Time { seconds, nanoseconds: 0 });
        let mut state = Fragments::new();
        state.add(&Fragment { time: at(0), ..fragment(1, 0, true, b"01234567") });
        let last = Fragment { time: at(31), ..fragment(2, 8, false, b"89") };
        let added = state.add(&last);
        assert_eq!(added.evicted, Some(Evicted { datagrams: 1, first_frame: 1, bytes: 8 }));
        assert!(matches!(added.outcome, Outcome::Waiting(_)));
        let first = Fragment { time: at(61), ..fragment(3, 0, true, b"01234567") };
        let Added { outcome: Outcome::Whole(whole), evicted: None } = state.add(&first) else {
            panic!("not whole")
        };
        assert_eq!(whole.bytes, b"0123456789");
        assert_eq!(state.evicted(), 1);
    }

    #[test]
    fn fragments_that_never_complete_stay_within_bounds() {
        let mut state = Fragments::new();
        let bytes = [0; 1480];
        let mut evicted = 0;
        for number in 0..50_000 {
            let key = Key { id: number, ..KEY };
            let added = state.add(&Fragment { key, ..fragment(number.into(), 0, true, &bytes) });
            if let Some(given_up) = added.evicted {
                assert_eq!(given_up.first_frame, evicted, "the oldest goes first");
                evicted += given_up.datagrams as u64;
            }
            assert!(state.held_bytes <= MAX_HELD_BYTES);
            assert!(state.order.len() <= 2 * state.waiting.len() + 66);
        }
        assert_eq!(state.evicted(), evicted);
        assert_eq!(state.waiting().count() as u64 + evicted, 50_000);
        assert!(evicted > 40_000);
    }

    #[test]
    fn a_datagram_that_never_completes_stays_within_bounds() {
        let mut state = Fragments::new();
        for number in 0..3 * MAX_PARTS {
            state.add(&fragment(number as u64, 8 + number * 8 % 60_000, true, b"01234567"));
        }
        let waiting: Vec<_> = state.waiting().collect();
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].first_frame, 2 * MAX_PARTS as u64);
        assert_eq!(state.evicted(), 2);
    }

    #[test]
    fn many_wholes_leave_nothing_behind() {
        let mut state = Fragments::new();
        for number in 0..1000 {
            let key = Key { id: number, ..KEY };
            state.add(&Fragment { key, ..fragment(1, 0, true, b"01234567") });
            let added = state.add(&Fragment { key, ..fragment(2, 8, false, b"89") });
            assert!(matches!(added.outcome, Outcome::Whole(_)));
        }
        assert_eq!((state.held_bytes, state.waiting.len()), (0, 0));
        assert!(state.order.len() <= 66 && state.spare.len() == 1);
    }
}
