"""Streams of TCP: several frames one after the other, whole, cut and broken.

A stream:
    name     unique in its format
    source   where its bytes come from
    format, set, key, kind
             as in maker/cases.py
    stream   all bytes of one direction, in hex
    frames   the frames in it: {offset, bytes, packet}; `packet` is null if a receiver drops it
    rest     bytes at the end that are the beginning of a frame not all of which is there
    lost     the offset of the frame at which the stream cannot be followed any more, or null
"""

from packets import IPV4, arp, ethernet, ipv4, ipv6, xor

from .cases import words
from .crapvpn import KEY, wrap_tcp

FRAMES = (arp(), ethernet(IPV4, ipv4(84)), ethernet(IPV4, ipv4(1500)), ethernet(0x88B5))


class Streams:
    def __init__(self, form, kind, key=b""):
        self.base = {"format": form, "set": words({}), "key": key.hex(), "kind": kind}
        self.entries = []

    def add(self, name, parts, rest=b"", lost=None, source="made"):
        """`parts` are pairs of a frame and its packet; `lost` is what cannot be followed."""
        stream, frames = b"", []
        for frame, packet in parts:
            hex_packet = None if packet is None else packet.hex()
            frames.append({"offset": len(stream), "bytes": len(frame), "packet": hex_packet})
            stream += frame
        self.entries.append(
            {
                "name": name,
                "source": source,
                **self.base,
                "stream": (stream + rest + (lost or b"")).hex(),
                "frames": frames,
                "rest": len(rest),
                "lost": None if lost is None else len(stream),
            }
        )

    def made(self, wrap, packets):
        whole = [(wrap(packet), packet) for packet in packets]
        self.add("frames in a row", whole)
        last = whole[-1][0]
        self.add("of the last frame, the first byte", whole[:-1], rest=last[:1])
        self.add("of the last frame, all but the last byte", whole[:-1], rest=last[:-1])
        self.add("one frame", whole[:1])
        self.add("nothing", [])
        self.add("an empty frame between two", [whole[0], (wrap(b""), None), whole[1]])


def crapvpn_tcp():
    streams = Streams("crapvpn-tcp", "ip", KEY)
    packets = (ipv4(84), ipv6(104), ipv4(1500), ipv6(40))
    streams.made(wrap_tcp, packets)
    first, second = ((wrap_tcp(packet), packet) for packet in packets[:2])
    # What is inside is no packet, but the length says where the next frame begins.
    garbled = wrap_tcp(xor(ipv4(84), b"\x10"))
    streams.add("a frame of no packet between two", [first, (garbled, None), second])
    streams.add("another magic after one frame", [first], lost=b"crab" + second[0][4:])
    return "crapvpn-tcp", streams.entries


def qemu_socket_tcp():
    streams = Streams("qemu-socket-tcp", "ethernet")

    def wrap(frame):
        return len(frame).to_bytes(4, "big") + frame

    streams.made(wrap, FRAMES)
    first = (wrap(FRAMES[0]), FRAMES[0])
    streams.add("a frame too short for Ethernet", [first, (wrap(bytes(13)), None), first])
    for length in (0x7FFFFFFF, 0xFFFFFFFF):
        lost = length.to_bytes(4, "big") + bytes(64)
        streams.add(f"a length of {length}", [first], lost=lost)
    return "qemu-socket-tcp", streams.entries


def vde_stream():
    streams = Streams("vde-stream", "ethernet")

    def wrap(frame):
        return len(frame).to_bytes(2, "big") + frame

    streams.made(wrap, FRAMES)
    first = (wrap(FRAMES[0]), FRAMES[0])
    streams.add("a frame too short for Ethernet", [first, (wrap(bytes(13)), None), first])
    longest = ethernet(0x88B5, bytes(65_521))
    streams.add("the longest frame", [first, (wrap(longest), longest), first])
    return "vde-stream", streams.entries
