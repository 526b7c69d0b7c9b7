//! Whether bytes are a whole packet: a ladder of four checks, each harder to pass by chance.
//!
//! XOR makes a packet out of any bytes with any key, so nothing in the cipher tells a wrong key.
//! The packet does: its version is one of 16, its length one of 65,536, and its checksums fit by
//! chance as seldom. What is not there to be checked (IPv6 has no header checksum, a fragment no
//! whole payload) neither passes nor fails.

use crate::offload::checksum::Sum;
use crate::packet::{Ethernet, Ipv4, Ipv6, Malformed, ethernet, ipv4, ipv6};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It fits.
    Passed,
    /// It does not, and this is where.
    Failed(Malformed),
    /// There is nothing to check.
    Absent,
}

/// The checks of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    /// By [`RUNGS`]: version, length, header checksum, payload checksum.
    pub checks: [Check; 4],
    /// The payload's checksum is only begun, as a kernel leaves it to a network card: it is the sum
    /// of the pseudo-header. Neither right nor wrong.
    pub unfinished: bool,
}

/// What the checks are called, in the order of the ladder.
pub const RUNGS: [&str; 4] = ["version", "length", "header checksum", "payload checksum"];

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// Extension headers of IPv6 that are looked through (RFC 8200, section 4): hop-by-hop options,
/// routing, destination options. The second byte of each tells its length.
const LOOKED_THROUGH: [u8; 3] = [0, 43, 60];
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
/// More extension headers than any packet has.
const MAX_EXTENSION_HEADERS: usize = 8;

/// Bytes of ARP for Ethernet and IPv4 (RFC 826), and the numbers in its first six.
const ARP_BYTES: usize = 28;
const ARP_ETHERTYPE: u16 = 0x0806;
const ARP_NUMBERS: [u8; 6] = [0, 1, 8, 0, 6, 4];

impl Ladder {
    const UNKNOWN: Self = Self { checks: [Check::Absent; 4], unfinished: false };

    /// Checks an IP packet that should fill `bytes` to the last one.
    #[must_use]
    pub fn ip(bytes: &[u8]) -> Self {
        match bytes.first().map(|byte| byte >> 4) {
            Some(ipv4::VERSION) => Self::ipv4(bytes),
            Some(ipv6::VERSION) => Self::ipv6(bytes),
            version => Self::refused(
                0,
                Malformed {
                    field: "ip.version",
                    offset: 0,
                    expected: ipv4::VERSION.into(),
                    found: version.unwrap_or_default().into(),
                },
            ),
        }
    }

    /// Checks an Ethernet frame: the IP packet or the ARP message in it. Nothing can be checked in
    /// frames with anything else.
    #[must_use]
    pub fn ethernet(bytes: &[u8]) -> Self {
        let Ok(frame) = Ethernet::parse(bytes) else {
            let (expected, found) = (ethernet::HEADER_BYTES as u64, bytes.len() as u64);
            return Self::refused(1, Malformed { field: "eth", offset: 0, expected, found });
        };
        let (ethertype, payload) = frame.payload();
        let before = bytes.len() - payload.len();
        let version = payload.first().map(|byte| byte >> 4);
        let ladder = match (ethertype, version) {
            (ipv4::ETHERTYPE, Some(ipv4::VERSION)) => Self::ipv4(unpadded(payload, before)),
            (ipv6::ETHERTYPE, Some(ipv6::VERSION)) => Self::ipv6(unpadded(payload, before)),
            (ipv4::ETHERTYPE | ipv6::ETHERTYPE, version) => {
                let v4 = ethertype == ipv4::ETHERTYPE;
                let (field, expected) = if v4 {
                    ("ip.version", ipv4::VERSION)
                } else {
                    ("ipv6.version", ipv6::VERSION)
                };
                let found = version.unwrap_or_default().into();
                Self::refused(0, Malformed { field, offset: 0, expected: expected.into(), found })
            }
            (ARP_ETHERTYPE, _) => Self::arp(payload),
            _ => Self::UNKNOWN,
        };
        Self { checks: ladder.checks.map(|check| check.behind(before)), ..ladder }
    }

