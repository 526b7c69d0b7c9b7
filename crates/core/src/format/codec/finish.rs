//! The last steps of opening a datagram, and what a packet is.

use super::Opened;
use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::format::replay::Window;
use crate::format::{Field, Format, Otherwise, PacketKind, Role, Table};
use crate::packet::{Ethernet, Inside, Ip, Malformed};
use std::ops;

/// A number that stands in a datagram.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) place: usize,
    pub(super) offset: usize,
    pub(super) number: u64,
}

impl Found {
    fn refuse(self, reason: Reason, expected: Option<u64>) -> Drop {
        Drop {
            reason,
            layer: Layer::Header,
            field: drop::Field::Format(self.place),
            offset: self.offset,
            expected: expected.map_or(Value::Nothing, Value::Number),
            found: Value::Number(self.number),
        }
    }
}

/// The last steps, whichever way a datagram was opened: that there is a packet, that it is of the
/// kind which the header says, and that it was not there before.
pub(super) fn finish(
    format: &Format,
    kind: PacketKind,
    nexts: &[usize],
    windows: &mut [(usize, Window)],
    datagram: &[u8],
    packet: ops::Range<usize>,
    find: impl Fn(usize) -> Option<Found>,
) -> Result<Opened, Drop> {
    let bytes = datagram.get(packet.clone()).unwrap_or_default();
    let inside = inside(kind, bytes).map_err(|error| Drop::not_a_packet(error, packet.start));
    let mut next_differs = false;
    for found in nexts.iter().filter_map(|place| find(*place)) {
        let role = format.fields.get(found.place).map(|field| &field.role);
        let Some(Role::Next { table, value, otherwise }) = role else { continue };
        let fits = match &inside {
            Ok(inside) => table.number(*inside) == Some(found.number),
            // What is no packet is of no kind; but a number that names none of ours comes first.
            Err(_) => table.names(found.number, kind),
        };
        if fits || *value == Some(found.number) {
            continue;
        }
        next_differs = true;
        if *otherwise == Otherwise::Drop {
            let expected = inside.ok().and_then(|inside| table.number(inside));
            return Err(found.refuse(Reason::UnknownNext, expected));
        }
    }
    inside?;
    for (place, window) in windows.iter() {
        let refused = find(*place).and_then(|found| Some((found, window.refuses(found.number)?)));
        if let Some((found, expected)) = refused {
            return Err(found.refuse(Reason::Replay, Some(expected)));
        }
    }
    for (place, window) in windows {
        if let Some(found) = find(*place) {
            window.take(found.number);
        }
    }
    Ok(Opened { packet, next_differs })
}

/// The places of the fields with a role.
pub(super) fn places(format: &Format, is: impl Fn(&Role) -> bool) -> Vec<usize> {
    let fields = format.fields.iter().enumerate();
    fields.filter(|(_, field)| is(&field.role)).map(|(place, _)| place).collect()
}

/// What a packet is.
///
/// # Errors
/// It is none of its kind.
pub(crate) fn inside(kind: PacketKind, bytes: &[u8]) -> Result<Inside, Malformed> {
    match kind {
        PacketKind::Ip => Ip::parse(bytes).map(|ip| ip.inside()),
        PacketKind::Ethernet => Ethernet::parse(bytes).map(|_| Inside::Ethernet),
    }
}

/// The number that a `next` field is sent with.
pub(super) fn next_number(format: &Format, place: usize, inside: Inside) -> Result<u64, Drop> {
    let Some(Field { role: Role::Next { table, value, .. }, .. }) = format.fields.get(place) else {
        return Ok(0);
    };
    value.or_else(|| table.number(inside)).ok_or_else(|| Drop {
        field: drop::Field::Format(place),
        expected: Value::Nothing,
        found: Value::Nothing,
        ..Drop::whole(Reason::UnknownNext, Layer::Header, 0, 0)
    })
}

/// The number that a counter begins with.
pub(super) fn start(format: &Format, place: usize) -> u64 {
    match format.fields.get(place).map(|field| &field.role) {
        Some(Role::Counter { start, .. }) => *start,
        _ => 0,
    }
}

impl Table {
    /// The number of a kind of packet.
    #[must_use]
    pub fn number(&self, inside: Inside) -> Option<u64> {
        match inside {
            Inside::Ipv4 => self.ipv4,
            Inside::Ipv6 => self.ipv6,
            Inside::Ethernet => self.ethernet,
        }
    }

    /// Whether a number names packets of a kind.
    #[must_use]
    pub fn names(&self, number: u64, kind: PacketKind) -> bool {
        match kind {
            PacketKind::Ip => [self.ipv4, self.ipv6].contains(&Some(number)),
            PacketKind::Ethernet => self.ethernet == Some(number),
        }
    }
}
