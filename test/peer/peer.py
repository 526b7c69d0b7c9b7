#!/usr/bin/env python3
"""The other end of a CrapVPN tunnel over UDP, for tests: shares no code with the one under test.

It prints "ready" once packets can flow, and leaves on SIGTERM or SIGINT with code 0. Its device
goes with it. Datagrams are taken from any source.
"""

import argparse
import collections
import errno
import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys

HEADER = struct.Struct("!4sHH")
MAGIC = b"crap"
MAX_BYTES = 0xFFFF
ETHERTYPES = {4: 0x0800, 6: 0x86DD}

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# Packets taken from one side before the other gets its turn.
BATCH = 64


class Xor:
    """A key that starts anew with each packet. One big-integer XOR is far faster than a loop."""

    def __init__(self, key: bytes):
        self.stream = key * (MAX_BYTES // len(key) + 1)

    def apply(self, data: bytes) -> bytes:
        number = int.from_bytes(data, "big") ^ int.from_bytes(self.stream[: len(data)], "big")
        return number.to_bytes(len(data), "big")


class Format:
    """Makes datagrams of packets and packets of datagrams."""

    def __init__(self, key: bytes, ethertype: int | None):
        self.cipher = Xor(key)
        self.ethertype = ethertype

    def encapsulate(self, packet: bytes) -> bytes:
        ethertype = self.ethertype
        if ethertype is None:
            ethertype = ETHERTYPES.get(packet[0] >> 4, 0)
        return HEADER.pack(MAGIC, len(packet), ethertype) + self.cipher.apply(packet)

    def decapsulate(self, datagram: bytes) -> tuple[bytes | None, str]:
        """The packet and "", or None and the reason why there is none."""
        if len(datagram) < HEADER.size:
            return None, "too_short"
        magic, length, _ = HEADER.unpack_from(datagram)
        ciphertext = datagram[HEADER.size :]
        if magic != MAGIC:
            return None, "not_ours"
        if length != len(ciphertext):
            return None, "length" if length > len(ciphertext) else "trailing"
        if not ciphertext:
            return None, "empty"
        packet = self.cipher.apply(ciphertext)
        # The kernel would refuse it too, but with an error that says less.
        if packet[0] >> 4 not in ETHERTYPES:
            return None, "not_a_packet"
        return packet, ""


def open_device(name: str, kind: int = IFF_TUN) -> tuple[int, str]:
    """A device's descriptor and the name that the kernel gave it ("tun%d" takes the next number)."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    request = struct.pack("16sH22x", name.encode(), kind | IFF_NO_PI)
    answer = fcntl.ioctl(tun, TUNSETIFF, request)
    return tun, answer[:16].rstrip(b"\0").decode()


def configure_device(name: str, local: str, peer: str, mtu: int | None) -> None:
    def ip(*arguments: str) -> None:
        subprocess.run(("ip", *arguments), check=True)

    if mtu is not None:
        ip("link", "set", "dev", name, "mtu", str(mtu))
    ip("link", "set", "dev", name, "up")
    ip("address", "add", local, "peer", peer, "dev", name)


def run(options: argparse.Namespace, counts: collections.Counter) -> None:
    family = socket.AF_INET6 if options.ipv6 else socket.AF_INET
    peer_address = socket.getaddrinfo(
        options.peer_host, options.peer_port, family, socket.SOCK_DGRAM
    )[0][4]
    codec = Format(options.hex_key, options.ethertype)

    # A handler that raises could hit in the middle of a packet. So it only writes to a socket that
    # the loop watches.
    wake_read, wake_write = socket.socketpair()
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    with socket.socket(family, socket.SOCK_DGRAM) as carrier:
        if options.ipv6:
            carrier.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        carrier.bind(("", options.port))
        carrier.setblocking(False)
        tun, device = open_device(options.device)
        configure_device(device, options.local_ip, options.peer_ip, options.mtu)

        def send_packets() -> None:
            for _ in range(BATCH):
                try:
                    packet = os.read(tun, MAX_BYTES)
                except BlockingIOError:
                    return
                try:
                    carrier.sendto(codec.encapsulate(packet), peer_address)
                    counts["packets_sent"] += 1
                except OSError as error:
                    counts["send_" + errno_name(error)] += 1

        def receive_datagrams() -> None:
            for _ in range(BATCH):
                try:
                    datagram = carrier.recv(MAX_BYTES)
                except BlockingIOError:
                    return
                except OSError as error:
                    counts["receive_" + errno_name(error)] += 1
                    continue
                packet, reason = codec.decapsulate(datagram)
                if packet is None:
                    counts["drop_" + reason] += 1
                    continue
                try:
                    os.write(tun, packet)
                    counts["packets_received"] += 1
                except OSError as error:
                    counts["write_" + errno_name(error)] += 1

        with selectors.DefaultSelector() as selector:
            selector.register(tun, selectors.EVENT_READ, send_packets)
            selector.register(carrier, selectors.EVENT_READ, receive_datagrams)
            selector.register(wake_read, selectors.EVENT_READ)
            # In one piece, also where Python does not buffer.
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    key.data()


def errno_name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown").lower()


def hex_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if not key:
        raise ValueError("empty")
    return key


def ethertype_option(text: str) -> int | None:
    """What to write in bytes 6 and 7; None stands for the packet's own EtherType."""
    if text == "real":
        return None
    if text == "zero":
        return 0
    number = bytes.fromhex(text)
    if len(number) != 2:
        raise ValueError("not two bytes")
    return int.from_bytes(number, "big")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", "--hex-key", required=True, type=hex_key)
    parser.add_argument("-p", "--peer-host", required=True)
    parser.add_argument("local_ip", metavar="LOCAL")
    parser.add_argument("peer_ip", metavar="PEER")
    parser.add_argument("--device", default="tun0")
    parser.add_argument("--port", type=int, default=1337, help="where we listen")
    parser.add_argument("--peer-port", type=int, default=1337)
    parser.add_argument("--mtu", type=int, help="of the device; default: the kernel's, 1500")
    parser.add_argument(
        "--ethertype",
        type=ethertype_option,
        default=0,
        metavar="{zero,real,HEX}",
        help="what to write in bytes 6 and 7",
    )
    parser.add_argument("--ipv6", action="store_true", help="datagrams travel over IPv6")
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
