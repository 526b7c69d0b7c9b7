#!/usr/bin/env python3
"""Makes formats/*.json and streams/*.json, the vectors of every built-in format.

    formats.py            writes them, once tshark has confirmed what it can
    formats.py --check    compares what is there, exit code 1 if it differs
    formats.py --confirm  only has tshark confirm them

The bytes are packed by hand from the specifications (folder `maker`), never by our descriptions or
our code. What a case is, is told in maker/cases.py and maker/streams.py.
"""

import json
import pathlib
import sys

from maker import aead, crapvpn, crapvpn_aead, geneve, gre, gtpu, l2tpv3, plain, streams, vxlan, wireshark

HERE = pathlib.Path(__file__).parent
FORMATS = (
    *(crapvpn.crapvpn, crapvpn.crapvpn_tcp, crapvpn.crapvpn_ethernet),
    *(crapvpn_aead.crapvpn_aead, crapvpn_aead.crapvpn_aead_ethernet),
    *(vxlan.vxlan, vxlan.vxlan_gpe, geneve.geneve, gtpu.gtpu, l2tpv3.l2tpv3_udp, gre.gre_udp),
    *(plain.bare_ip, plain.qemu_socket_tcp, plain.vde_stream),
    *(aead.wireguard_data, aead.nebula, aead.openvpn_data_v2, aead.esp_udp),
)
STREAMS = (streams.crapvpn_tcp, streams.qemu_socket_tcp, streams.vde_stream)


def main():
    all_cases = [make() for make in FORMATS]
    files = {HERE / "formats" / f"{cases.format}.json": cases.cases for cases in all_cases}
    for make in STREAMS:
        form, entries = make()
        files[HERE / "streams" / f"{form}.json"] = entries
    for path, entries in files.items():
        names = [entry["name"] for entry in entries]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            sys.exit(f"{path.name}: two cases of one name: {sorted(twice)}")

    options = sys.argv[1:]
    if options == ["--check"]:
        check(files)
        return
    confirm(all_cases)
    if options == ["--confirm"]:
        return
    for path, entries in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(entries))
        print(f"{path.relative_to(HERE)}: {len(entries)} cases, {path.stat().st_size} bytes")


def check(files):
    for path, entries in files.items():
        if not path.exists() or path.read_text() != text(entries):
            sys.exit(f"{path.relative_to(HERE)} is not what {pathlib.Path(__file__).name} makes")
    there = {path for folder in ("formats", "streams") for path in (HERE / folder).glob("*.json")}
    if there != files.keys():
        sys.exit(f"nothing makes {sorted(path.name for path in there - files.keys())}")


def confirm(all_cases):
    if not wireshark.available():
        sys.exit("tshark is not here: its package must be installed")
    problems = []
    for cases in all_cases:
        if cases.wireshark:
            problems += cases.wireshark.confirm(cases.to_confirm)
            print(f"{cases.format}: tshark read {len(cases.to_confirm)} datagrams")
    if problems:
        sys.exit("\n".join(problems))


def text(entries):
    return json.dumps(entries, indent=1) + "\n"


if __name__ == "__main__":
    main()
