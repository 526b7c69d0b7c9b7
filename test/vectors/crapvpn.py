#!/usr/bin/env python3
"""Makes crapvpn.json, the vectors of CrapVPN over UDP that Rust and TypeScript read alike.

    crapvpn.py          writes it
    crapvpn.py --check  compares what is there, exit code 1 if it differs

A case:
    name        unique
    source      where its bytes come from: "made" here, or a frame of a capture of the author's
                program
    key         the receiver's key, and the sender's where `encapsulate` holds
    ethertype   whether the sender writes the EtherType in bytes 6 and 7; else it writes zero
    packet      what the sender wrapped; null if no packet of any sender explains the datagram
    datagram    the UDP payload
    encapsulate whether a sender makes exactly this datagram of this packet
    decapsulate what a receiver answers: {packet, ethertype_differs} or {drop, layer, offset}

`ethertype_differs` holds if bytes 6 and 7 are neither zero nor the number of the packet's kind:
worth a note. `offset` is where in the datagram the refused field begins; where bytes are missing,
where the first of them would be; where an IP header has no room, where the packet begins. Each
refused datagram has exactly one thing wrong with it, so the order of checks does not matter.
"""

import json
import pathlib
import struct
import sys

from packets import IPV4, IPV6, ipv4, ipv6, noise, patched, with_checksum, xor

HERE = pathlib.Path(__file__).parent
OUTPUT = HERE / "crapvpn.json"
CAPTURES = HERE.parent / "captures"

KEY = bytes.fromhex("0011223344")
# The longest datagram over IPv4 is 65,535 - 20 - 8 bytes; 8 of them are our header.
LONGEST = 65_499

cases = []


# Bytes


def header(length, ethertype=0, magic=b"crap"):
    return magic + struct.pack("!HH", length, ethertype)


def wrap(packet, key=KEY, ethertype=0):
    return header(len(packet), ethertype) + xor(packet, key)


# Cases


def add(name, datagram, answer, *, key=KEY, packet=None, ethertype=False, source="made"):
    cases.append(
        {
            "name": name,
            "source": source,
            "key": key.hex(),
            "ethertype": ethertype,
            "packet": None if packet is None else packet.hex(),
            "datagram": datagram.hex(),
            "encapsulate": False,
            "decapsulate": answer,
        }
    )


def delivered(name, datagram, packet, got=None, *, differs=False, **more):
    answer = {"packet": (got or packet).hex(), "ethertype_differs": differs}
    add(name, datagram, answer, packet=packet, **more)


def both_ways(name, packet, key=KEY, ethertype=False, **more):
    kind = {4: IPV4, 6: IPV6}[packet[0] >> 4]
    datagram = wrap(packet, key, kind if ethertype else 0)
    delivered(name, datagram, packet, key=key, ethertype=ethertype, **more)
    cases[-1]["encapsulate"] = True


def refused(name, datagram, reason, layer, offset, **more):
    add(name, datagram, {"drop": reason, "layer": layer, "offset": offset}, **more)


def keys():
    for size in (1, 2, 3, 5, 16, 24, 31, 255, 1000):
        key = noise(f"key {size}", size)
        both_ways(f"IPv4, key of {size}", ipv4(84), key)
        both_ways(f"IPv6, key of {size}, EtherType", ipv6(104), key, ethertype=True)
    both_ways("key of zeros", ipv4(84), bytes(4))
    both_ways("key of one zero", ipv4(84), bytes(1))
    both_ways("key of ff", ipv4(84), b"\xff")
    both_ways("key as long as the packet", ipv4(84), noise("key 84", 84))
    both_ways("key one byte shorter than the packet", ipv4(84), noise("key 83", 83))
    both_ways("key one byte longer than the packet", ipv4(84), noise("key 85", 85))
    both_ways("key of 1000, packet longer", ipv4(1464), noise("key 1000", 1000))


