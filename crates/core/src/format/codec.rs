//! A format compiled: a header template, the few places to patch, a mask to compare by.
//!
//! Sending copies the template, patches it and enciphers the packet behind it. Receiving compares
//! the header with the template under the mask, checks the lengths and deciphers. Neither looks at
//! the description again; only a header that differs does, to say in which field.

use super::{Accept, Cipher, Field, FieldKind, Format, Role, Table};
use crate::cipher::xor::Xor;
use crate::drop::{self, Drop, Layer, Reason, Value};
use crate::packet::Ip;
use std::fmt;

/// The longest header that a format may have, in bytes.
const MAX_HEADER_BYTES: usize = 255;

/// A format ready to run.
#[derive(Debug, Clone)]
pub struct Codec {
    /// The header as sent, patches left zero.
    template: Vec<u8>,
    /// The bits of the header that a receiver compares with the template.
    mask: Vec<u8>,
    lengths: Vec<LengthPatch>,
    nexts: Vec<NextPatch>,
    constants: Vec<Constant>,
    cipher: Option<Xor>,
    /// The most bytes that a packet may have so that every length field can count it.
    max_packet_bytes: usize,
}

/// A whole number of bytes of the header, in network order.
#[derive(Debug, Clone, Copy)]
struct Place {
    field: usize,
    offset: usize,
    width: usize,
}

#[derive(Debug, Clone, Copy)]
struct LengthPatch {
    place: Place,
    /// Header bytes that it counts beside the packet.
    header_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct NextPatch {
    place: Place,
    table: Table,
    value: Option<u64>,
}

/// What the slow path names when header and template differ.
#[derive(Debug, Clone, Copy)]
struct Constant {
    field: usize,
    first_bit: usize,
    bits: usize,
    /// What a difference means.
    reason: Reason,
}

/// A datagram opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Where the packet begins in the datagram; it ends where the datagram ends.
    pub packet_offset: usize,
    /// A field said that another kind of packet follows than does. Worth a note, never a drop.
    pub next_differs: bool,
}

/// A description that does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// The field at fault.
    pub field: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field \"{}\" {}", self.field, self.problem)
    }
}

impl std::error::Error for CompileError {}

impl Codec {
    /// Compiles a format for a key, which formats without a cipher ignore.
    ///
    /// # Errors
    /// [`CompileError`] names the field: the format cannot run as it is described, or its cipher
    /// needs a key and `key` is empty.
    pub fn compile(format: &Format, key: &[u8]) -> Result<Self, CompileError> {
        Compiler::default().compile(format, key)
    }

