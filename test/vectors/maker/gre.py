"""GRE in UDP (RFC 8086): the header of RFC 2784, key and sequence number of RFC 2890."""

import itertools
import struct

from packets import ARP, ETHERNET, IPV4, IPV6, checksum, ethernet, ipv4, ipv6, patched

from .cases import Cases, TakenApart
from .vxlan import frames
from .wireshark import Wireshark

C, K, S = 0x8000, 0x2000, 0x1000
KEY = 0xDEADBEEF
# What Wireshark finds of a checksum.
BAD, GOOD = "0", "1"
SAME_NAMES = (
    "flags.checksum flags.routing flags.key flags.sequence_number proto checksum key "
    "sequence_number"
).split()
WIRESHARK_NAMES = {f"gre.{name}": f"gre.{name}" for name in SAME_NAMES}
WIRESHARK_NAMES["gre.version"] = "gre.flags.version"


def wrap(proto, packet, flags=0, key=KEY, sequence=0, reserved=0):
    """Checksum and reserved bits are there if C is set, then the key if K, the number if S."""
    datagram = struct.pack("!HH", flags, proto)
    if flags & C:
        datagram += struct.pack("!HH", 0, reserved)
    if flags & K:
        datagram += struct.pack("!I", key)
    if flags & S:
        datagram += struct.pack("!I", sequence)
    datagram += packet
    # The sum of header and payload, with its own bytes as zero (RFC 2784, section 2.4).
    return patched(datagram, 4, struct.pack("!H", checksum(datagram))) if flags & C else datagram


def take_apart(datagram, _settings):
    parts = TakenApart(datagram)
    checked, _, keyed, numbered = parts.numbers(
        ("gre.flags.checksum", 1),
        ("gre.flags.routing", 1),
        ("gre.flags.key", 1),
        ("gre.flags.sequence_number", 1),
    )
    parts.numbers(("gre.flags.reserved_1", 2), ("gre.flags.reserved_2", 7), ("gre.version", 3))
    parts.number("gre.proto", 16)
    if checked:
        parts.numbers(("gre.checksum", 16), ("gre.reserved", 16))
    if keyed:
        parts.number("gre.key", 32)
    if numbered:
        parts.number("gre.sequence_number", 32)
    parts.bytes("gre.packet")
    return parts


def settings_of(flags):
    """A key that is given sets its flag; the other flags are given themselves."""
    return {
        **({"flags.checksum": 1} if flags & C else {}),
        **({"key": KEY} if flags & K else {}),
        **({"flags.sequence_number": 1} if flags & S else {}),
    }


def checksum_is(status):
    return {"gre.checksum.status": [status]}


def gre_udp():
    wireshark = Wireshark(4754, "gre", WIRESHARK_NAMES)
    cases = Cases("gre-udp", take_apart, "ip", wireshark)
    for size in (20, 85, 1500, 9000):
        cases.both_ways(f"IPv4 of {size}", wrap(IPV4, ipv4(size)), ipv4(size))
    for size in (40, 105, 1500):
        cases.both_ways(f"IPv6 of {size}", wrap(IPV6, ipv6(size)), ipv6(size))
    for name, frame in frames():
        cases.both_ways(name, wrap(ETHERNET, frame), frame, kind="ethernet")

    combinations = [sum(some) for some in itertools.product((0, C), (0, K), (0, S))]
    packets = (
        ("IPv4", IPV4, ipv4(84), "ip"),
        # An odd number of bytes: the checksum pads with zero.
        ("IPv6 of odd size", IPV6, ipv6(105), "ip"),
        ("a frame", ETHERNET, ethernet(IPV4, ipv4(85)), "ethernet"),
    )
    for flags in combinations:
        letters = "".join(letter for letter, bit in (("C", C), ("K", K), ("S", S)) if flags & bit)
        for name, proto, packet, kind in packets:
            datagram = wrap(proto, packet, flags)
            settings = settings_of(flags)
            name = f"flags {letters or 'none'}, {name}"
            also = checksum_is(GOOD) if flags & C else None
            cases.both_ways(name, datagram, packet, settings=settings, kind=kind, also=also)
    received(cases)
    refusals(cases)
    return cases


