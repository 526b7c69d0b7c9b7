//! Link types: what a frame of a capture begins with.

use std::fmt;

/// The number of a link type (`LINKTYPE_*`, <https://www.tcpdump.org/linktypes.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: the address family in the byte order of the recording machine, then IP.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// IPv4 or IPv6, as the first nibble says.
    pub const RAW: Self = Self(101);
    /// `OpenBSD` loopback: the address family in network byte order, then IP.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, version 1: what recording on all devices gives.
    pub const LINUX_SLL: Self = Self(113);
    /// IPv4.
    pub const IPV4: Self = Self(228);
    /// IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The link type of a number in a file, where some systems wrote their own `DLT_RAW` instead:
    /// 12, and 14 on `OpenBSD`.
    pub(super) fn of_file(number: u16) -> Self {
        match number {
            12 | 14 => Self::RAW,
            number => Self(number),
        }
    }

    /// What people call it; nothing for those that are not dissected.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "BSD loopback",
            Self::ETHERNET => "Ethernet",
            Self::RAW => "raw IP",
            Self::LOOP => "OpenBSD loopback",
            Self::LINUX_SLL => "Linux cooked v1",
            Self::IPV4 => "raw IPv4",
            Self::IPV6 => "raw IPv6",
            Self::LINUX_SLL2 => "Linux cooked v2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "link type {}", self.0),
        }
    }
}
