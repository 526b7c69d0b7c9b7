"""Data messages of WireGuard, Nebula and OpenVPN, and ESP in UDP, enciphered for real.

Sealed by python3-cryptography. Where we only decode, or counters start at the time, no datagram is
claimed to be what our sender makes.
"""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from packets import ipv4, ipv6, noise

from .cases import Cases, TakenApart
from .wireshark import Wireshark

TAG = 16
KEY_16, KEY_32 = noise("AEAD key of 16", 16), noise("AEAD key of 32", 32)


def packets():
    for size in (20, 84, 85, 1420):
        yield f"IPv4 of {size}", ipv4(size)
    for size in (40, 104, 1420):
        yield f"IPv6 of {size}", ipv6(size)


# WireGuard: the whitepaper, sections 5.4.6 and 5.4.7; messages.h of its Linux module


def wireguard_message(plaintext, receiver=0x01020304, counter=0, key=KEY_32):
    plaintext += bytes(-len(plaintext) % 16)
    head = struct.pack("<B3xIQ", 4, receiver, counter)
    nonce = struct.pack("<IQ", 0, counter)
    return head + ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")


def take_wireguard_apart(datagram, _settings):
    parts = TakenApart(datagram)
    kind = parts.number("wg.type", 8)
    parts.number("wg.reserved", 24, "little")
    if kind != 4:
        parts.bytes("wg.handshake")
        return parts
    parts.number("wg.receiver", 32, "little")
    parts.number("wg.counter", 64, "little")
    parts.bytes("wg.ciphertext", -TAG)
    parts.bytes("wg.tag")
    return parts


def wireguard_data():
    names = {name: name for name in ("wg.type", "wg.receiver", "wg.counter")}
    wireshark = Wireshark(51820, "wg", names, opens=False)
    cases = Cases("wireguard-data", take_wireguard_apart, "ip", wireshark, key=KEY_32)
    for number, (name, packet) in enumerate(packets()):
        cases.only_shown(name, wireguard_message(packet, counter=number), packet=packet)
    cases.only_shown("a keepalive", wireguard_message(b""))
    last = wireguard_message(ipv4(84), 0xFFFFFFFF, 0xFFFFFFFFFFFF0001)
    cases.only_shown("the last index, a great counter", last, packet=ipv4(84))
    # Type, reserved, sender; the handshake's own lengths (messages.h).
    for name, kind, size in (("initiation", 1, 148), ("response", 2, 92), ("cookie reply", 3, 64)):
        body = noise(name, size - 4)
        cases.only_shown(f"handshake: {name}", struct.pack("<B3x", kind) + body, key=b"")
    return cases


# Nebula: header/header.go, noiseutil/ of nebula


def nebula_header(kind=1, subtype=0, index=0x01020304, counter=3, version=1):
    return struct.pack("!BBHIQ", version << 4 | kind, subtype, 0, index, counter)


def nebula_message(plaintext, key=KEY_32, **head):
    head = nebula_header(**head)
    return head + AESGCM(key).encrypt(bytes(4) + head[8:], plaintext, head)


def take_nebula_apart(datagram, _settings):
    parts = TakenApart(datagram)
    (_, kind) = parts.numbers(("nebula.version", 4), ("nebula.type", 4))
    (subtype,) = parts.numbers(("nebula.subtype", 8))
    parts.numbers(("nebula.reserved", 16), ("nebula.remote_index", 32), ("nebula.counter", 64))
    if (kind, subtype) == (1, 0):
        parts.bytes("nebula.packet", -TAG)
        parts.bytes("nebula.tag")
    else:
        parts.bytes("nebula.body")
    return parts


def nebula():
    cases = Cases("nebula", take_nebula_apart, "ip", key=KEY_32)
    for number, (name, packet) in enumerate(packets()):
        cases.only_shown(name, nebula_message(packet, counter=3 + number), packet=packet)
    great = nebula_message(ipv4(84), counter=0xFFFFFFFFFFFF0001)
    cases.only_shown("a great counter", great, packet=ipv4(84))
    relayed = nebula_header(subtype=1) + nebula_message(ipv4(84)) + noise("relay's tag", TAG)
    cases.only_shown("a relayed datagram", relayed, key=b"")
    for name, kind, subtype, size in (
        ("handshake", 0, 0, 200),
        ("receive error", 2, 0, 0),
        ("lighthouse", 3, 0, 60),
        ("test, asked", 4, 0, 40),
        ("test, answered", 4, 1, 40),
        ("close tunnel", 5, 0, 16),
        ("control", 6, 0, 50),
    ):
        datagram = nebula_header(kind, subtype) + noise(name, size)
        cases.only_shown(name, datagram, key=b"")
    return cases


# OpenVPN: crypto.c, packet_id.h; P_DATA_V2 in ssl_pkt.h

IMPLICIT_IV = noise("implicit IV", 8)


def openvpn_message(plaintext, packet_id=1, peer=7, key_id=0, key=KEY_32):
    head = struct.pack("!II", (9 << 3 | key_id) << 24 | peer, packet_id)
    sealed = AESGCM(key).encrypt(head[4:] + IMPLICIT_IV, plaintext, head)
    return head + sealed[-TAG:] + sealed[:-TAG]


def take_openvpn_apart(datagram, _settings):
    parts = TakenApart(datagram)
    (opcode, _) = parts.numbers(("openvpn.opcode", 5), ("openvpn.keyid", 3))
    if opcode != 9:
        parts.bytes("openvpn.message")
        return parts
    parts.numbers(("openvpn.peerid", 24), ("openvpn.packet_id", 32))
    parts.bytes("openvpn.tag", TAG)
    parts.bytes("openvpn.packet")
    return parts


