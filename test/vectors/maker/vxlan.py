"""VXLAN (RFC 7348, section 5) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe, section 3)."""

import struct

from packets import IPV4, IPV6, arp, ethernet, ipv4, ipv6, patched

from .cases import Cases, TakenApart
from .recorded import recorded
from .wireshark import Wireshark

VNI = {"vni": 42}
WIRESHARK_NAMES = {
    "vxlan.flag_i": "vxlan.flag_i",
    "vxlan.vni": "vxlan.vni",
    "vxlan.reserved_3": "vxlan.reserved8",
}
GPE_WIRESHARK_NAMES = {
    "vxlan.ver": "vxlan.ver",
    "vxlan.flag_i": "vxlan.i_bit",
    "vxlan.flag_p": "vxlan.p_bit",
    "vxlan.flag_o": "vxlan.o_bit",
    "vxlan.reserved_16": "vxlan.reserved_16",
    "vxlan.next_proto": "vxlan.next_proto",
    "vxlan.vni": "vxlan.vni",
    "vxlan.reserved_8": "vxlan.reserved8",
}


def frames():
    """Ethernet frames of every sort that matters to a tunnel."""
    yield "IPv4 in a frame", ethernet(IPV4, ipv4(84))
    yield "IPv6 in a frame", ethernet(IPV6, ipv6(104))
    yield "an ARP request", arp()
    yield "a frame in a VLAN", ethernet(IPV4, ipv4(84), vlan=100)
    yield "a frame padded to 60 bytes", ethernet(IPV4, ipv4(28)) + bytes(18)
    yield "the smallest frame, a header alone", ethernet(0x88B5)
    yield "a frame of 1514", ethernet(IPV4, ipv4(1500))


def header(vni, flags=0x08, reserved_2=0, reserved_3=0):
    return struct.pack("!II", flags << 24 | reserved_2, vni << 8 | reserved_3)


def take_apart(datagram, _settings):
    parts = TakenApart(datagram)
    parts.numbers(("vxlan.reserved_1", 4), ("vxlan.flag_i", 1), ("vxlan.reserved_2", 27))
    parts.numbers(("vxlan.vni", 24), ("vxlan.reserved_3", 8))
    parts.bytes("vxlan.frame")
    return parts


def vxlan():
    wireshark = Wireshark(4789, "vxlan", WIRESHARK_NAMES)
    cases = Cases("vxlan", take_apart, "ethernet", wireshark, VNI)
    for name, frame in frames():
        cases.both_ways(name, header(42) + frame, frame)
    jumbo = ethernet(IPV4, ipv4(9000))
    cases.both_ways("a frame of 9014", header(42) + jumbo, jumbo)
    frame = ethernet(IPV4, ipv4(84))
    for vni in (0, 1, 0x010203, 0xFFFFFF):
        datagram = header(vni) + frame
        cases.both_ways(f"VNI {vni}", datagram, frame, settings={"vni": vni})
    cases.delivered(
        "another VNI in each direction",
        header(7) + frame,
        frame,
        expect={"vni": 7},
    )
    for name, head in (
        ("reserved bits of the first byte", header(42, flags=0xFF)),
        ("the policy bit and group of VXLAN-GBP", header(42, flags=0x88, reserved_2=0x1234)),
        ("the other reserved bits", header(42, reserved_2=0xFFFFFF, reserved_3=0xFF)),
    ):
        cases.delivered(f"{name}, ignored", head + frame, frame)
    for case in recorded("vxlan"):
        cases.both_ways(**case)

    for size in range(8):
        cases.too_short(f"{size} bytes", (header(42) + frame)[:size])
    for vni in (43, 0, 42 << 8):
        foreign = ("value", "vxlan.vni", 4)
        cases.refused(f"foreign VNI {vni}", header(vni) + frame, *foreign, confirm=True)
    wrong = header(42, flags=0) + frame
    cases.refused("no VNI, the flag is not set", wrong, "value", "vxlan.flag_i", 0)
    cases.refused("no frame", header(42), "empty", "", 8, "packet")
    for size in (1, 13):
        where = ("not_a_packet", "eth", 8, "packet")
        cases.refused(f"a frame of {size}", header(42) + frame[:size], *where)
    return cases


