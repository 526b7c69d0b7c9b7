"""CrapVPN with an AEAD: magic, length, nonce, the packet under ChaCha20-Poly1305, the tag.

Sealed by python3-cryptography with the key of end a: HKDF-SHA256 of the shared key, no salt, and
`crapvpn FORMAT CIPHER a to b` as info. The receiver is end b. Counters begin at the time and the
first 4 bytes of the nonce are random, so no datagram is claimed to be what our sender makes.
"""

import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from packets import IPV4, IPV6, ethernet, ipv4, ipv6, noise

from .cases import Cases, TakenApart

TAG = 16
SHARED = noise("shared key", 32)
HEAD = struct.Struct("!4sHIQ")
COUNTER = 1_790_000_000_000_000


def key_of(form, direction="a to b", shared=SHARED):
    info = f"crapvpn {form} AEAD_CHACHA20_POLY1305 {direction}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared)


def sealed(form, packet, *, random=0x01020304, counter=COUNTER, magic=b"crp2", key=None, more=0):
    head = HEAD.pack(magic, len(packet) + TAG + more, random, counter)
    key = key_of(form) if key is None else key
    return head + ChaCha20Poly1305(key).encrypt(head[6:], packet, head)


def take_apart(datagram, _settings):
    parts = TakenApart(datagram)
    parts.bytes("crapvpn_aead.magic", 4)
    parts.numbers(
        ("crapvpn_aead.length", 16),
        ("crapvpn_aead.random", 32),
        ("crapvpn_aead.counter", 64),
    )
    parts.bytes("crapvpn_aead.ciphertext", -TAG)
    parts.bytes("crapvpn_aead.tag")
    return parts


def crapvpn_aead():
    form = "crapvpn-aead"
    cases = Cases(form, take_apart, "ip", key=SHARED)
    packets = [*(ipv4(size) for size in (20, 84, 85, 1420)), *(ipv6(size) for size in (40, 1421))]
    for number, packet in enumerate(packets):
        datagram = sealed(form, packet, counter=COUNTER + number)
        cases.delivered(f"IPv{packet[0] >> 4} of {len(packet)}", datagram, packet)
    great = sealed(form, ipv4(84), random=0xFFFFFFFF, counter=0xFFFFFFFFFFFFFFFF)
    cases.delivered("the last counter", great, ipv4(84))
    refusals(cases, form, ipv4(84))
    cases.refused("no packet in it", sealed(form, b""), "empty", "", 18, layer="packet")
    foreign = sealed(form, noise("no packet", 40))
    cases.refused("noise, sealed", foreign, "not_a_packet", "ip.version", 18, layer="packet")
    return cases


def crapvpn_aead_ethernet():
    form = "crapvpn-aead-ethernet"
    cases = Cases(form, take_apart, "ethernet", key=SHARED)
    frames = [ethernet(IPV4, ipv4(size)) for size in (46, 84, 99, 1420)]
    frames += [ethernet(IPV6, ipv6(size)) for size in (40, 1406)]
    frames.append(noise("some frame", 60))
    for number, frame in enumerate(frames):
        datagram = sealed(form, frame, counter=COUNTER + number)
        cases.delivered(f"frame {number} of {len(frame)}", datagram, frame)
    refusals(cases, form, ethernet(IPV4, ipv4(84)))
    return cases


def refusals(cases, form, packet):
    """What has one thing wrong with it."""
    good = sealed(form, packet)
    end = len(good)
    name = "crapvpn_aead"
    cases.refused("another magic", b"crap" + good[4:], "not_ours", f"{name}.magic", 0)
    length = f"{name}.length"
    wrong = {"field": length, "offset": 4, "shown": False}
    cases.refused("a length too great", sealed(form, packet, more=1), "length", **wrong)
    cases.refused("a length too small", sealed(form, packet, more=-1), "trailing", **wrong)
    cases.refused("cut in the ciphertext", good[:33], "length", **wrong)
    cases.refused("a byte more", good + b"\0", "trailing", **wrong)
    for cut in (0, 5, 17):
        cases.too_short(f"cut to {cut} bytes", good[:cut])
    tag = (f"{name}.tag", end - TAG)
    for where, byte in (
        *(("random", 6), ("counter", 17), ("the first byte", 18), ("the last byte", end - 17)),
        *(("the tag", end - 16), ("the tag's end", end - 1)),
    ):
        changed = bytearray(good)
        changed[byte] ^= 0x10
        cases.refused(f"a bit changed in {where}", bytes(changed), "not_authentic", *tag)
    for what, key in (
        ("our own key", key_of(form, "b to a")),
        ("another key", key_of(form, shared=noise("other key", 32))),
        ("the shared key itself", SHARED),
        ("the key of another format", key_of("crapvpn-aead-other")),
    ):
        cases.refused(f"sealed with {what}", sealed(form, packet, key=key), "not_authentic", *tag)
    head = good[:18]
    no_ad = head + ChaCha20Poly1305(key_of(form)).encrypt(head[6:], packet, b"")
    cases.refused("the header not authenticated", no_ad, "not_authentic", *tag)