    /// Whether all that is there to be checked passed, and something is.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.failure().is_none() && self.checks.contains(&Check::Passed)
    }

    /// The first check that failed.
    #[must_use]
    pub fn failure(&self) -> Option<Malformed> {
        self.checks.iter().find_map(|check| match check {
            Check::Failed(malformed) => Some(*malformed),
            _ => None,
        })
    }

    /// The rung at which it ended, those below it passed.
    fn refused(rung: usize, malformed: Malformed) -> Self {
        let mut ladder = Self::UNKNOWN;
        for (i, check) in ladder.checks.iter_mut().enumerate().take(rung + 1) {
            *check = if i == rung { Check::Failed(malformed) } else { Check::Absent };
        }
        ladder
    }

    fn ipv4(bytes: &[u8]) -> Self {
        let length = match Ipv4::parse(bytes) {
            Ok(_) => Check::Passed,
            Err(malformed) => Check::Failed(malformed),
        };
        let header_bytes = usize::from(bytes.first().copied().unwrap_or_default() & 0x0f) * 4;
        let header = bytes.get(..header_bytes.max(ipv4::MIN_HEADER_BYTES));
        let header_sum = header
            .map_or(Check::Absent, |header| summed("ip.checksum", 10, header, Sum::of(header)));
        let fragmented = bytes.get(6..8).is_some_and(|word| word != [0, 0] && word != [0x40, 0]);
        let [_, _, _, _, _, _, _, _, _, protocol, ..] = bytes else {
            return Self {
                checks: [Check::Passed, length, header_sum, Check::Absent],
                ..Self::UNKNOWN
            };
        };
        let payload = bytes.get(header_bytes..).unwrap_or_default();
        let addresses = Sum::of(bytes.get(12..20).unwrap_or_default());
        let (payload_sum, unfinished) = if length == Check::Passed && !fragmented {
            upper(*protocol, payload, addresses, header_bytes)
        } else {
            (Check::Absent, false)
        };
        Self { checks: [Check::Passed, length, header_sum, payload_sum], unfinished }
    }

    fn ipv6(bytes: &[u8]) -> Self {
        let length = match Ipv6::parse(bytes) {
            Ok(_) => Check::Passed,
            Err(malformed) => Check::Failed(malformed),
        };
        let (payload_sum, unfinished) = if length == Check::Passed {
            let addresses = Sum::of(bytes.get(8..40).unwrap_or_default());
            upper_of_ipv6(bytes).map_or((Check::Absent, false), |(protocol, offset)| {
                upper(protocol, bytes.get(offset..).unwrap_or_default(), addresses, offset)
            })
        } else {
            (Check::Absent, false)
        };
        Self { checks: [Check::Passed, length, Check::Absent, payload_sum], unfinished }
    }

    /// An ARP message has no checksum, but six bytes that are always the same.
    fn arp(bytes: &[u8]) -> Self {
        let mut ladder = Self::UNKNOWN;
        let [version, length, ..] = &mut ladder.checks;
        let found = bytes.get(..6).unwrap_or(bytes);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        *version = if found == ARP_NUMBERS {
            Check::Passed
        } else {
            let (expected, found) = (number(&ARP_NUMBERS), number(found));
            Check::Failed(Malformed { field: "arp.hw.type", offset: 0, expected, found })
        };
        *length = if bytes.len() >= ARP_BYTES {
            Check::Passed
        } else {
            let (expected, found) = (ARP_BYTES as u64, bytes.len() as u64);
            Check::Failed(Malformed { field: "arp", offset: 0, expected, found })
        };
        ladder
    }
}

impl Check {
    /// The check of something that begins so many bytes behind what the offset should count from.
    fn behind(self, bytes: usize) -> Self {
        match self {
            Self::Failed(malformed) => {
                Self::Failed(Malformed { offset: malformed.offset + bytes, ..malformed })
            }
            check => check,
        }
    }
}

/// What an Ethernet frame carries but the zeros that fill it up to 60 bytes, the least that travels
/// on a wire.
fn unpadded(payload: &[u8], before: usize) -> &[u8] {
    const LEAST_FRAME_BYTES: usize = 60;
    let stated = match payload.first().map(|byte| byte >> 4) {
        Some(ipv4::VERSION) => Ipv4::stated_bytes(payload),
        _ => Ipv6::stated_bytes(payload),
    };
    let filled_up = before + payload.len() <= LEAST_FRAME_BYTES;
    stated.filter(|_| filled_up).and_then(|bytes| payload.get(..bytes)).unwrap_or(payload)
}

