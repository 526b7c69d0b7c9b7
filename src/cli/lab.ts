// `crapvpn lab`: two hosts and a tunnel on this machine, shown step by step, and gone again.

import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Counters } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { errnoOf, Failure } from "../failure.js";
import { ping, transfer, watchPacket } from "../lab/checks.js";
import type { Host } from "../lab/host.js";
import { type HostName, JoinedHosts, places } from "../lab/joined.js";
import type { Parsed } from "./command.js";
import { exitCodes } from "./exit.js";
import { parseHex } from "./key.js";
import {
  checkLine,
  countersText,
  heading,
  packetWayText,
  placeOfPacket,
  topologyText,
} from "./lab-text.js";
import { jsonLine } from "./report.js";
import { formatToRun } from "./runnable.js";
import { catchSignals, exitCodeOf } from "./signals.js";

const DEFAULT_KEY = "1234ABCD";

/** Tells something to a program, or to a person. */
type Tell = (event: string, data: object, text: string) => void;

/** Returns 0 if all checks hold, 1 if one does not, or what the command given returned. */
export async function lab(parsed: Parsed): Promise<number> {
  const { values, switches, words, rest } = parsed;
  const { format, layer, carrier } = await formatToRun(await loadCore(), parsed);
  if (carrier === "tcp") {
    throw new Failure(
      "usage",
      `the lab joins its hosts over UDP, and ${format.info.name} goes over TCP: choose another --format, or join two hosts with run --tcp`,
    );
  }
  const key = values.key ?? DEFAULT_KEY;
  parseHex(key, "--key", "usage");
  const shell = shellHost(values.shell);
  if ([shell, switches.keep, rest[0]].filter((choice) => choice !== undefined).length > 1) {
    throw new Failure("usage", "give one of --shell, --keep and -- COMMAND");
  }
  if (words.length > 0) {
    const word = words[0];
    throw new Failure("usage", `"${word}" is not expected here: host a's command comes after --`);
  }
  if (switches.json && (rest.length > 0 || shell !== undefined)) {
    throw new Failure(
      "usage",
      "--json belongs to the tour and --keep: a command has its own output",
    );
  }
  requireTun();

  const tell: Tell = (event, data, text) => {
    process.stdout.write(switches.json ? jsonLine(event, data) : `${text}\n`);
  };
  // RFC 8200: IPv6 needs 1280.
  const ipv4Only = values.mtu !== undefined && Number(values.mtu) < 1280;
  const signals = catchSignals();
  signals.atOnce = false;
  // Whoever is in the foreground decides what Ctrl-C means.
  signals.leaveInterrupt = rest.length > 0 || shell !== undefined;
  const stopped = signals.first.then(exitCodeOf);
  const started = performance.now();
  const joined = await Promise.race([
    JoinedHosts.create({ key, words: runWords(parsed), ipv4Only, layer }),
    stopped,
  ]);
  // What is half built goes with us.
  if (typeof joined === "number") return joined;
  let good: boolean | undefined;
  try {
    const work = async () => {
      if (rest.length > 0) return runCommand(joined.a.host, rest);
      if (shell !== undefined) return openShell(joined, shell);
      if (switches.keep) return keep(joined, tell);
      good = await tour(joined, { key, ipv4Only, tell });
      return good ? exitCodes.ok : exitCodes.fault;
    };
    return await Promise.race([work(), joined.broken, stopped]);
  } finally {
    await joined.close();
    if (good !== undefined) {
      const seconds = (performance.now() - started) / 1000;
      const verdict = good ? "All of it worked" : "Not all of it worked";
      tell(
        "end",
        { ok: good, seconds },
        `\n${verdict}, in ${seconds.toFixed(1)} s. All of it is gone again.`,
      );
    }
  }
}

