//! A datagram of a tunnel made into nodes, and the packet inside dissected.

use super::ladder::{Check, Ladder};
use super::{Found, Known, Room};
use crate::dissect::protocol::data;
use crate::dissect::{Dissection, Dissector, FieldId, Flags, SourceKind, Span, Value};
use crate::drop::{self, Drop, Value as Shown};
use crate::format::{Kind, PacketKind, Part, Parts, What};
use crate::packet::{Inside, ipv4, ipv6};

/// More than any datagram has, as UDP over IP carries it or a stream frames it.
const MAX_DATAGRAM_BYTES: usize = 128 * 1024;

/// Dissects a datagram of a format that was added.
pub(super) fn dissect(dissector: &mut Dissector, known: usize, datagram: Span<'_>) {
    let mut room = dissector.tunnels.rooms.pop().unwrap_or_default();
    if let Some((kind, packet)) = take_apart(dissector, known, datagram, &mut room) {
        dissector.tunnels.depth += 1;
        dissect_packet(dissector, kind, packet);
        dissector.tunnels.depth -= 1;
    }
    dissector.tunnels.rooms.push(room);
}

/// Notes that a datagram has the port of a format but is not of it.
pub(super) fn refuse(dissector: &mut Dissector, known: usize, datagram: Span<'_>) {
    let Dissector { out, tunnels, .. } = dissector;
    let Some(known) = tunnels.known.get(known) else { return };
    let mut room = tunnels.rooms.pop().unwrap_or_default();
    let Room { bytes, parts } = &mut room;
    bytes.clear();
    bytes.extend_from_slice(datagram.bytes());
    known.decoder.decode(bytes, parts);
    out.drops.extend(parts.drop());
    tunnels.rooms.push(room);
}

/// The packet, where it goes on; what is no packet of its kind stays bytes.
fn dissect_packet(dissector: &mut Dissector, kind: Option<PacketKind>, packet: Span<'_>) {
    let inside = match (kind, packet.u8(0).map(|byte| byte >> 4)) {
        (Some(PacketKind::Ethernet), _) => Inside::Ethernet,
        (Some(PacketKind::Ip), Some(ipv4::VERSION)) => Inside::Ipv4,
        (Some(PacketKind::Ip), Some(ipv6::VERSION)) => Inside::Ipv6,
        _ => return data::dissect(dissector, packet),
    };
    dissector.inside(inside, packet);
}

/// Adds the nodes of a datagram, and gives the packet in it.
fn take_apart<'a>(
    dissector: &mut Dissector,
    place: usize,
    datagram: Span<'a>,
    room: &'a mut Room,
) -> Option<(Option<PacketKind>, Span<'a>)> {
    let Dissector { out, tunnels, .. } = dissector;
    let known = tunnels.known.get(place)?;
    let Room { bytes, parts } = room;
    bytes.clear();
    bytes.extend_from_slice(datagram.bytes());
    // What the capture lacks is taken as zeros, so that lengths fit, and then left out again.
    let there = bytes.len();
    bytes.resize((datagram.stated() as usize).min(MAX_DATAGRAM_BYTES).max(there), 0);
    let lacks = bytes.len() - there;
    known.decoder.decode(bytes, parts);
    let (packet, region) = (parts.packet.clone(), parts.enciphered.clone().unwrap_or_default());
    if lacks > 0 {
        bytes.truncate(there);
        parts.cut(there);
    }
    let (bytes, parts) = (&*bytes, &*parts);
    let plaintext = parts.opened.then(|| {
        let bytes = bytes.get(region.start..region.end.min(there)).unwrap_or_default();
        let source = out.derive(SourceKind::Plaintext, bytes);
        Span::new(source, bytes, length(region.len()))
    });
    let told = Told { known, datagram, parts, plaintext, region_start: region.start };
    out.layer(known.itself(), datagram, datagram.len());
    told.tell_fields(out, bytes);
    told.tell_refusal(out);
    told.tell_notes(out, lacks);
    let ladder = plaintext.filter(|_| lacks == 0).and_then(|_| {
        let kind = parts.kind.or(known.format().packet.first().copied())?;
        let packet = bytes.get(parts.packet.clone()?)?;
        Some(match kind {
            PacketKind::Ip => Ladder::ip(packet),
            PacketKind::Ethernet => Ladder::ethernet(packet),
        })
    });
    if let Some(ladder) = &ladder {
        told.tell_ladder(out, ladder);
        tunnels.meter.count(ladder);
    }
    told.tell_columns(out);
    let packet = packet.filter(|packet| packet.start < packet.end);
    let packet = packet.map(|packet| match plaintext {
        Some(span) => {
            let start = length(packet.start - region.start);
            span.part(start..length(packet.end - region.start))
        }
        None => datagram.part(length(packet.start)..length(packet.end)),
    });
    let at = |span: Span<'_>| {
        let start = span.offset() as usize;
        start..start + span.bytes().len()
    };
    let drop = parts.drop();
    out.drops.extend(drop);
    // A fragment is not a datagram, nor is what a message quotes.
    if out.quotes() {
        return Some((parts.kind, packet?));
    }
    tunnels.found.push(Found {
        known: place,
        source: datagram.source(),
        place: at(datagram),
        is_cut: lacks > 0,
        region_start: region.start,
        packet: packet.map(|packet| (packet.source(), at(packet))),
        kind: parts.kind,
        ladder,
        drop,
        depth: tunnels.depth,
    });
    // Read as a packet, what is none would be mere noise, unless its header's checksum fits.
    let is_noise = lacks == 0
        && parts.refused.is_some()
        && packet.is_some_and(|packet| Ladder::ip(packet.bytes()).checks[2] != Check::Passed);
    Some((parts.kind.filter(|_| !is_noise), packet?))
}

