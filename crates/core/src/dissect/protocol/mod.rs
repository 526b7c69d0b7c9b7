//! The protocols built in, one a file, all of one shape.
//!
//! Each file declares its fields and has a function `dissect` that reads a [`super::Span`] and adds
//! nodes. What is cut or not allowed ends as a node marked malformed, with everything before it as
//! it was.

pub(super) mod data;
pub(super) mod ethernet;
pub(super) mod ipv4;
pub(super) mod ipv6;
pub(super) mod udp;

use super::Definition;

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
    Data = data,
    Ethernet = ethernet,
    Ipv4 = ipv4,
    Ipv6 = ipv6,
    Udp = udp,
}
