#!/usr/bin/env python3
"""The other end of a tunnel over TCP, for tests: shares no code with the one under test.

It speaks crapvpn-tcp, or with --qemu what QEMU's `-netdev socket` does: Ethernet frames, each behind
its length. It prints "ready" once its device is there, and leaves on SIGTERM or SIGINT with code 0.
With --cut it writes its stream in pieces of random lengths, so that frames begin and end anywhere.
"""

import argparse
import collections
import json
import os
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

from peer import (
    BATCH,
    IFF_TAP,
    IFF_TUN,
    MAGIC,
    MAX_BYTES,
    Xor,
    configure_device,
    errno_name,
    hex_key,
    open_device,
)

# What waits to be written, above which packets stay in the device.
MOST_WAITING = 256 * 1024
RETRY_SECONDS = 0.05


class CrapvpnFraming:
    """Magic, the packet's length in two bytes, the packet under XOR."""

    header = struct.Struct("!4sH")

    def __init__(self, key: bytes):
        self.cipher = Xor(key)

    def frame(self, packet: bytes) -> bytes:
        return self.header.pack(MAGIC, len(packet)) + self.cipher.apply(packet)

    def length(self, stream: bytearray, place: int) -> int:
        magic, length = self.header.unpack_from(stream, place)
        if magic != MAGIC:
            raise ConnectionError("no frame")
        return length

    def packet(self, content: bytes) -> bytes:
        return self.cipher.apply(content)


class QemuFraming:
    """The frame's length in four bytes, the frame (QEMU, net/socket.c)."""

    header = struct.Struct("!I")

    def frame(self, packet: bytes) -> bytes:
        return self.header.pack(len(packet)) + packet

    def length(self, stream: bytearray, place: int) -> int:
        (length,) = self.header.unpack_from(stream, place)
        if length > MAX_BYTES + 14:
            raise ConnectionError("no frame")
        return length

    def packet(self, content: bytes) -> bytes:
        return content


class Stream:
    """One connection: frames out of bytes, bytes out of frames."""

    def __init__(self, connection: socket.socket, framing, cut: int, dice: random.Random):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.framing = framing
        self.cut = cut
        self.dice = dice
        self.arrived = bytearray()
        self.waiting = bytearray()

    def add(self, packet: bytes) -> None:
        self.waiting += self.framing.frame(packet)

    def flush(self) -> None:
        while self.waiting:
            piece = self.dice.randint(1, self.cut) if self.cut else len(self.waiting)
            try:
                sent = self.connection.send(self.waiting[:piece])
            except BlockingIOError:
                return
            del self.waiting[:sent]

    def packets(self) -> list[bytes]:
        """What has arrived whole. Raises ConnectionError at the end, or where no frame begins."""
        try:
            chunk = self.connection.recv(1 << 18)
        except BlockingIOError:
            return []
        if not chunk:
            raise ConnectionError("closed")
        self.arrived += chunk
        found = []
        place = 0
        head = self.framing.header.size
        while place + head <= len(self.arrived):
            end = place + head + self.framing.length(self.arrived, place)
            if end > len(self.arrived):
                break
            found.append(self.framing.packet(bytes(self.arrived[place + head : end])))
            place = end
        del self.arrived[:place]
        return found


def run(options: argparse.Namespace, counts: collections.Counter) -> None:
    framing = QemuFraming() if options.qemu else CrapvpnFraming(options.hex_key)
    dice = random.Random(options.seed)
    wake_read, wake_write = socket.socketpair()
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    tun, device = open_device(options.device, IFF_TAP if options.qemu else IFF_TUN)
    os.set_blocking(tun, False)
    configure_device(device, options.local_ip, options.peer_ip, options.mtu)
    listener = None
    if options.peer_host is None:
        listener = socket.create_server(
            ("::", options.port), family=socket.AF_INET6, dualstack_ipv6=True
        )
        listener.setblocking(False)
    sys.stdout.write("ready\n")
    sys.stdout.flush()

    stream: Stream | None = None
    next_attempt = 0.0
    while True:
        if stream is None and listener is None and time.monotonic() >= next_attempt:
            next_attempt = time.monotonic() + RETRY_SECONDS
            try:
                made = socket.create_connection((options.peer_host, options.port), timeout=5)
                stream = Stream(made, framing, options.cut, dice)
                counts["connections"] += 1
            except OSError:
                pass
        with selectors.DefaultSelector() as selector:
            selector.register(wake_read, selectors.EVENT_READ)
            if listener is not None:
                selector.register(listener, selectors.EVENT_READ)
            if stream is not None:
                wanted = selectors.EVENT_READ
                if stream.waiting:
                    wanted |= selectors.EVENT_WRITE
                selector.register(stream.connection, wanted)
            if stream is None or len(stream.waiting) < MOST_WAITING:
                selector.register(tun, selectors.EVENT_READ)
            ready = {
                key.fileobj for key, _ in selector.select(None if stream else RETRY_SECONDS)
            }
        if wake_read in ready:
            return
        if listener is not None and listener in ready:
            made, _ = listener.accept()
            stream = Stream(made, framing, options.cut, dice)
            counts["connections"] += 1
            continue
        if tun in ready:
            for _ in range(BATCH):
                try:
                    packet = os.read(tun, MAX_BYTES)
                except BlockingIOError:
                    break
                if stream is None:
                    counts["drop_not_connected"] += 1
                else:
                    stream.add(packet)
                    counts["packets_sent"] += 1
        if stream is None:
            continue
        try:
            for packet in stream.packets():
                try:
                    os.write(tun, packet)
                    counts["packets_received"] += 1
                except OSError as error:
                    counts["write_" + errno_name(error)] += 1
            stream.flush()
        except OSError as error:
            counts["lost_" + type(error).__name__] += 1
            stream.connection.close()
            stream = None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", "--hex-key", type=hex_key, default=b"\0")
    parser.add_argument("--qemu", action="store_true", help="Ethernet frames, as QEMU has them")
    parser.add_argument("-p", "--peer-host", help="connects there; without it we listen")
    parser.add_argument("local_ip", metavar="LOCAL")
    parser.add_argument("peer_ip", metavar="PEER")
    parser.add_argument("--device", default="tun0")
    parser.add_argument("--port", type=int, default=1337)
    parser.add_argument("--mtu", type=int, help="of the device; default: the kernel's, 1500")
    parser.add_argument("--cut", type=int, default=0, help="longest piece; 0: as it comes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count-file", help="where the counts go at the end, as JSON")
    options = parser.parse_args()

    counts: collections.Counter = collections.Counter(packets_sent=0, packets_received=0)
    try:
        run(options, counts)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"peer: {error}", file=sys.stderr)
        return 1
    finally:
        if options.count_file:
            with open(options.count_file, "w", encoding="utf-8") as file:
                json.dump(counts, file, indent=2)
                file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