    /// Bytes that a datagram has more than its packet: the header.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.template.len()
    }

    /// The most bytes that a packet may have so that every length field can count it.
    #[must_use]
    pub fn max_packet_bytes(&self) -> usize {
        self.max_packet_bytes
    }

    /// Makes a datagram in place: `datagram` is as many bytes as [`overhead`](Self::overhead) says,
    /// to be written, then the packet. The caller has checked the packet's kind and length.
    pub fn seal(&self, datagram: &mut [u8], ethertype: u16) {
        let Some((header, packet)) = datagram.split_at_mut_checked(self.template.len()) else {
            return;
        };
        header.copy_from_slice(&self.template);
        for patch in &self.lengths {
            patch.place.write(header, (patch.header_bytes + packet.len()) as u64);
        }
        for patch in &self.nexts {
            patch.place.write(header, patch.number(ethertype));
        }
        if let Some(cipher) = &self.cipher {
            cipher.apply(packet);
        }
    }

    /// Opens a datagram in place: checks its header and lengths, deciphers the packet, and checks
    /// that it is one.
    ///
    /// # Errors
    /// The [`Drop`] that names what does not fit. The packet's bytes may have been deciphered.
    pub fn open(&self, datagram: &mut [u8]) -> Result<Opened, Drop> {
        let header_bytes = self.template.len();
        let datagram_bytes = datagram.len();
        let Some((header, packet)) = datagram.split_at_mut_checked(header_bytes) else {
            return Err(self.refuse_short(datagram));
        };
        let differs = header
            .iter()
            .zip(&self.template)
            .zip(&self.mask)
            .fold(0, |sum, ((found, sent), mask)| sum | ((found ^ sent) & mask));
        if differs != 0 {
            return Err(self.refuse_constant(header));
        }
        for patch in &self.lengths {
            let expected = (patch.header_bytes + packet.len()) as u64;
            let found = patch.place.read(header);
            if found != expected {
                let reason = if found > expected { Reason::Length } else { Reason::Trailing };
                return Err(patch.place.refuse(reason, expected, found));
            }
        }
        if packet.is_empty() {
            return Err(Drop {
                offset: header_bytes,
                ..Drop::whole(Reason::Empty, Layer::Packet, header_bytes + 1, datagram_bytes)
            });
        }
        if let Some(cipher) = &self.cipher {
            cipher.apply(packet);
        }
        let ip = Ip::parse(packet).map_err(|error| Drop::not_a_packet(error, header_bytes))?;
        let next_differs = self.nexts.iter().any(|patch| {
            let found = patch.place.read(header);
            found != patch.table.number(ip.ethertype()) && Some(found) != patch.value
        });
        Ok(Opened { packet_offset: header_bytes, next_differs })
    }

    /// The drop for a datagram that ends inside its header: `not_ours` if a constant text that is
    /// there in full is another one, else `too_short`.
    fn refuse_short(&self, datagram: &[u8]) -> Drop {
        let there = |constant: &&Constant| constant.first_bit + constant.bits <= datagram.len() * 8;
        let text = |constant: &&Constant| constant.reason == Reason::NotOurs;
        self.constants
            .iter()
            .filter(text)
            .filter(there)
            .find_map(|constant| self.compare(constant, datagram))
            .unwrap_or_else(|| Drop {
                offset: datagram.len(),
                ..Drop::whole(Reason::TooShort, Layer::Header, self.template.len(), datagram.len())
            })
    }

    /// The drop for a header that differs from the template: a wrong text first, since that says
    /// that the datagram is of another protocol, then the first wrong number.
    fn refuse_constant(&self, header: &[u8]) -> Drop {
        let texts_first = |reason| self.constants.iter().filter(move |c| c.reason == reason);
        texts_first(Reason::NotOurs)
            .chain(texts_first(Reason::Value))
            .find_map(|constant| self.compare(constant, header))
            .unwrap_or_else(|| {
                Drop::whole(Reason::Value, Layer::Header, self.template.len(), header.len())
            })
    }

    /// The drop if a constant in `header`, which is long enough to hold it, is not the template's.
    fn compare(&self, constant: &Constant, header: &[u8]) -> Option<Drop> {
        let offset = constant.first_bit / 8;
        let value = |bytes: &[u8]| match constant.reason {
            Reason::NotOurs => {
                Value::bytes(bytes.get(offset..offset + constant.bits / 8).unwrap_or_default())
            }
            _ => Value::Number(read_bits(bytes, constant.first_bit, constant.bits)),
        };
        let (expected, found) = (value(&self.template), value(header));
        (expected != found).then_some(Drop {
            reason: constant.reason,
            layer: Layer::Header,
            field: drop::Field::Format(constant.field),
            offset,
            expected,
            found,
        })
    }
}

impl Place {
    fn write(self, header: &mut [u8], number: u64) {
        let bytes = number.to_be_bytes();
        let place = header.get_mut(self.offset..self.offset + self.width);
        if let (Some(place), Some(low)) = (place, bytes.get(bytes.len() - self.width..)) {
            place.copy_from_slice(low);
        }
    }

