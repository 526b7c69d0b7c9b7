//! Bodies of fuzz targets: whatever the bytes, nothing panics, and what is promised of frames,
//! datagrams and streams holds.

use super::fragments::{self, Fragment, Fragments, Key, Outcome};
use super::streams::{self, Segment, Streams};
use super::{CaptureError, Fault, MAX_FRAME_BYTES, Packet, Reader, Writer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A capture of any kind: the first byte tells in pieces of how many bytes it comes.
///
/// # Panics
/// If a promise is broken.
pub fn capture(data: &[u8]) {
    let Some((&piece, file)) = data.split_first() else { return };
    let (whole, error) = read(file, usize::MAX);
    let pieces = read(file, usize::from(piece) + 1);
    assert_eq!(whole, pieces.0, "pieces change nothing");
    assert_eq!(place(error), place(pieces.1));

    // What was read, written and read again is the same.
    let mut writer = Writer::new("fuzz");
    for frame in &whole {
        let interface = writer.interface("", super::LinkType(frame.link));
        let original_length = frame.original_length;
        let packet = Packet { original_length, ..Packet::new(interface, &frame.bytes) };
        assert!(writer.packet(&packet), "the interface was added");
        if interface == 1000 {
            break;
        }
    }
    let (again, error) = read(writer.bytes(), usize::MAX);
    assert_eq!(error, None);
    for (again, frame) in again.iter().zip(&whole) {
        assert_eq!(again, frame);
    }
    assert_eq!(again.len(), whole.len().min(1001));
}

/// What is compared of an error: unpackers see damage sooner if more is there.
fn place(error: Option<CaptureError>) -> Option<(Fault, u64)> {
    error.map(|error| match error.fault {
        Fault::Packing { .. } | Fault::PackingCut { .. } => (error.fault, 0),
        fault => (fault, error.file_offset),
    })
}

/// What is compared of a frame.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    bytes: Vec<u8>,
    original_length: u32,
    link: u16,
}

fn read(file: &[u8], piece: usize) -> (Vec<Seen>, Option<CaptureError>) {
    // A few bytes may unpack to any number of frames.
    const MAX_FRAMES: usize = 10_000;
    let mut reader = Reader::new();
    let mut frames = Vec::new();
    let mut offset = None;
    for piece in file.chunks(piece).map(Some).chain([None]) {
        match piece {
            Some(piece) => reader.push(piece),
            None => reader.finish(),
        }
        loop {
            let frame = match reader.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return (frames, Some(error));
                }
            };
            assert!(frame.bytes.len() <= MAX_FRAME_BYTES);
            assert!(frame.original_length as usize >= frame.bytes.len());
            assert_eq!(frame.number, frames.len() as u64 + 1);
            assert!(frame.decimals <= 9);
            assert!(frame.time.is_none_or(|time| time.nanoseconds < 1_000_000_000));
            assert!(offset < Some(frame.file_offset), "records follow each other");
            offset = Some(frame.file_offset);
            let _ = frame.comments.iter().map(str::len).sum::<usize>();
            frames.push(Seen {
                bytes: frame.bytes.to_vec(),
                original_length: frame.original_length,
                link: frame.link.0,
            });
            if frames.len() == MAX_FRAMES {
                return (frames, None);
            }
        }
    }
    (frames, None)
}

/// Fragments of 5 bytes each: two of offset in units of 8, with "more follow" on top; one of length
/// in units of 8, whose upper half names the datagram; the bytes' value; and frames since the one
/// before.
///
/// # Panics
/// If a promise is broken.
pub fn fragments(data: &[u8]) {
    let mut state = Fragments::new();
    let mut frame = 0;
    for &[high, low, length, value, pause] in data.as_chunks::<5>().0 {
        frame += u64::from(pause) + 1;
        let key = Key {
            id: u32::from(length >> 4),
            protocol: 17,
            scope: 0,
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            destination: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let offset = usize::from(u16::from_be_bytes([high & 0x1f, low])) * 8;
        let more = high & 0x20 != 0;
        let bytes = vec![value; usize::from(length & 0x0f) * 8 + usize::from(!more)];
        let added = state.add(&Fragment { key, offset, more, bytes: &bytes, frame, time: None });
        match added.outcome {
            Outcome::Whole(whole) => {
                assert!(whole.bytes.len() <= 65_535);
                let mut reached = 0;
                for part in whole.parts {
                    assert!(part.offset <= reached || part.offset >= whole.bytes.len());
                    reached = reached.max(part.offset + part.length);
                    assert!(!part.conflicts || part.overlaps);
                }
                assert!(reached >= whole.bytes.len());
                assert!(whole.parts.iter().any(|part| part.frame == frame));
            }
            Outcome::Waiting(waiting) => assert!(waiting.first_frame <= frame),
            Outcome::Refused(_) => {}
        }
        let held: usize = state.waiting().map(|waiting| waiting.bytes).sum();
        assert!(held <= fragments::MAX_HELD_BYTES);
    }
}

/// Segments of 4 bytes each: flags with the direction; sequence number; acknowledgment; length.
/// Every byte of a flow has the value of its place, so that what is read can be checked.
///
/// # Panics
/// If a promise is broken.
pub fn streams(data: &[u8]) {
    let mut state = Streams::new();
    // Numbers go round soon.
    let begin = u32::MAX - 100;
    let [low, high] = [1u16, 2].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    for (&[flags, sequence, acknowledgment, length], frame) in
        data.as_chunks::<4>().0.iter().zip(1..)
    {
        let [source, destination] = if flags & 1 == 0 { [low, high] } else { [high, low] };
        let sequence = begin.wrapping_add(u32::from(sequence) * 3);
        let bytes: Vec<u8> =
            (0..u32::from(length)).map(|place| low_byte(sequence.wrapping_add(place))).collect();
        let added = state.add(&Segment {
            source,
            destination,
            scope: 0,
            sequence,
            acknowledgment: (flags & 2 != 0)
                .then_some(begin.wrapping_add(u32::from(acknowledgment) * 3)),
            is_syn: false,
            is_fin: flags & 4 != 0,
            is_rst: flags & 0xf8 == 0xf8,
            bytes: &bytes,
            frame,
            is_followed: true,
        });
        if flags & 8 != 0 {
            state.pass_gap(added.flow);
        }
        let unread = state.unread(added.flow);
        let all: usize = unread.runs.iter().map(|run| run.length).sum();
        assert!(all >= unread.bytes.len(), "a frame is told for each byte");
        assert!(unread.runs.iter().all(|run| run.frame <= frame));
        let values = unread.bytes.iter().zip(unread.bytes.iter().skip(1));
        for (value, next) in values {
            assert_eq!(value.wrapping_add(1), *next, "bytes are in order");
        }
        if flags & 16 != 0 {
            let count = unread.bytes.len() / 2;
            state.consume(added.flow, count);
        }
    }
    state.finish();
    let held: Vec<_> = state.held().collect();
    for (_, flow) in held {
        while state.pass_gap(flow).is_some() {}
        state.skip(flow, usize::MAX);
        assert!(state.unread(flow).bytes.is_empty() && state.unread(flow).runs.is_empty());
    }
    assert_eq!(state.held().count(), 0);
    assert!(state.evicted() == 0 || data.len() > streams::MAX_HELD_BYTES / 256);
}

fn low_byte(number: u32) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}
