"""GTP-U, version 1 (3GPP TS 29.281, sections 5.1, 5.2 and 6.1)."""

import struct

from packets import ipv4, ipv6, noise, patched

from .cases import Cases, TakenApart
from .wireshark import Name, Wireshark

TEID = {"teid": 0x12345678}
T_PDU = 255
E, S, PN = 4, 2, 1
NO_EXTENSION, UDP_PORT, PDU_SESSION, PDCP_NUMBER = 0x00, 0x40, 0x85, 0xC0
SAME_NAMES = "flags.version flags.payload flags.e flags.s flags.pn message length teid".split()
WIRESHARK_NAMES = {f"gtp.{name}": f"gtp.{name}" for name in SAME_NAMES} | {
    "gtp.seq_number": Name("gtp.seq_number", flag="gtp.flags.s"),
    "gtp.npdu_number": Name("gtp.npdu_number", flag="gtp.flags.pn"),
    "gtp.first": Name("gtp.ext_hdr.next", flag="gtp.flags.e"),
    "gtp.ext_hdr.length": "gtp.ext_hdr.length",
    "gtp.ext_hdr.next": "gtp.ext_hdr.next",
}


def message(body, flags=0, kind=T_PDU, length=None, teid=TEID["teid"], first=0x30):
    """Version 1 and protocol type GTP are the 0x30 of the first byte."""
    length = len(body) if length is None else length
    return struct.pack("!BBHI", first | flags, kind, length, teid) + body


def optional(sequence=0, npdu=0, following=NO_EXTENSION):
    """The four bytes that are there if any of E, S, PN is set."""
    return struct.pack("!HBB", sequence, npdu, following)


