// Which layer a tunnel joins, and so what its device is: as the words say, or as the format has it.

import type { FormatInfo, PacketName } from "../core/core.js";
import type { Layer } from "../device/device.js";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { DEFAULT_FORMAT, DEFAULT_TCP_FORMAT } from "./description.js";

/** What a format carries where its device is of a layer. */
export const packetOf: Readonly<Record<Layer, PacketName>> = { 2: "ethernet", 3: "ip" };
const layerOf: Readonly<Record<PacketName, Layer>> = { ethernet: 2, ip: 3 };

/** What is meant where no format is named. */
const defaultFormats: Readonly<Record<Layer, string>> = {
  2: "crapvpn-ethernet",
  3: DEFAULT_FORMAT,
};

/** The format that is named, or meant. @throws Failure `usage` */
export function formatWord({ values, switches }: Pick<Parsed, "values" | "switches">): string {
  if (values.format !== undefined) return values.format;
  const layer = readLayer({ values }) ?? 3;
  if (!switches.tcp) return defaultFormats[layer];
  if (layer === 3) return DEFAULT_TCP_FORMAT;
  throw new Failure(
    "usage",
    "crapvpn has no Ethernet frames over TCP: leave --tcp or --layer 2, or name a format that has, such as --format qemu-socket-tcp",
  );
}

/** What `--layer` says. @throws Failure `usage` */
export function readLayer({ values }: Pick<Parsed, "values">): Layer | undefined {
  switch (values.layer) {
    case undefined:
      return undefined;
    case "2":
      return 2;
    case "3":
      return 3;
    default:
      throw new Failure(
        "usage",
        `--layer: "${values.layer}" is not a layer: write 2 for Ethernet frames or 3 for IP packets`,
      );
  }
}

/**
 * The layer that is wanted, or the format's first.
 *
 * @throws Failure `usage` if the format does not carry what is wanted
 */
export function layerFor({ name, packet }: FormatInfo, wanted: Layer | undefined): Layer {
  if (wanted === undefined) return layerOf[packet[0] ?? "ip"];
  if (packet.includes(packetOf[wanted])) return wanted;
  const what = packet.includes("ethernet") ? "Ethernet frames" : "IP packets";
  throw new Failure(
    "usage",
    `${name} carries ${what} alone: leave --layer ${wanted}, or choose another --format`,
  );
}
