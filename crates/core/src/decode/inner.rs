//! The packets of a tunnel as a capture of their own.

use crate::capture::{LinkType, Packet, Time, Writer};
use crate::dissect::Dissection;
use crate::dissect::tunnel::Tunnels;
use crate::format::PacketKind;
use std::fmt::Write;

/// The packets of a tunnel as a capture of their own: raw IP and Ethernet, each an interface, with
/// the number of the outer frame as comment.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) writer: Writer,
    ip: Option<u32>,
    ethernet: Option<u32>,
    comment: String,
}

impl Inner {
    pub(super) fn new() -> Self {
        let application = concat!("crapvpn ", env!("CARGO_PKG_VERSION"));
        Self { writer: Writer::new(application), ip: None, ethernet: None, comment: String::new() }
    }

    /// Writes the packets of a frame's outermost tunnels.
    pub(super) fn write(
        &mut self,
        frame: u64,
        time: Option<Time>,
        dissection: &Dissection,
        tunnels: &Tunnels,
    ) {
        for found in tunnels.found().iter().filter(|found| found.depth == 0) {
            let Some((source, place)) = found.packet.clone() else { continue };
            // What is no packet would spoil the file.
            let Some(kind) = found.kind.filter(|_| found.drop.is_none() && !found.is_cut) else {
                continue;
            };
            let Some(bytes) = dissection.source(source).get(place) else { continue };
            let Self { writer, ip, ethernet, comment } = self;
            let interface = match kind {
                PacketKind::Ip => {
                    *ip.get_or_insert_with(|| writer.interface("tunnel", LinkType::RAW))
                }
                PacketKind::Ethernet => {
                    *ethernet.get_or_insert_with(|| writer.interface("tunnel", LinkType::ETHERNET))
                }
            };
            comment.clear();
            // Writing to a string cannot fail.
            let _ = write!(comment, "outer frame {frame}");
            let packet = Packet::new(interface, bytes);
            writer.packet(&Packet { time, comment: Some(comment.as_str()), ..packet });
        }
    }
}
