//! Datagrams that are frames of a TCP stream: found across segments, several in one, and again after
//! bytes that the capture lacks.

use super::{Carrier, datagram};
use crate::capture::streams::{Flow, Gap, Run, Segment as Added};
use crate::dissect::{Dissector, Flags, Place, SourceKind, Span};
use crate::drop::Drop;
use crate::format::{Frame, Frames};
use std::net::{IpAddr, SocketAddr};

/// A TCP segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// Its bytes.
    pub(crate) payload: Span<'a>,
    /// Where it comes from.
    pub(crate) source_port: u16,
    /// Where it goes.
    pub(crate) destination_port: u16,
    /// Its sequence number.
    pub(crate) sequence: u32,
    /// What it acknowledges, if it has the ACK flag.
    pub(crate) acknowledgment: Option<u32>,
    /// Its SYN flag.
    pub(crate) is_syn: bool,
    /// Its FIN flag.
    pub(crate) is_fin: bool,
    /// Its RST flag.
    pub(crate) is_rst: bool,
}

/// What stands next in a stream.
enum Next {
    /// A frame of so many bytes.
    Frame(usize),
    /// So many bytes are none, and are passed over.
    Skip(usize, Option<Drop>),
    /// More bytes are needed.
    More,
}

/// Dissects the frames of a tunnel that end in a segment, if a format is looked for on its ports,
/// and says whether one is.
pub(super) fn dissect(dissector: &mut Dissector, segment: &Segment<'_>) -> bool {
    let (from, to) = dissector.ends;
    let (Some(source), Some(destination)) =
        (address(from, segment.source_port), address(to, segment.destination_port))
    else {
        return false;
    };
    let tunnels = &mut dissector.tunnels;
    let ports = [segment.destination_port, segment.source_port];
    let on = ports.into_iter().find_map(|port| tunnels.on(Carrier::Tcp, port).first().copied());
    let Some(known) = on.map(|port| port.known) else { return false };
    let Some(frames) = tunnels.known.get(known).and_then(|known| known.frames.clone()) else {
        return false;
    };
    let (frame, scope) = (dissector.frame_number, dissector.scope());
    let added = dissector.streams.add(&Added {
        source,
        destination,
        scope,
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        is_syn: segment.is_syn,
        is_fin: segment.is_fin,
        is_rst: segment.is_rst,
        bytes: segment.payload.bytes(),
        frame,
        is_followed: true,
    });
    read(dissector, known, &frames, added.flow, segment, frame);
    !segment.payload.is_empty()
}

/// Reads the frames that are whole now.
fn read(
    dissector: &mut Dissector,
    known: usize,
    frames: &Frames,
    flow: Flow,
    segment: &Segment<'_>,
    frame: u64,
) {
    // A loop that takes at least a byte each time, or a gap.
    loop {
        let unread = dissector.streams.unread(flow);
        let next = if unread.is_adrift {
            find(frames, unread.bytes)
        } else {
            match frames.next(unread.bytes) {
                Frame::Bytes(bytes) if bytes > 0 && bytes <= unread.bytes.len() => {
                    Next::Frame(bytes)
                }
                Frame::Bytes(1..) | Frame::Needs(_) => Next::More,
                Frame::Bytes(_) => Next::Skip(unread.bytes.len(), None),
                Frame::Lost(drop) => Next::Skip(frames.skip(unread.bytes), Some(drop)),
            }
        };
        match next {
            Next::Frame(bytes) => {
                let is_here = |run: &&Run| run.frame == frame;
                let run = unread.runs.iter().rfind(is_here).copied();
                let whole = unread.bytes.get(..bytes).unwrap_or_default().to_vec();
                let position = unread.position;
                dissector.streams.consume(flow, bytes);
                one(dissector, known, segment, &whole, position, run);
            }
            Next::Skip(bytes, drop) if bytes > 0 => {
                dissector.streams.skip(flow, bytes);
                tell_skipped(dissector, known, segment, bytes, drop);
            }
            _ => {
                let left = unread.bytes.len();
                let Some(gap) = dissector.streams.pass_gap(flow) else { return };
                tell_gap(dissector, known, segment, left, gap);
            }
        }
    }
}

/// What stands next where a frame may begin anywhere.
fn find(frames: &Frames, bytes: &[u8]) -> Next {
    match frames.next(bytes) {
        // The leading constant is there, so this is taken for a frame.
        Frame::Bytes(frame) if frames.has_leading() && frame > 0 => {
            if frame <= bytes.len() {
                Next::Frame(frame)
            } else {
                Next::More
            }
        }
        Frame::Needs(_) if frames.has_leading() || bytes.is_empty() => Next::More,
        _ => Next::Skip(frames.skip(bytes), None),
    }
}

/// Dissects a whole frame, that begins at a position of the flow.
fn one(
    dissector: &mut Dissector,
    known: usize,
    segment: &Segment<'_>,
    whole: &[u8],
    position: u64,
    run: Option<Run>,
) {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    // The last bytes of a segment are those of its run: the first may have been there before.
    let here = run.and_then(|run| {
        let in_run = usize::try_from(position.checked_sub(run.position)?).ok()?;
        let before = segment.payload.bytes().len().checked_sub(run.length)?;
        let start = before + in_run;
        let there = segment.payload.bytes().get(start..start + whole.len())?;
        (there == whole).then_some(length(start))
    });
    let datagram = if let Some(start) = here {
        segment.payload.part(start..start.saturating_add(length(whole.len())))
    } else {
        let source = dissector.out.derive(SourceKind::Reassembled, whole);
        Span::new(source, whole, length(whole.len()))
    };
    datagram::dissect(dissector, known, datagram);
}

fn tell_skipped(
    dissector: &mut Dissector,
    known: usize,
    segment: &Segment<'_>,
    bytes: usize,
    drop: Option<Drop>,
) {
    let text = match &drop {
        Some(drop) => format!(
            "framing_lost at byte {}: expected {}, found {}; {bytes} bytes are passed over",
            drop.offset, drop.expected, drop.found
        ),
        None => format!("{bytes} bytes in which no frame begins are passed over"),
    };
    tell(dissector, known, segment, &text);
    dissector.out.drops.extend(drop);
}

fn tell_gap(dissector: &mut Dissector, known: usize, segment: &Segment<'_>, left: usize, gap: Gap) {
    let missing = gap.missing;
    let and = if left == 0 {
        String::new()
    } else {
        format!(", and {left} bytes before them make no whole frame")
    };
    tell(
        dissector,
        known,
        segment,
        &format!("{missing} bytes of the stream were not captured{and}"),
    );
}

/// Adds a layer that says something of the stream.
fn tell(dissector: &mut Dissector, known: usize, segment: &Segment<'_>, text: &str) {
    let Dissector { out, tunnels, .. } = dissector;
    let Some(known) = tunnels.known.get(known) else { return };
    out.layer(known.itself(), segment.payload, 0);
    let value = out.write_text(format_args!("{text}"));
    out.generated(known.own().note, segment.payload, 0, value);
    out.flag_last(Flags::MALFORMED);
    out.columns.append(format_args!(" [{text}]"));
}

fn address(place: Place, port: u16) -> Option<SocketAddr> {
    let address: IpAddr = match place {
        Place::V4(address) => address.into(),
        Place::V6(address) => address.into(),
        Place::Ether(_) | Place::Nowhere => return None,
    };
    Some(SocketAddr::new(address, port))
}
