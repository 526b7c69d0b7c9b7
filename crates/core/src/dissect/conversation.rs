//! Conversations: which frames belong together, and what their later frames need of earlier ones.

use super::Place;
use std::collections::HashMap;

/// Conversations that are remembered. When there are more, all are forgotten, and those that go on
/// begin anew with other numbers: a file of nothing but new conversations takes no more than this.
const MAX_REMEMBERED: usize = 1 << 17;

/// One end of a conversation.
pub(super) type End = (Place, u16);

/// The conversations of one transport.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    places: HashMap<(End, End), usize>,
    known: Vec<Conversation>,
    /// The number of the next one.
    next: u32,
    /// The one asked for last: frames come in bursts.
    last: Option<((End, End), usize)>,
}

/// Requests that wait for a reply. There are few at a time; of more than this all are forgotten.
const MAX_WAITING: usize = 1 << 14;

/// A frame: its number, and when it was captured in nanoseconds since 1970.
type Frame = (u64, Option<i64>);
/// Who asks whom, the identifier and the sequence number.
type Request = (Place, Place, u16, u16);

/// Echo requests, by who asks whom, identifier and sequence number.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    waiting: HashMap<Request, Frame>,
}

impl Echoes {
    /// Notes a request: its frame and time.
    pub(crate) fn ask(&mut self, ends: (Place, Place), id: (u16, u16), frame: Frame) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.clear();
        }
        self.waiting.insert((ends.0, ends.1, id.0, id.1), frame);
    }

    /// The request that a reply from `ends.0` to `ends.1` answers.
    pub(crate) fn answer(&mut self, ends: (Place, Place), id: (u16, u16)) -> Option<Frame> {
        self.waiting.remove(&(ends.1, ends.0, id.0, id.1))
    }
}

/// What is known of a conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conversation {
    /// Its number, from 0, in the order in which they were met.
    pub(crate) number: u32,
    /// Its two directions: from the lesser end, and from the greater.
    pub(crate) ways: [Way; 2],
    /// Whether HTTP was spoken in it.
    pub(crate) is_http: bool,
}

/// What is known of one direction of a TCP connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    /// The sequence number of its SYN.
    pub(crate) first: Option<u32>,
    /// How its windows are scaled.
    pub(crate) scale: Scale,
}

/// How windows are scaled (RFC 7323, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Scale {
    /// The handshake was not seen.
    #[default]
    Unknown,
    /// The ends did not agree to scale.
    Off,
    /// Shifted by so many bits.
    Shift(u8),
}

impl Conversations {
    /// The conversation between two ends, and which of its ways leads from `source`. It begins now
    /// if it is not known.
    pub(crate) fn find(&mut self, source: End, destination: End) -> (&mut Conversation, usize) {
        let way = usize::from(source > destination);
        let key = if way == 0 { (source, destination) } else { (destination, source) };
        let place = match self.last {
            Some((last, place)) if last == key => place,
            _ => self.place(key),
        };
        self.last = Some((key, place));
        // The place was just found; a list of none begins anew.
        if place >= self.known.len() {
            self.known.push(Conversation::default());
        }
        let place = place.min(self.known.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "not empty, and held to its length above")]
        (&mut self.known[place], way)
    }

    fn place(&mut self, key: (End, End)) -> usize {
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        if self.known.len() >= MAX_REMEMBERED {
            self.places.clear();
            self.known.clear();
        }
        self.places.insert(key, self.known.len());
        self.known.push(Conversation { number: self.next, ..Conversation::default() });
        self.next = self.next.saturating_add(1);
        self.known.len() - 1
    }

    /// Begins a conversation anew between ends that had one before.
    pub(crate) fn renew(&mut self, source: End, destination: End) -> (&mut Conversation, usize) {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let (conversation, way) = self.find(source, destination);
        *conversation = Conversation { number, ..Conversation::default() };
        (conversation, way)
    }
}
