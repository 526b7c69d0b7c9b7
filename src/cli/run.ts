// `crapvpn run`: one end of a tunnel, from its first word to its last.

import { randomBytes } from "node:crypto";
import type { Recorder } from "../capture/recorder.js";
import { endpointText } from "../carrier/carrier.js";
import type { UdpOptions } from "../carrier/udp.js";
import type { FormatInfo } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { addressWords } from "../device/link.js";
import { MAX_FRAME_BYTES } from "../tunnel/mtu.js";
import { familyOf } from "./address.js";
import { findBridge, warnOfBridge } from "./bridge.js";
import type { Ends } from "./carrier.js";
import type { Parsed } from "./command.js";
import { configure, openDevice, refuseRoutedLoop } from "./device.js";
import { chooseEngine } from "./engine.js";
import { readKey } from "./key.js";
import { packetOf } from "./layer.js";
import { type RunOptions, readOptions } from "./options.js";
import { closeRecorder, openRecorder } from "./recorder.js";
import { dropText, flowText, Report } from "./report.js";
import { formatToRun } from "./runnable.js";
import { catchSignals, exitCodeOf, type Signals, type StopSignal } from "./signals.js";
import { tellTaker } from "./taken.js";
import { tellTcpEvent } from "./tcp-events.js";
import { eventTunnel, type RunningTunnel, type TunnelEvent, type TunnelMaker } from "./tunnel.js";
import { chooseMtu, chooseStreamMtu, findEnds } from "./way.js";

/** Runs until a signal or a failure. Returns 128 + the signal's number. */
export async function run(parsed: Parsed): Promise<number> {
  const signals = catchSignals();
  const core = await loadCore();
  const { format, layer, carrier } = await formatToRun(core, parsed);
  const { info } = format;
  const options = readOptions(parsed, info, layer, carrier);
  const report = new Report(options);
  const key = await keyOf(info, options, report);

  const { name, why } = await chooseEngine(options.engine.wanted, carrier);
  const ends = await findEnds(options, report);
  const maker =
    name === "batch" && ends.carrier === "udp" ? await batchTunnel(ends) : eventTunnel(ends);
  const tunnelOptions = {
    format,
    packet: packetOf[layer],
    key,
    seed: randomBytes(32),
    ...(ends.carrier === "udp"
      ? { peer: endpointText(ends.peer).replace(/%[^\]]*/, "") }
      : { maxDatagramBytes: MAX_FRAME_BYTES }),
  };
  const measured = core.openTunnel({ ...tunnelOptions, slots: 0 });
  const { overhead, maxPacketBytes } = measured;
  const packed = { name: info.name, overhead, maxPacketBytes };
  measured.free();
  const bridge = await findBridge(options);
  const mtu =
    ends.carrier === "udp"
      ? await chooseMtu(options, ends.peer.address, packed, bridge?.mtu, report)
      : chooseStreamMtu(options, packed, bridge?.mtu, report);
  if (bridge) warnOfBridge(options, bridge, mtu, report);

  signals.atOnce = false;
  const device = await openDevice(options, maker.openDevice);
  let tunnel: RunningTunnel | undefined;
  let recorder: Recorder | undefined;
  try {
    await configure(device, mtu, options, report);
    if (ends.peer) await refuseRoutedLoop(device, ends.peer, options);
    recorder = await openRecorder(core, tunnelOptions, ends, options, report);
    // Last, so that the engine listens as soon as the socket does, and misses nothing.
    tunnel = await tellTaker(
      maker.start({
        ...{ core, tunnel: tunnelOptions, device, options, recorder },
        notify: (event) => tellEvent(report, event, device.name, options),
      }),
    );
    tellEngine(report, name, why, tunnel);
    tellStart(report, {
      ...{ info, options, device: device.name, engine: name, tunnel, ends, mtu, overhead },
    });
    return exitCodeOf(await drive({ options, tunnel, recorder, report, signals }));
  } finally {
    // In this order: an engine's thread may still read from the device.
    await tunnel?.stop();
    await device.close();
    await recorder?.close();
  }
}

/** Loaded here and not above: elsewhere than on Linux there are no such system calls. */
async function batchTunnel(udp: UdpOptions): Promise<TunnelMaker> {
  return (await import("./batch.js")).batchTunnel(udp);
}

/** Runs the tunnel until a signal. */
async function drive(parts: {
  options: RunOptions;
  tunnel: RunningTunnel;
  recorder: Recorder | undefined;
  report: Report;
  signals: Signals;
}): Promise<StopSignal> {
  const { options, tunnel, recorder, report, signals } = parts;
  signals.onStats = () => void tunnel.counters().then((counters) => report.stats(counters));
  const { statsSeconds } = options;
  const timer =
    statsSeconds === undefined ? undefined : setInterval(signals.onStats, statsSeconds * 1000);
  let signal: StopSignal | undefined;
  try {
    signal = (await Promise.race([signals.first, tunnel.run()])) as StopSignal;
    return signal;
  } finally {
    clearInterval(timer);
    await tunnel.stop();
    await closeRecorder(recorder, options, report);
    const counters = await tunnel.counters();
    const lines = [flowText("out", counters.out), flowText("in", counters.in)];
    const how = signal === undefined ? "stopped" : `stopped by ${signal}`;
    report.tell("stop", { signal, ...counters }, [how, ...lines].join("\n  "));
  }
}

