// What the words of `crapvpn run` mean, checked as far as it goes without asking the system.

import { isIP } from "node:net";
import { closestMatch } from "leven";
import type { FormatInfo } from "../core/core.js";
import type { Layer } from "../device/device.js";
import type { AddressPair } from "../device/link.js";
import { Failure } from "../failure.js";
import { MIN_IPV6_MTU, MIN_MTU } from "../tunnel/mtu.js";
import { network, parsePairs } from "./address.js";
import { type CarrierName, readEnds, type WantedEnds } from "./carrier.js";
import type { Parsed } from "./command.js";
import { commands } from "./commands.js";
import { type EngineChoice, readEngine } from "./engine.js";
import { harmless } from "./text.js";

export interface RunOptions extends WantedEnds {
  /** Where the key is: HEX, `@FILE`, `-`, or absent for the environment. */
  readonly key: string | undefined;
  /** Of the device: what it takes and gives. */
  readonly layer: Layer;
  readonly device: string;
  /** The bridge that the device joins. */
  readonly bridge: string | undefined;
  /** Whatever fits the way to the peer, if absent. */
  readonly mtu: number | undefined;
  readonly pairs: readonly AddressPair[];
  readonly onlyPeer: boolean;
  readonly engine: EngineChoice;
  readonly statsSeconds: number | undefined;
  /** Where a capture of the tunnel goes: a path, or `-`. */
  readonly capture: string | undefined;
  readonly json: boolean;
  /** −1 errors only, 0, 1 first drops, 2 every drop. */
  readonly verbosity: number;
}

/** @throws Failure `usage` */
export function readOptions(
  { words, values, switches }: Parsed,
  format: FormatInfo,
  layer: Layer,
  carrier: CarrierName,
): RunOptions {
  const verbose = switches.verbose ?? 0;
  if (verbose > 0 && switches.quiet) {
    throw new Failure("usage", "-v and -q contradict each other: give one of them");
  }
  refuseUnknownCommand(words[0]);
  const ends = readEnds({ values, switches }, format, carrier);
  const bridge = parseBridge(values.bridge, layer, words);
  const pairs = parsePairs(words, layer);
  if (ends.peer) refuseLoop(ends.peer.host, pairs);
  return {
    ...ends,
    key: values["hex-key"],
    layer,
    device: parseDevice("--device", values.device ?? defaultDevices[layer]),
    bridge,
    mtu: values.mtu === undefined ? undefined : parseMtu(values.mtu),
    pairs,
    onlyPeer: (switches["only-peer"] ?? 0) > 0,
    engine: readEngine({ values, switches }, process.env),
    statsSeconds: values.stats === undefined ? undefined : parseSeconds(values.stats),
    capture: readCapture(values.capture, (switches.json ?? 0) > 0, carrier),
    json: (switches.json ?? 0) > 0,
    verbosity: switches.quiet ? -1 : verbose,
  };
}

/** A first word without a point or colon was meant for a command. */
function refuseUnknownCommand(word: string | undefined): void {
  if (word === undefined || /[.:]/.test(word)) return;
  const names = commands.map(({ name }) => name);
  const near = closestMatch(word, names, { maxDistance: 2 });
  throw new Failure(
    "usage",
    `"${word}" is neither an address nor a command: ${near ? `did you mean ${near}?` : `the commands are ${names.join(", ")}`}`,
  );
}

/**
 * Refuses a peer whose own address would be reached through the tunnel: each datagram would be
 * wrapped again, for ever.
 *
 * @throws Failure `usage`
 */
export function refuseLoop(host: string, pairs: readonly AddressPair[]): void {
  if (isIP(host) === 0) return;
  if (/^(0\.0\.0\.0|255\.255\.255\.255|::)$/.test(host)) {
    throw new Failure("usage", `-p: ${host} is nobody's address: -p takes the other host's`);
  }
  for (const pair of pairs) {
    if (host === pair.local) {
      throw new Failure(
        "usage",
        `-p: ${host} is LOCAL_IP, this end's address inside the tunnel: -p takes the other host's outer address`,
      );
    }
    if (network(pair.peer, pair.prefix).has(host)) {
      throw new Failure(
        "usage",
        `-p: ${host} lies inside the tunnel (${pair.peer}/${pair.prefix}): its datagrams would be routed back into it; -p takes the other host's outer address`,
      );
    }
  }
}

/** @throws Failure if IPv6 cannot live with this MTU (RFC 8200, section 5) */
export function refuseSmallMtu(
  mtu: number,
  pairs: readonly AddressPair[],
  kind: "usage" | "system",
  how: string,
): void {
  if (mtu < MIN_MTU) {
    throw new Failure(kind, `an MTU of ${mtu} bytes (${how}) is too small: IPv4 needs ${MIN_MTU}`);
  }
  const ipv6 = pairs.find(({ local }) => isIP(local) === 6);
  if (mtu < MIN_IPV6_MTU && ipv6) {
    throw new Failure(
      kind,
      `an MTU of ${mtu} bytes (${how}) is too small for ${ipv6.local}: IPv6 needs ${MIN_IPV6_MTU}; leave IPv6 out, or give a larger --mtu and let datagrams travel in fragments`,
    );
  }
}

/** What a device is called if nothing is said. */
const defaultDevices: Readonly<Record<Layer, string>> = { 2: "tap0", 3: "tun0" };

function parseBridge(
  text: string | undefined,
  layer: Layer,
  [address]: readonly string[],
): string | undefined {
  if (text === undefined) return undefined;
  if (layer !== 2) {
    throw new Failure(
      "usage",
      "--bridge takes Ethernet frames, and this tunnel carries IP packets: give --layer 2",
    );
  }
  if (address !== undefined) {
    throw new Failure(
      "usage",
      `"${address}" is not expected beside --bridge: addresses belong to the bridge itself (ip addr add … dev ${text})`,
    );
  }
  return parseDevice("--bridge", text);
}

function parseDevice(option: string, text: string): string {
  const good =
    Buffer.byteLength(text) <= 15 &&
    /^[^\s/:%]+(%d)?[^\s/:%]*$/.test(text) &&
    !/^\.{1,2}$/.test(text);
  if (good && harmless(text) === text) return text;
  throw new Failure(
    "usage",
    `${option}: "${text}" is not a device name: at most 15 bytes, without spaces, "/" and ":"`,
  );
}

function parseMtu(text: string): number {
  const mtu = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (mtu >= MIN_MTU && mtu <= 65_535) return mtu;
  throw new Failure("usage", `--mtu: "${text}" is not a number of bytes from ${MIN_MTU} to 65535`);
}

function readCapture(
  path: string | undefined,
  json: boolean,
  carrier: CarrierName,
): string | undefined {
  if (path !== undefined && carrier === "tcp") {
    throw new Failure(
      "usage",
      "--capture records tunnels over UDP: record one over TCP with tcpdump, and read it with crapvpn decode",
    );
  }
  if (path === "-" && (json || process.stdout.isTTY)) {
    const who = json ? "--json writes there too" : "it is a terminal, which cannot show it";
    throw new Failure("usage", `--capture - writes to standard output, but ${who}: give a FILE`);
  }
  return path;
}

function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 0.1 && seconds <= 1_000_000) return seconds;
  throw new Failure("usage", `--stats: "${text}" is not a number of seconds from 0.1 to 1000000`);
}
