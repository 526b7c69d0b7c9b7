// The tunnel's device: opened, set up, and what a person can do where we may not.

import type { Endpoint } from "../carrier/carrier.js";
import { type Device, deviceKinds, type Layer } from "../device/device.js";
import { addressWords, configureLink, findLink, findRoute, takeBack } from "../device/link.js";
import { Failure } from "../failure.js";
import type { RunOptions } from "./options.js";
import type { Report } from "./report.js";
import { shellWords } from "./text.js";

/** What is set up and torn down of a device, whatever engine runs it. */
export type OpenedDevice = Pick<Device, "name" | "persistent" | "close">;

/**
 * Opens the TUN or TAP device, with advice for who has no right to.
 *
 * @param open does it
 */
export async function openDevice<Opened extends OpenedDevice>(
  { device, layer, key }: RunOptions,
  open: (name: string, layer: Layer) => Promise<Opened>,
): Promise<Opened> {
  if (process.platform !== "linux") {
    throw new Failure(
      "system",
      `there is no ${deviceKinds[layer]} for ${process.platform} yet: run needs Linux`,
    );
  }
  // Loaded here and not above: who opens no device needs no koffi.
  const { NoRight } = await import("../device/tun.js");
  try {
    return await open(device, layer);
  } catch (error) {
    if (!(error instanceof NoRight)) throw error;
    const again = shellWords([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
    // sudo forgets the environment, and the key in it.
    const sudo = key === undefined ? "sudo --preserve-env=CRAPVPN_KEY" : "sudo";
    const mode = deviceKinds[layer].toLowerCase();
    const exists = (await findLink(device)) !== undefined;
    throw new Failure("system", `${error.message}. As root:`, [
      `${sudo} ${again}`,
      ...(error.atDevice
        ? [
            "or let root make the device for you once, and then run the same command again:",
            ...(exists ? [`sudo ip tuntap del dev ${device} mode ${mode}`] : []),
            `sudo ip tuntap add dev ${device} mode ${mode} user "$(id -un)"`,
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
 * told; the addresses that it got from us are taken away when the program ends, in whatever way, and
 * it leaves the bridge that it joined.
 */
export async function configure(
  device: OpenedDevice,
  mtu: number,
  { pairs, bridge }: RunOptions,
  report: Report,
): Promise<void> {
  const { name, persistent } = device;
  const taken: (readonly string[])[] = [];
  if (persistent) process.once("exit", () => takeBack(taken));
  const state = await findLink(name);
  const config = { mtu, bridge, addresses: pairs };
  const steps = await configureLink(name, config, state, (back) => taken.push(back));
  for (const { words, refused } of steps) {
    const said = `ip ${words.join(" ")}${refused ? `: ${refused}` : ""}`;
    report.tell("ip", { words, refused }, said, 1);
  }
  const refused = steps.filter((step) => step.refused !== undefined);
  if (refused.length === 0) return;
  // An address that is there in another form must go first.
  const inTheWay = (state?.addresses ?? []).filter(({ local }) =>
    refused.some(({ words }) => words[0] === "addr" && words[2] === local),
  );
  const lines = [
    ...inTheWay.map((pair) => addressWords("del", name, pair)),
    ...refused.map(({ words }) => words),
  ].map((words) => `sudo ip ${words.join(" ")}`);
  const why = [...new Set(refused.map((step) => step.refused))].join("; ");
  const sentence = `${name} could not be set up as wanted (${why}); as root:`;
  if (!persistent) throw new Failure("system", sentence, lines);
  report.warn("device_not_set_up", sentence, { device: name }, lines);
}

/** Refuses a tunnel whose own datagrams the system would route into it. */
export async function refuseRoutedLoop(
  device: OpenedDevice,
  peer: Endpoint,
  { listen }: RunOptions,
): Promise<void> {
  const route = await findRoute(peer.address, listen?.address);
  if (typeof route !== "string" && route.device === device.name) {
    throw new Failure(
      "system",
      `the way to the peer ${peer.address} leads into ${device.name} itself, so datagrams would be wrapped for ever: give the peer a route of its own first`,
      [`ip route get ${peer.address}`],
    );
  }
}
