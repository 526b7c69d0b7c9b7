// Reading what people write for addresses: hosts with ports, pairs of tunnel addresses, networks.

import { BlockList, isIP, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";
import { domainToASCII } from "node:url";
import type { Endpoint } from "../carrier/carrier.js";
import type { Layer } from "../device/device.js";
import type { AddressPair } from "../device/link.js";
import { Failure } from "../failure.js";

/** A host by name or number, and a port if one was given. */
export interface HostPort {
  readonly host: string;
  readonly port?: number;
}

/**
 * `HOST`, `HOST:PORT`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:PORT`.
 *
 * @param option the option's name, for the error
 */
export function parseHost(text: string, option: string): HostPort {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  const plain = /^([^:]*)(?::(.*))?$/.exec(text);
  const whole = isIP(withoutScope(text)) === 6 ? [text, text] : undefined;
  const [, host = "", port] = whole ?? bracketed ?? plain ?? [];
  if (bracketed ? isIP(withoutScope(host)) !== 6 : !whole && !isHost(host)) {
    throw new Failure(
      "usage",
      `${option}: "${text}" is not a host: write HOST, HOST:PORT or [IPV6]:PORT`,
    );
  }
  const name = isIP(withoutScope(host)) === 0 ? domainToASCII(host) : canonical(host);
  return port === undefined ? { host: name } : { host: name, port: parsePort(port, option) };
}

/** `[ADDRESS:]PORT`; without an address, every one of the family. */
export function parseListen(text: string): Partial<Endpoint> & { port: number } {
  if (/^\d+$/.test(text)) return { port: parsePort(text, "--listen") };
  const { host, port } = parseHost(text, "--listen");
  if (port === undefined || isIP(withoutScope(host)) === 0) {
    throw new Failure(
      "usage",
      `--listen: "${text}" is not [ADDRESS:]PORT, such as 1337, 192.0.2.1:1337 or [2001:db8::1]:1337`,
    );
  }
  return { address: canonical(host), port };
}

function parsePort(text: string, option: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  const least = option === "--listen" ? 0 : 1;
  if (port >= least && port <= 65_535) return port;
  throw new Failure(
    "usage",
    `${option}: "${text}" is not a port: write a number from ${least} to 65535`,
  );
}

/** A name that DNS could know (RFC 1123, in any script), or an IPv4 address. */
function isHost(text: string): boolean {
  // What resolvers would take for an IPv4 address must be one as people write it.
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(text)) return isIP(text) === 4;
  const label = "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?";
  const name = domainToASCII(text);
  return name.length <= 253 && new RegExp(`^${label}(\\.${label})*\\.?$`, "i").test(name);
}

/**
 * `LOCAL[/PREFIX] PEER`, again and again, each pair of one family. At layer 2 there may be none, and
 * a `LOCAL/PREFIX` that no PEER follows stands for a network whose hosts are all found by asking.
 */
export function parsePairs(words: readonly string[], layer: Layer = 3): AddressPair[] {
  if (words.length === 0) {
    if (layer === 2) return [];
    throw new Failure(
      "usage",
      "LOCAL_IP and PEER_IP are missing: the tunnel's two inner addresses",
    );
  }
  const pairs: AddressPair[] = [];
  for (let i = 0; i < words.length; ) {
    const [localWord = "", peerWord] = words.slice(i, i + 2);
    const local = parseInner(localWord, "LOCAL_IP");
    const alone = layer === 2 && local.prefix !== undefined && (peerWord?.includes("/") ?? true);
    i += alone ? 1 : 2;
    if (!alone && peerWord === undefined) throw withoutPeer(localWord, layer);
    const pair = alone
      ? ownNetwork(local)
      : parsePair(local, parseInner(peerWord ?? "", "PEER_IP"));
    if (pairs.some((other) => other.local === pair.local && other.peer === pair.peer)) {
      const { local, peer } = pair;
      const what = local === peer ? `address ${local}` : `pair ${local} ${peer}`;
      throw new Failure("usage", `the ${what} is given twice`);
    }
    pairs.push(pair);
  }
  return pairs;
}

function withoutPeer(word: string, layer: Layer): Failure {
  const alone = layer === 2 ? ", or stand alone with a /PREFIX" : "";
  return new Failure(
    "usage",
    `PEER_IP is missing after "${word}": inner addresses come in pairs, LOCAL_IP PEER_IP${alone}`,
  );
}

/** Only for an address that has a prefix. */
function ownNetwork({ address, prefix = 0 }: Inner): AddressPair {
  return { local: address, peer: address, prefix };
}

