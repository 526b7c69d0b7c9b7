//! Puts the bytes of TCP connections in order again (RFC 9293), as a capture has them: segments out
//! of order, twice, overlapping, missing.
//!
//! Each direction of a connection is a flow. Whoever follows one reads its bytes with
//! [`Streams::unread`] and says with [`Streams::consume`] how far they were understood. A hole is
//! waited for, until it is plain that the capture does not have it; then [`Unread::gap`] says so,
//! and [`Streams::pass_gap`] goes on behind. Bytes that came first count.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::net::SocketAddr;

/// The most bytes that all flows hold together; more evict streams that were not used lately.
pub const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;
/// The most streams that are known at a time.
pub const MAX_STREAMS: usize = 32_768;
/// A hole behind which so many bytes wait is a gap.
pub const MAX_WAITING_BYTES: usize = 256 * 1024;
/// A hole behind which so many segments wait is a gap.
pub const MAX_WAITING_SEGMENTS: usize = 256;
/// The largest window that TCP can have (RFC 7323): segments farther away belong elsewhere.
const MAX_WINDOW: i32 = 1 << 30;
/// Bytes that a segment or run costs, beside its bytes.
const SEGMENT_COST: usize = 64;

/// A TCP segment.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the wire")]
pub struct Segment<'a> {
    /// Where it comes from.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    /// Tells networks with equal addresses apart, such as outside and inside of a tunnel.
    pub scope: u32,
    /// Its sequence number.
    pub sequence: u32,
    /// What it acknowledges, if it has the ACK flag.
    pub acknowledgment: Option<u32>,
    /// Its SYN flag.
    pub is_syn: bool,
    /// Its FIN flag.
    pub is_fin: bool,
    /// Its RST flag.
    pub is_rst: bool,
    /// Its bytes, as far as they were recorded.
    pub bytes: &'a [u8],
    /// The number of the frame that it came in.
    pub frame: u64,
    /// Whether anybody reads this flow. If not, nothing of it is held.
    pub is_followed: bool,
}

/// One direction of a stream. Valid until the stream is evicted or begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    slot: usize,
    serial: u64,
    direction: usize,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The stream's number, from 0, in the order in which they begin (`tcp.stream`).
    pub stream: u64,
    /// The flow that it belongs to.
    pub flow: Flow,
    /// What became of its bytes.
    pub outcome: Outcome,
    /// What was given up for room.
    pub evicted: Option<Evicted>,
}

/// What became of a segment's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has none.
    Nothing,
    /// They are the next ones.
    InOrder,
    /// They come too early, or something before them was not recorded.
    OutOfOrder {
        /// Bytes that are missing before them.
        missing: u64,
    },
    /// All of them were there before.
    Retransmission,
    /// The first ones were there before, the others are the next ones.
    Overlap {
        /// How many were there before.
        known: usize,
    },
    /// They are too far from where the flow is.
    OutOfWindow,
}

/// Streams that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// How many.
    pub streams: usize,
    /// Bytes of them that nobody had read.
    pub bytes: usize,
}

/// What was not consumed yet of a flow, up to the first hole.
#[derive(Debug, Clone, Copy)]
pub struct Unread<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where they begin: bytes from the first that was seen of the flow.
    pub position: u64,
    /// Which frames they came in.
    pub runs: &'a [Run],
    /// Whether bytes before them were lost, so that they may begin anywhere: at the beginning of a
    /// flow whose SYN was not recorded, and after a gap.
    pub is_adrift: bool,
    /// The hole behind them, if it is plain that nothing will fill it.
    pub gap: Option<Gap>,
}

/// Bytes that came in one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The frame's number.
    pub frame: u64,
    /// Where they begin in the flow.
    pub position: u64,
    /// How many there are.
    pub length: usize,
}

/// Bytes of a flow that the capture does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where they begin in the flow.
    pub position: u64,
    /// How many are missing.
    pub missing: u64,
}

/// The TCP connections of a capture.
#[derive(Debug, Default)]
pub struct Streams {
    places: BTreeMap<Key, usize>,
    slots: Vec<Stream>,
    free: Vec<usize>,
    /// Slots by when they were begun or last spared.
    order: VecDeque<usize>,
    begun: u64,
    held_bytes: usize,
    evicted: u64,
    is_finished: bool,
}

