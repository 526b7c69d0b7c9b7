//! The layout of a format whose datagrams all have the same: fields of known size, one packet that
//! takes the rest, fields of known size. Such a datagram is taken apart without a walk; one that
//! does not fit in every way is left to the walk, which finds out what is wrong.

use super::bits::Bits;
use super::decoder::{Parts, What};
use super::opener::Opener;
use super::shape::{self, Side};
use super::{Accept, Endian, Field, Format, Kind, Literal, Role};

/// Every field of the layout, in wire order.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    steps: Vec<Step>,
    /// Bytes before the packet.
    head_bytes: usize,
    /// Bytes behind it.
    tail_bytes: usize,
    /// The enciphered bytes: so many before the packet, so many behind it.
    region: Option<(usize, usize)>,
    /// The step before which they begin.
    region_step: usize,
}

#[derive(Debug, Clone)]
struct Step {
    place: usize,
    /// It stands behind the packet, and its bits count from there.
    behind: bool,
    bits: Bits,
    holds: Holds,
    enciphered: bool,
}

#[derive(Debug, Clone)]
enum Holds {
    /// Itself: the packet.
    Packet,
    /// Bytes that may be any.
    AnyBytes,
    /// A number that may be any.
    AnyNumber,
    /// Always this number.
    Number(u64),
    /// Always these bytes.
    Bytes(Vec<u8>),
    /// The bytes of fields and, if so, of the packet, divided by a unit.
    Length { fixed: usize, packet: bool, unit: usize },
}

impl Plan {
    /// Makes the plan; nothing if datagrams of the format differ, or need more than this.
    pub(super) fn new(format: &Format, opener: &Opener) -> Option<Self> {
        let aead = format.cipher.as_ref().is_some_and(|cipher| cipher.algorithm.is_aead());
        let conditional = format.fields.iter().any(|field| !field.when.is_always());
        let packet = format.packet_place()?;
        if aead || conditional {
            return None;
        }
        let mut plan = Self {
            steps: Vec::new(),
            head_bytes: 0,
            tail_bytes: 0,
            region: None,
            region_step: format.cipher.as_ref().map_or(usize::MAX, |cipher| cipher.covers.first),
        };
        let (mut head, mut tail) = (0, 0);
        for (place, field) in format.fields.iter().enumerate() {
            let behind = place > packet;
            let at = if behind { &mut tail } else { &mut head };
            let (count, holds) = match &field.kind {
                Kind::Packet => (0, Holds::Packet),
                Kind::Padding { .. } | Kind::List { .. } => return None,
                _ => (format.fixed_bits(field)?, holds(format, field)?),
            };
            let endian = match field.kind {
                Kind::Uint { endian, .. } => endian,
                _ => Endian::Big,
            };
            let bits = Bits { first: *at, count, endian };
            *at += count;
            let enciphered = format.enciphers(place);
            plan.steps.push(Step { place, behind, bits, holds, enciphered });
        }
        plan.head_bytes = head / 8;
        plan.tail_bytes = tail / 8;
        plan.region = match opener {
            Opener::Plain => None,
            _ => Some(plan.enciphered()),
        };
        Some(plan)
    }

    /// Enciphered bytes before and behind the packet.
    fn enciphered(&self) -> (usize, usize) {
        let bits = |behind| {
            let steps = self.steps.iter().filter(|step| step.enciphered && step.behind == behind);
            steps.map(|step| step.bits.count).sum::<usize>() / 8
        };
        (bits(false), bits(true))
    }