    fn read(self, header: &[u8]) -> u64 {
        let bytes = header.get(self.offset..self.offset + self.width).unwrap_or_default();
        bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn refuse(self, reason: Reason, expected: u64, found: u64) -> Drop {
        Drop {
            reason,
            layer: Layer::Header,
            field: drop::Field::Format(self.field),
            offset: self.offset,
            expected: Value::Number(expected),
            found: Value::Number(found),
        }
    }
}

impl NextPatch {
    fn number(&self, ethertype: u16) -> u64 {
        self.value.unwrap_or_else(|| self.table.number(ethertype))
    }
}

impl Table {
    fn number(self, ethertype: u16) -> u64 {
        match self {
            Self::Ethertype => ethertype.into(),
        }
    }
}

/// The number in `bits` bits (at most 64) from `first_bit`, most significant first.
fn read_bits(bytes: &[u8], first_bit: usize, bits: usize) -> u64 {
    (first_bit..first_bit + bits).fold(0, |number, bit| {
        let byte = bytes.get(bit / 8).copied().unwrap_or_default();
        number << 1 | u64::from(byte >> (7 - bit % 8) & 1)
    })
}

/// Lays the fields of a format out, one after the other.
#[derive(Default)]
struct Compiler {
    template: Vec<u8>,
    mask: Vec<u8>,
    lengths: Vec<LengthPatch>,
    nexts: Vec<NextPatch>,
    constants: Vec<Constant>,
    /// Bits laid out so far.
    bits: usize,
}

impl Compiler {
    fn compile(mut self, format: &Format, key: &[u8]) -> Result<Codec, CompileError> {
        let (packet, header) = match format.fields.split_last() {
            Some((packet, header)) if packet.kind == FieldKind::Packet => (packet, header),
            Some((last, _)) => return Err(error(last, "ends the list, but is not the packet")),
            None => {
                return Err(CompileError {
                    field: String::new(),
                    problem: "is missing: there are no fields",
                });
            }
        };
        let mut offsets = Vec::new();
        for (number, field) in header.iter().enumerate() {
            offsets.push(self.bits);
            self.place(number, field)?;
        }
        if !self.bits.is_multiple_of(8) {
            return Err(error(packet, "begins in the middle of a byte"));
        }
        if self.template.len() > MAX_HEADER_BYTES {
            return Err(error(packet, "begins behind more than 255 bytes of header"));
        }
        let mut max_packet_bytes = usize::MAX;
        for length in &mut self.lengths {
            let Some(field) = header.get(length.place.field) else { continue };
            length.header_bytes = header_bytes_counted(format, field, &offsets, self.bits)?;
            let most = u64::MAX >> (64 - 8 * length.place.width);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            max_packet_bytes = max_packet_bytes.min(most.saturating_sub(length.header_bytes));
        }
        let cipher = match format.cipher {
            Cipher::None => None,
            Cipher::Xor => Some(
                Xor::new(key).map_err(|_| error(packet, "is enciphered, but the key is empty"))?,
            ),
        };
        Ok(Codec {
            template: self.template,
            mask: self.mask,
            lengths: self.lengths,
            nexts: self.nexts,
            constants: self.constants,
            cipher,
            max_packet_bytes,
        })
    }

    /// Lays one field of the header out.
    fn place(&mut self, number: usize, field: &Field) -> Result<(), CompileError> {
        match (&field.kind, &field.role) {
            (FieldKind::Uint { bits }, Role::Number { value, accept }) => {
                let bits = usize::from(*bits);
                if bits == 0 || bits > 64 || (bits < 64 && value >> bits != 0) {
                    return Err(error(field, "does not hold its value"));
                }
                if *accept == Accept::Exact {
                    self.constants.push(Constant {
                        field: number,
                        first_bit: self.bits,
                        bits,
                        reason: Reason::Value,
                    });
                }
                self.push_bits(*value, bits, *accept == Accept::Exact);
            }
            (FieldKind::Text { size }, Role::Text(text)) => {
                if !self.bits.is_multiple_of(8) {
                    return Err(error(field, "begins in the middle of a byte"));
                }
                if text.len() > *size {
                    return Err(error(field, "does not hold its value"));
                }
                self.constants.push(Constant {
                    field: number,
                    first_bit: self.bits,
                    bits: size * 8,
                    reason: Reason::NotOurs,
                });
                for byte in text.bytes().chain(std::iter::repeat(0)).take(*size) {
                    self.push_bits(byte.into(), 8, true);
                }
            }
            (FieldKind::Uint { bits }, Role::Length { .. }) => {
                let place = self.push_patch(number, field, *bits)?;
                self.lengths.push(LengthPatch { place, header_bytes: 0 });
            }
            (FieldKind::Uint { bits }, Role::Next { table, value }) => {
                let place = self.push_patch(number, field, *bits)?;
                self.nexts.push(NextPatch { place, table: *table, value: *value });
            }
            _ => return Err(error(field, "has a type that its role cannot fill")),
        }
        Ok(())
    }