/// Both ends, the lower one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    ends: [SocketAddr; 2],
    scope: u32,
}

#[derive(Debug)]
struct Stream {
    key: Key,
    serial: u64,
    /// Whether a segment came after the first one, since it was last considered for eviction.
    is_used: bool,
    directions: [Direction; 2],
}

#[derive(Debug, Default)]
struct Direction {
    /// The sequence number of the SYN, or of the first byte where there was none.
    first: Option<u32>,
    /// The sequence number of the next byte in order, and its position.
    next: u32,
    position: u64,
    /// Bytes in order that nobody consumed, and how many of them were consumed.
    ready: Vec<u8>,
    consumed: usize,
    runs: Vec<Run>,
    /// Segments behind a hole, by position.
    waiting: BTreeMap<u64, (u64, Vec<u8>)>,
    waiting_bytes: usize,
    /// The position up to which the other side has everything.
    acknowledged: u64,
    is_reset: bool,
    is_adrift: bool,
}

impl Direction {
    fn held_bytes(&self) -> usize {
        let entries = self.runs.len() + self.waiting.len();
        self.ready.len() + self.waiting_bytes + entries * SEGMENT_COST
    }

    /// Where a sequence number is in the flow, as the nearest place to the next byte; nothing if
    /// that is farther away than any window, or before the first byte.
    fn place(&self, sequence: u32) -> Option<i64> {
        let distance = sequence.wrapping_sub(self.next).cast_signed();
        let is_near = (-MAX_WINDOW..=MAX_WINDOW).contains(&distance);
        is_near.then_some(self.position.cast_signed() + i64::from(distance))
    }

    fn begin(&mut self, segment: &Segment<'_>) {
        self.first = Some(segment.sequence);
        self.next = segment.sequence.wrapping_add(segment.is_syn.into());
        self.is_adrift = !segment.is_syn;
    }

    fn add(&mut self, segment: &Segment<'_>) -> Outcome {
        if segment.bytes.is_empty() {
            return Outcome::Nothing;
        }
        let sequence = segment.sequence.wrapping_add(segment.is_syn.into());
        let Some(place) = self.place(sequence) else { return Outcome::OutOfWindow };
        let here = self.position.cast_signed();
        let known = usize::try_from(here - place).unwrap_or_default();
        if known >= segment.bytes.len() {
            return Outcome::Retransmission;
        }
        let missing = u64::try_from(place - here).unwrap_or_default();
        if missing == 0 {
            let new = segment.bytes.get(known..).unwrap_or_default();
            self.append(segment.frame, new, segment.is_followed);
            self.take_waiting();
            return if known == 0 { Outcome::InOrder } else { Outcome::Overlap { known } };
        }
        if segment.is_followed {
            self.wait(self.position + missing, segment);
        } else {
            self.advance(missing + segment.bytes.len() as u64);
        }
        Outcome::OutOfOrder { missing }
    }

    /// Counts bytes as passed.
    fn advance(&mut self, bytes: u64) {
        self.position += bytes;
        // Only the lower half: sequence numbers go round.
        let [a, b, c, d, ..] = bytes.to_le_bytes();
        self.next = self.next.wrapping_add(u32::from_le_bytes([a, b, c, d]));
    }

    fn append(&mut self, frame: u64, bytes: &[u8], is_followed: bool) {
        if is_followed {
            self.ready.extend(bytes);
            self.runs.push(Run { frame, position: self.position, length: bytes.len() });
        }
        self.advance(bytes.len() as u64);
    }

    fn wait(&mut self, position: u64, segment: &Segment<'_>) {
        if self.is_full() {
            return;
        }
        let known = self.waiting.get(&position).map_or(0, |(_, bytes)| bytes.len());
        if known < segment.bytes.len() {
            self.waiting.insert(position, (segment.frame, segment.bytes.to_vec()));
            self.waiting_bytes += segment.bytes.len() - known;
        }
    }

    fn is_full(&self) -> bool {
        self.waiting_bytes >= MAX_WAITING_BYTES || self.waiting.len() >= MAX_WAITING_SEGMENTS
    }

