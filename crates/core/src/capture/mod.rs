//! Captures: pcap and pcapng files, read and written.
//!
//! A [`Reader`] takes a file in pieces, as they come, and gives its frames one by one; it knows no
//! file and no clock. A [`Writer`] makes a pcapng file, piece by piece.
//!
//! ```
//! use crapvpn_core::capture::{LinkType, Packet, Reader, Time, Writer};
//!
//! let mut writer = Writer::new("crapvpn");
//! let outer = writer.interface("outer", LinkType::ETHERNET);
//! let time = Time::from_nanoseconds(1_700_000_000_123_456_789);
//! writer.packet(&Packet { time: Some(time), ..Packet::new(outer, &[0; 60]) });
//!
//! let mut reader = Reader::new();
//! reader.push(&writer.take());
//! reader.finish();
//! let frame = reader.next().unwrap().unwrap();
//! assert_eq!((frame.number, frame.link, frame.bytes.len()), (1, LinkType::ETHERNET, 60));
//! assert_eq!(frame.time, Some(time));
//! assert!(reader.next().unwrap().is_none());
//! ```
//!
//! Sources: the drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng of the IETF, the list of
//! link types at tcpdump.org, and Wireshark's limits (`wiretap/wtap.h`, `wiretap/pcapng.c`).

mod block;
mod buffer;
mod error;
pub mod fragments;
pub mod fuzz;
mod link;
mod options;
mod order;
mod packing;
mod pcap;
mod pcapng;
mod reader;
pub mod streams;
mod time;
mod writer;

pub use error::{CaptureError, Fault};
pub use link::LinkType;
pub use options::Comments;
pub use reader::{Frame, Reader};
pub use time::Time;
pub use writer::{Packet, Writer};

/// The most bytes that a frame may have (`WTAP_MAX_PACKET_SIZE_STANDARD`).
pub const MAX_FRAME_BYTES: usize = 256 * 1024;
