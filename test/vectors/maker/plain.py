"""Formats of a length at the most: bare IP in UDP, QEMU's socket network, a VDE stream."""

from packets import IPV4, ethernet, ipv4, ipv6, patched

from .cases import Cases, TakenApart
from .vxlan import frames
from .wireshark import Wireshark


def take_packet(datagram, _settings):
    parts = TakenApart(datagram)
    parts.bytes("bare_ip.packet")
    return parts


def bare_ip():
    cases = Cases("bare-ip", take_packet, "ip", Wireshark(8285, "ip", {}))
    for size in (20, 84, 1500, 9000):
        cases.both_ways(f"IPv4 of {size}", ipv4(size), ipv4(size))
    cases.both_ways("IPv4 with options", ipv4(84, ihl=8), ipv4(84, ihl=8))
    for size in (40, 104, 1500):
        # Wireshark's dissector of IP takes both versions.
        cases.both_ways(f"IPv6 of {size}", ipv6(size), ipv6(size))

    four, six = ipv4(84), ipv6(104)
    cases.refused("nothing", b"", "empty", "", 0, "packet")
    for name, datagram, field, offset in (
        ("version 5", patched(four, 0, b"\x55"), "ip.version", 0),
        ("one byte of zero", b"\0", "ip.version", 0),
        ("text that begins as IPv6 does", b"hello, world", "ipv6", 0),
        ("text that begins as nothing does", b"world, hello", "ip.version", 0),
        ("19 bytes", four[:19], "ip", 0),
        ("a header length of 16", patched(four, 0, b"\x44"), "ip.hdr_len", 0),
        ("a header longer than the packet", patched(ipv4(20), 0, b"\x46"), "ip.hdr_len", 0),
        ("last byte of IPv4 cut off", four[:-1], "ip.len", 2),
        ("one byte behind IPv4", four + b"\0", "ip.len", 2),
        ("39 bytes of IPv6", six[:39], "ipv6", 0),
        ("last byte of IPv6 cut off", six[:-1], "ipv6.plen", 4),
        ("one byte behind IPv6", six + b"\0", "ipv6.plen", 4),
    ):
        cases.refused(name, datagram, "not_a_packet", field, offset, "packet")
    return cases


def take_frame(prefix, bits):
    def take_apart(datagram, _settings):
        parts = TakenApart(datagram)
        parts.number(f"{prefix}.length", bits)
        parts.bytes(f"{prefix}.frame")
        return parts

    return take_apart


def length_before(cases, width):
    """Cases of a format that is a length, in `width` bytes, before an Ethernet frame."""

    def wrap(frame, length=None):
        return (len(frame) if length is None else length).to_bytes(width, "big") + frame

    for name, frame in frames():
        cases.both_ways(name, wrap(frame), frame)
    frame = ethernet(IPV4, ipv4(84))
    cases.refused("a length of 0", wrap(b""), "empty", "", width, "packet")
    for size in (1, 13):
        where = ("not_a_packet", "eth", width, "packet")
        cases.refused(f"a frame of {size}", wrap(frame[:size]), *where)
    return cases


def qemu_socket_tcp():
    """net_socket_receive in net/socket.c of QEMU: htonl of the length, then the frame."""
    take_apart = take_frame("qemu_socket_tcp", 32)
    return length_before(Cases("qemu-socket-tcp", take_apart, "ethernet"), 4)


def vde_stream():
    """vdestream_send in libvdeplug.c of vde-2: the length in two bytes, the greater first."""
    return length_before(Cases("vde-stream", take_frame("vde_stream", 16), "ethernet"), 2)
