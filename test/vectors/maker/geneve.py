"""Geneve (RFC 8926, sections 3.4 and 3.5)."""

import struct

from packets import ARP, ETHERNET, IPV4, IPV6, ethernet, ipv4, ipv6, noise, patched

from .cases import Cases, TakenApart
from .vxlan import frames
from .wireshark import Name, Wireshark

VNI = {"vni": 42}
SAME_NAMES = "version flags.oam flags.critical proto_type vni reserved option.class".split()
WIRESHARK_NAMES = {f"geneve.{name}": f"geneve.{name}" for name in SAME_NAMES} | {
    # Wireshark shows bytes, of an option with its header, under one name.
    "geneve.options_length": Name("geneve.option.length", lambda words: 4 * int(words)),
    "geneve.option.length": Name("geneve.option.length", lambda words: 4 * int(words) + 4),
    "geneve.option.critical": "geneve.option.type.critical",
    "geneve.option.data": "geneve.option.unknown.data",
}


def header(proto, options=b"", vni=42, first=None, flags=0, reserved=0):
    first = len(options) // 4 if first is None else first
    return struct.pack("!BBHI", first, flags, proto, vni << 8 | reserved) + options


def option(group, kind, data=b"", reserved=0):
    return struct.pack("!HBB", group, kind, reserved << 5 | len(data) // 4) + data


def take_apart(datagram, _settings):
    parts = TakenApart(datagram)
    parts.number("geneve.version", 2)
    options_end = 8 + 4 * parts.number("geneve.options_length", 6)
    parts.numbers(("geneve.flags.oam", 1), ("geneve.flags.critical", 1))
    parts.numbers(("geneve.flags.reserved", 6), ("geneve.proto_type", 16))
    parts.numbers(("geneve.vni", 24), ("geneve.reserved", 8))
    parts.heading("geneve.option", options_end - 8)
    while parts.offset < options_end:
        parts.numbers(("geneve.option.class", 16), ("geneve.option.critical", 1))
        parts.numbers(("geneve.option.type", 7), ("geneve.option.reserved", 3))
        parts.bytes("geneve.option.data", 4 * parts.number("geneve.option.length", 5))
    parts.bytes("geneve.packet")
    return parts


def geneve():
    wireshark = Wireshark(6081, "geneve", WIRESHARK_NAMES)
    cases = Cases("geneve", take_apart, "ethernet", wireshark, VNI)
    for name, frame in frames():
        cases.both_ways(name, header(ETHERNET) + frame, frame)
    for size in (20, 84, 1500):
        cases.both_ways(f"IPv4 of {size}", header(IPV4) + ipv4(size), ipv4(size), kind="ip")
    for size in (40, 104, 1500):
        cases.both_ways(f"IPv6 of {size}", header(IPV6) + ipv6(size), ipv6(size), kind="ip")
    frame = ethernet(IPV4, ipv4(84))
    for vni in (0, 0xFFFFFF):
        datagram = header(ETHERNET, vni=vni) + frame
        cases.both_ways(f"VNI {vni}", datagram, frame, settings={"vni": vni})
    odd = header(ETHERNET, flags=0x3F, reserved=0xFF) + frame
    # Wireshark keeps the six reserved flags as one truth value; the rest is compared.
    cases.delivered("reserved bits, ignored", odd, frame)
    options(cases, frame)
    refusals(cases, frame)
    return cases


def options(cases, frame):
    empty = option(0x0100, 1)
    four = option(0x0102, 2, noise("four", 4))
    longest = option(0xFFFF, 0x7F, noise("longest", 124))
    for name, data in (
        ("an option without data", empty),
        ("an option of 4 bytes", four),
        ("an option with reserved bits", option(0x0102, 5, noise("odd", 8), reserved=7)),
        ("an option of 124 bytes", longest),
        ("three options", empty + four + empty),
        ("252 bytes of options, the most", longest + option(0xFF00, 9, noise("rest", 120))),
        ("63 options", empty * 63),
    ):
        cases.delivered(name, header(ETHERNET, data) + frame, frame)
    six = header(IPV6, four) + ipv6(104)
    cases.delivered("an option before IPv6", six, ipv6(104), kind="ip")
    critical = header(ETHERNET, option(0x0102, 0x83, noise("four", 4)), flags=0x40) + frame
    cases.refused("a critical option", critical, "value", "geneve.flags.critical", 1, confirm=True)


def refusals(cases, frame):
    good = header(ETHERNET) + frame
    for size in range(8):
        cases.too_short(f"{size} bytes", good[:size])
    foreign = header(ETHERNET, vni=43) + frame
    cases.refused("foreign VNI", foreign, "value", "geneve.vni", 4, confirm=True)
    for version in (1, 3):
        wrong = patched(good, 0, bytes([version << 6]))
        cases.refused(f"version {version}", wrong, "value", "geneve.version", 0)
    oam = patched(good, 1, b"\x80")
    cases.refused("an OAM packet", oam, "value", "geneve.flags.oam", 1, confirm=True)

    cut = header(ETHERNET, option(0x0102, 1, bytes(8)))
    for name, datagram in (
        ("more options than bytes", header(ETHERNET, first=63) + frame[:14]),
        ("cut inside an option", cut[:-1]),
        ("cut before the options", cut[:8]),
    ):
        length = ("length", "geneve.options_length", 0)
        cases.refused(name, datagram, *length, shown=False)
    # The element's length reaches past the end of the options.
    past = header(ETHERNET, struct.pack("!HBB", 0x0102, 1, 2) + bytes(4)) + frame
    cases.refused("an option longer than all", past, "list", "geneve.option", 8, shown=False)
    after = option(0x0100, 1) + struct.pack("!HBB", 0x0102, 1, 1)
    second = header(ETHERNET, after) + frame
    cases.refused("a second option too long", second, "list", "geneve.option", 12, shown=False)

    unknown = ("unknown_next", "geneve.proto_type", 2)
    for proto in (0, 0x0001, ARP, 0x8847, 0xFFFF):
        cases.refused(f"protocol type {proto:04x}", header(proto) + frame, *unknown)
    cases.refused("an IPv4 packet to a TAP device", header(IPV4) + ipv4(84), *unknown)
    cases.refused("a frame to a TUN device", good, *unknown, kind="ip")
    cases.refused("IPv6 called IPv4", header(IPV4) + ipv6(104), *unknown, kind="ip")
    cases.refused("no frame", header(ETHERNET), "empty", "", 8, "packet")
    after = header(ETHERNET, option(0x0100, 1))
    cases.refused("no frame after an option", after, "empty", "", 12, "packet")
    short = header(ETHERNET) + frame[:13]
    cases.refused("a frame of 13", short, "not_a_packet", "eth", 8, "packet")
    behind = header(IPV6) + ipv6(104) + b"\0"
    where = ("not_a_packet", "ipv6.plen", 12, "packet")
    cases.refused("one byte behind IPv6", behind, *where, kind="ip")