/// What is to be told of a datagram.
struct Told<'a> {
    known: &'a Known,
    datagram: Span<'a>,
    parts: &'a Parts,
    /// What was deciphered.
    plaintext: Option<Span<'a>>,
    /// Where that begins in the datagram.
    region_start: usize,
}

impl Told<'_> {
    /// Adds the fields, those with a problem marked.
    fn tell_fields(&self, out: &mut Dissection, bytes: &[u8]) {
        let format = self.known.format();
        let packet = format.packet_place().map(What::Field);
        for part in self.parts.parts.iter().filter(|part| Some(part.what) != packet) {
            let inside = match part.what {
                What::Field(place) | What::Element(place) | What::ElementField(place, _) => {
                    format.enciphers(place)
                }
                What::Ciphertext => false,
            };
            // The list itself is its elements.
            let described = part.what.described(format);
            if matches!(part.what, What::Field(_))
                && described.is_some_and(|field| matches!(field.kind, Kind::List { .. }))
            {
                continue;
            }
            let below = u8::from(inside) + u8::from(matches!(part.what, What::ElementField(..)));
            (0..below).for_each(|_| out.enter());
            let field = self.known.field(part.what);
            let kind = described.map(|field| &field.kind);
            self.add(out, part, field, kind, inside.then_some(self.region_start), bytes);
            for drop in self.parts.problems.iter().filter(|drop| is_about(drop, part.what)) {
                out.flag_last(Flags::MALFORMED);
                out.enter();
                self.tell_drop(out, drop);
                out.leave();
            }
            (0..below).for_each(|_| out.leave());
        }
    }

    /// Adds a part: of the plaintext, if that begins somewhere in the datagram.
    fn add(
        &self,
        out: &mut Dissection,
        part: &Part,
        field: FieldId,
        kind: Option<&Kind>,
        plaintext: Option<usize>,
        bytes: &[u8],
    ) {
        let span = self.plaintext.filter(|_| plaintext.is_some()).unwrap_or(self.datagram);
        let first = part.first / 8;
        let taken = || bytes.get(first..part.end.div_ceil(8)).unwrap_or_default();
        let value = match kind {
            None => match part.what {
                What::Ciphertext => Value::Bytes,
                _ => Value::None,
            },
            Some(Kind::Uint { .. }) => Value::Number(part.number),
            Some(Kind::Mac | Kind::Ipv4) => {
                Value::Number(taken().iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            }
            // Zeros fill a text up.
            Some(Kind::Text { .. }) => {
                let text = taken();
                let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                let offset = span.offset() + length(first - plaintext.unwrap_or_default());
                Value::At { offset, length: length(end) }
            }
            Some(_) => Value::Bytes,
        };
        let at = length(first - plaintext.unwrap_or_default());
        let bytes = length(part.end.div_ceil(8) - first);
        let is_whole = part.first.is_multiple_of(8) && part.end.is_multiple_of(8);
        if is_whole {
            return out.add(field, span, at, bytes, value);
        }
        let bit = |bit: usize| u8::try_from(bit).unwrap_or(u8::MAX);
        let bits = (bit(part.first % 8), bit(part.end - part.first));
        out.bits(field, span, (at, bytes), bits, part.number);
    }

    /// Adds what keeps a tunnel from taking the datagram and is no single field's fault.
    fn tell_refusal(&self, out: &mut Dissection) {
        let of_field = |drop: &Drop| self.parts.parts.iter().any(|part| is_about(drop, part.what));
        for drop in
            self.parts.problems.iter().filter(|drop| !of_field(drop)).chain(&self.parts.refused)
        {
            self.tell_drop(out, drop);
            out.flag_last(Flags::MALFORMED);
        }
    }

    fn tell_drop(&self, out: &mut Dissection, drop: &Drop) {
        let Drop { reason, offset, expected, found, .. } = drop;
        let name = reason.name();
        let text = match (expected, found) {
            (Shown::Nothing, Shown::Nothing) => {
                out.write_text(format_args!("{name} at byte {offset}"))
            }
            (Shown::Nothing, _) => {
                out.write_text(format_args!("{name} at byte {offset}: found {found}"))
            }
            _ => out.write_text(format_args!(
                "{name} at byte {offset}: expected {expected}, found {found}"
            )),
        };
        let at = length(*offset).min(self.datagram.len());
        out.generated(self.known.own().drop, self.datagram, at, text);
    }

    fn tell_notes(&self, out: &mut Dissection, lacks: usize) {
        let note = self.known.own().note;
        if self.parts.next_differs {
            let text = "the header names another kind of packet than follows";
            let text = out.write_text(format_args!("{text}"));
            out.generated(note, self.datagram, 0, text);
        }
        if lacks > 0 {
            let text = if out.quotes() {
                out.write_text(format_args!("its last {lacks} bytes travel in other fragments"))
            } else {
                out.write_text(format_args!("the capture lacks its last {lacks} bytes"))
            };
            out.generated(note, self.datagram, 0, text);
        }
        if self.parts.enciphered.is_some() && !self.parts.opened {
            let text = if self.known.decoder.is_closed() {
                out.write_text(format_args!("enciphered, and there is no key for it"))
            } else {
                out.write_text(format_args!("enciphered, and not opened"))
            };
            out.generated(note, self.datagram, 0, text);
        }
    }

    /// Adds the checks of what was deciphered.
    fn tell_ladder(&self, out: &mut Dissection, ladder: &Ladder) {
        let own = self.known.own();
        let whole = Value::Number(u64::from(ladder.is_valid()));
        out.generated(own.check, self.datagram, 0, whole);
        out.enter();
        for (field, check) in own.rungs.into_iter().zip(ladder.checks) {
            let number = match check {
                Check::Failed(_) => 0,
                Check::Passed => 1,
                Check::Absent if ladder.unfinished && field == own.rungs[3] => 3,
                Check::Absent => 2,
            };
            out.generated(field, self.datagram, 0, Value::Number(number));
        }
        out.leave();
    }

    /// Says in the list what this is, unless a packet inside says more.
    fn tell_columns(&self, out: &mut Dissection) {
        let format = self.known.format();
        let named = self.parts.parts.iter().find_map(|part| {
            let field = part.what.described(format)?;
            let name = field.names.iter().find(|(number, _)| *number == part.number);
            name.map(|(_, name)| name.as_str())
        });
        let bytes = self.datagram.stated();
        match named {
            Some(name) => out.columns.set(&self.known.column, format_args!("{name}, Len={bytes}")),
            None => out.columns.set(&self.known.column, format_args!("Len={bytes}")),
        }
        if let Some(drop) = self.parts.drop() {
            out.columns.append(format_args!(" [{}]", drop.reason.name()));
        }
    }
}

/// Whether a drop is about a part.
fn is_about(drop: &Drop, what: What) -> bool {
    matches!((drop.field, what), (drop::Field::Format(place), What::Field(at)) if place == at)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
