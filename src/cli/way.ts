// The way to the peer: its address, and the longest packet that goes there in one piece.

import { lookup } from "node:dns/promises";
import { existsSync } from "node:fs";
import type { Endpoint } from "../carrier/carrier.js";
import { findLink, findRoute } from "../device/link.js";
import { errnoOf, Failure } from "../failure.js";
import {
  innerMtu,
  innerMtuSum,
  LINK_HEADER_BYTES,
  MAX_DEVICE_MTU,
  maxMtu,
  STREAM_MTU,
} from "../tunnel/mtu.js";
import { canonical, familyOf, network } from "./address.js";
import type { Ends } from "./carrier.js";
import { type RunOptions, refuseLoop, refuseSmallMtu } from "./options.js";
import type { Report } from "./report.js";

/** Taken where the system knows no way to the peer yet: Ethernet's. */
const USUAL_MTU = 1500;

/** Both ends in numbers: the peer's address is asked for once, and checked against ours. */
export async function findEnds(options: RunOptions, report: Report): Promise<Ends> {
  const { carrier, peer: wanted, listen } = options;
  const peer = wanted && (await findPeer(wanted, options, report));
  if (carrier === "udp" && peer !== undefined) {
    const everywhere = familyOf(peer.address) === 4 ? "0.0.0.0" : "::";
    return { carrier, peer, local: { address: everywhere, port: peer.port, ...listen } };
  }
  if (peer !== undefined) return { carrier: "tcp", peer };
  const everywhere = hasIpv6() ? "::" : "0.0.0.0";
  return { carrier: "tcp", local: { address: everywhere, port: 0, ...listen } };
}

/** Without IPv6 nobody can listen on its addresses, not even for IPv4. */
function hasIpv6(): boolean {
  return existsSync("/proc/net/if_inet6");
}

async function findPeer(
  peer: NonNullable<RunOptions["peer"]>,
  { listen, pairs }: RunOptions,
  report: Report,
): Promise<Endpoint> {
  const family = listen?.address === undefined ? 0 : familyOf(listen.address);
  const known = familyOf(peer.host);
  if (family !== 0 && known !== 0 && family !== known) {
    throw new Failure(
      "usage",
      `--listen is an IPv${family} address and the peer's is IPv${known}: both need one family`,
    );
  }
  const address = await resolveHost(peer.host, family);
  refuseLoop(address, pairs);
  await refuseScopeless(address);
  const here = listen?.address === undefined || listen.address === address;
  const route = await findRoute(address);
  if (peer.port === listen?.port && here && typeof route !== "string" && route.local) {
    report.warn(
      "own_address",
      `${address} is this very machine, on the port that we listen on: what we send comes back to us; -p takes the other host's address`,
    );
  }
  return { address, port: peer.port };
}

/**
 * An address for a host. IPv4 comes first, as the author's program knows nothing else.
 *
 * @param family 4, 6, or 0 for either
 * @throws Failure `system` if the name has none
 */
export async function resolveHost(host: string, family: 0 | 4 | 6 = 0): Promise<string> {
  if (familyOf(host) !== 0) return canonical(host);
  const addresses = await lookup(host, { all: true, family }).catch((error) => {
    const kind = family === 0 ? "" : `IPv${family} `;
    throw new Failure(
      "system",
      errnoOf(error) === "EAI_AGAIN"
        ? `cannot look up "${host}": no name server answers`
        : `"${host}" has no ${kind}address that is known: check the name`,
    );
  });
  const found = addresses.find((entry) => entry.family === 4) ?? addresses[0];
  if (found === undefined) throw new Failure("system", `"${host}" has no address`);
  return canonical(found.address);
}

/** A link-local address means something only together with a device (RFC 4007). */
async function refuseScopeless(address: string): Promise<void> {
  const [bare = "", scope] = address.split("%");
  if (!network("fe80::", 10).has(bare)) return;
  const why =
    scope === undefined
      ? `${address} is link-local: write ${address}%DEVICE`
      : `there is no device ${scope} for ${bare}`;
  if (scope === undefined || !(await findLink(scope))) throw new Failure("usage", `-p: ${why}`);
}

