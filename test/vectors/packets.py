"""Packets and Ethernet frames to wrap, made from the RFCs alone and the same each time."""

import hashlib
import struct

IPV4, IPV6, ARP, VLAN, ETHERNET = 0x0800, 0x86DD, 0x0806, 0x8100, 0x6558
# Locally administered unicast addresses.
HERE_MAC, THERE_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def noise(name, size):
    """Bytes that look random and are the same each time."""
    return hashlib.shake_128(name.encode()).digest(size)


def xor(data, key):
    return bytes(byte ^ key[i % len(key)] for i, byte in enumerate(data))


def patched(data, offset, new):
    return data[:offset] + new + data[offset + len(new) :]


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(data, offset):
    return data[:offset] + struct.pack("!H", checksum(data)) + data[offset + 2 :]


def ipv4(size, ihl=5):
    """An IPv4 packet of `size` bytes: an echo request where there is room for one."""
    options = bytes([1]) * (4 * ihl - 20)
    payload = size - 20 - len(options)
    # 253 is the protocol number for experiments (RFC 3692).
    protocol = 1 if payload >= 8 else 253
    head = struct.pack("!BBHHHBBH", 0x40 | ihl, 0, size, 0x1337, 0x4000, 64, protocol, 0)
    head += bytes([192, 0, 2, 1, 192, 0, 2, 2]) + options
    return with_checksum(head, 10) + echo(payload, 8)


def ipv6(size):
    """An IPv6 packet of `size` bytes: an echo request where there is room for one."""
    payload = size - 40
    addresses = bytes.fromhex("20010db8000000000000000000000001" "20010db8000000000000000000000002")
    next_header = 58 if payload >= 8 else 59
    body = echo(payload, 128)
    if payload >= 8:
        pseudo = addresses + struct.pack("!II", payload, 58)
        body = with_checksum(pseudo + body[:2] + b"\0\0" + body[4:], 42)[40:]
    return struct.pack("!IHBB", 0x60000000, payload, next_header, 64) + addresses + body


def echo(size, kind):
    body = noise(f"echo {size}", max(size - 8, 0))
    if size < 8:
        return noise(f"rest {size}", size)
    return with_checksum(struct.pack("!BBHHH", kind, 0, 0, 0x2A, 1) + body, 2)


def ethernet(ethertype, payload=b"", vlan=None):
    """An Ethernet frame without its checksum, in one VLAN (IEEE 802.1Q) if it is given."""
    tag = b"" if vlan is None else struct.pack("!HH", VLAN, vlan)
    return THERE_MAC + HERE_MAC + tag + struct.pack("!H", ethertype) + payload


def arp():
    """The Ethernet frame that asks who has 192.0.2.2 (RFC 826)."""
    question = struct.pack("!HHBBH", 1, IPV4, 6, 4, 1)
    question += HERE_MAC + bytes([192, 0, 2, 1]) + bytes(6) + bytes([192, 0, 2, 2])
    return b"\xff" * 6 + HERE_MAC + struct.pack("!H", ARP) + question
