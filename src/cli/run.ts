// `crapvpn run`: one end of a tunnel, from its first word to its last.

import { randomBytes } from "node:crypto";
import type { Recorder } from "../capture/recorder.js";
import { type Endpoint, endpointText } from "../carrier/carrier.js";
import type { FormatInfo } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { addressWords } from "../device/link.js";
import type { EngineEvent } from "../tunnel/event.js";
import { familyOf } from "./address.js";
import type { Parsed } from "./command.js";
import { configure, openDevice, refuseRoutedLoop } from "./device.js";
import { chooseEngine } from "./engine.js";
import { readKey } from "./key.js";
import { type RunOptions, readOptions } from "./options.js";
import { closeRecorder, openRecorder } from "./recorder.js";
import { dropText, flowText, Report } from "./report.js";
import { formatToRun } from "./runnable.js";
import { catchSignals, exitCodeOf, type Signals, type StopSignal } from "./signals.js";
import { eventTunnel, type RunningTunnel, type TunnelMaker } from "./tunnel.js";
import { chooseMtu, findPeer } from "./way.js";

/** Runs until a signal or a failure. Returns 128 + the signal's number. */
export async function run(parsed: Parsed): Promise<number> {
  const signals = catchSignals();
  const core = await loadCore();
  const format = await formatToRun(core, parsed);
  const { info } = format;
  const options = readOptions(parsed, info);
  const report = new Report(options);
  const key = await keyOf(info, options, report);

  const peer = await findPeer(options, report);
  const outerFamily = familyOf(peer.address) as 4 | 6;
  const { name, why } = await chooseEngine(options.engine.wanted);
  const maker = name === "batch" ? await batchTunnel() : eventTunnel;
  const tunnelOptions = {
    format,
    packet: "ip" as const,
    key,
    seed: randomBytes(32),
    peer: endpointText(peer).replace(/%[^\]]*/, ""),
  };
  const measured = core.openTunnel({ ...tunnelOptions, slots: 0 });
  const { overhead, maxPacketBytes } = measured;
  const packed = { name: info.name, overhead, maxPacketBytes };
  measured.free();
  const mtu = await chooseMtu(options, peer.address, outerFamily, packed, report);

  signals.atOnce = false;
  const everywhere = outerFamily === 4 ? "0.0.0.0" : "::";
  const local = { address: everywhere, ...options.listen };
  const device = await openDevice(options, maker.openDevice);
  let tunnel: RunningTunnel | undefined;
  let recorder: Recorder | undefined;
  try {
    await configure(device, mtu, options, report);
    await refuseRoutedLoop(device, peer, options);
    recorder = await openRecorder(core, tunnelOptions, peer, options, report);
    // Last, so that the engine listens as soon as the socket does, and misses nothing.
    tunnel = await maker.start({
      ...{ core, tunnel: tunnelOptions, device, udp: { local, peer }, options, recorder },
      notify: (event) => tellEngineEvent(report, event, device.name, options),
    });
    tellEngine(report, name, why, tunnel);
    tellStart(report, { info, options, device: device.name, engine: name, tunnel, peer, mtu });
    return exitCodeOf(await drive({ options, tunnel, recorder, report, signals }));
  } finally {
    // In this order: an engine's thread may still read from the device.
    await tunnel?.stop();
    await device.close();
    await recorder?.close();
  }
}

/** Loaded here and not above: elsewhere than on Linux there are no such system calls. */
async function batchTunnel(): Promise<TunnelMaker> {
  return (await import("./batch.js")).batchTunnel;
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
    peer: Endpoint;
    mtu: number;
  },
): void {
  const { info, options, device, engine, tunnel, peer, mtu } = parts;
  const { local } = tunnel;
  const addresses = options.pairs.map(({ local, peer }) => `${local} → ${peer}`).join(", ");
  const data = {
    pid: process.pid,
    format: info.name,
    cipher: info.cipher?.name ?? "none",
    integrity: info.cipher?.integrity ?? false,
    engine,
    device,
    mtu,
    addresses: options.pairs,
    local,
    peer,
  };
  report.tell(
    "start",
    data,
    `${device} joins ${addresses}; listening on ${endpointText(local)}, sending to ${endpointText(peer)}`,
  );
}

function tellEngineEvent(
  report: Report,
  event: EngineEvent,
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
        `${event.datagrams} datagrams decrypt to no IP packet: is the key the peer's?`,
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
  }
}
