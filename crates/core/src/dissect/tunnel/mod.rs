//! Tunnels in what transports carry: found, opened, and the packet inside dissected.
//!
//! A tunnel is found, in this order, by `--decode-as`, by the port of its format, or anywhere by a
//! format with so many constant bits that they are hardly there by chance. Of several formats on a
//! port, the one wins that claims the datagram with the most constant bits.

mod datagram;
mod known;
mod ladder;
mod meter;
mod stream;

pub use known::Known;
pub use ladder::{Check, Ladder, RUNGS};
pub use meter::{Meter, Rung};

pub(crate) use stream::Segment;

use super::{Dissector, Span};
use crate::drop::Drop;
use crate::format::{Format, Match, PacketKind, Parts};
use crate::packet::udp;
use std::ops::Range;

/// Constant bits that are hardly there by chance: a format that has as many is looked for on every
/// port.
const TELLING_BITS: usize = 32;

/// What moves the datagrams of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// A datagram is a UDP payload.
    Udp,
    /// Datagrams are frames of a TCP stream.
    Tcp,
}

/// Which formats are looked for, their keys, and what was found.
#[derive(Debug, Default)]
pub struct Tunnels {
    known: Vec<Known>,
    /// Formats on ports, sorted.
    ports: Vec<Port>,
    /// Formats that are looked for on every UDP port.
    anywhere: Vec<usize>,
    /// What the frame dissected last holds.
    found: Vec<Found>,
    /// Sums over all frames.
    meter: Meter,
    /// Room for a datagram and its parts, for each depth of nesting.
    rooms: Vec<Room>,
    /// How many tunnels lie around what is being dissected.
    depth: usize,
}

/// A format on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    carrier: Carrier,
    number: u16,
    /// Somebody said so, against what the datagram looks like.
    said: bool,
    known: usize,
}

/// A datagram of a tunnel in a frame.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which of the formats it is of.
    pub known: usize,
    /// The source that it lies in.
    pub source: u8,
    /// Where it lies there.
    pub place: Range<usize>,
    /// The capture lacks its end.
    pub is_cut: bool,
    /// Where the deciphered bytes begin in the datagram.
    pub region_start: usize,
    /// Where the packet lies that it carries, if that is open: the source and the place in it.
    pub packet: Option<(u8, Range<usize>)>,
    /// What kind of packet that is.
    pub kind: Option<PacketKind>,
    /// How whole the packet is, if it was deciphered.
    pub ladder: Option<Ladder>,
    /// Why a tunnel would refuse it.
    pub drop: Option<Drop>,
    /// How deep it stands: 0 for a tunnel on the outside, 1 for one in a tunnel.
    pub depth: usize,
}

/// Room for a datagram that is taken apart.
#[derive(Debug, Default)]
struct Room {
    bytes: Vec<u8>,
    parts: Parts,
}

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

impl Tunnels {
    /// The formats that are looked for, in the order in which they were added.
    #[must_use]
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// The datagrams in the frame dissected last, the outermost first.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// How far deciphered packets got, over all frames.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Forgets what the last frame held.
    pub(super) fn begin(&mut self) {
        self.found.clear();
        self.depth = 0;
    }

    fn add(&mut self, known: Known) -> usize {
        let place = self.known.len();
        let carrier = &known.decoder.format().carrier;
        let udp = carrier.udp.iter().flatten().map(|port| (Carrier::Udp, *port));
        let tcp = carrier.tcp.iter().flatten().map(|port| (Carrier::Tcp, *port));
        let ports = udp.chain(tcp).map(|(carrier, number)| Port {
            carrier,
            number,
            said: false,
            known: place,
        });
        self.ports.extend(ports);
        self.ports.sort_unstable();
        if carrier.udp.is_some() && known.claim.bits() >= TELLING_BITS {
            self.anywhere.push(place);
        }
        self.known.push(known);
        place
    }

    fn say(&mut self, carrier: Carrier, port: u16, known: usize) {
        self.ports.retain(|other| (other.carrier, other.number) != (carrier, port));
        self.ports.push(Port { carrier, number: port, said: true, known });
        self.ports.sort_unstable();
    }

