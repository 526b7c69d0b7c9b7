//! Where a field of unknown size ends, and where a frame ends on TCP.

use super::Format;

/// Why the ends of a format's fields cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndProblem {
    /// Both fields would take the rest of the datagram.
    TwoRests {
        /// The earlier one, by its place.
        field: usize,
        /// The later one.
        other: usize,
    },
    /// The end of a field depends on whether a field behind it is there, and that on a field that
    /// stands behind it too.
    DependsBehind {
        /// The field that cannot end.
        field: usize,
        /// The field that would have to be read first.
        on: usize,
    },
    /// No length counts an open field of a list's element, and it is not the last there.
    ElementOpen {
        /// The list, by its place.
        list: usize,
        /// The open field, by its place in the element.
        element: usize,
    },
    /// There are more combinations of conditions than can be looked at.
    TooManyCombinations {
        /// How many at most.
        most: usize,
    },
}

/// How a frame is found in a TCP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a length: a field, by its place.
    Length(usize),
    /// By the length that the IP packet states.
    Ip,
}

/// Looks at every combination of conditions.
pub(crate) fn check(_format: &Format) -> Vec<EndProblem> {
    Vec::new()
}

/// How a frame is found in a TCP stream; nothing if nothing says where it ends.
pub(crate) fn framing(_format: &Format) -> Option<Framing> {
    None
}
