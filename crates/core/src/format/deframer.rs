//! Datagrams out of a stream: bytes are gathered until a frame is whole.

use super::Format;
use super::framing::{Frame, Frames};
use crate::drop::{self, Drop};
use std::ops::Range;

/// Room for what arrives in one go, beside the longest frame.
const CHUNK_BYTES: usize = 64 * 1024;

/// Gathers a stream in a buffer of fixed size, and cuts it into frames in place.
///
/// Put bytes where [`room`](Self::room) is and say so with [`filled`](Self::filled); then take
/// frames until there is none.
#[derive(Debug, Clone)]
pub struct Deframer {
    frames: Frames,
    field_names: Vec<String>,
    buffer: Box<[u8]>,
    /// The bytes that belong to no frame that was taken yet.
    gathered: Range<usize>,
}

/// What stands at the beginning of what was gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// A frame, and where it lies in the buffer. It is taken: the next one begins behind it.
    Frame(Range<usize>),
    /// Not yet a whole frame.
    Partial,
    /// No frame, and none will come: `framing_lost`.
    Lost(Drop),
}

impl Deframer {
    /// For streams of a format; nothing if nothing says where its frames end.
    #[must_use]
    pub fn new(format: &Format) -> Option<Self> {
        let frames = Frames::new(format)?;
        let buffer = vec![0; frames.max_bytes() + CHUNK_BYTES].into_boxed_slice();
        Some(Self { frames, field_names: format.filter_names(), buffer, gathered: 0..0 })
    }

    /// All of its bytes. They stay where they are.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// The same, to put bytes there.
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Where the next bytes of the stream go. There is room for at least 64 KiB once
    /// [`cut`](Self::cut) has found no frame any more. Frames taken before lose their bytes.
    pub fn room(&mut self) -> Range<usize> {
        self.buffer.copy_within(self.gathered.clone(), 0);
        self.gathered = 0..self.gathered.len();
        self.gathered.end..self.buffer.len()
    }

    /// So many bytes were put into the room, or as many of them as there was room for.
    pub fn filled(&mut self, bytes: usize) {
        self.gathered.end = self.gathered.end.saturating_add(bytes).min(self.buffer.len());
    }

    /// Takes the next frame.
    pub fn cut(&mut self) -> Cut {
        let gathered = self.buffer.get(self.gathered.clone()).unwrap_or_default();
        match self.frames.next(gathered) {
            Frame::Bytes(bytes) if bytes <= gathered.len() => {
                let frame = self.gathered.start..self.gathered.start + bytes;
                self.gathered.start = frame.end;
                Cut::Frame(frame)
            }
            Frame::Bytes(_) | Frame::Needs(_) => Cut::Partial,
            Frame::Lost(drop) => Cut::Lost(drop),
        }
    }

    /// What filters call the field of a drop; empty if it was no single one.
    #[must_use]
    pub fn field_name(&self, field: drop::Field) -> &str {
        field.name(&self.field_names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::{Reason, Value};

    fn deframer(name: &str) -> Deframer {
        Deframer::new(&Format::built_in(name).unwrap()).unwrap()
    }

    /// Puts all bytes in, in pieces of these sizes in turn, and takes all frames.
    fn cut_all(deframer: &mut Deframer, stream: &[u8], sizes: &[usize]) -> (Vec<Vec<u8>>, Cut) {
        let mut frames = vec![];
        let mut rest = stream;
        for size in sizes.iter().cycle() {
            let room = deframer.room();
            let (piece, behind) = rest.split_at(rest.len().min(room.len()).min(*size));
            deframer.buffer_mut()[room.start..room.start + piece.len()].copy_from_slice(piece);
            deframer.filled(piece.len());
            let end = loop {
                match deframer.cut() {
                    Cut::Frame(range) => frames.push(deframer.buffer()[range].to_vec()),
                    end => break end,
                }
            };
            rest = behind;
            if rest.is_empty() || end != Cut::Partial {
                return (frames, end);
            }
        }
        unreachable!("no sizes");
    }

    fn frame(length: u16) -> Vec<u8> {
        let body: Vec<u8> = (0..length).map(|place| place.to_be_bytes()[1]).collect();
        [b"crap", &length.to_be_bytes()[..], &body].concat()
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_were_cut() {
        let frames: Vec<Vec<u8>> = [1, 1500, 20, 65_535, 65_535, 65_535, 2, 9000].map(frame).into();
        let stream = frames.concat();
        for sizes in [&[1][..], &[7, 1, 65_536], &[65_541], &[1_000_000], &[6, 5, 4, 3, 2, 1]] {
            let mut deframer = deframer("crapvpn-tcp");
            assert_eq!(cut_all(&mut deframer, &stream, sizes), (frames.clone(), Cut::Partial));
            assert_eq!(deframer.room().start, 0);
        }
    }

    #[test]
    fn once_lost_it_stays_lost() {
        let mut deframer = deframer("crapvpn-tcp");
        let stream = [&frame(3)[..], b"crab"].concat();
        let (frames, end) = cut_all(&mut deframer, &stream, &[100]);
        assert_eq!(frames, [frame(3)]);
        let Cut::Lost(drop) = end else { panic!("{end:?}") };
        assert_eq!((drop.reason, drop.found), (Reason::FramingLost, Value::bytes(b"crab")));
        assert_eq!(deframer.field_name(drop.field), "crapvpn.magic");
        assert_eq!(cut_all(&mut deframer, &frame(1), &[100]), (vec![], Cut::Lost(drop)));
    }

    #[test]
    fn a_length_beyond_all_frames_is_told_by_the_length_alone() {
        let mut deframer = deframer("qemu-socket-tcp");
        let (frames, end) = cut_all(&mut deframer, &[0xff, 0xff, 0xff, 0xff], &[1]);
        assert_eq!(frames, Vec::<Vec<u8>>::new());
        assert!(matches!(end, Cut::Lost(_)), "{end:?}");
    }

    #[test]
    fn there_is_room_while_the_longest_frame_is_waited_for() {
        let mut deframer = deframer("crapvpn-tcp");
        let (longest, last) = (frame(65_535), 65_540);
        assert_eq!(cut_all(&mut deframer, &longest[..last], &[65_536]), (vec![], Cut::Partial));
        assert!(deframer.room().len() >= CHUNK_BYTES);
        assert_eq!(cut_all(&mut deframer, &longest[last..], &[1]), (vec![longest], Cut::Partial));
    }

    #[test]
    fn more_than_there_is_room_for_cannot_be_filled() {
        let mut deframer = deframer("crapvpn-tcp");
        deframer.filled(usize::MAX);
        assert_eq!(deframer.room().len(), 0);
    }

    #[test]
    fn a_format_without_frames_has_none() {
        assert!(Deframer::new(&Format::built_in("vxlan").unwrap()).is_none());
    }
}
