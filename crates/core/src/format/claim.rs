//! Several formats on a port: which of them a datagram is of.
//!
//! A format claims a datagram if all its unconditional constants match; of those that do, the one
//! with the most constant bits wins. A wrong constant text, or wrong constant bytes, means that the
//! datagram is not of this format; a wrong integer, that something is wrong with it.

use super::bits::Bits;
use super::{Accept, Endian, Field, Format, Kind, Literal, Role};

/// The constants of a format that stand at fixed places.
#[derive(Debug, Clone)]
pub struct Claim {
    constants: Vec<Constant>,
    bits: usize,
}

#[derive(Debug, Clone)]
struct Constant {
    bits: Bits,
    expected: Expected,
}

#[derive(Debug, Clone)]
enum Expected {
    Bytes(Vec<u8>),
    /// One of these numbers.
    Numbers(Vec<u64>),
}

/// What a format says of a datagram; the later the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It is not of this format.
    Foreign,
    /// A number is not what it should be, or the datagram ends before it.
    Doubtful,
    /// All constants are there: so many bits of them.
    Claimed(usize),
}

impl Claim {
    /// Collects the constants before the first field that is enciphered, conditional or of unknown
    /// size.
    #[must_use]
    pub fn new(format: &Format) -> Self {
        let mut claim = Self { constants: Vec::new(), bits: 0 };
        let mut first = 0;
        for (place, field) in format.fields.iter().enumerate() {
            let Some(count) = format.fixed_bits(field) else { break };
            if !field.when.is_always() || format.enciphers(place) {
                break;
            }
            let endian = match field.kind {
                Kind::Uint { endian, .. } => endian,
                _ => Endian::Big,
            };
            if let Some(expected) = expected(format, field, count) {
                // A choice of two numbers says less than one, by about a bit.
                claim.bits += match &expected {
                    Expected::Numbers(numbers) => (count + 1).saturating_sub(numbers.len()),
                    Expected::Bytes(_) => count,
                };
                claim.constants.push(Constant { bits: Bits { first, count, endian }, expected });
            }
            first += count;
        }
        claim
    }

    /// How many bits of constants there are.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Holds a datagram against the constants.
    #[must_use]
    pub fn of(&self, datagram: &[u8]) -> Match {
        let mut found = Match::Claimed(self.bits);
        for Constant { bits, expected } in &self.constants {
            let end = (bits.first + bits.count).div_ceil(8);
            let bytes = datagram.get(bits.first / 8..end);
            match (expected, bytes) {
                (Expected::Bytes(expected), Some(bytes)) if expected == bytes => {}
                (Expected::Bytes(_), _) => return Match::Foreign,
                (Expected::Numbers(numbers), Some(_)) if numbers.contains(&bits.read(datagram)) => {
                }
                (Expected::Numbers(_), _) => found = Match::Doubtful,
            }
        }
        found
    }
}

/// What a field holds in every datagram of a format.
fn expected(format: &Format, field: &Field, bits: usize) -> Option<Expected> {
    match &field.role {
        Role::Constant { value, expect } if field.accept == Accept::Exact => {
            let values = [Some(value), expect.as_ref()];
            let numbers: Vec<u64> = values
                .into_iter()
                .flatten()
                .filter_map(|value| match value {
                    Literal::Number(number) => Some(*number),
                    Literal::Bytes(_) => None,
                })
                .collect();
            match value {
                Literal::Number(_) => Some(Expected::Numbers(numbers)),
                Literal::Bytes(bytes) if expect.is_none() => {
                    let mut bytes = bytes.clone();
                    bytes.resize(bits / 8, 0);
                    Some(Expected::Bytes(bytes))
                }
                Literal::Bytes(_) => None,
            }
        }
        // It names one of the few kinds that the format carries, or the datagram is refused.
        Role::Next { table, value, otherwise: super::Otherwise::Drop } => {
            let mut numbers: Vec<u64> = format
                .packet
                .iter()
                .flat_map(|kind| match kind {
                    super::PacketKind::Ip => [table.ipv4, table.ipv6],
                    super::PacketKind::Ethernet => [table.ethernet, None],
                })
                .flatten()
                .chain(*value)
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            Some(Expected::Numbers(numbers))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(format: &str, datagram: &[u8]) -> Match {
        Claim::new(&Format::built_in(format).unwrap()).of(datagram)
    }

    #[test]
    fn the_bytes_of_another_protocol_are_foreign() {
        assert_eq!(of("crapvpn", b"crap\0\0\0\0"), Match::Claimed(32));
        assert_eq!(of("crapvpn", b"CRAP\0\0\0\0"), Match::Foreign);
        assert_eq!(of("crapvpn", b"cra"), Match::Foreign);
    }

    #[test]
    fn a_wrong_number_is_doubtful() {
        assert_eq!(of("vxlan", &[8, 0, 0, 0, 0, 0, 7, 0]), Match::Claimed(1));
        assert_eq!(of("vxlan", &[0, 0, 0, 0, 0, 0, 7, 0]), Match::Doubtful);
        assert_eq!(of("vxlan", &[]), Match::Doubtful);
        assert_eq!(of("bare-ip", &[]), Match::Claimed(0));
    }

    #[test]
    fn of_two_formats_on_a_port_the_one_that_says_more_wins() {
        let datagram = |ethertype: [u8; 2]| [b"crap\0\0".as_slice(), &ethertype].concat();
        let ethernet = datagram([0x65, 0x58]);
        assert!(of("crapvpn-ethernet", &ethernet) > of("crapvpn", &ethernet));
        for ethertype in [[0, 0], [8, 0], [0x86, 0xdd]] {
            let ip = datagram(ethertype);
            assert!(of("crapvpn-ethernet", &ip) < of("crapvpn", &ip));
        }
    }
}