def sizes():
    for size in (20, 21, 27, 28, 29, 63, 64, 65, 1280, 1463, 1464, 1465, 1500):
        both_ways(f"IPv4 of {size}", ipv4(size), ethertype=size % 2 == 0)
    for size in (40, 41, 47, 48, 63, 64, 65, 1280, 1464):
        both_ways(f"IPv6 of {size}", ipv6(size), ethertype=size % 2 == 0)
    both_ways("IPv4 with options", ipv4(84, ihl=8))
    both_ways("IPv4 with 40 bytes of options and no payload", ipv4(60, ihl=15))
    both_ways("IPv4 later fragment", with_checksum(patched(ipv4(84), 6, b"\x20\x10\0\0\0\0"), 10))
    both_ways(f"IPv4 of {LONGEST}, the longest", ipv4(LONGEST))


def ethertypes():
    for name, packet, kind in (("IPv4", ipv4(84), IPV4), ("IPv6", ipv6(104), IPV6)):
        both_ways(f"{name}, EtherType zero", packet)
        both_ways(f"{name}, EtherType {kind:04x}", packet, ethertype=True)
        for number in (0x0001, 0x0008, IPV4, IPV6, 0xDD86, 0x1234, 0x6558, 0xFFFF):
            if number != kind:
                datagram = wrap(packet, ethertype=number)
                delivered(f"{name}, EtherType {number:04x}", datagram, packet, differs=True)


def headers():
    good = wrap(ipv4(84))
    for size in range(8):
        refused(f"datagram of {size}", good[:size], "too_short", "header", size)
    for place in range(4):
        for change, word in ((0x01, "one bit"), (0x20, "upper case"), (0xFF, "all bits")):
            wrong = patched(good, place, bytes([good[place] ^ change]))
            refused(f"magic byte {place}, {word}", wrong, "not_ours", "header", 0)
    refused("magic reversed", patched(good, 0, b"parc"), "not_ours", "header", 0)
    refused("magic alone wrong, header only", header(0, magic=b"crab"), "not_ours", "header", 0)
    refused("HTTP", b"GET / HTTP/1.1\r\n\r\n", "not_ours", "header", 0)

    little = struct.unpack("<H", good[4:6])[0]
    for length in (85, 92, 85 + 255, little, 0xFFFF):
        wrong = patched(good, 4, struct.pack("!H", length))
        refused(f"length {length} of 84", wrong, "length", "header", 4)
    for length in (83, 76, 1, 0):
        wrong = patched(good, 4, struct.pack("!H", length))
        refused(f"length {length} of 84", wrong, "trailing", "header", 4)
    refused("last byte cut off", good[:-1], "length", "header", 4)
    refused("one byte behind", good + b"\0", "trailing", "header", 4)
    refused("two datagrams in one", good + good, "trailing", "header", 4)
    refused("header alone with length 84", good[:8], "length", "header", 4)
    refused("header alone with length 1", header(1), "length", "header", 4)
    refused("empty", header(0), "empty", "packet", 8)
    refused("empty, EtherType 0800", header(0, IPV4), "empty", "packet", 8)


def packets():
    def bad(name, packet, offset, **more):
        refused(name, wrap(packet, **more), "not_a_packet", "packet", 8 + offset)

    four, six = ipv4(84), ipv6(104)
    for version in (0, 1, 3, 5, 7, 8, 12, 15):
        bad(f"version {version}", patched(four, 0, bytes([version << 4 | 5])), 0)
    bad("version 0, EtherType 0800", patched(four, 0, b"\x05"), 0, ethertype=IPV4)
    bad("an Ethernet frame, EtherType 6558", bytes(12) + b"\x08\0" + four, 0, ethertype=0x6558)
    for size in (1, 2, 8):
        bad(f"{size} bytes of zero", bytes(size), 0)
    bad("text", b"hello, world", 0)

    for ihl in (0, 1, 4):
        bad(f"IPv4, header length {4 * ihl}", patched(four, 0, bytes([0x40 | ihl])), 0)
    bad("IPv4, header length 24 of 20", patched(ipv4(20), 0, b"\x46"), 0)
    bad("IPv4, header length 60 of 59", patched(ipv4(59), 0, b"\x4f"), 0)
    for length in (83, 85, 0, 20, 0xFFFF, 0x5400):
        bad(f"IPv4, total length {length} of 84", patched(four, 2, struct.pack("!H", length)), 2)
    bad("IPv4, last byte cut off", four[:-1], 2)
    bad("IPv4, one byte behind", four + b"\0", 2)
    for size in (1, 2, 3, 4, 19):
        short = patched(ipv4(20), 2, struct.pack("!H", size))[:size]
        bad(f"IPv4 of {size}", short, 0)

    for length in (63, 65, 0, 104, 0xFFFF, 0x4000):
        bad(f"IPv6, payload length {length} of 64", patched(six, 4, struct.pack("!H", length)), 4)
    bad("IPv6, last byte cut off", six[:-1], 4)
    bad("IPv6, one byte behind", six + b"\0", 4)
    bad("IPv6, payload length 1 of 0", patched(ipv6(40), 4, b"\0\1"), 4)
    bad("a jumbogram's payload length", patched(ipv6(48), 4, b"\0\0"), 4)
    for size in (1, 6, 20, 39):
        bad(f"IPv6 of {size}", ipv6(40)[:size], 0)


