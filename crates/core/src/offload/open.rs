//! Opens datagrams as far as their packets' headers, the short way.

use super::head::{Head, Version};
use super::pass;
use super::wrap::Wrap;

/// A header that was right for packets of one length and version: it is for the next ones, too.
#[derive(Debug, Default)]
pub(super) struct RightHeader {
    bytes: Vec<u8>,
    datagram_bytes: usize,
    version: Option<Version>,
}

impl RightHeader {
    /// Whether a datagram has this header, and a packet of the same version and length.
    fn is_of(&self, datagram: &[u8], version: Version) -> bool {
        self.datagram_bytes == datagram.len()
            && self.version == Some(version)
            && self.bytes.iter().zip(datagram).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
    }

    fn set(&mut self, header: &[u8], datagram_bytes: usize, version: Version) {
        self.bytes.clear();
        self.bytes.extend_from_slice(header);
        self.datagram_bytes = datagram_bytes;
        self.version = Some(version);
    }
}

/// Whether a datagram is right in every respect. `head` is where the headers of its packet lie, which
/// are plain by now.
fn is_accepted<W: Wrap>(
    wrap: &W,
    datagram: &mut [u8],
    head: Option<Head>,
    right: &mut RightHeader,
) -> bool {
    // Where the headers were found, the packet's own lengths are right.
    if head.is_some_and(|head| right.is_of(datagram, head.version)) {
        return true;
    }
    let is_accepted = wrap.accepts(datagram);
    if let Some(head) = head.filter(|_| is_accepted) {
        let header = datagram.get(..wrap.overhead().before).unwrap_or_default();
        right.set(header, datagram.len(), head.version);
    }
    is_accepted
}

/// A datagram with the headers of its packet deciphered.
pub(super) struct Opened {
    /// Bytes of the packet's headers, if they were found; so many at least are plain.
    pub(super) plain: usize,
    /// Whether the others are enciphered still.
    pub(super) hidden: bool,
    pub(super) head: Option<Head>,
}

/// Checks a datagram and deciphers the headers of its packet in place. Nothing if it cannot go this
/// way or is not right in every respect; then it is as it was.
pub(super) fn open_head<W: Wrap>(
    wrap: &W,
    datagram: &mut [u8],
    right: &mut RightHeader,
) -> Option<Opened> {
    let link = wrap.link();
    let before = wrap.overhead().before;
    let bytes = datagram.len().checked_sub(before).filter(|bytes| *bytes > 0)?;
    let Some(xor) = wrap.fused()?.keystream else {
        let head = Head::of(link, datagram.get(before..)?, bytes);
        let plain = head.map_or(bytes, |head| head.payload);
        let accepted = is_accepted(wrap, datagram, head, right);
        return accepted.then_some(Opened { plain, hidden: false, head });
    };
    let key = xor.keystream(0..bytes)?;
    let looked_at = link.head_bytes().min(bytes);
    pass::apply(datagram.get_mut(before..before + looked_at)?, key);
    let head = Head::of(link, datagram.get(before..)?, bytes);
    if !is_accepted(wrap, datagram, head, right) {
        pass::apply(datagram.get_mut(before..before + looked_at)?, key);
        return None;
    }
    let Some(payload) = head.map(|head| head.payload) else {
        return Some(Opened { plain: looked_at, hidden: true, head });
    };
    // Exactly the headers are to be plain: the rest comes in the pass over the payload.
    let rest = payload.min(looked_at)..payload.max(looked_at);
    let packet = datagram.get_mut(before..)?;
    pass::apply(packet.get_mut(rest.clone())?, key.get(rest)?);
    Some(Opened { plain: payload, hidden: true, head })
}
