// The tunnel's device: opened, set up, and what a person can do where we may not.

import type { Endpoint } from "../carrier/carrier.js";
import type { Device } from "../device/device.js";
import { type AddressPair, configureLink, findLink, findRoute, samePair } from "../device/link.js";
import { Failure } from "../failure.js";
import type { RunOptions } from "./options.js";
import type { Report } from "./report.js";
import { shellWords } from "./text.js";

/** Opens the TUN device, with advice for who has no right to. */
export async function openDevice({ device }: RunOptions): Promise<Device> {
  if (process.platform !== "linux") {
    throw new Failure("system", `there is no TUN for ${process.platform} yet: run needs Linux`);
  }
  // Loaded here and not above: who opens no device needs no koffi.
  const { NoRight, openTun } = await import("../device/tun.js");
  try {
    return openTun(device);
  } catch (error) {
    if (!(error instanceof NoRight)) throw error;
    const again = shellWords([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
    throw new Failure("system", `${error.message}. As root:`, [
      `sudo ${again}`,
      ...(error.atDevice
        ? [
            "or let root make the device for you once, and then run the same command again:",
            `sudo ip tuntap add dev ${device} mode tun user "$(id -un)"`,
            "or, to look around in a network of your own that leads nowhere:",
            `unshare --user --map-root-user --net ${again}`,
          ]
        : [
            "or open the TUN to every user, as distributions have it:",
            "sudo chmod 0666 /dev/net/tun",
          ]),
    ]);
  }
}

/**
 * Sets the device up. One that somebody else made keeps what may not be changed, and the lines are
 * told.
 *
 * @returns the addresses to take away at the end
 */
export async function configure(
  device: Device,
  mtu: number,
  { pairs }: RunOptions,
  report: Report,
): Promise<AddressPair[]> {
  const state = await findLink(device.name);
  const steps = await configureLink(device.name, { mtu, addresses: pairs }, state);
  for (const { words, refused } of steps) {
    report.tell(
      "ip",
      { words, refused },
      `ip ${words.join(" ")}${refused ? `: ${refused}` : ""}`,
      1,
    );
  }
  const refused = steps.filter((step) => step.refused !== undefined);
  if (refused.length > 0) {
    const lines = refused.map((step) => `sudo ip ${step.words.join(" ")}`);
    const why = [...new Set(refused.map((step) => step.refused))].join("; ");
    const sentence = `${device.name} could not be set up as wanted (${why}); root can:`;
    if (!device.persistent) throw new Failure("system", sentence, lines);
    report.warn("device_not_set_up", sentence, { device: device.name }, lines);
  }
  // A device of our own takes its addresses with it.
  if (!device.persistent) return [];
  const there = (await findLink(device.name))?.addresses ?? [];
  const before = state?.addresses ?? [];
  return pairs.filter(
    (pair) =>
      there.some((other) => samePair(other, pair)) &&
      !before.some((other) => samePair(other, pair)),
  );
}

/** Refuses a tunnel whose own datagrams the system would route into it. */
export async function refuseRoutedLoop(device: Device, peer: Endpoint): Promise<void> {
  const route = await findRoute(peer.address);
  if (typeof route !== "string" && route.device === device.name) {
    throw new Failure(
      "system",
      `the way to the peer ${peer.address} leads into ${device.name} itself, so datagrams would be wrapped for ever: give the peer a route of its own first`,
      [`ip route get ${peer.address}`],
    );
  }
}
