// `crapvpn formats`: which formats there are, and all about one.

import type { CoreFormat, FieldInfo, FormatInfo, PacketName } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { Failure } from "../failure.js";
import { innerMtu, LINK_HEADER_BYTES } from "../tunnel/mtu.js";
import type { Parsed } from "./command.js";
import { findFormat } from "./description.js";
import { mustBeSet, obstacles } from "./runnable.js";
import { harmless, harmlessLine, styleText, table, wrap } from "./text.js";

/** Of Ethernet. */
const OUTER_MTU = 1500;

const packetWords: Readonly<Record<PacketName, string>> = {
  ip: "IP packets",
  ethernet: "Ethernet frames",
};

export async function formats({ words, switches }: Parsed): Promise<number> {
  const [word, extra] = words;
  if (extra !== undefined) {
    throw new Failure("usage", `"${extra}" is not expected: one format at a time`);
  }
  const core = await loadCore();
  if (word === undefined) {
    const all = core.formats.map((name) => core.format(name));
    process.stdout.write(switches.json ? json(all.map(told)) : list(all));
  } else {
    const format = await findFormat(core, word);
    process.stdout.write(switches.json ? json(told(format)) : detail(format));
  }
  return 0;
}

/** What programs are told of a format. */
function told(format: CoreFormat) {
  return {
    ...format.info,
    overhead: format.overhead ?? null,
    mustBeSet: mustBeSet(format),
    cannotRun: obstacles(format),
  };
}

function json(value: unknown): string {
  return `${harmless(JSON.stringify(value, undefined, 2))}\n`;
}

function list(formats: readonly CoreFormat[]): string {
  const heading = ["name", "carrier", "packet", "cipher", "overhead", "to run it", "title"];
  const rows = formats.map((format) => {
    const { info } = format;
    return [
      info.name,
      carrierText(info),
      info.packet.join(", "),
      info.cipher?.name ?? "none",
      String(format.overhead ?? "?"),
      needsText(format),
      harmlessLine(info.title),
    ];
  });
  return `${headed(heading, rows).join("\n")}\n`;
}

/** `UDP 4789, 8472; TCP`. */
function carrierText({ udp, tcp }: FormatInfo): string {
  const text = (name: string, ports: readonly number[] | undefined) =>
    ports === undefined ? [] : [[name, ports.join(", ")].join(" ").trimEnd()];
  return [...text("UDP", udp), ...text("TCP", tcp)].join("; ");
}

/** What keeps it from running in a word, or else what to set. */
function needsText(format: CoreFormat): string {
  const { decodeOnly, packet } = format.info;
  if (decodeOnly !== undefined || packet.length === 0) return "decode only";
  if (obstacles(format).length > 0) return "not yet: cipher";
  const key = format.info.cipher === undefined ? [] : ["-k"];
  return [...key, ...mustBeSet(format).map((line) => line.replace(/=.*/, ""))].join(" ");
}

function detail(format: CoreFormat): string {
  const { info } = format;
  const { name, title, doc, settings, fields } = info;
  const room = Math.min(process.stdout.columns ?? 100, 100);
  const section = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", bold(heading), ...lines.map((line) => `  ${line}`)];
  const lines = [
    `${bold(name)}: ${harmlessLine(title)}`,
    ...(doc === "" ? [] : ["", ...wrap(harmlessLine(doc), room)]),
    "",
    ...table(facts(format)),
    ...section("Must be set", mustBeSet(format)),
    ...section("Cannot run", obstacles(format)),
    ...section(
      "Settings",
      headed(
        ["name", "type", "value", "allowed", "title"],
        settings.map(({ name, type, value, values, title }) => {
          return [name, type, value ?? "to be set", values.join(", "), harmlessLine(title)];
        }),
      ),
    ),
    ...section("Fields", headed(["name", "type", "content", "only if"], fields.flatMap(fieldRows))),
    ...section("Diagram", harmless(format.diagram("ascii")).trimEnd().split("\n")),
  ];
  return `${lines.join("\n")}\n`;
}

function facts(format: CoreFormat): string[][] {
  const { info, overhead } = format;
  const { filter, packet, cipher, udp, fields } = info;
  const padded = fields.some(({ type }) => type.startsWith("padding"));
  return [
    ["Carrier", carrierText(info)],
    ["Packets", packetsText(packet)],
    ["Cipher", cipher === undefined ? "none: nothing is enciphered" : cipherText(cipher)],
    [
      "Overhead",
      overhead === undefined
        ? "depends on what is given"
        : `${padded ? "at most " : ""}${overhead} bytes a packet`,
    ],
    // What TCP carries is not bound to the size of a packet outside.
    ...(overhead === undefined || udp === undefined
      ? []
      : packet.map((kind) => ["Inner MTU", mtuText(kind, overhead)])),
    ["Filters", `${filter}.NAME`],
  ];
}

/** What it carries; and how one of several is chosen. */
function packetsText(packet: readonly PacketName[]): string {
  const texts = packet.map((kind) => {
    const choice = packet.length > 1 ? ` (--layer ${kind === "ethernet" ? 2 : 3})` : "";
    return `${packetWords[kind]}${choice}`;
  });
  return texts.join(", ") || "none: decode only";
}

function cipherText({ name, covers, nonce, ad }: NonNullable<FormatInfo["cipher"]>): string {
  return [
    `${name} over ${covers}`,
    ...(nonce === "" ? [] : [`nonce ${nonce}`]),
    ...(ad === "" ? [] : [`authenticates ${ad} too`]),
  ].join("; ");
}

/** The longest IP packet inside that leaves in one piece. */
function mtuText(kind: PacketName, overhead: number): string {
  const inner = overhead + LINK_HEADER_BYTES[kind === "ethernet" ? 2 : 3];
  const mtu = (family: 4 | 6) => innerMtu(OUTER_MTU, family, inner);
  return `${mtu(4)} over IPv4, ${mtu(6)} over IPv6, on Ethernet, for ${packetWords[kind]}`;
}

/** A row, and those of a list's element below it. */
function fieldRows(field: FieldInfo): string[][] {
  const { name, type, content, when, fields } = field;
  const inner = fields.flatMap(fieldRows).map(([name, ...cells]) => [`  ${name}`, ...cells]);
  return [[name, type, harmlessLine(content), when], ...inner];
}

/** A table below a heading; nothing if there are no rows. */
function headed(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const [first = "", ...lines] = table([heading, ...rows]);
  return [styleText("dim", first, process.stdout), ...lines];
}

function bold(text: string): string {
  return styleText("bold", text, process.stdout);
}
