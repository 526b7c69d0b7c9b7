// Sums over a capture, for people and for programs.

import type { CaptureSummary, MeterSummary } from "../core/capture.js";
import { harmlessLine, table } from "./text.js";

/** The sums as text, with an empty line between two parts. */
export function summaryText(summary: CaptureSummary): string {
  const { frames, frameBytes, protocols, drops, meter } = summary;
  const parts = [
    [`${count(frames, "frame")}, ${frameBytes} bytes`],
    section("Protocols", [
      ["frames", "bytes", ""],
      ...protocols.map(({ path, frames, bytes }) => [`${frames}`, `${bytes}`, path]),
    ]),
    section(
      "Drops",
      drops.length > 0 ? drops.map(({ reason, count }) => [`${count}`, reason]) : [["none"]],
    ),
    overheadLines(summary),
    meterLines(meter),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n")}`;
}

/** The sums as one JSON object in a line. */
export function jsonSummary(summary: CaptureSummary): string {
  const { verified: _, ...stats } = summary;
  return `${JSON.stringify({ stats: { ...stats, overheadBytes: overhead(summary) } })}\n`;
}

function overhead({ carryingBytes, packetBytes }: CaptureSummary): number {
  return carryingBytes - packetBytes;
}

function overheadLines(summary: CaptureSummary): string[] {
  const { datagrams, packets, packetBytes, carryingBytes } = summary;
  if (packets === 0) return datagrams === 0 ? ["No tunnel was found."] : [];
  const bytes = overhead(summary);
  const percent = ((100 * bytes) / carryingBytes).toFixed(1);
  return [
    `Overhead: ${count(packets, "packet")} of ${packetBytes} bytes in frames of ${carryingBytes}: ${bytes} bytes, ${percent} %`,
  ];
}

function meterLines({ datagrams, valid, checks, sentence }: MeterSummary): string[] {
  if (datagrams === 0) return [];
  const title = `Key: ${valid} of ${count(datagrams, "deciphered datagram")} are whole packets`;
  const rows = checks.map(({ name, passed, there }) => [name, `${passed} of ${there}`]);
  return [
    ...section(title, rows),
    ...(sentence === undefined ? [] : [`  ${harmlessLine(sentence)}`]),
  ];
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return [title, ...table(rows).map((line) => `  ${line}`)];
}

/** `1 frame`, `2 frames`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
