"""CrapVPN over UDP and TCP, and its form with Ethernet frames. See also crapvpn.json."""

import struct

from packets import ETHERNET, IPV4, IPV6, ethernet, ipv4, ipv6, noise, patched, xor

from .cases import Cases, TakenApart
from .vxlan import frames

KEY = bytes.fromhex("0011223344")
KINDS = {4: IPV4, 6: IPV6}


def wrap(packet, key=KEY, ethertype=0, length=None):
    length = len(packet) if length is None else length
    return b"crap" + struct.pack("!HH", length, ethertype) + xor(packet, key)


def wrap_tcp(packet, key=KEY):
    return b"crap" + struct.pack("!H", len(packet)) + xor(packet, key)


def take_apart(datagram, _settings):
    parts = TakenApart(datagram)
    parts.bytes("crapvpn.magic", 4)
    parts.numbers(("crapvpn.ciphertext_length", 16), ("crapvpn.ethertype", 16))
    parts.bytes("crapvpn.ciphertext")
    return parts


def take_tcp_apart(frame, _settings):
    parts = TakenApart(frame)
    parts.bytes("crapvpn.magic", 4)
    parts.number("crapvpn.ciphertext_length", 16)
    parts.bytes("crapvpn.ciphertext")
    return parts


def packets():
    for size in (20, 84, 1500):
        yield f"IPv4 of {size}", ipv4(size)
    for size in (40, 104, 1464):
        yield f"IPv6 of {size}", ipv6(size)


def crapvpn():
    cases = Cases("crapvpn", take_apart, "ip", key=KEY)
    for name, packet in packets():
        cases.both_ways(name, wrap(packet), packet)
        kind = KINDS[packet[0] >> 4]
        named = wrap(packet, ethertype=kind)
        settings = {"ethertype": "table"}
        cases.both_ways(f"{name}, EtherType from the table", named, packet, settings=settings)
    four = ipv4(84)
    for size in (1, 4, 83, 84, 85):
        key = noise(f"key {size}", size)
        cases.both_ways(f"a key of {size}", wrap(four, key), four, key=key)
    for number in (IPV6, ETHERNET, 0xFFFF):
        name = f"EtherType {number:04x} before IPv4, only noted"
        cases.delivered(name, wrap(four, ethertype=number), four)
    header_refusals(cases, wrap(four), 8)
    for name, packet, field, offset in (
        ("version 5", patched(four, 0, b"\x55"), "ip.version", 8),
        ("IPv4 of 85 in 84", patched(four, 2, b"\0\x55"), "ip.len", 10),
        ("IPv6 of 103 in 104", patched(ipv6(104), 4, b"\0\x3f"), "ipv6.plen", 12),
    ):
        cases.refused(name, wrap(packet), "not_a_packet", field, offset, "packet")
    # The first byte of the key is 0 and should have been 10: 4 becomes 5.
    wrong = wrap(four, b"\x10" + KEY[1:])
    cases.refused("a wrong key", wrong, "not_a_packet", "ip.version", 8, "packet")
    return cases


def header_refusals(cases, good, header_bytes):
    for size in range(header_bytes):
        cases.too_short(f"{size} bytes", good[:size])
    magic = ("not_ours", "crapvpn.magic", 0)
    cases.refused("another magic", patched(good, 3, b"b"), *magic)
    length = len(good) - header_bytes
    counts = ("crapvpn.ciphertext_length", 4)
    for reason, number in (("length", length + 1), ("length", 0xFFFF), ("trailing", length - 1)):
        wrong = patched(good, 4, struct.pack("!H", number))
        cases.refused(f"length {number} of {length}", wrong, reason, *counts, shown=False)
    cases.refused("last byte cut off", good[:-1], "length", *counts, shown=False)
    cases.refused("one byte behind", good + b"\0", "trailing", *counts, shown=False)
    empty = patched(good[:header_bytes], 4, b"\0\0")
    cases.refused("no packet", empty, "empty", "", header_bytes, "packet")


def crapvpn_tcp():
    cases = Cases("crapvpn-tcp", take_tcp_apart, "ip", key=KEY)
    for name, packet in packets():
        cases.both_ways(name, wrap_tcp(packet), packet)
    four = ipv4(84)
    header_refusals(cases, wrap_tcp(four), 6)
    wrong = wrap_tcp(four, b"\x10" + KEY[1:])
    cases.refused("a wrong key", wrong, "not_a_packet", "ip.version", 6, "packet")
    return cases


def crapvpn_ethernet():
    cases = Cases("crapvpn-ethernet", take_apart, "ethernet", key=KEY)
    for name, frame in frames():
        cases.both_ways(name, wrap(frame, ethertype=ETHERNET), frame)
    frame = ethernet(IPV4, ipv4(84))
    good = wrap(frame, ethertype=ETHERNET)
    header_refusals(cases, good, 8)
    for number in (0, IPV4, 0x5865):
        wrong = wrap(frame, ethertype=number)
        cases.refused(f"EtherType {number:04x}", wrong, "unknown_next", "crapvpn.ethertype", 6)
    short = wrap(frame[:13], ethertype=ETHERNET)
    cases.refused("a frame of 13", short, "not_a_packet", "eth", 8, "packet")
    return cases
