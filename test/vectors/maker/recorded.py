"""Datagrams that other programs made, as record.py wrote them down."""

import json
import pathlib

PATH = pathlib.Path(__file__).parent.parent / "recorded.json"


def recorded(form):
    """The recorded datagrams of a format, as the arguments of a case."""
    for entry in json.loads(PATH.read_text()):
        if entry["format"] == form:
            yield {
                "name": entry["name"],
                "source": entry["source"],
                "settings": entry["set"],
                "kind": entry["kind"],
                "packet": bytes.fromhex(entry["packet"]),
                "datagram": bytes.fromhex(entry["datagram"]),
            }