    /// The formats on a port.
    fn on(&self, carrier: Carrier, port: u16) -> &[Port] {
        let before = |other: &Port| (other.carrier, other.number) < (carrier, port);
        let start = self.ports.partition_point(before);
        let ports = self.ports.get(start..).unwrap_or_default();
        let same = |other: &Port| (other.carrier, other.number) == (carrier, port);
        ports.get(..ports.partition_point(same)).unwrap_or_default()
    }

    /// Which format a datagram is of; or the one whose port it has but whose constants it lacks.
    fn find(&self, carried: &Carried<'_>) -> Choice {
        let bytes = carried.payload.bytes();
        // Where it goes tells more than where it comes from.
        let ports = [carried.destination_port, carried.source_port];
        let on = || ports.into_iter().flat_map(|port| self.on(Carrier::Udp, port));
        if let Some(port) = on().find(|port| port.said) {
            return Choice::Of(port.known);
        }
        let mut best: Option<(Match, usize)> = None;
        let anywhere = self.anywhere.iter().copied();
        for known in on().map(|port| port.known).chain(anywhere) {
            let Some(claim) = self.known.get(known).map(|known| &known.claim) else { continue };
            let says = claim.of(bytes);
            if says != Match::Foreign && best.is_none_or(|(found, _)| says > found) {
                best = Some((says, known));
            }
        }
        match best {
            Some((_, known)) => Choice::Of(known),
            None => on().next().map_or(Choice::Nothing, |port| Choice::Not(port.known)),
        }
    }
}

/// Which format a datagram is of.
enum Choice {
    /// Of none.
    Nothing,
    /// Of this one.
    Of(usize),
    /// It has this one's port, and not its constants.
    Not(usize),
}

impl Dissector {
    /// Looks for tunnels of a format from now on. Gives its place among those known; nothing if
    /// there are too many protocols already.
    pub fn add_format(&mut self, format: &Format, key: &[u8]) -> Option<usize> {
        let known = Known::new(format, key, &mut self.registry)?;
        Some(self.tunnels.add(known))
    }

    /// Takes whatever comes from or goes to a port for datagrams of a format that was added.
    pub fn decode_as(&mut self, carrier: Carrier, port: u16, known: usize) {
        self.tunnels.say(carrier, port, known);
    }
}

/// Dissects what a TCP segment brings of a tunnel, if there is one on its ports, and says whether
/// it brought something.
pub(crate) fn segment(dissector: &mut Dissector, segment: &Segment<'_>) -> bool {
    !dissector.out.quotes() && stream::dissect(dissector, segment)
}

/// Shows what the first fragment of an IP packet has of a tunnel's datagram, quoted: whether the
/// others were captured is not known yet, and if they were, the whole is dissected with the last.
pub(crate) fn first_fragment(dissector: &mut Dissector, protocol: u8, fragment: Span<'_>) {
    let (Some([s0, s1, d0, d1, l0, l1, ..]), udp::PROTOCOL) = (fragment.first::<8>(), protocol)
    else {
        return;
    };
    let stated = u32::from(u16::from_be_bytes([*l0, *l1]));
    let carried = Carried {
        payload: fragment.stating(stated).skip(8),
        source_port: u16::from_be_bytes([*s0, *s1]),
        destination_port: u16::from_be_bytes([*d0, *d1]),
    };
    if dissector.out.quotes() {
        return;
    }
    if let Choice::Of(known) = dissector.tunnels.find(&carried) {
        dissector.out.quote(true);
        datagram::dissect(dissector, known, carried.payload);
        dissector.out.quote(false);
    }
}

/// Dissects a UDP payload if it is a datagram of a tunnel, and says whether it was.
pub(crate) fn datagram(dissector: &mut Dissector, carried: &Carried<'_>) -> bool {
    // What an ICMP message quotes went another way, and is mostly cut.
    if dissector.out.quotes() {
        return false;
    }
    match dissector.tunnels.find(carried) {
        Choice::Nothing => false,
        Choice::Of(known) => {
            datagram::dissect(dissector, known, carried.payload);
            true
        }
        Choice::Not(known) => {
            datagram::refuse(dissector, known, carried.payload);
            false
        }
    }
}
