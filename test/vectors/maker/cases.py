"""The cases of one format, and the taking apart of its datagrams.

A case:
    name        unique in its format
    source      where its bytes come from: "made" here from a specification, recorded from another
                program, or published; "tshark" if Wireshark's own dissector reads the same fields
    format      which format it belongs to
    set, expect what `--set` and `--expect` would be given, settings too: numbers and hex as text
    key         the key, in hex; empty without a cipher
    kind        what the device carries: "ip" or "ethernet"
    packet      what the sender wrapped; null if no packet explains the datagram
    datagram    the UDP payload, or one frame of a TCP stream
    encapsulate whether a sender whose counters are at their start makes exactly this datagram
    decapsulate what a receiver answers: {packet}, or {drop, layer, field, offset}; null where the
                datagram can only be taken apart
    fields      what is in it, in wire order: {name, value, offset, first_bit, bits}; a list before
                the fields of its elements; a field of no bits is left out; null if the datagram
                cannot be taken apart to its end

`offset` counts bytes from the start of the datagram, `first_bit` bits. A value is a number in
decimal, or bytes in hex. What is enciphered is shown closed. Each refused datagram has exactly one
thing wrong with it, so the order of checks does not matter. The field of a drop is "" where bytes
are missing (`offset` is where the first of them would be) or there is no packet to speak of.
"""


class TakenApart:
    """The fields of a datagram, read in wire order from its first bit to its last."""

    def __init__(self, datagram):
        self.datagram = datagram
        self.bit = 0
        self.fields = []

    def number(self, name, bits, order="big"):
        """Takes an unsigned integer, most significant bit first."""
        whole = int.from_bytes(self.datagram, "big")
        after = 8 * len(self.datagram) - self.bit - bits
        assert after >= 0, f"{name}: the datagram ends"
        value = whole >> after & (1 << bits) - 1
        if order == "little":
            value = int.from_bytes(value.to_bytes(bits // 8, "big"), "little")
        self._add(name, str(value), bits)
        return value

    def numbers(self, *widths):
        """Takes several: (name, bits) each."""
        return [self.number(name, bits) for name, bits in widths]

    def bytes(self, name, size=None):
        """Takes bytes: the rest if `size` is not given; from behind if it is negative."""
        start = self.offset
        end = len(self.datagram) if size is None else start + size
        if size is not None and size < 0:
            end = len(self.datagram) + size
        assert start <= end <= len(self.datagram), f"{name}: the datagram ends"
        data = self.datagram[start:end]
        if data:
            self._add(name, data.hex(), 8 * len(data))
        return data

    def heading(self, name, size):
        """Names the next `size` bytes as a list, without taking them."""
        if size:
            self.bytes(name, size)
            self.bit -= 8 * size

    @property
    def offset(self):
        assert self.bit % 8 == 0
        return self.bit // 8

    def _add(self, name, value, bits):
        place = {"offset": self.bit // 8, "first_bit": self.bit, "bits": bits}
        self.fields.append({"name": name, "value": value, **place})
        self.bit += bits


class Cases:
    """The cases of a format.

    `take_apart(datagram, settings)` gives the fields; `wireshark`, if there is one, knows what
    tshark calls them.
    """

    def __init__(self, form, take_apart, kind="ip", wireshark=None, settings=None, key=b""):
        self.format = form
        self.take_apart = take_apart
        self.kind = kind
        self.wireshark = wireshark
        self.settings = settings or {}
        self.key = key
        self.cases = []
        # What tshark has to confirm: (case, its preferences, further columns and their values).
        self.to_confirm = []

    def add(
        self,
        name,
        datagram,
        answer,
        *,
        source="made",
        settings=None,
        expect=None,
        key=None,
        kind=None,
        packet=None,
        shown=True,
        confirm=True,
        preferences=(),
        also=None,
    ):
        settings = {**self.settings, **(settings or {})}
        confirm = confirm and shown and self.wireshark is not None
        case = {
            "name": name,
            "source": f"{source}; tshark" if confirm else source,
            "format": self.format,
            "set": words(settings),
            "expect": words(expect or {}),
            "key": (self.key if key is None else key).hex(),
            "kind": kind or self.kind,
            "packet": None if packet is None else packet.hex(),
            "datagram": datagram.hex(),
            "encapsulate": False,
            "decapsulate": answer,
            "fields": self._fields(datagram, settings) if shown else None,
        }
        self.cases.append(case)
        if confirm:
            self.to_confirm.append((case, tuple(preferences), also or {}))

    def _fields(self, datagram, settings):
        parts = self.take_apart(datagram, settings)
        assert parts.bit == 8 * len(datagram), f"{self.format}: bits are left over"
        return parts.fields

    def delivered(self, name, datagram, packet, **more):
        """A datagram that a receiver takes, though ours would have made another."""
        self.add(name, datagram, {"packet": packet.hex()}, packet=packet, **more)
        case = self.cases[-1]
        found = {field["name"].split(".", 1)[1]: field["value"] for field in case["fields"]}
        for setting, value in {**case["set"], **case["expect"]}.items():
            there = found.get(setting, value).removeprefix("0x")
            # A flag only says what ours would send, and so does the word "table".
            if not setting.startswith(("flag", "l2_spec.s")) and value != "table":
                assert there == value.removeprefix("0x"), f"{name}: {setting} is {there}"

    def both_ways(self, name, datagram, packet, **more):
        """A datagram that a sender makes of the packet, and a receiver takes."""
        self.delivered(name, datagram, packet, **more)
        self.cases[-1]["encapsulate"] = True

    def refused(self, name, datagram, reason, field, offset, layer="header", **more):
        more = {"confirm": False, **more}
        answer = {"drop": reason, "layer": layer, "field": field, "offset": offset}
        self.add(name, datagram, answer, **more)

    def too_short(self, name, datagram, **more):
        """A datagram that ends inside its header."""
        self.refused(name, datagram, "too_short", "", len(datagram), shown=False, **more)

    def only_shown(self, name, datagram, **more):
        """A datagram that can be taken apart, and no more."""
        self.add(name, datagram, None, **more)


def words(settings):
    """Settings as the command line takes them."""
    return {
        name: f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
        for name, value in settings.items()
    }