/** Topology, checks, a packet's way, counters. Answers whether all checks hold. */
async function tour(
  joined: JoinedHosts,
  { key, ipv4Only, tell }: { key: string; ipv4Only: boolean; tell: Tell },
): Promise<boolean> {
  const ends = [joined.a, joined.b] as const;
  const hosts = ends.map(({ name, cable, started, bridge }) => {
    return { name, outer: places[name], cable, ...started, ...(bridge && { bridge }) };
  });
  tell("topology", { hosts }, `${topologyText(...ends)}\n${heading("Tried over the tunnel")}\n`);

  let good = true;
  const check = (name: string, ok: boolean, data: object, text: string) => {
    good &&= ok;
    tell("check", { name, ok, ...data }, checkLine(ok, text));
  };

  if (joined.lease) {
    const { address, server, missing } = joined.lease;
    if (missing === undefined) {
      const text = `host b's DHCP server, ${server}, gave host a the address ${address} through the tunnel`;
      check("dhcp", server === places.b.inner, { address, server }, text);
    } else {
      const text = `no DHCP is tried, as ${missing} is not installed: host a has ${address} by hand`;
      tell("skipped", { name: "dhcp", missing, address }, `  - ${text}`);
    }
  }

  for (const address of [places.b.inner, ...(ipv4Only ? [] : [places.b.inner6])]) {
    const result = await ping(joined, address);
    const { sent, received, minMs } = result;
    const time = minMs === undefined ? "" : `, ${minMs} ms`;
    check(
      "ping",
      received === sent,
      result,
      `ping ${address}: ${received} of ${sent} answered${time}`,
    );
  }

  const fetched = await transfer(joined);
  const same = fetched.served === fetched.fetched;
  const { url, bytes, seconds } = fetched;
  const rate = `${seconds.toFixed(2)} s (${((bytes * 8) / seconds / 1e6).toFixed(0)} Mbit/s)`;
  const hashes = `SHA-256 ${same ? "the same" : "differs"} at both ends`;
  check("http", same, fetched, `${url}: ${bytes} bytes in ${rate}, ${hashes}`);

  const { packet, datagram } = await watchPacket(joined);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const { cipher, format } = joined.a.started;
  const data = { key, packet: hex(packet), datagram: hex(datagram) };
  tell("packet", data, packetWayText({ packet, datagram }, { format, cipher, key }));
  if (cipher === "xor" || cipher === "none") {
    const how = cipher === "xor" ? ", XORed with the key," : "";
    check(
      "cipher",
      placeOfPacket({ packet, datagram }, { cipher, key }) !== undefined,
      {},
      `what was seen on the cable${how} is what was seen in the tunnel`,
    );
  }

  const counters = await settledCounters(joined);
  tell("counters", counters, countersText(counters));
  return good;
}

/** The counters of both ends, once nothing is under way between them, if that comes soon. */
async function settledCounters({ a, b }: JoinedHosts): Promise<{ a: Counters; b: Counters }> {
  for (let tries = 0; ; tries++) {
    const counters = { a: await a.counters(), b: await b.counters() };
    const settled =
      counters.a.out.packets === counters.b.in.packets &&
      counters.b.out.packets === counters.a.in.packets;
    if (settled || tries === 5) return counters;
    await setTimeout(50);
  }
}

/** Runs a command on a host; its exit code is ours. */
async function runCommand(
  host: Host,
  [command = "", ...words]: readonly string[],
): Promise<number> {
  const child = host.spawn(command, words, { stdio: "inherit" });
  const [code, signal] = await once(child, "close");
  return code ?? exitCodeOf(signal as NodeJS.Signals);
}

function openShell(joined: JoinedHosts, name: HostName): Promise<number> {
  const other = name === "a" ? "b" : "a";
  const ping = `ping ${places[other].inner}`;
  process.stderr.write(
    `You are on host ${name}. Host ${other} is there: ${ping}. To leave: exit\n`,
  );
  return runCommand(joined[name].host, [process.env.SHELL || "/bin/sh"]);
}

/** Tells how to enter each host, and waits for a signal. */
function keep({ a, b }: JoinedHosts, tell: Tell): Promise<never> {
  const hosts = [a, b].map(({ name, host, started }) => {
    return { name, enter: host.enterCommand, device: started.device };
  });
  const lines = [
    topologyText(a, b),
    "Enter the hosts from another terminal:",
    ...hosts.map(({ name, enter }) => `  host ${name}:  ${enter} bash`),
    "Ctrl-C takes everything down.",
  ];
  tell("kept", { hosts }, lines.join("\n"));
  return new Promise(() => {});
}

/** The options of `run` that both hosts get. */
function runWords({ values, lists, switches }: Parsed): string[] {
  const words: string[] = [];
  for (const name of ["ethertype", "only-peer"]) if (switches[name]) words.push(`--${name}`);
  for (const name of ["mtu", "device", "engine", "layer", "format"]) {
    const value = values[name];
    if (value !== undefined) words.push(`--${name}=${value}`);
  }
  for (const value of lists.set ?? []) words.push(`--set=${value}`);
  return words;
}

function shellHost(name: string | undefined): HostName | undefined {
  if (name === undefined || name === "a" || name === "b") return name;
  throw new Failure("usage", `--shell: there is no host "${name}", only a and b`);
}

/** Says at once what both tunnels would say. */
function requireTun(): void {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch (error) {
    throw errnoOf(error) === "ENOENT"
      ? new Failure("system", "/dev/net/tun does not exist: this kernel has no TUN loaded", [
          "sudo modprobe tun",
        ])
      : new Failure(
          "system",
          "/dev/net/tun is closed to you: run this as root, or open it to every user, as distributions have it",
          ["sudo chmod 0666 /dev/net/tun"],
        );
  }
}
