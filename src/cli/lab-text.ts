// How the lab looks on a terminal: drawn for people who watch it on a wall.

import type { Counters } from "../core/core.js";
import type { PacketWay } from "../lab/checks.js";
import { places, type TunnelEnd } from "../lab/joined.js";
import { parseHex } from "./key.js";
import { flowText } from "./report.js";
import { type Style, styleText } from "./text.js";

const color = (style: Style, text: string) => styleText(style, text, process.stdout);
export const heading = (text: string) => `\n${color("bold", text)}`;

const BYTES_PER_ROW = 16;

/** Both hosts, what joins them, and how their datagrams are packed. */
export function topologyText(a: TunnelEnd, b: TunnelEnd): string {
  const box = ({ name, started, cable, bridge }: TunnelEnd) => {
    const inner = started.addresses.map(({ local }) => local);
    return [
      `host ${name}`,
      "",
      `${started.device}  MTU ${started.mtu}`,
      ...inner.map((address) => `  ${address}`),
      ...(bridge ? [`  in ${bridge.device}`] : []),
      ...(bridge ? bridge.addresses.map((address) => `  ${address}`) : []),
      "",
      `${cable.device}  MTU ${cable.mtu}`,
      `  ${places[name].outer}`,
      `  ${places[name].outer6}`,
    ];
  };
  const [left, right] = [box(a), box(b)];
  const width = Math.max(...[...left, ...right].map((line) => line.length)) + 2;
  const tunnelRow = 2;
  const cableRow = left.length - 3;
  const between = (row: number) => {
    if (row === tunnelRow) return color("cyan", "╞═════ tunnel ═════╡");
    if (row === cableRow) return "├───── cable ──────┤";
    return `│${" ".repeat(18)}│`;
  };
  const edge = (open: string, close: string) => `${open}${"─".repeat(width)}${close}`;
  const { started } = a;
  return [
    heading("Two hosts on one machine"),
    "",
    `  ${edge("┌", "┐")}${" ".repeat(18)}${edge("┌", "┐")}`,
    ...left.map(
      (line, row) =>
        `  │ ${line.padEnd(width - 1)}${between(row)} ${(right[row] ?? "").padEnd(width - 1)}│`,
    ),
    `  ${edge("└", "┘")}${" ".repeat(18)}${edge("└", "┘")}`,
    "",
    `  ${started.format} over UDP ${started.peer.port}, cipher ${started.cipher} (${started.integrity ? "with integrity" : "no integrity, no protection"}), engine ${started.engine}`,
  ].join("\n");
}

/** `✓ ping 10.8.0.2: 3 of 3 answered`. */
export function checkLine(ok: boolean, text: string): string {
  return `  ${ok ? color("green", "✓") : color("red", "✗")} ${text}`;
}

/** The cipher by its definition, so that the lab does not believe the core it looks at. */
function xor(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => byte ^ (key[i % key.length] as number));
}

/** How the packets of a tunnel are packed. */
interface Packing {
  readonly format: string;
  readonly cipher: string;
  /** In hex. */
  readonly key: string;
}

/** Where in the datagram the packet lies, once it is deciphered; nothing if it is not there. */
export function placeOfPacket(
  { packet, datagram }: PacketWay,
  { cipher, key }: Omit<Packing, "format">,
): number | undefined {
  const ciphertext = cipher === "xor" ? xor(packet, parseHex(key, "", "usage")) : packet;
  const place = Buffer.from(datagram).indexOf(ciphertext);
  return place < 0 ? undefined : place;
}

/** The packet, the key below it, what the two make, and the header before it: byte under byte. */
export function packetWayText(way: PacketWay, packing: Packing): string {
  const { packet, datagram } = way;
  const { cipher } = packing;
  const place = placeOfPacket(way, packing) ?? datagram.length - packet.length;
  const ciphertext = datagram.subarray(place, place + packet.length);
  const rows =
    cipher === "xor" ? enciphering(packet, ciphertext, packing.key) : rowsOf("packet", packet);
  const device = color("bold", "the tunnel's device");
  const how = { xor: ", is XORed with the key, byte by byte,", none: "," }[cipher];
  const behind = datagram.length - place - packet.length;
  const trailer = behind > 0 ? ` and ${behind} behind` : "";
  return [
    heading("The way of one packet"),
    "",
    `  An echo request of ${packet.length} bytes leaves ${device}${how ?? `, is enciphered with ${cipher},`}`,
    "",
    ...rows,
    `  gets ${place} bytes of header${trailer}, and leaves ${color("bold", "the cable's device")} as a datagram of ${datagram.length} bytes:`,
    "",
    ...headerRows(datagram, place, packing),
    "",
  ].join("\n");
}

/** Rows of the packet, the key and what they make. */
function enciphering(packet: Uint8Array, ciphertext: Uint8Array, keyText: string): string[] {
  const keystream = xor(new Uint8Array(packet.length), parseHex(keyText, "", "usage"));
  const rows: string[] = [];
  for (let at = 0; at < packet.length; at += BYTES_PER_ROW) {
    const row = (name: string, bytes: Uint8Array, style?: Style) => rowOf(name, bytes, at, style);
    rows.push(
      row("packet", packet),
      row("⊕ key", keystream, "dim"),
      row("= cipher", ciphertext, "cyan"),
      "",
    );
  }
  return rows;
}

function rowsOf(name: string, bytes: Uint8Array): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_PER_ROW) rows.push(rowOf(name, bytes, at));
  return [...rows, ""];
}

/** The row of these bytes that begins with byte `at`. */
function rowOf(name: string, bytes: Uint8Array, at: number, style?: Style): string {
  const part = bytes.subarray(at, at + BYTES_PER_ROW);
  const hex = hexRow(part).padEnd(BYTES_PER_ROW * 3 - 1);
  const line = `  ${name.padEnd(8)} ${String(at).padStart(2)}  ${hex}  ${printable(part)}`;
  return style ? color(style, line) : line;
}

/** The header and the first bytes behind it; of our own formats, with what it means. */
function headerRows(datagram: Uint8Array, place: number, { format }: Packing): string[] {
  const header = datagram.subarray(0, place);
  const body = datagram.subarray(place, place + 8);
  const row = `  ${hexRow(header)}  ${color("cyan", `${hexRow(body)} …`)}`;
  if (!CRAPVPN_HEADERS.includes(format)) {
    return [row, "", `  What its bits mean: crapvpn diagram ${format}`];
  }
  return [
    row,
    "  └── magic ─┘ └len┘ └typ┘  └── ciphertext …",
    `  "${printable(header.subarray(0, 4))}"       ${((header[4] ?? 0) << 8) | (header[5] ?? 0)}`,
  ];
}

/** The formats that have the header of CrapVPN over UDP. */
const CRAPVPN_HEADERS = ["crapvpn", "crapvpn-ethernet"];

export function countersText(counters: { a: Counters; b: Counters }): string {
  const lines = (["a", "b"] as const).flatMap((name) => [
    `  host ${name}  ${flowText("out", counters[name].out)}`,
    `          ${flowText("in", counters[name].in)}`,
  ]);
  return [heading("Counted"), "", ...lines].join("\n");
}

function hexRow(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function printable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·",
  ).join("");
}