    /// Appends what waits for no hole any more.
    fn take_waiting(&mut self) {
        while let Some(first) = self.waiting.first_entry()
            && *first.key() <= self.position
        {
            let (position, (frame, bytes)) = first.remove_entry();
            self.waiting_bytes -= bytes.len();
            let known = usize::try_from(self.position - position).unwrap_or(usize::MAX);
            if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
                self.append(frame, new, true);
            }
        }
    }

    /// The hole that nothing will fill: the other side has what was in it, too much waits for it,
    /// or there is nothing to come.
    fn gap(&self, is_finished: bool) -> Option<Gap> {
        let (&behind, _) = self.waiting.first_key_value()?;
        let is_lost = self.acknowledged >= behind || self.is_full() || self.is_reset || is_finished;
        let missing = behind.saturating_sub(self.position);
        is_lost.then_some(Gap { position: self.position, missing })
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed = self.consumed.saturating_add(bytes).min(self.ready.len());
        let left = (self.ready.len() - self.consumed) as u64;
        let first = self.position - left;
        let gone = self.runs.partition_point(|run| run.position + run.length as u64 <= first);
        self.runs.drain(..gone);
        // Moved when the half that is kept is the smaller one: each byte once or so.
        if self.consumed * 2 >= self.ready.len() {
            self.ready.drain(..self.consumed);
            self.consumed = 0;
        }
    }

    fn unread(&self) -> &[u8] {
        self.ready.get(self.consumed..).unwrap_or_default()
    }

    /// Forgets what is held.
    fn forget(&mut self) {
        self.ready.clear();
        self.runs.clear();
        self.consumed = 0;
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.is_adrift = self.is_adrift || self.position > 0;
    }
}

impl Streams {
    /// No streams.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a segment.
    pub fn add(&mut self, segment: &Segment<'_>) -> Added {
        let is_forward = segment.source <= segment.destination;
        let ends = if is_forward {
            [segment.source, segment.destination]
        } else {
            [segment.destination, segment.source]
        };
        let direction = usize::from(!is_forward);
        let mut evicted = None;
        let slot = self.slot(Key { ends, scope: segment.scope }, segment, direction, &mut evicted);
        let Some(stream) = self.slots.get_mut(slot) else {
            // Never: `slot` is one of them.
            let flow = Flow { slot, serial: 0, direction };
            return Added { stream: 0, flow, outcome: Outcome::Nothing, evicted };
        };
        let serial = stream.serial;
        let held_before = stream.held_bytes();
        let outcome = stream.add(segment, direction);
        let held = stream.held_bytes();
        self.held_bytes = self.held_bytes - held_before + held;
        self.make_room(slot, &mut evicted);
        Added { stream: serial, flow: Flow { slot, serial, direction }, outcome, evicted }
    }

