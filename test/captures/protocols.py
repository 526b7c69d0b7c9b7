#!/usr/bin/env python3
"""Writes the captures protocols_*.pcap: the protocols that the decoder reads, in all their forms.

Packs bytes from the RFCs and shares no code with the decoder. Run it in this folder.
"""

import struct
from ipaddress import ip_address
from pathlib import Path

FOLDER = Path(__file__).parent
ETHERNET, RAW, NULL, LOOP, SLL, SLL2 = 1, 101, 0, 108, 113, 276
MAC_A, MAC_B = bytes.fromhex("020000000a01"), bytes.fromhex("020000000b02")
BROADCAST = b"\xff" * 6
A4, B4 = ip_address("10.1.2.3").packed, ip_address("10.1.2.4").packed
A6, B6 = ip_address("2001:db8::a").packed, ip_address("2001:db8::b").packed


def write(name, link, frames, snaplen=262144):
    """One pcap file, a frame each millisecond."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link)
    for number, frame in enumerate(frames):
        kept = frame[:snaplen]
        out += struct.pack("<IIII", 1_700_000_000, number * 1000, len(kept), len(frame)) + kept
    (FOLDER / f"protocols_{name}.pcap").write_bytes(out)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload, ethertype, to=MAC_B, source=MAC_A):
    return to + source + struct.pack("!H", ethertype) + payload


def ipv4(payload, protocol, options=b"", source=A4, to=B4, flags=0x4000, tos=0, number=0x1234, ttl=64):
    length = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 | length // 4, tos, length + len(payload), number, flags, ttl, protocol, 0)
    head += source + to + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(payload, following, source=A6, to=B6, traffic_class=0, flow=0, hops=64):
    first = 6 << 28 | traffic_class << 20 | flow
    return struct.pack("!IHBB", first, len(payload), following, hops) + source + to + payload


def sum_over(source, to, protocol, segment, at):
    """Fills in the checksum at a place of a segment, with its pseudo-header."""
    pseudo = source + to + struct.pack("!IHBB", len(segment), 0, 0, protocol)
    if len(source) == 4:
        pseudo = source + to + struct.pack("!BBH", 0, protocol, len(segment))
    value = checksum(pseudo + segment)
    if protocol == 17 and value == 0:
        value = 0xFFFF
    return segment[:at] + struct.pack("!H", value) + segment[at + 2 :]


def udp(payload, source_port, to_port, source=A4, to=B4):
    segment = struct.pack("!HHHH", source_port, to_port, 8 + len(payload), 0) + payload
    return sum_over(source, to, 17, segment, 6)


def tcp(payload, source_port, to_port, seq, ack, flags, window=1024, options=b"", urgent=0, source=A4, to=B4):
    length = 20 + len(options)
    word = (length // 4) << 12 | flags
    segment = struct.pack("!HHIIHHHH", source_port, to_port, seq, ack, word, window, 0, urgent)
    return sum_over(source, to, 6, segment + options + payload, 16)


def icmp(kind, code, rest):
    message = struct.pack("!BBH", kind, code, 0) + rest
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def icmpv6(kind, code, rest, source=A6, to=B6):
    return sum_over(source, to, 58, struct.pack("!BBH", kind, code, 0) + rest, 2)


FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << bit for bit in range(9))


def link():
    """Ethernet, VLAN tags and ARP."""
    datagram = ipv4(udp(b"hello", 5000, 5001), 17)

    def arp(operation, target=b"\0" * 6, sender_ip=A4, target_ip=B4):
        return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + MAC_A + sender_ip + target + target_ip

    frames = [
        ethernet(arp(1), 0x0806, BROADCAST),
        ethernet(arp(1).ljust(46, b"\0"), 0x0806, BROADCAST),
        ethernet(arp(2, MAC_B), 0x0806),
        ethernet(arp(1, target_ip=A4), 0x0806, BROADCAST),
        ethernet(arp(2, MAC_A, target_ip=A4), 0x0806, BROADCAST),
        ethernet(arp(1, sender_ip=bytes(4)), 0x0806, BROADCAST),
        ethernet(arp(8, MAC_B), 0x0806),
        ethernet(struct.pack("!HH", 0x6123, 0x0800) + datagram, 0x8100),
        ethernet(struct.pack("!HHHH", 0x1064, 0x8100, 0xE001, 0x0800) + datagram, 0x88A8),
        ethernet(struct.pack("!HH", 0x0005, 0x0806) + arp(1), 0x8100, BROADCAST),
        ethernet(datagram.ljust(46, b"\0"), 0x0800),
        ethernet(datagram.ljust(50, b"\x11"), 0x0800),
        ethernet(datagram.ljust(46, b"\0") + b"trailer!", 0x0800),
        ethernet(ipv4(udp(b"x" * 60, 5000, 5001), 17) + b"\x01\x02", 0x0800),
        ethernet(b"private bytes", 0x88B5),
        ethernet(b"\x42\x42\x03" + bytes(35), 38),
        ethernet(datagram, 0x0800, bytes.fromhex("01005e000001")),
        ethernet(datagram, 0x0800)[:12],
        ethernet(arp(1), 0x0806)[:30],
    ]
    write("ethernet", ETHERNET, frames)


def links():
    """The other link types."""
    four, six = ipv4(udp(b"four bytes", 5000, 5001), 17), ipv6(udp(b"six bytes", 5000, 5001, A6, B6), 17)
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + MAC_A + A4 + bytes(6) + B4

    def cooked(payload, protocol, kind=0, hardware=1, address=MAC_A):
        return struct.pack("!HHH8sH", kind, hardware, len(address), address.ljust(8, b"\0"), protocol) + payload

    def cooked_2(payload, protocol, kind=0, hardware=1, address=MAC_A):
        return struct.pack("!HHIHBB8s", protocol, 0, 3, hardware, kind, len(address), address.ljust(8, b"\0")) + payload

    write("sll", SLL, [
        cooked(four, 0x0800), cooked(six, 0x86DD, 4), cooked(arp, 0x0806, 1), cooked(four, 0x0800, 3, 772, bytes(6)),
        cooked(four, 0x0800, 4, 65534, b""), cooked(four, 0x0800, 2).ljust(80, b"\0"), cooked(four, 0x0800)[:15],
        cooked(struct.pack("!HH", 7, 0x0800) + four, 0x8100), cooked(b"abcdef", 0x88B5),
    ])
    write("sll2", SLL2, [
        cooked_2(four, 0x0800), cooked_2(six, 0x86DD, 4), cooked_2(arp, 0x0806, 1), cooked_2(four, 0x0800, 3, 772, bytes(6)),
        cooked_2(four, 0x0800, 4, 65534, b""), cooked_2(four, 0x0800)[:19], cooked_2(struct.pack("!HH", 7, 0x0800) + four, 0x8100),
    ])
    write("null", NULL, [
        struct.pack("<I", 2) + four, struct.pack("<I", 10) + six, struct.pack("<I", 24) + six, struct.pack("<I", 28) + six,
        struct.pack("<I", 30) + six, struct.pack(">I", 2) + four, struct.pack(">I", 30) + six, struct.pack("<I", 2)[:3],
    ])
    write("loop", LOOP, [struct.pack(">I", 2) + four, struct.pack(">I", 24) + six])
    write("raw", RAW, [four, six, b"\x00" * 20, b"\x45", b""])


def internet():
    """IPv4 with options; IPv6 with extension headers; both cut and wrong."""
    data = udp(b"hello", 5000, 5001)
    record = b"\x07\x0b\x08" + A4 + bytes(4)
    strict = b"\x89\x07\x04" + B4
    loose = b"\x83\x0b\x0c" + A4 + B4
    stamp = b"\x44\x0c\x0d\x00" + struct.pack("!II", 1000, 2000)
    stamped = b"\x44\x0c\x0d\x01" + A4 + struct.pack("!I", 12345)
    frames = [
        ipv4(data, 17, tos=0xB9, flags=0, number=0),
        ipv4(data, 17, b"\x94\x04\0\0"),
        ipv4(data, 17, b"\x01\x01\x01\0"),
        ipv4(data, 17, record + b"\0"),
        ipv4(data, 17, strict + b"\x01"),
        ipv4(data, 17, loose + b"\0"),
        ipv4(data, 17, stamp),
        ipv4(data, 17, stamped),
        ipv4(data, 17, b"\x82\x0b" + bytes(9) + b"\0"),
        ipv4(data, 17, b"\x88\x04\x00\x07"),
        ipv4(data, 17, b"\x9e\x04\x01\x02"),
        ipv4(data, 17, b"\x07\x01\x01\x01"),
        ipv4(data, 17, b"\x07\x28\x04\x01"),
        ipv4(b"protocol 253", 253),
        ipv4(b"protocol 143", 200),
        ipv4(data, 17, flags=0x8000),
        ipv4(data[:8] + b"fragment", 17, flags=0x2000, number=7),
        ipv4(b"the other", 17, flags=0x0002, number=9),
        ipv4(data, 17)[:12],
        b"\x44" + ipv4(data, 17)[1:],
        b"\x4f" + ipv4(data, 17)[1:],
        ipv4(data, 17)[:2] + b"\x00\x10" + ipv4(data, 17)[4:],
        ipv4(data, 17)[:2] + b"\x01\x00" + ipv4(data, 17)[4:],
        ipv4(data, 17) + b"more than the packet",
        ipv4(ipv4(data, 17), 4),
        ipv4(ipv6(udp(b"six in four", 1, 2, A6, B6), 17), 41),
        ipv4(data[:4], 17),
        ipv4(data[:4] + b"\0\7" + data[6:], 17),
        ipv4(data[:4] + b"\0\xff" + data[6:], 17),
        ipv4(data[:4] + b"\0\0" + data[6:], 17),
        ipv4(data[:6] + b"\0\0" + data[8:], 17),
        ipv4(udp(b"", 5000, 5001), 17),
    ]
    write("ipv4", RAW, frames)

    data = udp(b"hello", 5000, 5001, A6, B6)
    hop = b"\x11\0\x05\x02\0\0\x01\0"
    padded = b"\x11\x01\x01\x0c" + bytes(12)
    unknown = b"\x11\0\x1e\x02ab\0\0"
    jumbo = b"\x11\0\xc2\4\0\1\0\0"
    routing = b"\x11\x02\0\x01\0\0\0\0" + B6
    mobile = b"\x11\x02\x02\x01\0\0\0\0" + B6
    segments = b"\x11\x04\x04\x01\x01\0\0\0" + A6 + B6
    destination = b"\x11\0\x01\x04" + bytes(4)
    home = b"\x11\x02\xc9\x10" + A6 + b"\x01\x02" + bytes(0)
    frames = [
        ipv6(data, 17, traffic_class=0xB9, flow=0x12345),
        ipv6(hop + data, 0),
        ipv6(padded + data, 0),
        ipv6(unknown + data, 0),
        ipv6(jumbo + data, 0),
        ipv6(routing + data, 43),
        ipv6(mobile + data, 43),
        ipv6(segments + data, 43),
        ipv6(destination + data, 60),
        ipv6(home.ljust(24, b"\0") + data, 60),
        ipv6(b"\x3c" + hop[1:] + destination + data, 0),
        ipv6(b"\x11\0\0\1\0\0\0\7" + data, 44),
        ipv6(b"\x11\0\0\0\0\0\0\7" + data, 44),
        ipv6(b"\x11\0\0\x18\0\0\0\x09" + b"rest", 44),
        ipv6(b"nothing", 59),
        ipv6(b"protocol 253", 253),
        ipv6(hop[:1] + b"\x20" + hop[2:] + data, 0),
        ipv6(b"\x11\0\x05\x20\0\0\x01\0" + data, 0),
        ipv6(ipv6(data, 17), 41),
        ipv6(ipv4(udp(b"four in six", 1, 2), 17), 4),
        ipv6(data, 17)[:30],
        ipv6(data, 17)[:44],
        ipv6(data, 17)[:4] + b"\0\3" + ipv6(data, 17)[6:],
        ipv6(data, 17)[:4] + b"\1\0" + ipv6(data, 17)[6:],
        ipv6(hop[:4], 0),
    ]
    write("ipv6", RAW, frames)


def control():
    """ICMP and ICMPv6 with neighbour discovery."""
    inner = ipv4(udp(b"refused", 5000, 5001), 17)
    inner_tcp = ipv4(tcp(b"", 5000, 80, 1, 2, SYN), 6)[:28]
    echo = struct.pack("!HH", 77, 1)
    frames = [
        ipv4(icmp(8, 0, echo + b"abcdefghijklmnop"), 1),
        ipv4(icmp(0, 0, echo + b"abcdefghijklmnop"), 1, source=B4, to=A4),
        ipv4(icmp(8, 0, echo), 1),
        ipv4(icmp(8, 0, echo)[:2] + b"\0\0" + icmp(8, 0, echo)[4:], 1),
        ipv4(icmp(3, 3, bytes(4) + inner), 1),
        ipv4(icmp(3, 1, bytes(4) + inner_tcp), 1),
        ipv4(icmp(3, 4, struct.pack("!HH", 0, 1400) + inner), 1),
        ipv4(icmp(3, 13, bytes(4) + inner[:20]), 1),
        ipv4(icmp(4, 0, bytes(4) + inner), 1),
        ipv4(icmp(5, 1, B4 + inner), 1),
        ipv4(icmp(11, 0, bytes(4) + inner), 1),
        ipv4(icmp(11, 1, bytes(4) + inner), 1),
        ipv4(icmp(12, 0, b"\x05\0\0\0" + inner), 1),
        ipv4(icmp(9, 0, b"\x01\x02" + struct.pack("!H", 1800) + A4 + bytes(4)), 1),
        ipv4(icmp(10, 0, bytes(4)), 1),
        ipv4(icmp(13, 0, echo + struct.pack("!III", 1000, 0, 0)), 1),
        ipv4(icmp(14, 0, echo + struct.pack("!III", 1000, 2000, 3000)), 1),
        ipv4(icmp(17, 0, echo + bytes(4)), 1),
        ipv4(icmp(18, 0, echo + bytes.fromhex("ffffff00")), 1),
        ipv4(icmp(40, 0, bytes(4)), 1),
        ipv4(icmp(8, 0, echo)[:6], 1),
        ipv4(icmp(3, 3, bytes(4) + inner)[:20], 1),
    ]
    write("icmp", RAW, frames)

    inner = ipv6(udp(b"refused", 5000, 5001, A6, B6), 17)
    link_local = ip_address("fe80::1").packed
    nodes, routers = ip_address("ff02::1").packed, ip_address("ff02::2").packed
    source_mac, target_mac = b"\x01\x01" + MAC_A, b"\x02\x01" + MAC_B
    mtu = struct.pack("!BBHI", 5, 1, 0, 1450)
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + ip_address("2001:db8:1::").packed
    dns = struct.pack("!BBHI", 25, 3, 0, 600) + ip_address("2001:db8::53").packed
    search = struct.pack("!BBHI", 31, 3, 0, 600) + b"\x03lab\x07example\0" + bytes(3)
    route = struct.pack("!BBBBI", 24, 2, 48, 0x08, 900) + ip_address("2001:db8:2::").packed[:8]
    redirected = struct.pack("!BBHI", 4, 1 + len(inner) // 8, 0, 0) + inner[: len(inner) // 8 * 8]
    nonce = b"\x0e\x01abcdef"

    def nd(kind, rest, source=A6, to=B6, code=0):
        return ipv6(icmpv6(kind, code, rest, source, to), 58, source, to, hops=255)

    frames = [
        nd(128, echo + b"abcdefghijklmnop"),
        nd(129, echo + b"abcdefghijklmnop", B6, A6),
        nd(133, bytes(4) + source_mac, link_local, routers),
        nd(134, b"\x40\x48" + struct.pack("!HII", 1800, 5, 6) + source_mac + mtu + prefix + route + dns + search, link_local, nodes),
        nd(135, bytes(4) + B6 + source_mac),
        nd(135, bytes(4) + B6 + nonce, bytes(16), ip_address("ff02::1:ff00:b").packed),
        nd(136, b"\xe0\0\0\0" + B6 + target_mac, B6, A6),
        nd(136, b"\x20\0\0\0" + B6, B6, A6),
        nd(137, bytes(4) + A6 + B6 + target_mac + redirected),
        nd(1, bytes(4) + inner, code=4),
        nd(2, struct.pack("!I", 1280) + inner),
        nd(3, bytes(4) + inner),
        nd(4, struct.pack("!I", 6) + inner, code=1),
        nd(130, struct.pack("!HH", 1000, 0) + bytes(16), link_local, nodes),
        nd(131, bytes(4) + nodes, link_local, nodes),
        nd(132, bytes(4) + nodes, link_local, routers),
        nd(130, struct.pack("!HH", 1000, 0) + nodes + b"\x02\x7d\0\0", link_local, nodes),
        nd(143, struct.pack("!HH", 0, 2) + b"\x04\0\0\0" + nodes + b"\x03\0\0\1" + routers + A6, link_local, ip_address("ff02::16").packed),
        nd(200, b"private"),
        nd(135, bytes(4) + B6 + b"\x01\x00" + MAC_A),
        nd(135, bytes(4) + B6 + b"\x01\x05" + MAC_A),
        nd(135, bytes(4) + B6[:8]),
        nd(135, bytes(4) + B6 + b"\xfd\x01abcdef"),
        ipv6(icmpv6(128, 0, echo)[:2] + b"\x12\x34" + icmpv6(128, 0, echo)[4:], 58),
        ipv6(icmpv6(128, 0, echo)[:3], 58),
    ]
    write("icmpv6", RAW, frames)


def transport():
    """TCP with its options and flags; connections that begin anew."""
    stamps = b"\x08\x0a" + struct.pack("!II", 1000, 2000)
    opening = b"\x02\x04\x05\xb4\x04\x02" + stamps + b"\x01\x03\x03\x07"
    sack = b"\x01\x01\x05\x12" + struct.pack("!IIII", 5000, 6000, 7000, 8000)
    frames = []

    def segment(payload, seq, ack, flags, back=False, ports=(40000, 9999), window=1024, options=b"", urgent=0):
        if back:
            one = tcp(payload, ports[1], ports[0], seq, ack, flags, window, options, urgent, B4, A4)
            frames.append(ipv4(one, 6, source=B4, to=A4))
        else:
            frames.append(ipv4(tcp(payload, *ports, seq, ack, flags, window, options, urgent), 6))

    segment(b"", 1000, 0, SYN, options=opening)
    segment(b"", 2000, 1001, SYN | ACK, True, options=opening)
    segment(b"", 1001, 2001, ACK)
    segment(b"first bytes", 1001, 2001, PSH | ACK, options=b"\x01\x01" + stamps)
    segment(b"", 2001, 1012, ACK, True, options=sack)
    segment(b"urgent", 1012, 2001, PSH | URG | ACK, urgent=3)
    segment(b"", 1018, 2001, FIN | ACK)
    segment(b"", 2001, 1019, FIN | ACK, True)
    segment(b"", 1019, 2002, ACK)
    segment(b"", 9000, 0, SYN | ECE | CWR | AE, options=b"\x02\x04\x05\xb4")
    segment(b"", 100, 9001, SYN | ACK | ECE, True, options=b"\x02\x04\x05\xb4")
    segment(b"", 9001, 101, ACK)
    segment(b"", 9001, 0, RST)
    segment(b"", 1, 0, SYN, ports=(40001, 9999), options=b"\x03\x03\x02\0")
    segment(b"", 5, 2, SYN | ACK, True, ports=(40001, 9999))
    segment(b"no scaling", 2, 6, ACK, ports=(40001, 9999))
    segment(b"middle of a stream", 77, 88, PSH | ACK, ports=(40002, 9999))
    segment(b"", 1, 1, ACK, ports=(40003, 9999), options=b"\xfd\x06abcd\x01\x00")
    segment(b"", 1, 1, ACK, ports=(40003, 9999), options=b"\x13\x12" + bytes(16) + b"\0\0")
    segment(b"", 1, 1, ACK, ports=(40003, 9999), options=b"\x1c\x04\x80\x3c")
    segment(b"", 1, 1, SYN, ports=(40004, 9999), options=b"\x22\x02\0\0")
    segment(b"", 1, 1, SYN, ports=(40005, 9999), options=b"\x22\x0acookiecd\0\0")
    segment(b"", 1, 1, SYN, ports=(40006, 9999), options=b"\x1e\x0c\x01\x81" + b"keykeyke")
    segment(b"", 1, 1, ACK, ports=(40003, 9999), options=b"\x08\x04\0\0")
    segment(b"", 1, 1, ACK, ports=(40003, 9999), options=b"\x08\x00\0\0")
    segment(b"", 1, 1, ACK, ports=(40003, 9999), options=b"\x08\x30\0\0")
    segment(b"", 1, 1, 0, ports=(40003, 9999))
    segment(b"", 1, 1, 0x1FF | 0xE00, ports=(40007, 9999))
    good = tcp(b"data", 40008, 9999, 1, 1, ACK)
    frames.append(ipv4(good[:12], 6))
    frames.append(ipv4(good[:12] + b"\x40" + good[13:], 6))
    frames.append(ipv4(good[:12] + b"\xf0" + good[13:], 6))
    frames.append(ipv6(tcp(b"over IPv6", 40000, 9999, 1, 1, PSH | ACK, source=A6, to=B6), 6))
    write("tcp", RAW, frames)


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def domain():
    """DNS: types, compression, cut and looping names."""
    def question(text, kind=1, cls=1):
        return name(text) + struct.pack("!HH", kind, cls)

    def record(owner, kind, data, ttl=300, cls=1):
        return owner + struct.pack("!HHIH", kind, cls, ttl, len(data)) + data

    def message(number, flags, questions=(), answers=(), authority=(), more=()):
        head = struct.pack("!HHHHHH", number, flags, len(questions), len(answers), len(authority), len(more))
        return head + b"".join((*questions, *answers, *authority, *more))

    here = b"\xc0\x0c"
    soa = name("ns.example.com") + name("admin.example.com") + struct.pack("!IIIII", 2024, 7200, 3600, 1209600, 300)
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0x00008000, 0)
    cookie = b"\0" + struct.pack("!HHIH", 41, 4096, 0, 12) + struct.pack("!HH", 10, 8) + b"cookie!!"
    example = question("www.example.com")
    messages = [
        (message(1, 0x0100, [example]), False),
        (message(1, 0x8180, [example], [record(here, 1, A4)]), True),
        (message(2, 0x0100, [question("www.example.com", 28)], more=[opt]), False),
        (message(2, 0x8180, [question("www.example.com", 28)], [record(here, 28, A6)], more=[opt]), True),
        (message(3, 0x8183, [question("nope.example.com")], (), [record(b"\xc0\x11", 6, soa)]), True),
        (message(4, 0x8580, [question("mail.example.com", 15)], [record(here, 15, b"\0\x0a" + name("mx.example.com"))]), True),
        (message(5, 0x8180, [example], [record(here, 5, b"\x05other\xc0\x10"), record(b"\xc0\x2d", 1, B4)]), True),
        (message(6, 0x8180, [question("example.com", 16)], [record(here, 16, b"\x05hello\x06world!")]), True),
        (message(7, 0x8180, [question("4.2.1.10.in-addr.arpa", 12)], [record(here, 12, name("host.example.com"))]), True),
        (message(8, 0x8180, [question("_sip._udp.example.com", 33)], [record(here, 33, struct.pack("!HHH", 1, 2, 5060) + name("sip.example.com"))]), True),
        (message(9, 0x8180, [question("example.com", 2)], [record(here, 2, b"\x02ns\xc0\x0c")]), True),
        (message(10, 0x0100, [question("", 2)], more=[cookie]), False),
        (message(11, 0x8181, [example]), True),
        (message(12, 0x8182, [example]), True),
        (message(13, 0x8180, [example], [record(here, 65280, b"private")]), True),
        (message(14, 0x0100, [b"\xc0\x0c" + b"\0\1\0\1"]), False),
        (message(15, 0x0100, [b"\xc0\xff" + b"\0\1\0\1"]), False),
        (message(16, 0x0100, [b"\x09short"]), False),
        (message(17, 0x0100, [b"\x05a\x00b\xff.\0" + b"\0\1\0\1"]), False),
        (message(18, 0x8180, [example], [record(here, 1, A4)[:-2]]), True),
        (message(19, 0x0100, [example])[:9], False),
        (struct.pack("!HHHHHH", 20, 0x0100, 500, 0, 0, 0) + example, False),
        (message(21, 0x2800, [question("example.com", 6)]), False),
        (message(22, 0x0100, [question("example.com", 255, 255), example]), False),
        (message(23, 0x8180, [question("example.com", 257)], [record(here, 257, b"\0\x05issueca.example")]), True),
    ]
    frames = []
    for data, answer in messages:
        if answer:
            frames.append(ipv4(udp(data, 53, 40000, B4, A4), 17, source=B4, to=A4))
        else:
            frames.append(ipv4(udp(data, 40000, 53), 17))
    data = message(30, 0x0100, [example])
    frames.append(ipv4(tcp(struct.pack("!H", len(data)) + data, 41000, 53, 1, 1, PSH | ACK), 6))
    frames.append(ipv4(udp(message(0, 0x8400, (), [record(name("host.local"), 1, A4, 120, 0x8001)]), 5353, 5353, to=ip_address("224.0.0.251").packed), 17, to=ip_address("224.0.0.251").packed))
    frames.append(ipv4(udp(message(0, 0, [question("_http._tcp.local", 12, 0x8001)]), 5353, 5353, to=ip_address("224.0.0.251").packed), 17, to=ip_address("224.0.0.251").packed))
    write("dns", RAW, frames)


def configuration():
    """DHCP."""
    def dhcp(operation, options, flags=0, address=bytes(4), server=b"", file=b""):
        head = struct.pack("!BBBBIHH", operation, 1, 6, 0, 0x3903F326, 5, flags)
        head += bytes(4) + address + B4 + bytes(4) + MAC_A.ljust(16, b"\0")
        return head + server.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + options

    def option(code, data):
        return bytes([code, len(data)]) + data

    end = b"\xff"
    everyone, nobody = b"\xff" * 4, bytes(4)
    asked = option(55, bytes([1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42]))
    client = option(61, b"\x01" + MAC_A)
    discover = dhcp(1, option(53, b"\1") + client + option(50, A4) + option(12, b"laptop") + asked + option(57, b"\x05\xdc") + option(60, b"vendor") + end, 0x8000)
    lease = option(54, B4) + option(51, struct.pack("!I", 3600)) + option(58, struct.pack("!I", 1800)) + option(59, struct.pack("!I", 3150))
    net = option(1, b"\xff\xff\xff\0") + option(28, b"\x0a\x01\x02\xff") + option(3, B4) + option(6, B4 + A4) + option(15, b"example.com") + option(42, A4) + option(26, b"\x05\x78")
    offer = dhcp(2, option(53, b"\2") + lease + net + end, address=A4, server=b"server", file=b"boot.img")
    request = dhcp(1, option(53, b"\3") + client + option(54, B4) + option(50, A4) + option(12, b"laptop") + asked + end)
    ack = dhcp(2, option(53, b"\5") + lease + net + end + bytes(8), address=A4)
    nak = dhcp(2, option(53, b"\6") + option(54, B4) + option(56, b"no such lease") + end)
    release = dhcp(1, option(53, b"\7") + option(54, B4) + client + end, address=A4)
    odd = dhcp(1, option(53, b"\1") + b"\0\0" + option(224, b"private") + option(43, b"\x01\x02ab") + option(81, b"\0\0\0host") + end)
    short = dhcp(1, option(53, b"\1") + b"\x32\x08ab")
    to_server = [discover, request, release, odd, short, discover[:100]]
    frames = [ethernet(ipv4(udp(data, 68, 67, nobody, everyone), 17, source=nobody, to=everyone), 0x0800, BROADCAST) for data in to_server]
    frames += [ethernet(ipv4(udp(data, 67, 68, B4, everyone), 17, source=B4, to=everyone), 0x0800, BROADCAST) for data in (offer, ack, nak)]
    write("dhcp", ETHERNET, frames)


def hypertext():
    """HTTP/1: requests, responses, bodies, and what is none."""
    get = b"GET /index.html?x=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test/1.0\r\nAccept: */*\r\nX-Other: value\r\nCookie: a=b; c=d\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nhello"
    post = b"POST /form HTTP/1.1\r\nHost: example.com\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n\x00\x01\x02\x03"
    created = b"HTTP/1.1 201 Created\r\nLocation: /form/1\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n"
    missing = b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    unusual = b"HTTP/1.1 299 \r\nTransfer-Encoding: identity\r\n\r\n"
    frames = []

    def exchange(port, parts):
        seq, ack = 1000, 2000
        frames.append(ipv4(tcp(b"", port, 80, 999, 0, SYN), 6))
        frames.append(ipv4(tcp(b"", 80, port, 1999, 1000, SYN | ACK, source=B4, to=A4), 6, source=B4, to=A4))
        frames.append(ipv4(tcp(b"", port, 80, 1000, 2000, ACK), 6))
        for data, answers in parts:
            if answers:
                frames.append(ipv4(tcp(data, 80, port, ack, seq, PSH | ACK, source=B4, to=A4), 6, source=B4, to=A4))
                ack += len(data)
            else:
                frames.append(ipv4(tcp(data, port, 80, seq, ack, PSH | ACK), 6))
                seq += len(data)

    exchange(42000, [(get, False), (answer, True), (post, False), (created, True)])
    exchange(42001, [(get, False), (missing, True), (get, False), (unusual, True)])
    exchange(42002, [(b"not http at all\r\n", False), (b"\x00\x01\x02", True)])
    exchange(42003, [(b"GET / HTTP/1.1\nHost: bare\n\n", False), (b"HTTP/1.1 304 Not Modified\r\n\r\n", True)])
    exchange(42004, [(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nno colon here\r\n\r\n", False), (b"HTTP/1.1 200", True)])
    exchange(42005, [(b"HEAD / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nReferer: http://a/\r\n\r\n", False)])
    write("http", RAW, frames)


def main():
    for make in (link, links, internet, control, transport, domain, configuration, hypertext):
        make()


if __name__ == "__main__":
    main()