    /// Takes a datagram apart if all of it fits. Otherwise the datagram is as it was.
    pub(super) fn decode(&self, opener: &Opener, datagram: &mut [u8], parts: &mut Parts) -> bool {
        let fixed_bytes = self.head_bytes + self.tail_bytes;
        let packet_bytes = datagram.len().checked_sub(fixed_bytes).filter(|bytes| *bytes > 0);
        let Some(packet_bytes) = packet_bytes else { return false };
        let packet_end = self.head_bytes + packet_bytes;
        let fits = |step: &Step, datagram: &[u8]| step.fits(datagram, packet_bytes, packet_end);
        if !self.steps.iter().filter(|step| !step.enciphered).all(|step| fits(step, datagram)) {
            return false;
        }
        if let Some((before, behind)) = self.region {
            let region = self.head_bytes - before..packet_end + behind;
            if let Opener::Xor(xor) = opener {
                xor.apply(datagram.get_mut(region.clone()).unwrap_or_default());
                if !self
                    .steps
                    .iter()
                    .filter(|step| step.enciphered)
                    .all(|step| fits(step, datagram))
                {
                    xor.apply(datagram.get_mut(region).unwrap_or_default());
                    return false;
                }
                parts.opened = true;
            }
            parts.enciphered = Some(region);
        }
        for step in &self.steps {
            if step.place == self.region_step
                && let Some(region) = parts.enciphered.clone()
            {
                parts.push(What::Ciphertext, region.start * 8..region.end * 8, 0);
            }
            if step.enciphered && !parts.opened {
                continue;
            }
            let bits = if let Holds::Packet = step.holds {
                self.head_bytes * 8..packet_end * 8
            } else {
                let bits = step.at(packet_end);
                bits.first..bits.first + bits.count
            };
            let number = step.number(datagram, packet_end);
            parts.push(What::Field(step.place), bits, number);
            if matches!(step.holds, Holds::Packet) {
                parts.packet = Some(self.head_bytes..packet_end);
            }
        }
        true
    }
}

impl Step {
    /// Its bits in a datagram whose packet ends at a byte.
    fn at(&self, packet_end: usize) -> Bits {
        let before = if self.behind { packet_end * 8 } else { 0 };
        Bits { first: before + self.bits.first, ..self.bits }
    }

    fn number(&self, datagram: &[u8], packet_end: usize) -> u64 {
        match self.holds {
            Holds::AnyNumber | Holds::Number(_) | Holds::Length { .. } => {
                self.at(packet_end).read(datagram)
            }
            Holds::Packet | Holds::AnyBytes | Holds::Bytes(_) => 0,
        }
    }

    fn fits(&self, datagram: &[u8], packet_bytes: usize, packet_end: usize) -> bool {
        match &self.holds {
            Holds::Packet | Holds::AnyBytes | Holds::AnyNumber => true,
            Holds::Number(number) => self.at(packet_end).read(datagram) == *number,
            Holds::Bytes(bytes) => {
                let start = self.at(packet_end).first / 8;
                datagram.get(start..start + bytes.len()) == Some(bytes)
            }
            Holds::Length { fixed, packet, unit } => {
                let bytes = fixed + if *packet { packet_bytes } else { 0 };
                bytes.is_multiple_of(*unit)
                    && self.at(packet_end).read(datagram) == (bytes / unit) as u64
            }
        }
    }
}

/// What a field of known size holds; nothing if it takes a walk to tell.
fn holds(format: &Format, field: &Field) -> Option<Holds> {
    let any = match field.kind {
        Kind::Uint { .. } => Holds::AnyNumber,
        _ => Holds::AnyBytes,
    };
    Some(match &field.role {
        Role::Constant { .. } | Role::Given { .. } if field.accept == Accept::Exact => {
            match shape::literal(field, Side::Receive) {
                None => any,
                Some(Literal::Number(number)) => Holds::Number(*number),
                Some(Literal::Bytes(bytes)) => {
                    let mut bytes = bytes.clone();
                    bytes.resize(format.fixed_bits(field)? / 8, 0);
                    Holds::Bytes(bytes)
                }
            }
        }
        Role::Length { counts, unit } => {
            let packet = format.packet_place()?;
            let counted = (counts.first..=counts.last).filter(|place| *place != packet);
            let fields = counted.filter_map(|place| format.fields.get(place));
            let bits = fields.filter_map(|field| format.fixed_bits(field)).sum::<usize>();
            Holds::Length { fixed: bits / 8, packet: counts.contains(packet), unit: (*unit).into() }
        }
        Role::Checksum { .. } if field.accept == Accept::Exact => return None,
        _ => any,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::BUILT_IN;

    #[test]
    fn formats_of_one_layout_have_a_plan() {
        let planned = |name: &&str| {
            let format = Format::built_in(name).unwrap();
            Plan::new(&format, &Opener::new(&format, &[1])).is_some()
        };
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).filter(planned).collect();
        let expected = [
            "crapvpn",
            "crapvpn-ethernet",
            "crapvpn-tcp",
            "bare-ip",
            "qemu-socket-tcp",
            "vde-stream",
            "vxlan",
            "vxlan-gpe",
        ];
        assert_eq!(names, expected);
    }
}
