// The way to the peer: its address, and the longest packet that goes there in one piece.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Endpoint } from "../carrier/carrier.js";
import { findRoute } from "../device/link.js";
import { errnoOf, Failure } from "../failure.js";
import { innerMtu, innerMtuSum, maxMtu } from "../tunnel/mtu.js";
import { canonical } from "./address.js";
import { type RunOptions, refuseLoop, refuseSmallMtu } from "./options.js";
import type { Report } from "./report.js";

/** Taken where the system knows no way to the peer yet: Ethernet's. */
const USUAL_MTU = 1500;

/** The peer's address, asked for once. IPv4 comes first, as the author's program knows nothing else. */
export async function findPeer({ peer, listen, pairs }: RunOptions): Promise<Endpoint> {
  const family = listen.address === undefined ? 0 : isIP(listen.address.split("%")[0] ?? "");
  const known = isIP(peer.host.split("%")[0] ?? "");
  if (known !== 0) {
    if (family !== 0 && family !== known) {
      throw new Failure(
        "usage",
        `--listen is an IPv${family} address and the peer's is IPv${known}: both need one family`,
      );
    }
    return { address: canonical(peer.host), port: peer.port };
  }
  const addresses = await lookup(peer.host, { all: true, family }).catch((error) => {
    const errno = errnoOf(error);
    throw new Failure(
      "system",
      errno === "EAI_AGAIN"
        ? `cannot look up "${peer.host}": no name server answers`
        : `"${peer.host}" has no ${family === 0 ? "" : `IPv${family} `}address that is known: check the name after -p`,
    );
  });
  const found = addresses.find((entry) => entry.family === 4) ?? addresses[0];
  if (found === undefined) throw new Failure("system", `"${peer.host}" has no address`);
  refuseLoop(found.address, pairs);
  return { address: canonical(found.address), port: peer.port };
}

/** The device's MTU: what was asked for, or what fits the way to the peer in one piece. */
export async function chooseMtu(
  { mtu: wanted, pairs }: RunOptions,
  peer: string,
  outerFamily: 4 | 6,
  overhead: number,
  report: Report,
): Promise<number> {
  const route = await findRoute(peer);
  const unknown = typeof route === "string";
  if (unknown) {
    report.warn(
      "no_route",
      `there is no way to ${peer} now (${route}): packets are dropped until there is`,
    );
  }
  const routeMtu = unknown ? USUAL_MTU : route.mtu;
  const fitting = innerMtu(routeMtu, outerFamily, overhead);
  const sum = innerMtuSum(routeMtu, outerFamily, overhead);
  if (wanted === undefined) {
    refuseSmallMtu(fitting, pairs, "system", sum);
    report.tell(
      "mtu",
      { mtu: fitting, routeMtu, overhead },
      `MTU ${fitting} (${sum}${unknown ? "" : `; ${route.device}`})`,
    );
    return fitting;
  }
  const most = maxMtu(overhead);
  if (wanted > most) {
    throw new Failure(
      "usage",
      `--mtu: ${wanted} is too large: a datagram of 65507 bytes carries ${most}`,
    );
  }
  refuseSmallMtu(wanted, pairs, "usage", "as --mtu says");
  const note = wanted > fitting ? `: packets above ${fitting} bytes travel in fragments` : "";
  report.tell("mtu", { mtu: wanted, routeMtu, overhead }, `MTU ${wanted}, as --mtu says${note}`);
  return wanted;
}