/// Where the protocol above IPv6 begins, and its number; nothing in a fragment, or where a routing
/// header says that the last address is another.
fn upper_of_ipv6(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut next = *bytes.get(6)?;
    let mut offset = ipv6::HEADER_BYTES;
    for _ in 0..MAX_EXTENSION_HEADERS {
        if next == FRAGMENT {
            return None;
        }
        if !LOOKED_THROUGH.contains(&next) {
            return Some((next, offset));
        }
        let [following, length, _, segments_left, ..] = bytes.get(offset..)? else { return None };
        if next == ROUTING && *segments_left != 0 {
            return None;
        }
        next = *following;
        offset += 8 + usize::from(*length) * 8;
    }
    None
}

/// Checks the checksum of what follows the IP header, which begins at `offset`; and tells whether
/// it is only begun.
fn upper(protocol: u8, bytes: &[u8], addresses: Sum, offset: usize) -> (Check, bool) {
    let (field, at) = match protocol {
        ICMP => ("icmp.checksum", 2),
        TCP => ("tcp.checksum", 16),
        UDP => ("udp.checksum", 6),
        ICMPV6 => ("icmpv6.checksum", 2),
        _ => return (Check::Absent, false),
    };
    let Some([high, low]) = bytes.get(at..at + 2) else { return (Check::Absent, false) };
    let found = [*high, *low];
    // The sender of UDP over IPv4 may leave it out (RFC 768).
    if protocol == UDP && found == [0, 0] {
        return (Check::Absent, false);
    }
    let length = u16::try_from(bytes.len()).unwrap_or_default();
    let pseudo_header = if protocol == ICMP {
        Sum::default()
    } else {
        addresses + Sum::number(length) + Sum::number(protocol.into())
    };
    if protocol != ICMP && pseudo_header.folded() == found {
        return (Check::Absent, true);
    }
    (summed(field, offset + at, bytes, pseudo_header + Sum::of(bytes)), false)
}