/** What a format makes of packets. */
interface Packed {
  readonly name: string;
  /** The most bytes that a datagram has more than its packet. */
  readonly overhead: number;
  /** The most bytes that a packet may have. */
  readonly maxPacketBytes: number;
}

/**
 * The device's MTU: what was asked for, or what fits the way to the peer in one piece.
 *
 * @param bridgeMtu of the bridge that the device joins, if it does
 */
export async function chooseMtu(
  { mtu: wanted, pairs, listen, layer, bridge }: RunOptions,
  peer: string,
  { name, overhead, maxPacketBytes }: Packed,
  bridgeMtu: number | undefined,
  report: Report,
): Promise<number> {
  const link = LINK_HEADER_BYTES[layer];
  const outerFamily = familyOf(peer) as 4 | 6;
  const route = await findRoute(peer, listen?.address);
  const unknown = typeof route === "string";
  if (unknown) {
    report.warn(
      "no_route",
      `there is no way to ${peer} now (${route}): packets are dropped until there is`,
    );
  }
  const routeMtu = unknown ? USUAL_MTU : route.mtu;
  const whole = innerMtu(routeMtu, outerFamily, overhead + link);
  const most = maxPacketBytes - link;
  const fitting = Math.min(whole, most, bridgeMtu ?? whole);
  const sum =
    fitting === whole
      ? innerMtuSum(routeMtu, outerFamily, overhead, name, layer)
      : fitting === bridgeMtu
        ? `as ${bridge} has it`
        : `as much as ${name} carries`;
  if (wanted === undefined) {
    refuseSmallMtu(fitting, pairs, "system", sum);
    report.tell(
      "mtu",
      { mtu: fitting, routeMtu, overhead, link },
      `MTU ${fitting} (${sum}${unknown ? "" : `; ${route.device}`})`,
    );
    return fitting;
  }
  if (wanted > most) {
    throw new Failure(
      "usage",
      `--mtu: ${wanted} is too large: ${
        maxPacketBytes < maxMtu(overhead) ? name : "a datagram of 65507 bytes"
      } carries ${most}`,
    );
  }
  refuseSmallMtu(wanted, pairs, "usage", "as --mtu says");
  const note =
    wanted > Math.min(whole, most)
      ? `: packets above ${Math.min(whole, most)} bytes travel in fragments`
      : "";
  report.tell(
    "mtu",
    { mtu: wanted, routeMtu, overhead, link },
    `MTU ${wanted}, as --mtu says${note}`,
  );
  return wanted;
}

/** The device's MTU over a stream, which any size fits: what was asked for, or the usual one. */
export function chooseStreamMtu(
  { mtu: wanted, pairs, layer, bridge }: RunOptions,
  { name, overhead, maxPacketBytes }: Packed,
  bridgeMtu: number | undefined,
  report: Report,
): number {
  const link = LINK_HEADER_BYTES[layer];
  const most = Math.min(maxPacketBytes - link, MAX_DEVICE_MTU);
  if (wanted !== undefined && wanted > most) {
    throw new Failure("usage", `--mtu: ${wanted} is too large: ${name} carries ${most}`);
  }
  const mtu = wanted ?? Math.min(bridgeMtu ?? STREAM_MTU, most);
  const how =
    wanted !== undefined
      ? "as --mtu says"
      : mtu < (bridgeMtu ?? STREAM_MTU)
        ? `as much as ${name} carries`
        : bridgeMtu !== undefined
          ? `as ${bridge} has it`
          : "Ethernet's own: any size fits a stream";
  refuseSmallMtu(mtu, pairs, wanted === undefined ? "system" : "usage", how);
  report.tell("mtu", { mtu, overhead, link }, `MTU ${mtu} (${how})`);
  return mtu;
}
