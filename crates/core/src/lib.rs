//! Everything that `CrapVPN` knows about bytes, and nothing else: no clock, no socket, no randomness.
//!
//! The words of this crate:
//!
//! - a **packet** travels inside the tunnel: an IP packet or an Ethernet frame;
//! - a **datagram** travels outside: one UDP payload;
//! - a [`format::Format`] describes how a packet becomes a datagram, and compiles to a
//!   [`format::Codec`];
//! - a [`tunnel::Tunnel`] takes packets in and gives datagrams out, and the other way round;
//! - a [`drop::Drop`] is a packet or datagram refused, always with a reason, and counted.
//!
//! The caller owns every buffer. A tunnel works in place: the bytes of a packet are never copied
//! here, only enciphered where they lie and given a header in front.
//!
//! ```
//! use crapvpn_core::format::Format;
//! use crapvpn_core::tunnel::{Config, Tunnel};
//!
//! let config = || Config { key: vec![0x12, 0x34, 0xab, 0xcd], ..Config::default() };
//! let format = Format::built_in("crapvpn").unwrap();
//! let mut alice = Tunnel::new(&format, &config()).unwrap();
//! let mut bob = Tunnel::new(&format, &config()).unwrap();
//!
//! // The smallest IPv4 packet: a header of 20 bytes. Room for the datagram's header stands before.
//! let mut buffer = vec![0; alice.head_bytes() + 20];
//! buffer[8] = 0x45;
//! buffer[11] = 20;
//! let datagram = alice.encapsulate(&mut buffer, 8..28).unwrap();
//! assert_eq!(buffer[..4], *b"crap");
//! let packet = bob.decapsulate(&mut buffer, datagram).unwrap();
//! assert_eq!(packet, 8..28);
//! assert_eq!(buffer[8], 0x45);
//! ```

#![forbid(unsafe_code)]

pub mod capture;
pub mod cipher;
pub mod decode;
pub mod dissect;
pub mod drop;
pub mod format;
pub mod offload;
pub mod packet;
pub mod tunnel;
