// The bridge that a TAP joins: looked at before anything is made.

import type { LinkState } from "../device/link.js";
import { findLink } from "../device/link.js";
import { Failure } from "../failure.js";
import type { RunOptions } from "./options.js";
import type { Report } from "./report.js";

/**
 * The bridge of `--bridge`, if that is given.
 *
 * @throws Failure `system` if there is none of this name, or the device is in another one
 */
export async function findBridge({
  bridge,
  device,
}: Pick<RunOptions, "bridge" | "device">): Promise<LinkState | undefined> {
  if (bridge === undefined) return undefined;
  const state = await findLink(bridge);
  if (state === undefined) {
    throw new Failure(
      "system",
      `--bridge: there is no device ${bridge}; as root, make the bridge:`,
      [`sudo ip link add ${bridge} type bridge && sudo ip link set dev ${bridge} up`],
    );
  }
  if (state.kind !== "bridge") {
    const kind =
      state.kind === undefined ? "a device of another kind" : `of the kind ${state.kind}`;
    throw new Failure("system", `--bridge: ${bridge} is no bridge but ${kind}: name a bridge`, [
      "ip link show type bridge",
    ]);
  }
  const master = (await findLink(device))?.master;
  if (master !== undefined && master !== bridge) {
    throw new Failure(
      "system",
      `${device} belongs to ${master} already: take it out of there first, or choose another --device`,
      [`sudo ip link set dev ${device} nomaster`],
    );
  }
  return state;
}

/** What keeps frames from passing the bridge without a word of the kernel. */
export function warnOfBridge(
  { bridge }: RunOptions,
  state: LinkState,
  mtu: number,
  report: Report,
): void {
  if (!state.up) {
    report.warn(
      "bridge_down",
      `the bridge ${bridge} is down: nothing passes it until it is up`,
      {},
      [`sudo ip link set dev ${bridge} up`],
    );
  }
  if (state.mtu !== mtu) {
    report.warn(
      "bridge_mtu",
      `the tunnel's MTU is ${mtu} and that of the bridge ${bridge} is ${state.mtu}: the bridge drops longer packets without a word, so give all that is joined the same MTU, or give --mtu ${state.mtu} and let datagrams travel in fragments`,
      { mtu, bridge, bridgeMtu: state.mtu },
    );
  }
}
