// `crapvpn run`: one end of a tunnel, from its first word to its last.

import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { constants } from "node:os";
import { type Carrier, type Endpoint, endpointText } from "../carrier/carrier.js";
import { openUdp } from "../carrier/udp.js";
import type { CoreTunnel } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import type { Device } from "../device/device.js";
import {
  type AddressPair,
  configureLink,
  findLink,
  findRoute,
  removeAddresses,
  samePair,
} from "../device/link.js";
import { errnoOf, Failure } from "../failure.js";
import { type EngineEvent, EVENT_ENGINE_SLOTS, EventEngine } from "../tunnel/event.js";
import { innerMtu, innerMtuSum, maxMtu } from "../tunnel/mtu.js";
import { canonical } from "./address.js";
import type { Parsed } from "./command.js";
import { readKey } from "./key.js";
import { type RunOptions, readOptions, refuseLoop, refuseSmallMtu } from "./options.js";
import { dropText, flowText, Report } from "./report.js";
import { shellWords } from "./text.js";

const FORMAT = "crapvpn";
/** Taken where the system knows no way to the peer yet: Ethernet's. */
const USUAL_MTU = 1500;

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type StopSignal = (typeof stopSignals)[number];

/** Runs until a signal or a failure. Returns 128 + the signal's number. */
export async function run(parsed: Parsed): Promise<number> {
  const signals = catchSignals();
  const core = await loadCore();
  const format = core.format(FORMAT);
  const options = readOptions(parsed, format);
  const report = new Report(options);
  const key = await readKey(options.key, process.env);
  warnAboutKey(report, key.onCommandLine);

  const peer = await findPeer(options);
  const outerFamily = isIP(peer.address.split("%")[0] ?? "") as 4 | 6;
  const tunnel = core.openTunnel({
    format: FORMAT,
    key: key.bytes,
    nextFromTable: options.ethertype,
    peer: endpointText(peer).replace(/%[^\]]*/, ""),
    slots: EVENT_ENGINE_SLOTS,
  });
  const mtu = await chooseMtu(options, peer.address, outerFamily, tunnel.overhead, report);

  signals.atOnce = false;
  const everywhere = outerFamily === 4 ? "0.0.0.0" : "::";
  const local = { address: everywhere, ...options.listen };
  const carrier = await openUdp({ local, peer });
  let device: Device | undefined;
  let ours: AddressPair[] = [];
  try {
    device = await openDevice(options);
    ours = await configure(device, mtu, options, report);
    await refuseRoutedLoop(device, peer);
    tellStart(report, { options, device, carrier, mtu });
    const signal = await drive({
      options,
      tunnel,
      device,
      carrier,
      report,
      stopped: signals.first,
    });
    const counters = tunnel.counters();
    report.tell(
      "stop",
      { signal, ...counters },
      `stopped by ${signal}\n  ${flowText("out", counters.out)}\n  ${flowText("in", counters.in)}`,
    );
    return 128 + constants.signals[signal];
  } finally {
    if (device) await removeAddresses(device.name, ours).catch(() => {});
    await Promise.all([device?.close(), carrier.close()]);
  }
}

/** Runs the engine until a signal, and tells what it tells. */
async function drive(parts: {
  options: RunOptions;
  tunnel: CoreTunnel;
  device: Device;
  carrier: Carrier;
  report: Report;
  stopped: Promise<StopSignal>;
}): Promise<StopSignal> {
  const { options, tunnel, device, carrier, report, stopped } = parts;
  const engine = new EventEngine({
    tunnel,
    device,
    carrier,
    onlyPeer: options.onlyPeer,
    everyDrop: options.verbosity >= 2,
    notify: (event) => tellEngineEvent(report, event, device),
  });
  const printStats = () => report.stats(tunnel.counters());
  process.on("SIGUSR2", printStats);
  const timer =
    options.statsSeconds === undefined
      ? undefined
      : setInterval(printStats, options.statsSeconds * 1000);
  try {
    return (await Promise.race([stopped, engine.run()])) as StopSignal;
  } finally {
    clearInterval(timer);
    process.off("SIGUSR2", printStats);
    await engine.stop();
  }
}

