#!/usr/bin/env python3
"""Records datagrams that other programs make of our packets, into recorded.json. Needs root.

Everything happens in a network namespace of its own, which vanishes with this program. What the
kernel sends is watched at the other end of a veth pair. Only the datagram of UDP is kept, so that
the answer is the same on each run, but for the kernel's name in `source`.
"""

import json
import os
import platform
import socket
import struct
import subprocess
import sys

from maker.recorded import PATH
from packets import IPV4, arp, ethernet, ipv4, ipv6

ETH_P_ALL = 3
HERE, THERE = "198.51.100.1", "198.51.100.2"
IN_NAMESPACE = "--in-namespace"


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


def network():
    """A veth pair whose far end nobody answers at, and so its neighbour is fixed."""
    ip("link add near type veth peer name far")
    ip("link set near address 02:00:00:00:01:01 up")
    ip("link set far address 02:00:00:00:01:02 up")
    ip(f"address add {HERE}/24 dev near")
    ip(f"neighbour add {THERE} lladdr 02:00:00:00:01:02 dev near")
    watcher = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    watcher.bind(("far", 0))
    watcher.settimeout(5)
    return watcher


def next_datagram(watcher, port):
    """The next UDP payload sent to a port over IPv4."""
    while True:
        frame = watcher.recv(65536)
        packet = frame[14:]
        if frame[12:14] != b"\x08\0" or packet[9] != socket.IPPROTO_UDP:
            continue
        udp = packet[4 * (packet[0] & 15) :]
        (to, length) = struct.unpack("!2xHH", udp[:6])
        if to == port:
            return udp[8:length]


def frames(watcher):
    """What the vxlan device makes of Ethernet frames."""
    ip(f"link add vxlan0 type vxlan id 42 local {HERE} remote {THERE} dstport 4789")
    ip("link set vxlan0 up")
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    device.bind(("vxlan0", 0))
    for name, frame in (("ARP", arp()), ("IPv4 in a frame", ethernet(IPV4, ipv4(84)))):
        device.send(frame)
        yield name, "vxlan", "ethernet", frame, datagram_with(watcher, 4789, frame)


def packets(watcher):
    """What the vxlan device makes of IP packets, where it is set to `gpe`."""
    ip("link add gpe0 type vxlan external gpe dstport 4790")
    ip("link set gpe0 up")
    for name, family, packet, to in (
        ("IPv4", socket.AF_INET, ipv4(84), "192.0.2.2"),
        ("IPv6", socket.AF_INET6, ipv6(104), "2001:db8::2"),
    ):
        route = f"route add {to} encap ip id 42 dst {THERE} dev gpe0"
        ip(route if family == socket.AF_INET else f"-6 {route}")
        sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        sender.sendto(packet, (to, 0))
        yield name, "vxlan-gpe", "ip", packet, datagram_with(watcher, 4790, packet)


def datagram_with(watcher, port, packet):
    """The next datagram that ends with the packet: the kernel sends some of its own accord too."""
    while not (datagram := next_datagram(watcher, port)).endswith(packet):
        pass
    return datagram


def main():
    if sys.argv[1:] != [IN_NAMESPACE]:
        command = ["unshare", "--net", sys.executable, __file__, IN_NAMESPACE]
        os.execvp(command[0], command)
    watcher = network()
    release = platform.release().split("-")[0]
    entries = [
        {
            "name": f"{name}, from the kernel",
            "source": f"recorded from a {form} device of Linux {release}",
            "format": form,
            "set": {"vni": 42},
            "kind": kind,
            "packet": packet.hex(),
            "datagram": datagram.hex(),
        }
        for record in (frames, packets)
        for name, form, kind, packet, datagram in record(watcher)
    ]
    PATH.write_text(json.dumps(entries, indent=2) + "\n")
    print(f"{PATH.name}: {len(entries)} datagrams")


if __name__ == "__main__":
    main()