/// The check of a checksum at `at` in its packet, whose bytes and all else that it covers have this
/// sum together.
fn summed(field: &'static str, at: usize, bytes: &[u8], sum: Sum) -> Check {
    if sum.is_right() {
        return Check::Passed;
    }
    let places = match field {
        "ip.checksum" => 10..12,
        "tcp.checksum" => 16..18,
        "udp.checksum" => 6..8,
        _ => 2..4,
    };
    let found = bytes.get(places).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    let found = u16::from_be_bytes(found);
    let expected = u16::from_be_bytes((sum - Sum::number(found)).checksum());
    Check::Failed(Malformed { field, offset: at, expected: expected.into(), found: found.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An echo request from 192.0.2.1 to 192.0.2.2, its checksums by another program.
    const PING: &str = "4500001c000100004001f6dc c0000201c0000202 0800f7fd00010001";
    /// UDP of 4 bytes, 10.0.0.1:1000 to 10.0.0.2:2000.
    const UDP4: &str = "4500002000010000401166ca 0a0000010a000002 03e807d0000c1b55 61626364";
    /// Neighbour solicitation.
    const SOLICITATION: &str = "6000000000183aff fe800000000000000000000000000001 ff0200000000000000000001ff000002 87007da100000000 fe800000000000000000000000000002";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    /// A letter for each check: passed, failed, absent.
    fn told(ladder: &Ladder) -> String {
        let letter = |check: &Check| match check {
            Check::Passed => 'p',
            Check::Failed(_) => 'f',
            Check::Absent => '-',
        };
        ladder.checks.iter().map(letter).collect()
    }

    #[test]
    fn whole_packets() {
        assert_eq!(told(&Ladder::ip(&bytes(PING))), "pppp");
        assert_eq!(told(&Ladder::ip(&bytes(UDP4))), "pppp");
        assert_eq!(told(&Ladder::ip(&bytes(SOLICITATION))), "pp-p");
        assert!(Ladder::ip(&bytes(PING)).is_valid());
    }

    #[test]
    fn each_byte_is_held_by_a_check() {
        for (packet, free) in [(PING, &[][..]), (UDP4, &[]), (SOLICITATION, &[0, 1, 2, 3, 6, 7])] {
            let packet = bytes(packet);
            for place in (0..packet.len()).filter(|place| !free.contains(place)) {
                let mut changed = packet.clone();
                changed[place] ^= 0x14;
                assert!(!Ladder::ip(&changed).is_valid(), "byte {place}");
            }
        }
    }

    #[test]
    fn a_key_that_is_too_short_gets_as_far_as_it_goes() {
        let mut packet = bytes(PING);
        packet[9] ^= 0x55;
        assert_eq!(told(&Ladder::ip(&packet)), "ppf-");
        packet[3] ^= 0x55;
        assert_eq!(told(&Ladder::ip(&packet)), "pff-");
        packet[0] ^= 0xf0;
        assert_eq!(told(&Ladder::ip(&packet)), "f---");
    }

    #[test]
    fn a_failure_says_what_would_have_fitted() {
        let mut packet = bytes(UDP4);
        packet[27] ^= 0xff;
        let failure = Ladder::ip(&packet).failure().unwrap();
        assert_eq!((failure.field, failure.offset), ("udp.checksum", 26));
        assert_eq!((failure.expected, failure.found), (0x1b55, 0x1baa));
        let mut packet = bytes(PING);
        packet[8] -= 1;
        let failure = Ladder::ip(&packet).failure().unwrap();
        assert_eq!((failure.field, failure.offset), ("ip.checksum", 10));
        assert_eq!((failure.expected, failure.found), (0xf7dc, 0xf6dc));
    }

    #[test]
    fn what_is_not_there_is_not_checked() {
        let mut no_sum = bytes(UDP4);
        no_sum[26..28].fill(0);
        assert_eq!(told(&Ladder::ip(&no_sum)), "ppp-");
        let mut fragment = bytes(UDP4);
        fragment[6] = 0x20;
        assert_eq!(told(&Ladder::ip(&fragment)), "ppf-", "its header sum has changed too");
        assert_eq!(told(&Ladder::ip(&[])), "f---");
        assert_eq!(told(&Ladder::ip(&[0x45])), "pf--");
        assert_eq!(told(&Ladder::ip(&[0x60; 40])), "pf--");
    }

    #[test]
    fn a_checksum_left_to_the_card_is_unfinished() {
        let mut packet = bytes(UDP4);
        let sum = Sum::of(&packet[12..20]) + Sum::number(12) + Sum::number(17);
        packet[26..28].copy_from_slice(&sum.folded());
        let ladder = Ladder::ip(&packet);
        assert_eq!((told(&ladder).as_str(), ladder.unfinished), ("ppp-", true));
        assert!(ladder.is_valid());
    }

    #[test]
    fn frames() {
        let frame = |ethertype: u16, payload: &[u8]| {
            let mut frame = vec![2; 12];
            frame.extend(ethertype.to_be_bytes());
            frame.extend(payload);
            frame
        };
        assert_eq!(told(&Ladder::ethernet(&frame(0x0800, &bytes(PING)))), "pppp");
        let mut short = frame(0x0800, &bytes(PING));
        short.resize(60, 0);
        assert_eq!(told(&Ladder::ethernet(&short)), "pppp", "filled up");
        short.push(0);
        assert_eq!(told(&Ladder::ethernet(&short)), "pfp-", "longer than any filling");
        assert_eq!(told(&Ladder::ethernet(&frame(0x86dd, &bytes(PING)))), "f---");
        assert_eq!(told(&Ladder::ethernet(&frame(0x88cc, &[1, 2, 3]))), "----");
        assert!(!Ladder::ethernet(&frame(0x88cc, &[1, 2, 3])).is_valid());
        let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1];
        arp.resize(28, 1);
        assert_eq!(told(&Ladder::ethernet(&frame(0x0806, &arp))), "pp--");
        assert_eq!(told(&Ladder::ethernet(&frame(0x0806, &arp[1..]))), "ff--");
        assert_eq!(told(&Ladder::ethernet(&[0; 13])), "-f--");
        let wrong = Ladder::ethernet(&frame(0x0800, &[0x45; 20]));
        assert_eq!(wrong.failure().unwrap().offset, 14 + 2, "counted from the frame's first byte");
    }

    #[test]
    fn extension_headers_are_looked_through() {
        let mut packet = bytes(SOLICITATION);
        packet[5] += 8;
        packet[6] = 0;
        packet.splice(40..40, [58, 0, 1, 4, 0, 0, 0, 0]);
        assert_eq!(told(&Ladder::ip(&packet)), "pp-p");
        packet[6] = FRAGMENT;
        assert_eq!(told(&Ladder::ip(&packet)), "pp--");
        packet[6] = ROUTING;
        assert_eq!(told(&Ladder::ip(&packet)), "pp--", "segments left");
    }

    proptest! {
        #[test]
        fn any_bytes_are_told_about(bytes: Vec<u8>, version in 4u8..7) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = version << 4 | *first & 0x0f;
            }
            let ladder = Ladder::ip(&bytes);
            prop_assert!(!ladder.is_valid() || ladder.checks[1] == Check::Passed);
            let _ = Ladder::ethernet(&bytes);
        }
    }
}