interface Signals {
  /** The first signal that asks to stop. */
  readonly first: Promise<StopSignal>;
  /** While nothing is set up that must be taken down: a signal ends the program there and then. */
  atOnce: boolean;
}

function catchSignals(): Signals {
  let resolve: (signal: StopSignal) => void = () => {};
  const first = new Promise<StopSignal>((resolveFirst) => {
    resolve = resolveFirst;
  });
  const signals: Signals = { first, atOnce: true };
  for (const signal of stopSignals) {
    if (signal === "SIGHUP" && hangupIsIgnored()) continue;
    process.on(signal, () => {
      if (signals.atOnce) process.exit(128 + constants.signals[signal]);
      resolve(signal);
    });
  }
  return signals;
}

/** Whether we were started by nohup: a handler of ours would undo what it did. */
function hangupIsIgnored(): boolean {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const ignored = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
    return ((ignored >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

function warnAboutKey(report: Report, onCommandLine: boolean): void {
  report.warn(
    "no_protection",
    "XOR protects nothing: whoever sees your packets can read and change them. It is for learning.",
  );
  if (onCommandLine) {
    report.warn(
      "key_on_command_line",
      "the key stands on the command line, where every user of this machine can read it: better -k @FILE, -k - or CRAPVPN_KEY",
    );
  }
}

/** The peer's address, asked for once. IPv4 comes first, as the author's program knows nothing else. */
async function findPeer({ peer, listen, pairs }: RunOptions): Promise<Endpoint> {
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
async function chooseMtu(
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

/** Opens the TUN device, with advice for who has no right to. */
async function openDevice({ device }: RunOptions): Promise<Device> {
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
async function configure(
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
async function refuseRoutedLoop(device: Device, peer: Endpoint): Promise<void> {
  const route = await findRoute(peer.address);
  if (typeof route !== "string" && route.device === device.name) {
    throw new Failure(
      "system",
      `the way to the peer ${peer.address} leads into ${device.name} itself, so datagrams would be wrapped for ever: give the peer a route of its own first`,
      [`ip route get ${peer.address}`],
    );
  }
}

function tellStart(
  report: Report,
  parts: { options: RunOptions; device: Device; carrier: Carrier; mtu: number },
): void {
  const { options, device, carrier, mtu } = parts;
  const { local, peer } = carrier;
  const addresses = options.pairs.map(({ local, peer }) => `${local} → ${peer}`).join(", ");
  const data = {
    pid: process.pid,
    format: FORMAT,
    cipher: "xor",
    integrity: false,
    engine: "event",
    device: device.name,
    mtu,
    addresses: options.pairs,
    local,
    peer,
  };
  report.tell(
    "start",
    data,
    `${device.name} joins ${addresses}; listening on ${endpointText(local)}, sending to ${endpointText(peer)}`,
  );
}

function tellEngineEvent(report: Report, event: EngineEvent, device: Device): void {
  switch (event.type) {
    case "heard": {
      const source = endpointText(event.source);
      report.tell(
        "heard",
        { source: event.source },
        `first packet from ${source}: the other end is there`,
      );
      break;
    }
    case "wrong_key":
      report.warn(
        "wrong_key",
        `${event.datagrams} datagrams decrypt to no IP packet: is the key the peer's?`,
        { datagrams: event.datagrams },
      );
      break;
    case "drop": {
      const { direction, length, first, report: drop } = event;
      const line = dropText(direction, length, drop);
      if (first && drop.reason === "device_down") {
        report.warn(
          "device_down",
          `${device.name} is down: packets from the peer are dropped until it is up`,
          {},
          [`sudo ip link set dev ${device.name} up`],
        );
      }
      if (first && drop.reason === "routing_loop") {
        report.warn(
          "routing_loop",
          `datagrams to the peer are routed back into ${device.name}: dropped; look at the routes`,
          {},
          ["ip route"],
        );
      }
      report.tell("drop", { direction, length, first, ...drop }, line, first ? 1 : 2);
      break;
    }
  }
}