    /// What is there to read of a flow; nothing of one that is not there any more.
    #[must_use]
    pub fn unread(&self, flow: Flow) -> Unread<'_> {
        let Some(direction) = self.direction(flow) else {
            return Unread { bytes: &[], position: 0, runs: &[], is_adrift: true, gap: None };
        };
        let bytes = direction.unread();
        Unread {
            bytes,
            position: direction.position - bytes.len() as u64,
            runs: &direction.runs,
            is_adrift: direction.is_adrift,
            gap: direction.gap(self.is_finished),
        }
    }

    /// Says that so many unread bytes were understood: what follows is adrift no more.
    pub fn consume(&mut self, flow: Flow, bytes: usize) {
        self.change(flow, |direction| {
            direction.consume(bytes);
            direction.is_adrift = direction.is_adrift && bytes == 0;
        });
    }

    /// Says that nobody will make sense of so many unread bytes: what follows is adrift.
    pub fn skip(&mut self, flow: Flow, bytes: usize) {
        self.change(flow, |direction| {
            direction.consume(bytes);
            direction.is_adrift = direction.is_adrift || bytes > 0;
        });
    }

    /// Goes on behind a gap: what is unread before it is lost, too.
    pub fn pass_gap(&mut self, flow: Flow) -> Option<Gap> {
        let gap = self.unread(flow).gap?;
        self.change(flow, |direction| {
            direction.consume(usize::MAX);
            direction.advance(gap.missing);
            direction.take_waiting();
            direction.is_adrift = true;
        });
        Some(gap)
    }

    /// Says that the capture has ended: every hole is a gap now.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// The flows of which something is held, and their streams' numbers.
    pub fn held(&self) -> impl Iterator<Item = (u64, Flow)> {
        self.places.values().flat_map(|&slot| {
            let stream = self.slots.get(slot);
            stream.into_iter().flat_map(move |stream| {
                stream.directions.iter().enumerate().filter_map(move |(direction, state)| {
                    let flow = Flow { slot, serial: stream.serial, direction };
                    (state.held_bytes() > 0).then_some((stream.serial, flow))
                })
            })
        })
    }

    /// How many streams were given up so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn direction(&self, flow: Flow) -> Option<&Direction> {
        let stream = self.slots.get(flow.slot).filter(|stream| stream.serial == flow.serial)?;
        stream.directions.get(flow.direction)
    }

    fn change(&mut self, flow: Flow, change: impl FnOnce(&mut Direction)) {
        let stream = self.slots.get_mut(flow.slot).filter(|stream| stream.serial == flow.serial);
        if let Some(direction) = stream.and_then(|stream| stream.directions.get_mut(flow.direction))
        {
            let held_before = direction.held_bytes();
            change(direction);
            self.held_bytes = self.held_bytes - held_before + direction.held_bytes();
        }
    }

    /// The slot of a segment's stream. A SYN with another number than the one before begins a
    /// stream anew.
    fn slot(
        &mut self,
        key: Key,
        segment: &Segment<'_>,
        direction: usize,
        evicted: &mut Option<Evicted>,
    ) -> usize {
        if let Some(&slot) = self.places.get(&key) {
            let first = self.slots.get(slot).and_then(|stream| stream.directions.get(direction));
            let begins_anew = segment.is_syn
                && first.and_then(|flow| flow.first).is_some_and(|it| it != segment.sequence);
            if let Some(stream) = self.slots.get_mut(slot) {
                if begins_anew {
                    self.held_bytes -= stream.held_bytes();
                    stream.begin(key, self.begun);
                    self.begun += 1;
                }
                stream.is_used = true;
            }
            return slot;
        }
        if self.places.len() == MAX_STREAMS {
            self.evict_one(None, evicted);
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(stream) => stream.begin(key, self.begun),
            None => self.slots.push(Stream {
                key,
                serial: self.begun,
                is_used: false,
                directions: Default::default(),
            }),
        }
        self.begun += 1;
        self.places.insert(key, slot);
        self.order.push_back(slot);
        slot
    }

    fn make_room(&mut self, newest: usize, evicted: &mut Option<Evicted>) {
        while self.held_bytes > MAX_HELD_BYTES && self.evict_one(Some(newest), evicted) {}
    }

    /// Gives up the first stream that had no segment since it was last looked at here; `spared`
    /// only if it is the only one.
    fn evict_one(&mut self, spared: Option<usize>, evicted: &mut Option<Evicted>) -> bool {
        // Two rounds: in the first one, all may have been used.
        for _ in 0..=2 * self.order.len() {
            let Some(slot) = self.order.pop_front() else { return false };
            let is_last = self.order.is_empty();
            let Some(stream) = self.slots.get_mut(slot) else { continue };
            if (mem::take(&mut stream.is_used) || Some(slot) == spared) && !is_last {
                self.order.push_back(slot);
                continue;
            }
            let bytes = stream.held_bytes();
            self.held_bytes -= bytes;
            self.places.remove(&stream.key);
            let unread = stream.directions.iter().map(|it| it.unread().len() + it.waiting_bytes);
            let all = evicted.get_or_insert(Evicted { streams: 0, bytes: 0 });
            all.streams += 1;
            all.bytes += unread.sum::<usize>();
            // No flow is of it any more.
            stream.begin(stream.key, u64::MAX);
            self.evicted += 1;
            self.free.push(slot);
            return true;
        }
        false
    }
}

impl Stream {
    fn held_bytes(&self) -> usize {
        self.directions.iter().map(Direction::held_bytes).sum()
    }

    fn begin(&mut self, key: Key, serial: u64) {
        self.key = key;
        self.serial = serial;
        self.is_used = false;
        self.directions = Default::default();
    }