def openvpn_data_v2():
    names = {name: name for name in ("openvpn.opcode", "openvpn.keyid", "openvpn.peerid")}
    settings = {"implicit_iv": IMPLICIT_IV}
    wireshark = Wireshark(1194, "openvpn", names, opens=False)
    cases = Cases("openvpn-data-v2", take_openvpn_apart, "ip", wireshark, settings, KEY_32)
    for number, (name, packet) in enumerate(packets(), 1):
        cases.only_shown(name, openvpn_message(packet, number), packet=packet)
    last = openvpn_message(ipv4(84), 0xFFFFFFF0, 0xFFFFFF, 7)
    cases.only_shown("the last key and peer", last, packet=ipv4(84))
    ping = bytes.fromhex("2a187bf3641eb4cb07ed2d0a981fc748")
    cases.only_shown("a ping, which is no packet", openvpn_message(ping))
    # Opcode, the sender's session, no acknowledgements, the first message.
    reset = struct.pack("!B8sBI", 7 << 3, noise("session", 8), 0, 0)
    cases.only_shown("hard reset of a client", reset, key=b"")
    return cases


# ESP: RFC 4303, section 2; RFC 4106, sections 3 to 5; RFC 3948, section 2

SALT, SPI = noise("salt", 4), 0x1000
ESP_SETTINGS = {"spi": SPI, "salt": SALT}
NEXT_HEADER = {4: 4, 6: 41}


def esp_message(packet, sequence=1, iv=1, increasing=False):
    """The trailer ends on a multiple of 4; padding is 0, 0, … or 1, 2, … as most make it."""
    pad = -(len(packet) + 2) % 4
    padding = bytes(range(1, pad + 1)) if increasing else bytes(pad)
    plaintext = packet + padding + bytes([pad, NEXT_HEADER[packet[0] >> 4]])
    head = struct.pack("!II", SPI, sequence)
    nonce = struct.pack("!Q", iv)
    return head + nonce + AESGCM(KEY_16).encrypt(SALT + nonce, plaintext, head)


def take_esp_apart(datagram, _settings):
    parts = TakenApart(datagram)
    if not parts.number("esp.spi", 32):
        parts.bytes("esp.ike")
        return parts
    parts.numbers(("esp.sequence", 32), ("esp.explicit_iv", 64))
    parts.bytes("esp.ciphertext", -TAG)
    parts.bytes("esp.icv")
    return parts


def deciphered(key, salt, spi):
    """Has Wireshark decipher with this key, and find the integrity check value right."""
    algorithms = '"AES-GCM with 16 octet ICV [RFC4106]","0x%s","NULL",""' % (key + salt).hex()
    association = f'"IPv4","*","*","0x{spi:08x}",{algorithms},"32-bit"'
    wanted = ("esp.enable_encryption_decode:TRUE", "esp.enable_authentication_check:TRUE")
    preferences = (*wanted, f"uat:esp_sa:{association}")
    return {"preferences": preferences, "also": {"esp.icv_good": ["1"]}}


def esp_udp():
    names = {"esp.spi": "esp.spi", "esp.sequence": "esp.sequence", "esp.icv": "esp.icv"}
    wireshark = Wireshark(4500, "udpencap", names)
    cases = Cases("esp-udp", take_esp_apart, "ip", wireshark, ESP_SETTINGS, KEY_16)
    ours = deciphered(KEY_16, SALT, SPI)
    for number, (name, packet) in enumerate((*packets(), ("IPv4 of 86", ipv4(86))), 1):
        datagram = esp_message(packet, number, number)
        cases.only_shown(name, datagram, packet=packet, **ours)
    counted = esp_message(ipv4(84), increasing=True)
    cases.only_shown("padding of 1, 2", counted, packet=ipv4(84), **ours)
    great = esp_message(ipv4(85), 0xFFFFFFFF, 0xFEDCBA9876543210)
    cases.only_shown("the last sequence number", great, packet=ipv4(85), **ours)
    published(cases)
    ike = struct.pack("!IQQBBBBII", 0, 1, 0, 33, 0x20, 34, 8, 0, 40) + noise("IKE", 12)
    cases.only_shown("IKE", ike, key=b"", confirm=False)
    return cases


def published(cases):
    """The cases of draft-mcgrew-gcm-test-01 with a 128-bit key and 32-bit sequence numbers."""
    for page, name, key, salt, datagram in (
        (
            *(7, "a DNS question", "feffe9928665731c6d6a8f9467308308", "cafebabe"),
            "0000a5f8 0000000a facedbaddecaf888"
            "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
            "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
            "83b70d3aa8bc6ee4c309e9d85a41ad4a",
        ),
        (
            *(16, "a dummy without packet", "7d773d00c144c525ac619d18c84a3f47", "d9664267"),
            "335467ae ffffffff 43457e9182443bc6 437f866b cb3f699fe9b0822bac961c4504bef270",
        ),
    ):
        key, salt, datagram = (bytes.fromhex(text) for text in (key, salt, datagram))
        plaintext = AESGCM(key).decrypt(salt + datagram[8:16], datagram[16:], datagram[:8])
        pad, following = plaintext[-2:]
        packet = plaintext[: -2 - pad] if following == 4 else None
        spi = int.from_bytes(datagram[:4], "big")
        cases.only_shown(
            f"published: {name}",
            datagram,
            source=f"draft-mcgrew-gcm-test-01, page {page}",
            settings={"spi": spi, "salt": salt},
            key=key,
            packet=packet,
            **deciphered(key, salt, spi),
        )