function parsePair(local: Inner, peer: Inner): AddressPair {
  if (local.family !== peer.family) {
    throw new Failure(
      "usage",
      `${local.address} is IPv${local.family} and ${peer.address} is IPv${peer.family}: a pair has one family`,
    );
  }
  if (local.address === peer.address) {
    throw new Failure(
      "usage",
      `LOCAL_IP and PEER_IP are both ${local.address}: each end has its own`,
    );
  }
  const prefix = local.prefix ?? peer.prefix ?? (local.family === 4 ? 32 : 128);
  if (local.prefix !== undefined && peer.prefix !== undefined && local.prefix !== peer.prefix) {
    throw new Failure(
      "usage",
      `${local.address}/${local.prefix} and ${peer.address}/${peer.prefix} name networks of two sizes: give one /PREFIX`,
    );
  }
  if (local.prefix !== undefined && !network(peer.address, prefix).has(local.address)) {
    throw new Failure(
      "usage",
      `${peer.address} is not in the network ${local.address}/${prefix}: leave the /${prefix} out, or give a network that holds both`,
    );
  }
  return { local: local.address, peer: peer.address, prefix };
}

interface Inner {
  readonly address: string;
  readonly family: 4 | 6;
  readonly prefix?: number;
}

function parseInner(text: string, what: string): Inner {
  const [host = "", prefixText, ...rest] = text.split("/");
  const family = isIP(host) as 0 | 4 | 6;
  if (family === 0 || host.includes("%") || rest.length > 0) {
    throw new Failure("usage", `${what}: "${text}" is not an IP address`);
  }
  const address = canonical(host);
  const useless = unusable(host, family);
  if (useless !== undefined) {
    throw new Failure(
      "usage",
      `${what}: ${host} is ${useless}, no address for one end of a tunnel`,
    );
  }
  if (prefixText === undefined) return { address, family };
  const bits = family === 4 ? 32 : 128;
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  if (!(prefix >= 1 && prefix <= bits)) {
    throw new Failure("usage", `${what}: "/${prefixText}" is not a prefix: write /1 to /${bits}`);
  }
  return { address, family, prefix };
}

function unusable(address: string, family: 4 | 6): string | undefined {
  const kinds =
    family === 4
      ? ([
          ["0.0.0.0", 8, "unspecified"],
          ["127.0.0.0", 8, "a loopback address"],
          ["224.0.0.0", 4, "a multicast address"],
          ["255.255.255.255", 32, "the broadcast address"],
        ] as const)
      : ([
          ["::", 128, "unspecified"],
          ["::1", 128, "the loopback address"],
          ["::ffff:0:0", 96, "an IPv4 address written as IPv6"],
          ["ff00::", 8, "a multicast address"],
        ] as const);
  return kinds.find(([base, prefix]) => network(base, prefix).has(address))?.[2];
}

/** The network that an address lies in. */
export function network(base: string, prefix: number): { has(address: string): boolean } {
  const family = isIP(base) === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(base, prefix, family);
  return {
    // A BlockList finds IPv4 in IPv6 networks and back: families are compared first.
    has: (address) =>
      (isIP(address) === 6 ? "ipv6" : "ipv4") === family && list.check(address, family),
  };
}

/**
 * An address as the system writes it: `2001:DB8:0::1` becomes `2001:db8::1`, an IPv4 address written
 * as IPv6 becomes IPv4, and the number of a scope becomes the device's name.
 */
export function canonical(address: string): string {
  const [bare = "", scope] = address.split("%");
  if (isIP(bare) !== 6) return address;
  const text = new SocketAddress({ address: bare, family: "ipv6" }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  if (scope === undefined || mapped !== undefined) return mapped ?? text;
  return `${text}%${deviceOfScope(scope)}`;
}

function deviceOfScope(scope: string): string {
  if (!/^\d+$/.test(scope)) return scope;
  const devices = Object.entries(networkInterfaces());
  const named = devices.find(([, addresses]) =>
    addresses?.some((info) => info.family === "IPv6" && info.scopeid === Number(scope)),
  );
  return named?.[0] ?? scope;
}

/** 4 or 6, for an address that may have a scope; 0 for what is no address. */
export function familyOf(address: string): 0 | 4 | 6 {
  return isIP(withoutScope(address)) as 0 | 4 | 6;
}

function withoutScope(address: string): string {
  return address.replace(/%[^%/]{1,15}$/, "");
}
