#!/usr/bin/env python3
"""Makes the captures file_*, fragments_* and stream_*, and made.json, which says what is in them.

    made.py          writes them
    made.py --check  compares what is there, exit code 1 if it differs

Packs bytes from the RFCs and from the drafts of pcap and pcapng, and shares no code with the
project. Every capture carries CrapVPN with the key 0011223344. In made.json, by file:

    frames  of the file: time (seconds with nine decimals, or null), interface (number and name),
            link, bytes (hex), length (that it had), comments
    inner   the packets inside (hex), in the order in which they become whole, where the file is
            about that
"""

import gzip
import json
import pathlib
import struct
import sys
import zlib

FOLDER = pathlib.Path(__file__).parent
KEY = bytes.fromhex("0011223344")
ETHERNET, RAW = 1, 101
SECOND = 1_700_000_000

made = {}
files = {}


# Packets.


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload, number=1, fragment=0):
    """`fragment` is flags and offset as on the wire."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, fragment, 64, protocol, 0)
    head += bytes(source) + bytes(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ping(number, size):
    """The packet inside: an echo request, or its answer if the number is even."""
    body = bytes((number * 7 + place) % 256 for place in range(size))
    kind = 8 if number % 2 else 0
    message = struct.pack("!BBHHH", kind, 0, 0, 0x1337, number) + body
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    ends = [(192, 168, 2, 1), (192, 168, 2, 2)]
    if number % 2 == 0:
        ends.reverse()
    return ipv4(*ends, 1, message, number)


def xor(data):
    return bytes(byte ^ KEY[place % len(KEY)] for place, byte in enumerate(data))


def crapvpn(packet, over_tcp=False):
    """The datagram, or the frame of the TCP stream, which has two bytes less."""
    return b"crap" + struct.pack("!H", len(packet)) + (b"" if over_tcp else b"\0\0") + xor(packet)


A4, B4 = (10, 0, 0, 1), (10, 0, 0, 2)
A6, B6 = bytes.fromhex("fd" + "00" * 14 + "01"), bytes.fromhex("fd" + "00" * 14 + "02")


def with_checksum(pseudo, segment, place):
    value = checksum(pseudo + segment) or 0xFFFF
    return segment[:place] + struct.pack("!H", value) + segment[place + 2 :]


def udp(payload, source=bytes(A4), destination=bytes(B4)):
    segment = struct.pack("!HHHH", 1337, 1337, 8 + len(payload), 0) + payload
    pseudo = source + destination + struct.pack("!IHBB", len(segment), 0, 0, 17)
    return with_checksum(pseudo, segment, 6)


def ethernet(payload, ethertype=0x0800):
    return bytes.fromhex("020000000002" "020000000001") + struct.pack("!H", ethertype) + payload


def wrapped(packet, number=1):
    return ethernet(ipv4(A4, B4, 17, udp(crapvpn(packet)), number))


# Files.


def pcap(records, order="<", magic=0xA1B2C3D4, link=ETHERNET, snap=262144):
    """Records are (nanoseconds, bytes, length)."""
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for time, data, length in records:
        fraction = time % 10**9 // (1 if magic == 0xA1B23C4D else 1000)
        out += struct.pack(order + "IIII", time // 10**9, fraction, len(data), length)
        if magic == 0xA1B2CD34:
            out += struct.pack(order + "IHBx", 2, 0x0800, 4)
        out += data
    return out


class Blocks:
    """pcapng blocks of one byte order."""

    def __init__(self, order):
        self.order = order

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def block(self, kind, body):
        length = self.pack("I", 12 + len(body))
        return self.pack("I", kind) + length + body + length

    def options(self, *options):
        if not options:
            return b""
        out = b"".join(self.pack("HH", n, len(value)) + padded(value) for n, value in options)
        return out + self.pack("HH", 0, 0)

    def section(self, *options):
        return self.block(0x0A0D0D0A, self.pack("IHHq", 0x1A2B3C4D, 1, 0, -1) + self.options(*options))

    def interface(self, link, *options, snap=0):
        return self.block(1, self.pack("HHI", link, 0, snap) + self.options(*options))

    def packet(self, interface, time, data, length=None, *options):
        lengths = self.pack("II", len(data), length or len(data))
        times = self.pack("II", time >> 32, time & 0xFFFFFFFF)
        body = self.pack("I", interface) + times + lengths + padded(data)
        return self.block(6, body + self.options(*options))

    def obsolete(self, interface, time, data):
        lengths = self.pack("II", len(data), len(data))
        times = self.pack("II", time >> 32, time & 0xFFFFFFFF)
        return self.block(2, self.pack("HH", interface, 0xFFFF) + times + lengths + padded(data))

    def simple(self, data, length):
        return self.block(3, self.pack("I", length) + padded(data))


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def frame(time, data, length=None, interface=(0, None), link=ETHERNET, comments=()):
    """What made.json says of a frame; `time` in nanoseconds, or none."""
    if time is not None:
        sign, time = ("-", -time) if time < 0 else ("", time)
        time = f"{sign}{time // 10**9}.{time % 10**9:09}"
    return {
        "time": time,
        "interface": list(interface),
        "link": link,
        "bytes": data.hex(),
        "length": length or len(data),
        "comments": list(comments),
    }


def add(name, content, frames, inner=None):
    files[name] = content
    made[name] = {"frames": frames}
    if inner is not None:
        made[name]["inner"] = [packet.hex() for packet in inner]


def at(number, unit=1):
    """The time of a frame in nanoseconds, cut to a unit."""
    return (SECOND * 10**9 + number * 10**6 + 123_456_789) // unit * unit


PINGS = [ping(number, 56) for number in (1, 2, 3)]
FRAMES = [wrapped(packet, number) for number, packet in enumerate(PINGS, 1)]


def plain_files():
    records = [(at(number), data, len(data)) for number, data in enumerate(FRAMES)]
    for order, order_name in [("<", "little"), (">", "big")]:
        for magic, name, unit in [
            (0xA1B2C3D4, "pcap", 1000),
            (0xA1B23C4D, "pcap_nanoseconds", 1),
            (0xA1B2CD34, "pcap_modified", 1000),
        ]:
            frames = [frame(time // unit * unit, data) for time, data, _ in records]
            add(f"file_{name}_{order_name}.pcap", pcap(records, order, magic), frames, PINGS)
        blocks = Blocks(order)
        content = blocks.section((3, b"made"), (4, b"made.py"))
        content += blocks.interface(ETHERNET, (2, b"eth0"), (9, b"\x09"))
        content += b"".join(blocks.packet(0, time, data) for time, data, _ in records)
        frames = [frame(time, data, interface=(0, "eth0")) for time, data, _ in records]
        add(f"file_pcapng_{order_name}.pcapng", content, frames, PINGS)

    cut = [(time, data[:60], length) for time, data, length in records]
    frames = [frame(at(n, 1000), data[:60], len(data)) for n, data in enumerate(FRAMES)]
    add("file_snaplen.pcap", pcap(cut, snap=60), frames, [])


def resolutions():
    """An interface for each unit of time, and one that begins in another year."""
    blocks = Blocks("<")
    content = blocks.section()
    frames = []
    data = FRAMES[0]
    units = [
        (0, 1), (3, 1000), (6, 10**6), (9, 10**9), (12, 10**12),
        (0x80, 1), (0x8A, 1 << 10), (0xA0, 1 << 32),
    ]  # fmt: skip
    for number, (code, per_second) in enumerate(units):
        content += blocks.interface(ETHERNET, (9, bytes([code])))
        # 12 digits and 64 bits leave seven months.
        second = SECOND if per_second < 10**12 else 1_000_000
        time = second * per_second + per_second // 3
        content += blocks.packet(number, time, data)
        # The file says no more than nanoseconds, and rounds down.
        frames.append(frame(time * 10**9 // per_second, data, interface=(number, None)))
    content += blocks.interface(ETHERNET, (14, struct.pack("<q", SECOND)))
    content += blocks.packet(8, 1_250_000, data)
    frames.append(frame(SECOND * 10**9 + 1_250_000_000, data, interface=(8, None)))
    add("file_pcapng_resolutions.pcapng", content, frames, [PINGS[0]] * 9)


def sections():
    """Two sections of different byte order, each with two interfaces of different link types."""
    content, frames = b"", []
    for order in "<>":
        blocks = Blocks(order)
        content += blocks.section()
        content += blocks.interface(ETHERNET, (2, b"outer"), (9, b"\x09"))
        content += blocks.interface(RAW, (2, b"inner"))
        for number, packet in enumerate(PINGS):
            content += blocks.packet(0, at(number), FRAMES[number])
            frames.append(frame(at(number), FRAMES[number], interface=(0, "outer")))
            content += blocks.packet(1, at(number) // 1000, packet)
            frames.append(frame(at(number, 1000), packet, interface=(1, "inner"), link=RAW))
    add("file_pcapng_sections.pcapng", content, frames, PINGS * 2)


def other_blocks():
    """Simple packets, obsolete ones, and blocks that hold no frame."""
    blocks = Blocks("<")
    content = blocks.section() + blocks.interface(ETHERNET, snap=80)
    names = blocks.pack("HH", 1, 9) + padded(bytes(A4) + b"here\0") + blocks.pack("HH", 0, 0)
    content += blocks.block(4, names)
    content += blocks.simple(FRAMES[0][:80], len(FRAMES[0]))
    content += blocks.block(0x80005678, b"")
    content += blocks.simple(FRAMES[1][:61], 61)
    content += blocks.block(0x80001234, b"of nobody's\0")
    content += blocks.obsolete(0, at(0) // 1000, FRAMES[2])
    content += blocks.block(5, blocks.pack("III", 0, 0, 0) + blocks.options((4, struct.pack("<Q", 3))))
    frames = [
        frame(None, FRAMES[0][:80], len(FRAMES[0])),
        frame(None, FRAMES[1][:61]),
        frame(at(0, 1000), FRAMES[2]),
    ]
    add("file_pcapng_blocks.pcapng", content, frames, PINGS[2:])


def comments():
    blocks = Blocks(">")
    content = blocks.section((1, b"of the file")) + blocks.interface(ETHERNET, (1, b"of the interface"))
    texts = [["first"], [], ["größer als ein Byte", "\x1b[31mred\r\nlines"]]
    frames = []
    for number, (data, said) in enumerate(zip(FRAMES, texts)):
        options = [(1, text.encode()) for text in said]
        # Flags between comments: incoming.
        options[1:1] = [(2, struct.pack(">I", 1))]
        content += blocks.packet(0, at(number) // 1000, data, None, *options)
        frames.append(frame(at(number, 1000), data, comments=said))
    add("file_pcapng_comments.pcapng", content, frames, PINGS)


def zstd(data, repeated=0):
    """A frame of raw blocks, and perhaps one of a zero byte repeated: no compressor is needed."""
    pieces = [data[start : start + 50] for start in range(0, len(data), 50)]
    blocks = [(len(piece) << 3, piece) for piece in pieces]
    if repeated:
        blocks.append((repeated << 3 | 1 << 1, b"\0"))
    blocks[-1] = (blocks[-1][0] | 1, blocks[-1][1])
    # No checksum; a window of 128 KiB.
    head = bytes.fromhex("28b52ffd") + bytes([0, 7 << 3])
    return head + b"".join(struct.pack("<I", header)[:3] + block for header, block in blocks)


def packed():
    records = [(at(number), data, len(data)) for number, data in enumerate(FRAMES)]
    content = pcap(records)
    frames = [frame(at(n, 1000), data) for n, data in enumerate(FRAMES)]

    def member(data, level):
        # With a file name and extra bytes in the header; deflated anew by hand, so that no time
        # and no system is in it.
        pack = zlib.compressobj(level, zlib.DEFLATED, -15)
        head = bytes.fromhex("1f8b080c0000000000ff") + b"\x02\0xy" + b"made.pcap\0"
        tail = struct.pack("<II", zlib.crc32(data), len(data))
        return head + pack.compress(data) + pack.flush() + tail

    stored = member(content[:100], 0) + member(content[100:], 0)
    add("file_gzip.pcap.gz", stored, frames, PINGS)
    assert gzip.decompress(stored) == content
    skipped = bytes.fromhex("502a4d18") + struct.pack("<I", 5) + b"later"
    zeros = zstd(struct.pack("<IIII", SECOND, 0, 40, 40), 40)
    parts = skipped + zstd(content[:30]) + skipped + zstd(content[30:]) + zeros
    add("file_zstd.pcap.zst", parts, [*frames, frame(SECOND * 10**9, bytes(40))], PINGS)


# Fragments.


def pieces(payload, sizes):
    """Offset, bytes and whether more follow."""
    offset, parts = 0, []
    for size in sizes:
        parts.append((offset, payload[offset : offset + size], True))
        offset += size
    return [*parts, (offset, payload[offset:], False)]


def fragment4(number, part):
    offset, data, more = part
    return ethernet(ipv4(A4, B4, 17, data, number, (0x2000 if more else 0) | offset // 8))


def fragment6(number, part):
    offset, data, more = part
    head = struct.pack("!BBHI", 17, 0, offset | more, number)
    body = head + data
    return ethernet(struct.pack("!IHBB", 6 << 28, len(body), 44, 64) + A6 + B6 + body, 0x86DD)


def write_frames(name, frames, inner, snap=262144):
    records = [(at(number, 1000), data[:snap], len(data)) for number, data in enumerate(frames)]
    told = [frame(time, data, length) for time, data, length in records]
    add(name, pcap(records, snap=snap), told, inner)


def fragments():
    packets = [ping(number, 300) for number in range(20, 30)]
    for version, fragment in [(4, fragment4), (6, fragment6)]:
        ends = {} if version == 4 else {"source": A6, "destination": B6}
        payloads = [udp(crapvpn(packet), **ends) for packet in packets]
        parts = [pieces(payload, [104, 160]) for payload in payloads]
        one, two, three, four, five = (
            [fragment(100 + number, part) for part in parts[number]] for number in range(5)
        )
        frames = [
            *one,
            *reversed(two),
            # Two at a time.
            three[0], four[0], four[2], three[1], four[1], three[2],
            # One came twice.
            five[0], five[1], five[1], five[2],
        ]  # fmt: skip
        inner = [packets[0], packets[1], packets[3], packets[2], packets[4]]
        write_frames(f"fragments_ipv{version}.pcap", frames, inner)

    payload = udp(crapvpn(packets[5]))
    whole = pieces(payload, [104, 160])
    wrong = bytes(byte ^ 0xFF for byte in payload)
    frames = [
        # The same bytes.
        fragment4(1, whole[0]), fragment4(1, (48, payload[48:200], True)), fragment4(1, (200, payload[200:], False)),
        # Others, which begin later and do not count.
        fragment4(2, whole[0]), fragment4(2, (48, wrong[48:96], True)), fragment4(2, whole[1]), fragment4(2, whole[2]),
        # Two ends.
        fragment4(3, whole[0]), fragment4(3, whole[2]), fragment4(3, (264, payload[264:] + b"more", False)), fragment4(3, whole[1]),
        # Beyond what a datagram can be: the ping of death.
        fragment4(4, whole[0]), fragment4(4, (65_528, bytes(400), False)),
    ]  # fmt: skip
    write_frames("fragments_overlapping.pcap", frames, [packets[5]] * 3)

    frames = []
    for number, packet in enumerate(packets[6:]):
        first, middle, last = (fragment4(number, p) for p in pieces(udp(crapvpn(packet)), [104, 160]))
        frames += [[first], [first, last], [middle, last], [last]][number]
    write_frames("fragments_incomplete.pcap", frames, [])
    first, second = (fragment4(9, p) for p in pieces(udp(crapvpn(packets[0])), [200]))
    write_frames("fragments_snaplen.pcap", [first, second], [], snap=120)


# Streams.


class Connection:
    """Segments of one TCP connection, from the side that sends the frames."""

    def __init__(self, port):
        self.port = port
        self.sequence = 0xFFFFFF00 + port % 7

    def segment(self, offset, data=b"", flags=0x18, back=False, ack=0):
        here, there, ports = A4, B4, (self.port, 1337)
        sequence, ack_number = (self.sequence + offset) % 2**32, 77
        if back:
            here, there, ports = B4, A4, (1337, self.port)
            sequence, ack_number = 77, (self.sequence + ack) % 2**32
        if flags == 2:
            ack_number = 0
        head = struct.pack("!HHIIBBHHH", *ports, sequence, ack_number, 5 << 4, flags, 0xFFFF, 0, 0)
        pseudo = bytes(here) + bytes(there) + struct.pack("!IHBB", 20 + len(data), 0, 0, 6)
        return ethernet(ipv4(here, there, 6, with_checksum(pseudo, head + data, 16)))

    def opening(self):
        """The handshake; the first byte follows at offset 0."""
        return [
            self.segment(-1, flags=0x02),
            ethernet(self._answer()),
            self.segment(0, flags=0x10),
        ]

    def _answer(self):
        head = struct.pack("!HHIIBBHHH", 1337, self.port, 76, self.sequence % 2**32, 5 << 4, 0x12, 0xFFFF, 0, 0)
        pseudo = bytes(B4) + bytes(A4) + struct.pack("!IHBB", 20, 0, 0, 6)
        return ipv4(B4, A4, 6, with_checksum(pseudo, head, 16))

    def ack(self, offset):
        return self.segment(0, flags=0x10, back=True, ack=offset)

    def closing(self, offset):
        return [self.segment(offset, flags=0x11)]


def streams():
    packets = [ping(number, 100) for number in range(40, 46)]
    stream = b"".join(crapvpn(packet, over_tcp=True) for packet in packets)
    size = len(stream) // len(packets)
    # Frames begin anywhere in a segment, span segments, and share one.
    cuts = [0, 50, size + 3, 3 * size, 3 * size + 2, 5 * size + 7, len(stream)]
    parts = [(start, stream[start:end]) for start, end in zip(cuts, cuts[1:])]

    def write(name, port, segments, inner, ending=True, opening=True):
        connection = Connection(port)
        frames = connection.opening() if opening else []
        for segment in segments:
            frames.append(connection.ack(segment) if isinstance(segment, int) else connection.segment(*segment))
        if ending:
            frames += connection.closing(len(stream))
        write_frames(f"stream_{name}.pcap", frames, inner)

    write("in_order", 40001, parts, packets)
    write("out_of_order", 40002, [parts[0], *(parts[i] for i in (2, 1, 5, 4, 3))], packets)
    again = [parts[0], parts[0], parts[1], parts[2], parts[1], parts[0], parts[3], parts[4], parts[5]]
    write("retransmitted", 40003, again, packets)
    # 40 bytes of the one before, and other bytes in place of those that came first.
    overlapping = [(max(0, start - 40), stream[max(0, start - 40) : start + len(data)]) for start, data in parts]
    other = (0, bytes(byte ^ 0xFF for byte in stream[: size // 2]))
    write("overlapping", 40004, [*overlapping[:2], other, *overlapping[2:]], packets)
    # The second segment is lost, and everything is acknowledged: frames 0 and 1 with it, and what
    # is left of them is passed until the next magic.
    lost = [parts[0], parts[2], len(stream[: 3 * size]), *parts[3:]]
    write("gap", 40005, lost, [packets[2], *packets[3:]])
    # Recorded from the middle on, in the middle of a frame.
    write("middle", 40006, parts[1:], packets[1:], opening=False)
    ones = [(place, stream[place : place + 1]) for place in range(size)]
    order = sorted(range(len(ones)), key=lambda place: (place // 50, -place))
    write("one_byte", 40007, [ones[place] for place in order], packets[:1], ending=False)
    frames = Connection(40008).opening()
    # Noise between frames, which begins like one.
    noise = b"\x07noise cra"
    noisy = stream[:size] + noise + stream[size:]
    connection = Connection(40008)
    frames += [connection.segment(start, noisy[start : start + 90]) for start in range(0, len(noisy), 90)]
    write_frames("stream_noise.pcap", frames, packets)


def main():
    plain_files()
    resolutions()
    sections()
    other_blocks()
    comments()
    packed()
    fragments()
    streams()
    lines = [f"{json.dumps(name)}: {json.dumps(told)}" for name, told in sorted(made.items())]
    files["made.json"] = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    if "--check" not in sys.argv:
        for name, content in files.items():
            (FOLDER / name).write_bytes(content)
        return 0
    differ = [name for name, content in files.items() if (FOLDER / name).read_bytes() != content]
    for name in differ:
        print(f"{name} is not what made.py makes: run it", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