def gpe_header(next_protocol, flags=0x0C, vni=42, reserved_16=0, reserved_8=0):
    return struct.pack("!BHBI", flags, reserved_16, next_protocol, vni << 8 | reserved_8)


def take_gpe_apart(datagram, _settings):
    parts = TakenApart(datagram)
    parts.numbers(("vxlan.reserved_flags", 2), ("vxlan.ver", 2), ("vxlan.flag_i", 1))
    parts.numbers(("vxlan.flag_p", 1), ("vxlan.flag_b", 1), ("vxlan.flag_o", 1))
    parts.numbers(("vxlan.reserved_16", 16), ("vxlan.next_proto", 8))
    parts.numbers(("vxlan.vni", 24), ("vxlan.reserved_8", 8))
    parts.bytes("vxlan.packet")
    return parts


def vxlan_gpe():
    wireshark = Wireshark(4790, "vxlan_gpe", GPE_WIRESHARK_NAMES)
    cases = Cases("vxlan-gpe", take_gpe_apart, "ip", wireshark, VNI)
    for size in (20, 84, 1500):
        cases.both_ways(f"IPv4 of {size}", gpe_header(1) + ipv4(size), ipv4(size))
    for size in (40, 104, 1500):
        cases.both_ways(f"IPv6 of {size}", gpe_header(2) + ipv6(size), ipv6(size))
    for name, frame in frames():
        cases.both_ways(name, gpe_header(3) + frame, frame, kind="ethernet")
    four, six = ipv4(84), ipv6(104)
    last = gpe_header(1, vni=0xFFFFFF) + four
    cases.both_ways("the last VNI", last, four, settings={"vni": 0xFFFFFF})
    for name, head in (
        ("reserved flags", gpe_header(1, flags=0xCC)),
        ("the BUM flag", gpe_header(1, flags=0x0E)),
        ("the other reserved bits", gpe_header(1, reserved_16=0xFFFF, reserved_8=0xFF)),
    ):
        cases.delivered(f"{name}, ignored", head + four, four)
    for case in recorded("vxlan-gpe"):
        cases.both_ways(**case)

    good = gpe_header(1) + four
    for size in range(8):
        cases.too_short(f"{size} bytes", good[:size])
    for name, flags, field in (
        ("version 1", 0x1C, "vxlan.ver"),
        ("no VNI", 0x04, "vxlan.flag_i"),
        ("no next protocol: plain VXLAN", 0x08, "vxlan.flag_p"),
        ("an OAM message", 0x0D, "vxlan.flag_o"),
    ):
        cases.refused(name, patched(good, 0, bytes([flags])), "value", field, 0)
    foreign = gpe_header(1, vni=43) + four
    cases.refused("foreign VNI", foreign, "value", "vxlan.vni", 4, confirm=True)
    unknown = ("unknown_next", "vxlan.next_proto", 3)
    for number in (0, 4, 5, 255):
        cases.refused(f"next protocol {number}", gpe_header(number) + four, *unknown)
    cases.refused("IPv6 called IPv4", gpe_header(1) + six, *unknown)
    cases.refused("IPv4 called IPv6", gpe_header(2) + four, *unknown)
    frame = ethernet(IPV4, four)
    cases.refused("a frame to a TUN device", gpe_header(3) + frame, *unknown)
    cases.refused("a packet to a TAP device", good, *unknown, kind="ethernet")
    cases.refused("no packet", gpe_header(1), "empty", "", 8, "packet")
    cases.refused("last byte cut off", good[:-1], "not_a_packet", "ip.len", 10, "packet")
    cases.refused("one byte behind", good + b"\0", "not_a_packet", "ip.len", 10, "packet")
    return cases
