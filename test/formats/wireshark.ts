// What Wireshark's own dissectors read in datagrams: tshark over a capture made here.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasTshark = spawnSync("tshark", ["--version"]).error === undefined;

const LINKTYPE_RAW = 101;

/** How tshark is told what the datagrams are. */
export interface Dissector {
  /** The UDP port. */
  readonly port: number;
  /** Which dissector reads what comes to it. */
  readonly name: string;
  /** More words for tshark, such as preferences. */
  readonly options?: readonly string[];
}

/** Values of fields, by Wireshark's names: numbers in decimal, bytes in hex. */
export type Columns = Readonly<Record<string, string>>;

/**
 * Reads columns from each datagram. Of a field that is there several times, such as that of a
 * protocol both inside and outside, it is the last.
 */
export function dissect(
  datagrams: readonly Uint8Array[],
  columns: readonly string[],
  dissector: Dissector,
): Columns[] {
  const folder = mkdtempSync(join(tmpdir(), "crapvpn-tshark-"));
  try {
    const path = join(folder, "datagrams.pcap");
    writeFileSync(path, capture(datagrams.map((datagram) => udp(dissector.port, datagram))));
    const words = ["-n", "-r", path, "-d", `udp.port==${dissector.port},${dissector.name}`];
    words.push(...(dissector.options ?? []), "-T", "fields", "-E", "occurrence=l");
    for (const column of columns) words.push("-e", column);
    const text = execFileSync("tshark", words, { encoding: "utf8", stdio: "pipe" });
    const lines = text.split("\n").slice(0, -1);
    return lines.map((line) => {
      const cells = line.split("\t");
      return Object.fromEntries(columns.map((column, i) => [column, plain(cells[i] ?? "")]));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function plain(value: string): string {
  return value.startsWith("0x") ? BigInt(value).toString() : value.replaceAll(":", "");
}

/** The IPv4 packet that carries a datagram; its checksums are left out, tshark checks neither. */
function udp(port: number, datagram: Uint8Array): Buffer {
  const header = Buffer.from("4500000000004000401100000a0000010a000002", "hex");
  header.writeUInt16BE(28 + datagram.length, 2);
  const ports = Buffer.alloc(8);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(port, 2);
  ports.writeUInt16BE(8 + datagram.length, 4);
  return Buffer.concat([header, ports, datagram]);
}

/** A pcap file of IP packets. */
function capture(packets: readonly Uint8Array[]): Buffer {
  const numbers = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
  const parts = [numbers(0xa1b2c3d4, 0x0004_0002, 0, 0, 262_144, LINKTYPE_RAW)];
  packets.forEach((packet, second) => {
    parts.push(numbers(second, 0, packet.length, packet.length), Buffer.from(packet));
  });
  return Buffer.concat(parts);
}