def received(cases):
    four = ipv4(84)
    cases.delivered("a checksum that was not asked for", wrap(IPV4, four, C), four)
    numbered = wrap(IPV4, four, S, sequence=9)
    cases.delivered("a sequence number that was not asked for", numbered, four)
    cases.delivered("both", wrap(IPV4, four, C | S, sequence=0xFFFFFFFF), four)
    without = settings_of(C | S)
    cases.delivered("neither, though asked for", wrap(IPV4, four), four, settings=without)
    cases.delivered("reserved bits 6 to 12, ignored", wrap(IPV4, four, 0x03F8), four)
    reserved = wrap(IPV4, four, C, reserved=0xFFFF)
    cases.delivered("reserved bits beside the checksum, ignored", reserved, four)
    other = wrap(IPV4, four, K, key=7)
    keys = {"settings": {"key": KEY}, "expect": {"key": 7}}
    cases.delivered("another key in each direction", other, four, **keys)
    for key in (0, 0xFFFFFFFF):
        datagram = wrap(IPV4, four, K, key=key)
        cases.both_ways(f"key {key}", datagram, four, settings={"key": key})


def refusals(cases):
    four, six = ipv4(84), ipv6(104)
    for flags, sizes in ((0, range(4)), (C, (4, 7)), (C | K | S, (4, 8, 12, 15))):
        for size in sizes:
            name = f"{size} bytes, flags {flags:04x}"
            cut = wrap(IPV4, four, flags)[:size]
            cases.too_short(name, cut, settings={"key": KEY} if flags & K else None)
    for flags in (C, C | K | S):
        good = wrap(IPV4, four, flags)
        (right,) = struct.unpack("!H", good[4:6])
        settings = settings_of(flags)
        for name, wrong in (
            ("one more", patched(good, 4, struct.pack("!H", (right + 1) & 0xFFFF))),
            ("zero", patched(good, 4, b"\0\0")),
            ("a bit of the packet flipped", good[:-1] + bytes([good[-1] ^ 1])),
        ):
            name = f"wrong checksum, flags {flags:04x}: {name}"
            refused = ("checksum", "gre.checksum", 4)
            more = {"settings": settings, "confirm": True, "also": checksum_is(BAD)}
            cases.refused(name, wrong, *refused, **more)
    for name, datagram, field in (
        ("routing of RFC 1701", wrap(IPV4, four, 0x4000), "gre.flags.routing"),
        ("a reserved bit that must be zero", wrap(IPV4, four, 0x0800), "gre.flags.reserved_1"),
    ):
        cases.refused(name, datagram, "value", field, 0)
    for version in (1, 7):
        name = f"version {version}{': PPTP' if version == 1 else ''}"
        cases.refused(name, wrap(IPV4, four, version), "value", "gre.version", 1)
    foreign = wrap(IPV4, four, K, key=7)
    settings = {"settings": {"key": KEY}, "confirm": True}
    cases.refused("foreign key", foreign, "value", "gre.key", 4, **settings)
    behind = wrap(IPV4, four, C | K, key=7)
    cases.refused("foreign key after a checksum", behind, "value", "gre.key", 8, **settings)
    unknown = ("unknown_next", "gre.proto", 2)
    for proto in (0, ARP, 0x880B, 0xFFFF):
        cases.refused(f"protocol type {proto:04x}", wrap(proto, four), *unknown)
    cases.refused("IPv6 called IPv4", wrap(IPV4, six), *unknown)
    cases.refused("IPv4 called IPv6", wrap(IPV6, four), *unknown)
    cases.refused("a frame to a TUN device", wrap(ETHERNET, ethernet(IPV4, four)), *unknown)
    cases.refused("a packet to a TAP device", wrap(IPV4, four), *unknown, kind="ethernet")
    cases.refused("no packet", wrap(IPV4, b""), "empty", "", 4, "packet")
    numbered = wrap(IPV4, b"", C | S)
    cases.refused("no packet after a sequence number", numbered, "empty", "", 12, "packet")
    cut = wrap(IPV4, four)[:-1]
    cases.refused("last byte cut off", cut, "not_a_packet", "ip.len", 6, "packet")
