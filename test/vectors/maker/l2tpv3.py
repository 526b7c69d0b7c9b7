"""L2TPv3 data messages over UDP (RFC 3931, sections 4.1.2.1 and 4.6), with Ethernet (RFC 4719)."""

import struct

from packets import IPV4, ethernet, ipv4, noise, patched

from .cases import Cases, TakenApart
from .vxlan import frames
from .wireshark import Wireshark

SESSION = {"sid": 0x01020304}
WIRESHARK_NAMES = {
    "l2tp.type": "l2tp.type",
    "l2tp.version": "l2tp.version",
    "l2tp.sid": "l2tp.sid",
    "l2tp.cookie": "l2tp.cookie",
    "l2tp.l2_spec.s": "l2tp.l2_spec_s",
    "l2tp.l2_spec.sequence": "l2tp.l2_spec_sequence",
}
COOKIES = {0: b"", 4: bytes.fromhex("c0ffee42"), 8: bytes.fromhex("0011223344556677")}
# What the control connection would have told Wireshark.
COOKIE_SIZE = {0: "None", 4: "4 Byte Cookie", 8: "8 Byte Cookie"}
SUBLAYER = {0: "None", 1: "Default L2-Specific"}


def header(cookie=b"", sublayer=b"\0\0\0\0", session=SESSION["sid"], first=0x0003, reserved=0):
    """The control bit is 0 in data messages; the version is 3."""
    return struct.pack("!HHI", first, reserved, session) + cookie + sublayer


def sequence(number, s=1, reserved=0):
    """The default L2-specific sublayer: x:1 S:1 x:6 sequence:24."""
    return struct.pack("!I", reserved << 24 | s << 30 | number)


def take_apart(datagram, settings):
    parts = TakenApart(datagram)
    (control, _, _) = parts.numbers(("l2tp.type", 1), ("l2tp.reserved_1", 11), ("l2tp.version", 4))
    if control:
        parts.bytes("l2tp.control")
        return parts
    parts.numbers(("l2tp.reserved_2", 16), ("l2tp.sid", 32))
    parts.bytes("l2tp.cookie", settings.get("cookie_size", 0))
    if settings.get("sublayer", 1):
        parts.numbers(("l2tp.l2_spec.reserved_1", 1), ("l2tp.l2_spec.s", 1))
        parts.numbers(("l2tp.l2_spec.reserved_2", 6), ("l2tp.l2_spec.sequence", 24))
    parts.bytes("l2tp.frame")
    return parts


def options(cookie=0, sublayer=1):
    """The settings of a session, and Wireshark's preferences for it."""
    settings = {"cookie_size": cookie, "sublayer": sublayer}
    if cookie:
        settings["cookie"] = COOKIES[cookie]
    sizes = (f"l2tp.cookie_size:{COOKIE_SIZE[cookie]}", f"l2tp.l2_specific:{SUBLAYER[sublayer]}")
    return {"settings": settings, "preferences": sizes}


def l2tpv3_udp():
    wireshark = Wireshark(1701, "l2tp", WIRESHARK_NAMES, ("-d", "l2tp.pw_type==0,eth"))
    cases = Cases("l2tpv3-udp", take_apart, "ethernet", wireshark, SESSION)
    plain = {"preferences": options()["preferences"]}
    for name, frame in frames():
        cases.both_ways(name, header() + frame, frame, **plain)
    frame = ethernet(IPV4, ipv4(84))
    for size, cookie in COOKIES.items():
        for sublayer, four in ((1, bytes(4)), (0, b"")):
            name = f"cookie of {size}, {'with' if sublayer else 'without'} sublayer"
            datagram = header(cookie, four) + frame
            cases.both_ways(name, datagram, frame, **options(size, sublayer))
    numbered = {**options(), "settings": {"l2_spec.s": 1}}
    datagram = header(sublayer=sequence(0)) + frame
    cases.both_ways("with sequence numbers", datagram, frame, **numbered)
    for sid in (1, 0xFFFFFFFF):
        datagram = header(session=sid) + frame
        cases.both_ways(f"session {sid}", datagram, frame, **{**plain, "settings": {"sid": sid}})
    other = header(session=7) + frame
    cases.delivered("another session in each direction", other, frame, expect={"sid": 7}, **plain)
    for name, head in (
        ("a later sequence number", header(sublayer=sequence(0xABCDEF))),
        ("reserved bits of the header, ignored", header(first=0x7FF3, reserved=0xFFFF)),
        ("reserved bits of the sublayer, ignored", header(sublayer=sequence(0, 0, 0xBF))),
    ):
        # Wireshark takes the reserved bits for those of L2TPv2.
        confirm = "header" not in name
        cases.delivered(name, head + frame, frame, confirm=confirm, **plain)
    refusals(cases, frame, plain)
    return cases


def refusals(cases, frame, plain):
    good = header() + frame
    for size in range(12):
        cases.too_short(f"{size} bytes", good[:size])
    cookie = header(COOKIES[8]) + frame
    for size in (8, 15, 16, 19):
        settings = options(8)["settings"]
        cases.too_short(f"{size} bytes, cookie of 8", cookie[:size], settings=settings)
    for version in (0, 2, 4):
        wrong = patched(good, 1, bytes([version]))
        cases.refused(f"version {version}", wrong, "value", "l2tp.version", 1)
    foreign = header(session=7) + frame
    cases.refused("foreign session", foreign, "value", "l2tp.sid", 4, confirm=True, **plain)
    for size in (4, 8):
        wrong = header(noise("cookie", size)) + frame
        where = ("value", "l2tp.cookie", 8)
        cases.refused(f"foreign cookie of {size}", wrong, *where, confirm=True, **options(size))
    # A control message: T, L and S are set, then its length and the control connection.
    hello = struct.pack("!HHIHH", 0xC803, 20, 7, 0, 0) + bytes.fromhex("8008000000000006")
    cases.refused("a control message, hello", hello, "no_packet", "l2tp.type", 0, confirm=False)
    cases.refused("no frame", header(), "empty", "", 12, "packet")
    bare = header(sublayer=b"")
    without = options(0, 0)["settings"]
    where = ("empty", "", 8, "packet")
    cases.refused("no frame, without sublayer", bare, *where, settings=without)
    for size in (1, 13):
        where = ("not_a_packet", "eth", 12, "packet")
        cases.refused(f"a frame of {size}", header() + frame[:size], *where)