    fn add(&mut self, segment: &Segment<'_>, direction: usize) -> Outcome {
        let [forward, backward] = &mut self.directions;
        let (ours, theirs) = if direction == 0 { (forward, backward) } else { (backward, forward) };
        if ours.first.is_none() && !segment.is_rst {
            ours.begin(segment);
        }
        if !segment.is_followed {
            ours.forget();
        }
        let outcome = if ours.first.is_some() { ours.add(segment) } else { Outcome::Nothing };
        if segment.is_rst {
            ours.is_reset = true;
            theirs.is_reset = true;
        }
        if let Some(acknowledgment) = segment.acknowledgment
            && theirs.first.is_some()
            && let Some(place) = theirs.place(acknowledgment)
        {
            let place = u64::try_from(place).unwrap_or_default();
            theirs.acknowledged = theirs.acknowledged.max(place);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(frame: u64, sequence: u32, bytes: &[u8]) -> Segment<'_> {
        Segment {
            source: "10.0.0.1:1337".parse().unwrap(),
            destination: "10.0.0.2:40000".parse().unwrap(),
            scope: 0,
            sequence,
            acknowledgment: None,
            is_syn: false,
            is_fin: false,
            is_rst: false,
            bytes,
            frame,
            is_followed: true,
        }
    }

    fn syn(sequence: u32) -> Segment<'static> {
        Segment { is_syn: true, ..segment(0, sequence, b"") }
    }

