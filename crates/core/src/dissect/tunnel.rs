//! Tunnels in what transports carry: found, opened, and the packet inside dissected.

use super::{Dissector, Span};

/// Which formats are looked for, and their keys.
#[derive(Debug, Default)]
pub struct Tunnels {}

/// What a transport carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carried<'a> {
    /// Its bytes.
    pub(crate) payload: Span<'a>,
    /// Where it comes from.
    pub(crate) source_port: u16,
    /// Where it goes.
    pub(crate) destination_port: u16,
}

/// Dissects a UDP payload if it is a datagram of a tunnel, and says whether it was.
pub(crate) fn datagram(_dissector: &mut Dissector, _carried: &Carried<'_>) -> bool {
    false
}