def wrong_keys():
    packet = ipv4(84)

    def opened_with(name, key, sent_with, offset):
        datagram = wrap(packet, sent_with)
        reason = ("not_a_packet", "packet", 8 + offset)
        refused(name, datagram, *reason, key=key, packet=packet)

    opened_with("wrong key: the version becomes 5", KEY, b"\x10" + KEY[1:], 0)
    opened_with("wrong key: the header length becomes 0", KEY, b"\x05" + KEY[1:], 0)
    opened_with("wrong key: the total length becomes 85", bytes(20), bytes([0, 0, 0, 1] * 5), 2)
    opened_with("wrong key: longer than the sender's", KEY + b"\x55\xaa", b"\x99" + KEY, 0)
    six = wrap(ipv6(104), b"\x20")
    # The version becomes 4, and the header length 0.
    refused("wrong key: IPv6 becomes IPv4", six, "not_a_packet", "packet", 8, key=b"\0")
    # XOR has no integrity: if the header survives, the rest may be anything.
    key = bytes(83) + b"\x01"
    garbled = xor(packet, key)
    delivered("wrong key that nothing shows", wrap(packet, key), packet, garbled, key=bytes(84))


def captured():
    """The first datagrams that were not fragmented, of each capture of the author's program."""
    for outer in sorted(CAPTURES.glob("program_key*.outer.pcap")):
        inner = outer.with_name(outer.name.replace(".outer.", ".inner."))
        if not inner.exists():
            continue
        key = bytes.fromhex(outer.name.removeprefix("program_key").removesuffix(".outer.pcap"))
        sent = set(read_pcap(inner))
        wanted = {4: 3, 6: 1}
        for number, frame in enumerate(read_pcap(outer), 1):
            datagram = udp_payload(frame)
            packet = datagram and xor(datagram[8:], key)
            if not packet or packet not in sent or not wanted[packet[0] >> 4]:
                continue
            wanted[packet[0] >> 4] -= 1
            name = f"captured, key of {len(key)}, frame {number}"
            delivered(name, datagram, packet, key=key, source=f"{outer.name} frame {number}")
            cases[-1]["encapsulate"] = True


def read_pcap(path):
    data = path.read_bytes()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}[data[:4]]
    offset = 24
    while offset < len(data):
        (length,) = struct.unpack_from(order + "I", data, offset + 8)
        yield data[offset + 16 : offset + 16 + length]
        offset += 16 + length


def udp_payload(frame):
    """The payload of an unfragmented UDP datagram to CrapVPN's port over IPv4 and Ethernet."""
    if frame[12:14] != b"\x08\0" or frame[23] != 17:
        return None
    packet = frame[14 : 14 + struct.unpack("!H", frame[16:18])[0]]
    if struct.unpack("!H", packet[6:8])[0] & 0x3FFF:
        return None
    udp = packet[4 * (packet[0] & 15) :]
    return udp[8:] if udp[2:4] == struct.pack("!H", 1337) else None


def main():
    for part in (keys, sizes, ethertypes, headers, packets, wrong_keys, captured):
        part()
    names = [case["name"] for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"two cases of one name: {sorted(twice)}")
    text = json.dumps(cases, indent=2) + "\n"
    if sys.argv[1:] == ["--check"]:
        if not OUTPUT.exists() or OUTPUT.read_text() != text:
            sys.exit(f"{OUTPUT.name} is not what {pathlib.Path(__file__).name} makes")
        return
    OUTPUT.write_text(text)
    print(f"{OUTPUT.name}: {len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
