"""Holds the fields of cases against what Wireshark's own dissectors read."""

import ipaddress
import pathlib
import shutil
import struct
import subprocess
import tempfile

from packets import ARP, IPV4, IPV6, VLAN, with_checksum

LINKTYPE_RAW = 101


class Name:
    """Wireshark's name for a field of ours.

    `scale` makes its value of ours; it shows the field only if the flag `flag` of ours is set.
    """

    def __init__(self, theirs, scale=lambda value: value, flag=None):
        self.theirs = theirs
        self.scale = scale
        self.flag = flag


class Wireshark:
    """How tshark reads a format: its dissector, and its names for our fields.

    `options` are further words of its command line. `opens` is false if it cannot see the packet.
    """

    def __init__(self, port, dissector, names, options=(), opens=True):
        self.port = port
        self.dissector = dissector
        self.names = names
        self.options = options
        self.opens = opens

    def confirm(self, to_confirm):
        """What tshark reads otherwise than the cases say: a list of sentences."""
        groups = {}
        for case, preferences, also in to_confirm:
            groups.setdefault(preferences, []).append({**case, "also": also})
        return [
            problem
            for preferences, cases in groups.items()
            for problem in self._compare(cases, preferences)
        ]

    def _compare(self, cases, preferences):
        expected = [self._expected(case) for case in cases]
        columns = sorted({column for row in expected for column in row})
        datagrams = [bytes.fromhex(case["datagram"]) for case in cases]
        rows = self._read(datagrams, columns, preferences)
        assert len(rows) == len(cases), f"{self.dissector}: {len(rows)} of {len(cases)} frames"
        for case, wanted, row in zip(cases, expected, rows):
            found = dict(zip(columns, row))
            for column, values in wanted.items():
                # Of a protocol that is inside and outside, the last occurrence is the inner one.
                if found[column][-len(values) :] != values:
                    name = f"{case['format']}, {case['name']}"
                    yield f"{name}: {column} should be {values}, tshark reads {found[column]}"

    def _expected(self, case):
        fields = {field["name"]: field["value"] for field in case["fields"]}
        wanted = {}
        for field in case["fields"]:
            name = self.names.get(field["name"])
            if isinstance(name, str):
                name = Name(name)
            if name and (name.flag is None or fields[name.flag] == "1"):
                wanted.setdefault(name.theirs, []).append(str(name.scale(field["value"])))
        packet = bytes.fromhex(case["packet"] or "") if self.opens else b""
        return {**wanted, **inside(packet, case["kind"]), **dict(case["also"])}

    def _read(self, datagrams, columns, preferences):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "datagrams.pcap")
            path.write_bytes(pcap([udp(self.port, datagram) for datagram in datagrams]))
            command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "aggregator=,"]
            command += ["-d", f"udp.port=={self.port},{self.dissector}", *self.options]
            for preference in preferences:
                command += ["-o", preference]
            for column in columns:
                command += ["-e", column]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return [
            [[plain(value) for value in cell.split(",") if value != "<MISSING>"] for cell in cells]
            for cells in (line.split("\t") for line in run.stdout.splitlines())
        ]


def available():
    return shutil.which("tshark") is not None


def plain(value):
    """A value of tshark's as ours are written: numbers in decimal, bytes in hex."""
    return str(int(value, 16)) if value.startswith("0x") else value.replace(":", "")


def inside(packet, kind):
    """Fields of the packet, so that it is known to have been found in the right place."""
    if not packet:
        return {}
    if kind == "ip":
        return inside_ip(packet)
    wanted = {"eth.dst": [packet[:6].hex()], "eth.src": [packet[6:12].hex()]}
    (ethertype,) = struct.unpack("!H", packet[12:14])
    rest = packet[14:]
    if ethertype == VLAN:
        number, ethertype = struct.unpack("!HH", rest[:4])
        wanted["vlan.id"] = [str(number)]
        rest = rest[4:]
    if ethertype == ARP:
        wanted["arp.dst.proto_ipv4"] = [str(ipaddress.IPv4Address(rest[24:28]))]
    return {**wanted, **inside_ip(rest)} if ethertype in (IPV4, IPV6) else wanted


def inside_ip(packet):
    if packet[0] >> 4 == 4:
        length, number, checksum = struct.unpack("!2xHH4xH", packet[:12])
        return {"ip.len": [str(length)], "ip.id": [str(number)], "ip.checksum": [str(checksum)]}
    length, hops = struct.unpack("!4xHxB", packet[:8])
    source, destination = (str(ipaddress.IPv6Address(packet[at : at + 16])) for at in (8, 24))
    wanted = {"ipv6.plen": [str(length)], "ipv6.hlim": [str(hops)]}
    return {**wanted, "ipv6.src": [plain(source)], "ipv6.dst": [plain(destination)]}


def udp(port, datagram):
    """The IPv4 packet that carries a datagram; the UDP checksum is left out, as IPv4 allows."""
    size = 28 + len(datagram)
    addresses = bytes([198, 51, 100, 1, 198, 51, 100, 2])
    head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, 17, 0) + addresses
    return with_checksum(head, 10) + struct.pack("!HHHH", port, port, size - 20, 0) + datagram


def pcap(packets):
    """A capture file of IP packets."""
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, LINKTYPE_RAW)
    for number, packet in enumerate(packets):
        file += struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet
    return file