    /// Lays out whole bytes that are filled for each datagram.
    fn push_patch(
        &mut self,
        number: usize,
        field: &Field,
        bits: u8,
    ) -> Result<Place, CompileError> {
        let bits = usize::from(bits);
        if !self.bits.is_multiple_of(8) || bits % 8 != 0 || bits == 0 || bits > 64 {
            return Err(error(field, "is filled for each datagram and must be whole bytes"));
        }
        let place = Place { field: number, offset: self.bits / 8, width: bits / 8 };
        self.push_bits(0, bits, false);
        Ok(place)
    }

    /// Appends the low `bits` bits of `value` to template and mask, most significant first.
    fn push_bits(&mut self, value: u64, bits: usize, compare: bool) {
        for bit in (0..bits).rev() {
            if self.bits.is_multiple_of(8) {
                self.template.push(0);
                self.mask.push(0);
            }
            let shift = 7 - self.bits % 8;
            if let (Some(byte), Some(mask)) = (self.template.last_mut(), self.mask.last_mut()) {
                *byte |= u8::from(value >> bit & 1 == 1) << shift;
                *mask |= u8::from(compare) << shift;
            }
            self.bits += 1;
        }
    }
}

/// Bytes of the header that the range of a length field counts before the packet. `offsets` are the
/// fields' first bits, `bits` those of the whole header.
fn header_bytes_counted(
    format: &Format,
    field: &Field,
    offsets: &[usize],
    bits: usize,
) -> Result<usize, CompileError> {
    let Role::Length { from, to } = &field.role else {
        return Err(error(field, "counts nothing"));
    };
    let place = |name: &str| format.fields.iter().position(|field| field.name == name);
    let (Some(from), Some(to)) = (place(from), place(to)) else {
        return Err(error(field, "counts a field that is not in the list"));
    };
    if to + 1 != format.fields.len() {
        return Err(error(field, "must count to the packet"));
    }
    let start = offsets.get(from).copied().unwrap_or(bits);
    if start % 8 != 0 {
        return Err(error(field, "counts from the middle of a byte"));
    }
    Ok((bits - start) / 8)
}

fn error(field: &Field, problem: &'static str) -> CompileError {
    CompileError { field: field.name.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::crapvpn;

    const KEY: [u8; 4] = [0x12, 0x34, 0xab, 0xcd];

    /// 20 bytes: an IPv4 header with nothing in it.
    fn packet() -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[3] = 20;
        packet
    }

    fn datagram() -> Vec<u8> {
        let mut datagram = vec![0; 8];
        datagram.extend(packet());
        Codec::compile(&crapvpn(), &KEY).unwrap().seal(&mut datagram, 0x0800);
        datagram
    }

    fn refused(change: impl FnOnce(&mut Vec<u8>)) -> (Reason, usize, String, String) {
        let mut datagram = datagram();
        change(&mut datagram);
        let drop = Codec::compile(&crapvpn(), &KEY).unwrap().open(&mut datagram).unwrap_err();
        (drop.reason, drop.offset, drop.expected.to_string(), drop.found.to_string())
    }

    #[test]
    fn the_header_of_the_original() {
        assert_eq!(datagram()[..8], [0x63, 0x72, 0x61, 0x70, 0, 20, 0, 0]);
        assert_eq!(datagram()[8..12], [0x45 ^ 0x12, 0x34, 0xab, 0x14 ^ 0xcd]);
    }

    #[test]
    fn the_ethertype_is_written_if_asked_for() {
        let codec = Codec::compile(&crapvpn().with_next_from_table(), &KEY).unwrap();
        let mut datagram = datagram();
        codec.seal(&mut datagram, 0x86dd);
        assert_eq!(datagram[6..8], [0x86, 0xdd]);
    }

    #[test]
    fn what_was_sealed_opens() {
        let codec = Codec::compile(&crapvpn(), &KEY).unwrap();
        let mut datagram = datagram();
        let opened = codec.open(&mut datagram).unwrap();
        assert_eq!(opened, Opened { packet_offset: 8, next_differs: false });
        assert_eq!(datagram[8..], packet());
    }

    #[test]
    fn any_ethertype_opens_and_only_a_false_one_is_noted() {
        let codec = Codec::compile(&crapvpn(), &KEY).unwrap();
        for (ethertype, differs) in
            [(0, false), (0x0800, false), (0x86dd, true), (0x6558, true), (0xffff, true)]
        {
            let mut datagram = datagram();
            datagram[6..8].copy_from_slice(&u16::to_be_bytes(ethertype));
            assert_eq!(codec.open(&mut datagram).unwrap().next_differs, differs, "{ethertype:04x}");
        }
    }

    #[test]
    fn what_does_not_open_says_where() {
        let text = |s: &str| s.to_string();
        assert_eq!(refused(Vec::clear), (Reason::TooShort, 0, text("8"), text("0")));
        assert_eq!(refused(|d| d.truncate(7)), (Reason::TooShort, 7, text("8"), text("7")));
        assert_eq!(
            refused(|d| d[3] = 0),
            (Reason::NotOurs, 0, text("63 72 61 70"), text("63 72 61 00"))
        );
        assert_eq!(refused(|d| *d = b"HTTP/".to_vec()).0, Reason::NotOurs);
        assert_eq!(refused(|d| d[5] = 21), (Reason::Length, 4, text("20"), text("21")));
        assert_eq!(refused(|d| d[5] = 19), (Reason::Trailing, 4, text("20"), text("19")));
        assert_eq!(refused(|d| d.push(0)), (Reason::Trailing, 4, text("21"), text("20")));
        assert_eq!(
            refused(|d| {
                d.truncate(8);
                d[5] = 0;
            }),
            (Reason::Empty, 8, text("9"), text("8"))
        );
        assert_eq!(refused(|d| d[8] ^= 0xf0), (Reason::NotAPacket, 8, text("4"), text("11")));
        assert_eq!(refused(|d| d[11] ^= 1), (Reason::NotAPacket, 10, text("20"), text("21")));
    }

    /// A header of bit fields and a length that counts part of the header, as GTP-U has.
    fn bit_fields() -> Format {
        let field =
            |name: &str, kind, role| Field { name: name.into(), title: name.into(), kind, role };
        let number = |value, accept| Role::Number { value, accept };
        Format {
            cipher: Cipher::None,
            fields: vec![
                field("version", FieldKind::Uint { bits: 3 }, number(1, Accept::Exact)),
                field("reserved", FieldKind::Uint { bits: 5 }, number(0, Accept::Any)),
                field(
                    "length",
                    FieldKind::Uint { bits: 24 },
                    Role::Length { from: "id".into(), to: "packet".into() },
                ),
                field("id", FieldKind::Uint { bits: 16 }, number(7, Accept::Exact)),
                field("packet", FieldKind::Packet, Role::Packet),
            ],
            ..crapvpn()
        }
    }

    #[test]
    fn bit_fields_and_lengths_that_count_the_header() {
        let codec = Codec::compile(&bit_fields(), &[]).unwrap();
        let mut datagram = vec![0; 6];
        datagram.extend(packet());
        codec.seal(&mut datagram, 0x0800);
        assert_eq!(datagram[..6], [0x20, 0, 0, 22, 0, 7]);

        datagram[0] = 0x3f;
        assert!(codec.open(&mut datagram.clone()).is_ok(), "reserved bits are ignored");
        datagram[0] = 0x40;
        let drop = codec.open(&mut datagram.clone()).unwrap_err();
        assert_eq!((drop.reason, drop.field), (Reason::Value, drop::Field::Format(0)));
        assert_eq!((drop.expected, drop.found), (Value::Number(1), Value::Number(2)));
    }

    #[test]
    fn what_cannot_run_is_refused_by_field() {
        let problem = |change: fn(&mut Format)| {
            let mut format = bit_fields();
            change(&mut format);
            Codec::compile(&format, &[]).unwrap_err().to_string()
        };
        assert_eq!(problem(|f| f.fields.clear()), "field \"\" is missing: there are no fields");
        assert_eq!(
            problem(|f| drop(f.fields.pop())),
            "field \"id\" ends the list, but is not the packet"
        );
        assert_eq!(
            problem(|f| drop(f.fields.remove(0))),
            "field \"length\" is filled for each datagram and must be whole bytes"
        );
        assert_eq!(
            problem(|f| f.fields[1].kind = FieldKind::Text { size: 4 }),
            "field \"reserved\" has a type that its role cannot fill"
        );
        assert_eq!(
            problem(|f| f.fields[2].role = Role::Length { from: "no".into(), to: "no".into() }),
            "field \"length\" counts a field that is not in the list"
        );
        assert_eq!(
            problem(|f| f.cipher = Cipher::Xor),
            "field \"packet\" is enciphered, but the key is empty"
        );
    }
}