def extension(content, following=NO_EXTENSION):
    size = len(content) + 2
    assert size % 4 == 0
    return bytes([size // 4]) + content + bytes([following])


def take_apart(datagram, _settings):
    parts = TakenApart(datagram)
    parts.numbers(("gtp.flags.version", 3), ("gtp.flags.payload", 1), ("gtp.flags.reserved", 1))
    flags = parts.numbers(("gtp.flags.e", 1), ("gtp.flags.s", 1), ("gtp.flags.pn", 1))
    (kind, _, _) = parts.numbers(("gtp.message", 8), ("gtp.length", 16), ("gtp.teid", 32))
    if any(flags):
        parts.numbers(("gtp.seq_number", 16), ("gtp.npdu_number", 8))
        following = parts.number("gtp.first", 8)
        if flags[0] and following:
            extensions(parts)
    parts.bytes("gtp.packet" if kind == T_PDU else "gtp.body")
    return parts


def extensions(parts):
    """Finds the end of the chain first: the list is named before its elements."""
    start = end = parts.offset
    while end == start or parts.datagram[end - 1]:
        end += 4 * parts.datagram[end]
    parts.heading("gtp.ext_hdr", end - start)
    while parts.offset < end:
        size = 4 * parts.number("gtp.ext_hdr.length", 8)
        parts.bytes("gtp.ext_hdr.content", size - 2)
        parts.number("gtp.ext_hdr.next", 8)


def gtpu():
    wireshark = Wireshark(2152, "gtp", WIRESHARK_NAMES)
    cases = Cases("gtpu", take_apart, "ip", wireshark, TEID)
    for size in (20, 84, 1500, 9000):
        cases.both_ways(f"IPv4 of {size}", message(ipv4(size)), ipv4(size))
    for size in (40, 104, 1500):
        cases.both_ways(f"IPv6 of {size}", message(ipv6(size)), ipv6(size))
    four, six = ipv4(84), ipv6(104)
    for teid in (0, 0xFFFFFFFF):
        cases.both_ways(f"TEID {teid}", message(four, teid=teid), four, settings={"teid": teid})
    other = message(four, teid=7)
    cases.delivered("another TEID in each direction", other, four, expect={"teid": 7})
    cases.delivered("the reserved flag, ignored", message(four, flags=8), four)

    for name, flags in (("S", S), ("PN", PN), ("E", E), ("S and PN", S | PN), ("all", E | S | PN)):
        flag_names = {"flags.e": E, "flags.s": S, "flags.pn": PN}
        settings = {name: 1 for name, flag in flag_names.items() if flags & flag}
        datagram = message(optional() + six, flags)
        cases.both_ways(f"flags: {name}", datagram, six, settings=settings)
    for name, flags, four_bytes in (
        ("a sequence number", S, optional(0xABCD)),
        ("an N-PDU number", PN, optional(npdu=0xEF)),
        ("fields that no flag makes valid", PN, optional(0xABCD, 0xEF, PDU_SESSION)),
    ):
        cases.delivered(name, message(four_bytes + four, flags), four)
    with_extensions(cases, four)
    control(cases)
    refusals(cases, four)
    return cases


def with_extensions(cases, packet):
    many = extension(b"\x08\x68", UDP_PORT) * 63 + extension(b"\x08\x68")
    for name, flags, first, chain in (
        ("a PDU session container", E, PDU_SESSION, extension(b"\x00\x09")),
        ("one with a sequence number", E | S, PDU_SESSION, extension(b"\x10\x09")),
        ("a UDP port", E, UDP_PORT, extension(b"\x08\x68")),
        ("an extension header of 1020", E, 0x83, extension(noise("container", 1018))),
        (
            "two extension headers",
            E,
            PDCP_NUMBER,
            extension(b"\x01\x02", PDU_SESSION) + extension(b"\x00\x09"),
        ),
        ("64 extension headers", E, UDP_PORT, many),
    ):
        datagram = message(optional(following=first) + chain + packet, flags)
        cases.delivered(name, datagram, packet)


def control(cases):
    for name, kind, flags, body in (
        # The information element Recovery (14) is required in an answer.
        ("an echo request", 1, S, optional(1)),
        ("an echo response", 2, S, optional(1) + b"\x0e\x00"),
        # TEID of the bearer (16) and the address of the peer (133).
        (
            "an error indication",
            26,
            S,
            optional() + b"\x10\x12\x34\x56\x78\x85\x00\x04" + bytes([192, 0, 2, 1]),
        ),
        ("an end marker", 254, 0, b""),
    ):
        datagram = message(body, flags, kind)
        cases.refused(name, datagram, "no_packet", "gtp.message", 1, confirm=True)


def refusals(cases, packet):
    good = message(packet)
    for size in range(8):
        cases.too_short(f"{size} bytes", good[:size])
    for version in (0, 2, 7):
        wrong = patched(good, 0, bytes([version << 5 | 0x10]))
        cases.refused(f"version {version}", wrong, "value", "gtp.flags.version", 0)
    prime = patched(good, 0, b"\x20")
    cases.refused("GTP prime", prime, "value", "gtp.flags.payload", 0)
    foreign = message(packet, teid=7)
    cases.refused("foreign TEID", foreign, "value", "gtp.teid", 4, confirm=True)
    for length in (85, 92, 0xFFFF):
        wrong = message(packet, length=length)
        cases.refused(f"length {length} of 84", wrong, "length", "gtp.length", 2, shown=False)
    for length in (83, 20, 0):
        wrong = message(packet, length=length)
        cases.refused(f"length {length} of 84", wrong, "trailing", "gtp.length", 2, shown=False)
    cases.refused("last byte cut off", good[:-1], "length", "gtp.length", 2, shown=False)
    cases.refused("one byte behind", good + b"\0", "trailing", "gtp.length", 2, shown=False)
    cases.refused("no packet", message(b""), "empty", "", 8, "packet")
    numbered = message(optional(), S)
    cases.refused("no packet after a sequence number", numbered, "empty", "", 12, "packet")
    nothing = bytes(4)
    loop = message(optional(following=PDU_SESSION) + nothing + packet, E)
    cases.refused("an extension header of 0", loop, "list", "gtp.ext_hdr", 12, shown=False)
    past = message(optional(following=PDU_SESSION) + b"\xff" + packet[1:], E)
    cases.refused("an extension header past the end", past, "list", "gtp.ext_hdr", 12, shown=False)
    many = extension(b"\x08\x68", UDP_PORT) * 64 + extension(b"\x08\x68")
    more = message(optional(following=UDP_PORT) + many + packet, E)
    cases.refused("65 extension headers", more, "list", "gtp.ext_hdr", 12 + 4 * 64, shown=False)
    five = message(patched(packet, 0, b"\x55"))
    cases.refused("IP version 5", five, "not_a_packet", "ip.version", 8, "packet")
    long = message(patched(packet, 2, b"\x00\x55"))
    cases.refused("IPv4 of 85 in 84", long, "not_a_packet", "ip.len", 10, "packet")