/** Which engine runs, why, and what each offload does. */
function tellEngine(
  report: Report,
  engine: string,
  why: string,
  { offloads }: RunningTunnel,
): void {
  const lines = Object.entries(offloads ?? {}).map(([name, state]) => `${name}: ${state}`);
  const line = [`${engine} engine: ${why}`, ...lines].join("\n  ");
  report.tell("engine", { engine, why, ...(offloads && { offloads }) }, line, 1);
}

/** The key of the format's cipher, if it has one; and what a person should know about it. */
async function keyOf(
  { name, cipher }: FormatInfo,
  { key: text }: RunOptions,
  report: Report,
): Promise<Uint8Array> {
  if (cipher === undefined) {
    report.warn(
      "no_protection",
      `${name} enciphers nothing: whoever sees your packets can read and change them.`,
    );
    if (text !== undefined) {
      report.warn("key_ignored", `${name} has no cipher: the key of -k is ignored`);
    }
    return new Uint8Array();
  }
  const { bytes, onCommandLine } = await readKey(text, process.env);
  if (cipher.name === "xor") {
    report.warn(
      "no_protection",
      "XOR protects nothing: whoever sees your packets can read and change them. It is for learning.",
    );
  }
  if (onCommandLine) {
    report.warn(
      "key_on_command_line",
      "the key stands on the command line, where every user of this machine can read it: better -k @FILE, -k - or CRAPVPN_KEY",
    );
  }
  return bytes;
}

function tellStart(
  report: Report,
  parts: {
    info: FormatInfo;
    options: RunOptions;
    device: string;
    engine: string;
    tunnel: RunningTunnel;
    ends: Ends;
    mtu: number;
    overhead: number;
  },
): void {
  const { info, options, device, engine, tunnel, ends, mtu, overhead } = parts;
  const { local } = tunnel;
  const { carrier, peer } = ends;
  const data = {
    pid: process.pid,
    format: info.name,
    cipher: info.cipher?.name ?? "none",
    integrity: info.cipher?.integrity ?? false,
    carrier,
    engine,
    layer: options.layer,
    device,
    mtu,
    overhead,
    addresses: options.pairs,
    ...(options.bridge !== undefined && { bridge: options.bridge }),
    ...(local && { local }),
    ...(peer && { peer }),
  };
  const here = local && `${carrier === "tcp" ? "waiting" : "listening"} on ${endpointText(local)}`;
  const there = peer && `${carrier === "tcp" ? "connecting" : "sending"} to ${endpointText(peer)}`;
  const ways = [here, there].filter((way) => way !== undefined).join(", ");
  report.tell(
    "start",
    data,
    `${device} joins ${joinedText(options)}; ${ways}${carrier === "tcp" ? " by TCP" : ""}`,
  );
}

/** What the device joins: two addresses, a network, a bridge, or whatever is plugged into it. */
function joinedText({ pairs, bridge }: RunOptions): string {
  if (bridge !== undefined) return `the bridge ${bridge}`;
  const texts = pairs.map(({ local, peer, prefix }) =>
    local === peer ? `${local}/${prefix}` : `${local} → ${peer}`,
  );
  return texts.join(", ") || "two networks, without an address of its own";
}

function tellEvent(
  report: Report,
  event: TunnelEvent,
  device: string,
  { pairs }: RunOptions,
): void {
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
        `${event.datagrams} datagrams decrypt to no packet: is the key the peer's?`,
        { datagrams: event.datagrams },
      );
      break;
    case "drop": {
      const { direction, length, first, report: drop } = event;
      const line = dropText(event);
      const ipv6Words = pairs
        .filter(({ local }) => familyOf(local) === 6)
        .map((pair) => addressWords("add", device, pair));
      if (first && drop.reason === "device_down") {
        report.warn(
          "device_down",
          `${device} is down: packets from the peer are dropped until it is up`,
          {},
          // The kernel keeps IPv4 addresses, and forgets those of IPv6.
          [["link", "set", "dev", device, "up"], ...ipv6Words].map(
            (words) => `sudo ip ${words.join(" ")}`,
          ),
        );
      }
      if (first && drop.reason === "routing_loop") {
        report.warn(
          "routing_loop",
          `datagrams to the peer are routed back into ${device}: dropped; look at the routes`,
          {},
          ["ip route"],
        );
      }
      const data = { direction, length, first, source: event.source, ...drop };
      report.tellDrop(data, line, first ? 1 : 2);
      break;
    }
    case "untold":
      report.skipDrops(event.drops);
      break;
    case "fallback":
      report.warn(
        "fallback",
        `${event.offload} is off from now on: ${event.why}; nothing is lost but speed`,
        { offload: event.offload },
      );
      break;
    default:
      tellTcpEvent(report, event);
  }
}
