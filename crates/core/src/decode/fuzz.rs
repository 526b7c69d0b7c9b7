//! Bodies of fuzz targets: whatever the bytes, nothing panics, and what is told lies in the bytes.

use super::{Output, Session, Show, State, View, Wanted};
use crate::capture::Comments;
use crate::dissect::{Dissection, Dissector, Frame, Link, Options};
use crate::format::{BUILT_IN, Decoder, Format, Parts};
use std::sync::OnceLock;

const KEY: [u8; 4] = [0x12, 0x34, 0xab, 0xcd];
const LINKS: [Link; 5] = [Link::Ethernet, Link::RawIp, Link::Cooked, Link::Cooked2, Link::Loopback];

/// The built-in formats, read once.
fn formats() -> &'static [Format] {
    static FORMATS: OnceLock<Vec<Format>> = OnceLock::new();
    FORMATS.get_or_init(|| BUILT_IN.iter().filter_map(|(name, _)| Format::built_in(name)).collect())
}

fn dissector() -> Dissector {
    let mut dissector = Dissector::new(Options { columns: true });
    for format in formats() {
        dissector.add_format(format, &KEY);
    }
    dissector
}

/// A frame in which every built-in format is looked for: the first byte tells its link, the second how many bytes the capture lacks.
///
/// # Panics
/// If a promise is broken.
pub fn tunnel(data: &[u8]) {
    let [link, lacks, bytes @ ..] = data else { return };
    let Some(link) = LINKS.get(usize::from(*link) % LINKS.len()) else { return };
    let mut dissector = dissector();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    // Twice, since streams and fragments remember.
    for number in [1, 2] {
        let original_length = length.saturating_add((*lacks).into());
        let frame = Frame {
            number,
            time: Some(0),
            link: *link,
            bytes,
            original_length,
            comments: Comments::default(),
        };
        check(dissector.dissect(&frame));
    }
}

/// What is told lies in the bytes, and nothing is below nothing.
fn check(dissection: &Dissection) {
    let mut depth = None;
    for node in &dissection.nodes {
        let source = dissection.source(node.source);
        let end = u64::from(node.offset) + u64::from(node.length);
        assert!(end <= source.len() as u64, "{node:?} lies outside of {} bytes", source.len());
        let most = depth.map_or(0, |depth: u8| depth + 1);
        assert!(node.depth <= most, "{node:?} is below nothing");
        depth = Some(node.depth);
    }
}

/// A datagram: the first byte tells its format.
///
/// # Panics
/// If a promise is broken.
pub fn decapsulate(data: &[u8]) {
    let [format, datagram @ ..] = data else { return };
    let Some(format) = formats().get(usize::from(*format) % BUILT_IN.len()) else { return };
    let mut parts = Parts::default();
    for key in [&KEY[..], &[]] {
        let decoder = Decoder::new(format, key);
        decoder.decode(&mut datagram.to_vec(), &mut parts);
        let bits = datagram.len() * 8;
        assert!(parts.parts.iter().all(|part| part.first <= part.end && part.end <= bits));
        if let Some(packet) = &parts.packet {
            assert!(datagram.get(packet.clone()).is_some());
        }
        if let Ok(again) = decoder.again(datagram) {
            assert_eq!(again.datagram.len(), datagram.len());
            let same = again.datagram == datagram;
            assert_eq!(same, again.differences.is_empty(), "what differs is told");
        }
    }
}

/// A whole file, shown in every way.
///
/// # Panics
/// If a promise is broken.
pub fn decode(data: &[u8]) {
    for view in [View::List, View::Tree, View::Json] {
        let output = Output::Show(Show::new(view, true));
        let wanted = Wanted { output, inner: true, count: Some(1000) };
        let mut session = Session::new(dissector(), wanted);
        session.reader.push(data);
        session.finish();
        while session.run() == State::Output {
            session.swap_text(&mut Vec::new());
            session.clear_inner();
        }
    }
}