    /// What the other side sends to acknowledge everything before `acknowledgment`.
    fn ack(acknowledgment: u32) -> Segment<'static> {
        let there = segment(0, 7, b"");
        Segment {
            source: there.destination,
            destination: there.source,
            acknowledgment: Some(acknowledgment),
            ..there
        }
    }

    /// Streams after these segments, what became of them, and the first one's flow.
    fn streams(segments: &[Segment<'_>]) -> (Streams, Vec<Outcome>, Flow) {
        let mut streams = Streams::new();
        let added: Vec<_> = segments.iter().map(|segment| streams.add(segment)).collect();
        (streams, added.iter().map(|added| added.outcome).collect(), added[0].flow)
    }

    fn frames(streams: &Streams, flow: Flow) -> Vec<(u64, u64, usize)> {
        let runs = streams.unread(flow).runs;
        runs.iter().map(|run| (run.frame, run.position, run.length)).collect()
    }

    use Outcome::{InOrder, Nothing, OutOfOrder, OutOfWindow, Overlap, Retransmission};

    #[test]
    fn in_order_across_the_end_of_the_numbers() {
        let (mut streams, outcomes, flow) =
            streams(&[syn(u32::MAX - 2), segment(1, u32::MAX - 1, b"abcd"), segment(2, 2, b"ef")]);
        assert_eq!(outcomes, [Nothing, InOrder, InOrder]);
        let unread = streams.unread(flow);
        assert_eq!((unread.bytes, unread.position), (&b"abcdef"[..], 0));
        assert!(!unread.is_adrift && unread.gap.is_none());
        assert_eq!(frames(&streams, flow), [(1, 0, 4), (2, 4, 2)]);
        streams.consume(flow, 1);
        assert_eq!(streams.unread(flow).bytes, b"bcdef");
        assert_eq!(streams.unread(flow).position, 1);
        streams.consume(flow, 4);
        assert_eq!(streams.unread(flow).bytes, b"f");
        assert_eq!(frames(&streams, flow), [(2, 4, 2)]);
        streams.consume(flow, 100);
        assert_eq!(streams.unread(flow).position, 6);
        assert_eq!((frames(&streams, flow).len(), streams.held_bytes), (0, 0));
    }

    #[test]
    fn out_of_order_twice_and_overlapping() {
        let (streams, outcomes, flow) = streams(&[
            syn(99),
            segment(1, 104, b"efgh"),
            segment(2, 110, b"kl"),
            segment(3, 100, b"abcdEF"),
            segment(4, 100, b"ABCD"),
            segment(5, 107, b"Hijk"),
            segment(6, 111, b"lm"),
        ]);
        let expected = [
            Nothing,
            OutOfOrder { missing: 4 },
            OutOfOrder { missing: 10 },
            InOrder,
            Retransmission,
            Overlap { known: 1 },
            Overlap { known: 1 },
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(streams.unread(flow).bytes, b"abcdEFghijklm");
        let expected = [(3, 0, 6), (1, 6, 2), (5, 8, 3), (2, 11, 1), (6, 12, 1)];
        assert_eq!(frames(&streams, flow), expected);
    }

    #[test]
    fn a_hole_is_a_gap_when_the_other_side_has_its_bytes() {
        let (mut streams, outcomes, flow) =
            streams(&[syn(99), segment(1, 100, b"ab"), segment(2, 110, b"kl"), ack(102)]);
        assert_eq!(outcomes[2], OutOfOrder { missing: 8 });
        assert_eq!(streams.unread(flow).gap, None);
        streams.add(&ack(112));
        let unread = streams.unread(flow);
        assert_eq!(unread.bytes, b"ab");
        assert_eq!(unread.gap, Some(Gap { position: 2, missing: 8 }));
        assert!(!unread.is_adrift);
        assert_eq!(streams.pass_gap(flow), Some(Gap { position: 2, missing: 8 }));
        let unread = streams.unread(flow);
        assert_eq!((unread.bytes, unread.position), (&b"kl"[..], 10));
        assert!(unread.is_adrift && unread.gap.is_none());
        assert_eq!(streams.pass_gap(flow), None);
        streams.skip(flow, 1);
        assert!(streams.unread(flow).is_adrift);
        streams.consume(flow, 1);
        assert!(!streams.unread(flow).is_adrift);
        assert_eq!(streams.add(&segment(9, 112, b"m")).outcome, InOrder);
        assert_eq!(streams.add(&segment(9, 102, b"cdefghij")).outcome, Retransmission);
    }

    #[test]
    fn a_hole_is_a_gap_when_nothing_is_to_come() {
        let reset = Segment { is_rst: true, ..ack(0) };
        let hole = [syn(99), segment(1, 110, b"kl")];
        let gap = Some(Gap { position: 0, missing: 10 });
        let (streams_reset, _, flow) = streams(&[hole[0], hole[1], reset]);
        assert_eq!(streams_reset.unread(flow).gap, gap);
        let (mut streams, _, flow) = streams(&hole);
        assert_eq!(streams.unread(flow).gap, None);
        assert_eq!(streams.held().collect::<Vec<_>>(), [(0, flow)]);
        streams.finish();
        assert_eq!(streams.unread(flow).gap, gap);
        streams.pass_gap(flow);
        assert_eq!(streams.unread(flow).bytes, b"kl");
    }

    #[test]
    fn a_hole_is_a_gap_when_too_much_waits_for_it() {
        for (length, count) in [(1, MAX_WAITING_SEGMENTS), (1460, MAX_WAITING_BYTES / 1460 + 1)] {
            let mut streams = Streams::new();
            let flow = streams.add(&syn(99)).flow;
            let bytes = vec![1; length];
            for number in (1..=count + 50).rev() {
                assert_eq!(streams.unread(flow).gap.is_some(), number <= 50, "{number}");
                let sequence = u32::try_from(100 + number * length).unwrap();
                streams.add(&segment(number as u64, sequence, &bytes));
            }
            let gap = streams.pass_gap(flow).unwrap();
            assert_eq!(gap, Gap { position: 0, missing: 51 * length as u64 });
            assert_eq!(streams.unread(flow).bytes.len(), count * length);
        }
    }

    #[test]
    fn a_connection_recorded_from_its_middle() {
        let (streams, outcomes, flow) =
            streams(&[segment(1, 500, b"ab"), segment(2, 490, b"xy"), segment(3, 502, b"c")]);
        assert_eq!(outcomes, [InOrder, Retransmission, InOrder]);
        assert_eq!(streams.unread(flow).bytes, b"abc");
        assert!(streams.unread(flow).is_adrift);
    }

    #[test]
    fn numbers_that_belong_elsewhere() {
        let (streams, outcomes, flow) =
            streams(&[syn(99), segment(1, 100 + (1 << 30) + 1, b"a"), segment(2, 1 << 31, b"b")]);
        assert_eq!(outcomes, [Nothing, OutOfWindow, OutOfWindow]);
        assert_eq!(streams.unread(flow).bytes, b"");
    }

    #[test]
    fn directions_and_streams_are_told_apart() {
        let mut streams = Streams::new();
        let there = streams.add(&segment(1, 5, b"there"));
        let back = Segment { bytes: b"back", ..ack(10) };
        let back = streams.add(&back);
        assert_eq!((there.stream, back.stream), (0, 0));
        assert_ne!(there.flow, back.flow);
        assert_eq!(streams.unread(there.flow).bytes, b"there");
        assert_eq!(streams.unread(back.flow).bytes, b"back");
        let inside = streams.add(&Segment { scope: 1, ..segment(2, 5, b"inside") });
        assert_eq!(inside.stream, 1);
        // The same ends again, later.
        let again = streams.add(&syn(77));
        assert_eq!(again.stream, 2);
        assert_eq!(streams.unread(there.flow).bytes, b"");
        assert_eq!(streams.add(&syn(77)).stream, 2, "a SYN that comes twice");
        assert_eq!(streams.add(&segment(3, 78, b"new")).outcome, InOrder);
        assert_eq!(streams.unread(again.flow).bytes, b"new");
        assert_eq!(streams.unread(inside.flow).bytes, b"inside");
    }

    #[test]
    fn nothing_is_held_of_flows_that_nobody_follows() {
        let mut streams = Streams::new();
        let unfollowed = |segment: Segment<'static>| Segment { is_followed: false, ..segment };
        streams.add(&unfollowed(syn(99)));
        let mut add = |segment| streams.add(&unfollowed(segment)).outcome;
        assert_eq!(add(segment(1, 100, b"ab")), InOrder);
        assert_eq!(add(segment(1, 103, b"d")), OutOfOrder { missing: 1 });
        assert_eq!(add(segment(1, 102, b"c")), Retransmission);
        assert_eq!(add(segment(1, 104, b"e")), InOrder);
        assert_eq!(streams.held_bytes, 0);
        let followed = streams.add(&segment(2, 105, b"f"));
        assert_eq!(streams.unread(followed.flow).bytes, b"f");
        assert!(streams.unread(followed.flow).is_adrift);
    }

    #[test]
    fn too_much_unread_gives_up_what_was_not_used_lately() {
        let mut streams = Streams::new();
        let bytes = vec![0; 1 << 20];
        let mut evicted = (0, 0);
        let flows: Vec<_> = (0..20)
            .map(|port| {
                let source = std::net::SocketAddr::from(([10, 0, 0, 1], port));
                let added = streams.add(&Segment { source, ..segment(1, 0, &bytes) });
                assert!(streams.held_bytes <= MAX_HELD_BYTES);
                if let Some(given_up) = added.evicted {
                    evicted = (evicted.0 + given_up.streams, evicted.1 + given_up.bytes);
                }
                added.flow
            })
            .collect();
        assert_eq!(evicted, (13, 13 << 20));
        assert_eq!(streams.evicted(), 13);
        assert_eq!(streams.unread(flows[0]).bytes, b"");
        assert_eq!(streams.unread(flows[19]).bytes.len(), 1 << 20);
        streams.consume(flows[0], 5);
        assert_eq!(streams.pass_gap(flows[0]), None);
    }

    #[test]
    fn one_stream_alone_stays_within_bounds() {
        let mut streams = Streams::new();
        let bytes = vec![0; 1 << 20];
        for number in 0..20 {
            streams.add(&segment(1, number << 20, &bytes));
            assert!(streams.held_bytes <= MAX_HELD_BYTES);
        }
        assert_eq!(streams.evicted(), 2);
    }

    #[test]
    fn more_streams_than_are_known_at_a_time() {
        let mut streams = Streams::new();
        let busy = streams.add(&segment(1, 0, b"a")).flow;
        for scope in 1..100_000 {
            streams.add(&Segment { scope, ..segment(1, 0, b"a") });
            if scope % 10_000 == 0 {
                streams.add(&segment(1, scope, b""));
            }
        }
        assert_eq!(streams.places.len(), MAX_STREAMS);
        assert_eq!(streams.slots.len(), MAX_STREAMS);
        assert_eq!(streams.order.len(), MAX_STREAMS);
        assert_eq!(streams.evicted(), 100_000 - MAX_STREAMS as u64);
        assert_eq!(streams.unread(busy).bytes, b"a", "used now and then");
    }
}
