//! The protocols built in, one a file, all of one shape.
//!
//! Each file declares its fields and has a function `dissect` that reads a [`super::Span`] and adds
//! nodes. What is cut or not allowed ends as a node marked malformed, with everything before it as
//! it was.

mod application;
mod arp;
pub(crate) mod comment;
pub(super) mod cooked;
pub(super) mod data;
mod dhcp;
mod dns;
mod dns_record;
pub(super) mod ethernet;
mod ethertype;
pub(crate) mod frame;
mod http;
mod icmp;
mod icmpv6;
mod icmpv6_option;
mod ip;
pub(super) mod ipv4;
mod ipv4_option;
pub(super) mod ipv6;
mod ipv6_extension;
pub(super) mod loopback;
mod malformed;
mod mdns;
mod provider;
pub(super) mod raw;
mod short;
mod tcp;
mod tcp_option;
mod udp;
mod vlan;

use super::{Definition, Names};
use std::borrow::Cow::Borrowed;

/// Numbers the protocols, and makes the table of their fields in that order.
macro_rules! protocols {
    ($($name:ident = $file:ident),+ $(,)?) => {
        /// The protocols built in. A protocol's number is its place in the registry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Protocol {
            $(#[doc = concat!("`", stringify!($file), ".rs`")] $name),+
        }

        /// Their fields.
        pub(super) static BUILT_IN: &[&[Definition]] = &[$($file::FIELDS),+];
    };
}

protocols! {
    Comment = comment,
    Frame = frame,
    Data = data,
    Malformed = malformed,
    Short = short,
    Ethernet = ethernet,
    Vlan = vlan,
    Provider = provider,
    Cooked = cooked,
    Loopback = loopback,
    Raw = raw,
    Arp = arp,
    Ipv4 = ipv4,
    Ipv4Option = ipv4_option,
    Ipv6 = ipv6,
    Ipv6Extension = ipv6_extension,
    Icmp = icmp,
    Icmpv6 = icmpv6,
    Icmpv6Option = icmpv6_option,
    Tcp = tcp,
    TcpOption = tcp_option,
    Udp = udp,
    Dns = dns,
    MulticastDns = mdns,
    DnsRecord = dns_record,
    Http = http,
    Dhcp = dhcp,
}

/// What a checksum is found to be, as Wireshark numbers it.
const CHECKSUM_STATUS: Names = Names::Values(Borrowed(&[
    (0, Borrowed("Bad")),
    (1, Borrowed("Good")),
    (2, Borrowed("Unverified")),
    (3, Borrowed("Not present")),
]));
const BAD: u64 = 0;
const GOOD: u64 = 1;
const UNVERIFIED: u64 = 2;
const NOT_PRESENT: u64 = 3;

/// What flags say.
const SET: Names = Names::Flag("Set", "Not set");
