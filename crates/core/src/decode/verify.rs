//! Each datagram held against its description: decoded, encoded again, compared.

use crate::dissect::Dissection;
use crate::dissect::tunnel::{Check, Found, Ladder, Tunnels};
use crate::drop::{self, Drop, Value};
use crate::format::{Format, PacketKind};
use std::io::Write;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Datagrams.
    pub datagrams: u64,
    /// Those that are as described.
    pub same: u64,
    /// Those that differ in a field, or carry no whole packet.
    pub differ: u64,
    /// Those that could not be taken apart to their end.
    pub dropped: u64,
    /// Those whose end the capture lacks.
    pub cut: u64,
    /// Those of which something stayed closed: there is no key for it.
    pub closed: u64,
    /// Packets whose payload's checksum is left to a network card, and so was not compared.
    pub unfinished: u64,
}

/// How the differences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    Text,
    Json,
}

/// A difference in a datagram.
struct Difference<'a> {
    frame: u64,
    /// Why there is nothing to compare; nothing if it is a difference in a field.
    what: Option<&'a str>,
    field: String,
    offset: usize,
    described: Value,
    captured: Value,
}

impl Verified {
    /// Holds the datagrams of a frame against their descriptions.
    pub(super) fn frame(
        &mut self,
        frame: u64,
        dissection: &Dissection,
        tunnels: &Tunnels,
        report: Report,
        out: &mut Vec<u8>,
    ) {
        for found in tunnels.found() {
            self.datagrams += 1;
            let known = tunnels.known().get(found.known);
            let bytes = dissection.source(found.source).get(found.place.clone());
            let (Some(known), Some(bytes)) = (known, bytes) else { continue };
            let format = known.format();
            let mut tell = |difference: &Difference<'_>| difference.write(report, out);
            let whole = |what, offset| Difference {
                frame,
                what: Some(what),
                field: format.filter.clone(),
                offset,
                described: Value::Nothing,
                captured: Value::Nothing,
            };
            if found.is_cut {
                self.cut += 1;
                tell(&whole("cut", bytes.len()));
                continue;
            }
            let again = match known.decoder().again(bytes) {
                Ok(again) => again,
                Err(drop) => {
                    self.dropped += 1;
                    tell(&refused(frame, format, &drop));
                    continue;
                }
            };
            if again.closed {
                self.closed += 1;
                tell(&whole("closed", 0));
                continue;
            }
            let mut differs = false;
            for field in &again.differences {
                differs = true;
                let described = format.fields.get(field.place);
                let name = described.map_or("", |field| field.name.as_str());
                tell(&Difference {
                    frame,
                    what: None,
                    field: format!("{}.{name}", format.filter),
                    offset: field.offset,
                    described: field.described,
                    captured: field.captured,
                });
            }
            if let Some(packet) = &again.packet {
                differs |= self.packet(frame, found, format, packet, &mut tell);
            } else if let (false, Some(drop)) = (differs, found.drop) {
                // A message without a packet is what it is described to be.
                if drop.reason != drop::Reason::NoPacket {
                    differs = true;
                    tell(&refused(frame, format, &drop));
                }
            }
            if differs {
                self.differ += 1;
            } else {
                self.same += 1;
            }
        }
    }

    /// Checks that what was deciphered is a whole packet; returns whether it is not.
    fn packet(
        &mut self,
        frame: u64,
        found: &Found,
        format: &Format,
        packet: &[u8],
        tell: &mut impl FnMut(&Difference<'_>),
    ) -> bool {
        let ladder = match found.kind.or(format.packet.first().copied()) {
            Some(PacketKind::Ip) => Ladder::ip(packet),
            Some(PacketKind::Ethernet) => Ladder::ethernet(packet),
            None => return false,
        };
        self.unfinished += u64::from(ladder.unfinished);
        // Where the packet begins in the datagram, so that offsets are those of the datagram.
        let start = found.packet.as_ref().map_or(0, |(source, place)| {
            let is_plaintext = *source != found.source;
            if is_plaintext {
                found.region_start + place.start
            } else {
                place.start - found.place.start
            }
        });
        for check in ladder.checks {
            let Check::Failed(malformed) = check else { continue };
            tell(&Difference {
                frame,
                what: None,
                field: malformed.field.into(),
                offset: start + malformed.offset,
                described: Value::Number(malformed.expected),
                captured: Value::Number(malformed.found),
            });
        }
        ladder.failure().is_some()
    }

    /// Whether there was a datagram, and all were as described.
    #[must_use]
    pub fn matches(&self) -> bool {
        self.datagrams > 0 && self.same == self.datagrams
    }
}

/// The drop of a datagram that cannot be compared.
fn refused<'a>(frame: u64, format: &Format, drop: &Drop) -> Difference<'a> {
    let field = match drop.field {
        drop::Field::Format(place) => {
            let name = format.fields.get(place).map_or("", |field| field.name.as_str());
            format!("{}.{name}", format.filter)
        }
        drop::Field::Packet(name) => name.into(),
        drop::Field::Whole => format.filter.clone(),
    };
    Difference {
        frame,
        what: Some(drop.reason.name()),
        field,
        offset: drop.offset,
        described: drop.expected,
        captured: drop.found,
    }
}

impl Difference<'_> {
    fn write(&self, report: Report, out: &mut Vec<u8>) {
        let Self { frame, what, field, offset, described, captured } = self;
        // Writing to memory cannot fail.
        let _ = match report {
            Report::Text => self.write_text(out),
            Report::Json => {
                let what = what.unwrap_or("differs");
                writeln!(
                    out,
                    "{{\"frame\":{frame},\"what\":\"{what}\",\"field\":\"{field}\",\
                     \"offset\":{offset},\"described\":{},\"captured\":{}}}",
                    Quoted(*described),
                    Quoted(*captured)
                )
            }
        };
    }

    fn write_text(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let Self { frame, what, field, offset, described, captured } = self;
        match what {
            Some("cut") => {
                writeln!(out, "frame {frame}: {field} is cut: the capture has {offset} bytes of it")
            }
            Some("closed") => {
                writeln!(out, "frame {frame}: {field} is enciphered and stayed closed")
            }
            Some(what) => writeln!(
                out,
                "frame {frame}: {what}: {field} at byte {offset}: described {}, captured {}",
                Shown(*described),
                Shown(*captured)
            ),
            None => writeln!(
                out,
                "frame {frame}: {field} at byte {offset}: described {}, captured {}",
                Shown(*described),
                Shown(*captured)
            ),
        }
    }
}

/// A value as text; what no value says as a word.
struct Shown(Value);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Value::Nothing => f.write_str("nothing"),
            value => value.fmt(f),
        }
    }
}

/// A value as JSON: a number, or bytes in hex, or null. Numbers that JavaScript cannot hold are
/// strings.
struct Quoted(Value);

impl std::fmt::Display for Quoted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MAX_SAFE: u64 = 1 << 53;
        match self.0 {
            Value::Nothing => f.write_str("null"),
            Value::Number(number) if number <= MAX_SAFE => write!(f, "{number}"),
            Value::Number(number) => write!(f, "\"{number}\""),
            Value::Bytes { bytes, length } => {
                f.write_str("\"")?;
                for byte in bytes.iter().take(length.into()) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("\"")
            }
        }
    }
}
