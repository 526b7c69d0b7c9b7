// Ends of tunnels on the hosts of a lab: the program as users start it, and what it tells.

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Counters, DropReport } from "../../src/core/core.js";
import { type CableOptions, type Host, Lab } from "../../src/lab/host.js";
import { PROGRAM } from "../cli/program.js";

export const KEY = "1234ABCD";
/** The outer addresses of the two hosts. */
export const OUTER = { a: "192.0.2.1", b: "192.0.2.2", a6: "2001:db8::1", b6: "2001:db8::2" };
/** The inner ones. */
export const INNER = { a: "10.8.0.1", b: "10.8.0.2", a6: "fd00:8::1", b6: "fd00:8::2" };

/**
 * The engines that ends run, as the variable CRAPVPN_TEST_ENGINES has them: one for all, or one for
 * host a and one for every other.
 */
const [ENGINE_OF_A = "auto", ENGINE_OF_OTHERS = ENGINE_OF_A] = (
  process.env.CRAPVPN_TEST_ENGINES ?? "auto"
).split("/");

/** The engine that an end on this host runs, if its test does not say. */
export function engineOf(host: Host): string {
  return host.name === "a" ? ENGINE_OF_A : ENGINE_OF_OTHERS;
}

/**
 * What an end may have in memory under any load, in MiB. The batch engine has a second thread, and
 * rooms for 64 messages of 64 KiB.
 */
export const MOST_MB = ENGINE_OF_A === "event" && ENGINE_OF_OTHERS === "event" ? 90 : 100;

/** Longer than anything takes on a busy machine: only a test that fails waits so long. */
const LIMIT_MS = 20_000;

/** Waits until a condition holds, and returns what it answered. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  limitMs = LIMIT_MS,
): Promise<NonNullable<T>> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(10);
  }
}

/** An event of `--json`. */
export interface Told {
  readonly event: string;
  readonly time: string;
  readonly [field: string]: unknown;
}

export type Stats = Told & Counters;
export type DropTold = Told & DropReport & { direction: string; length: number; first: boolean };

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process on a host, with all that it said. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    child.stdin.on("error", () => {});
    this.ended = once(child, "close").then(([code, signal]) => ({
      code: code ?? 128 + constants.signals[signal as NodeJS.Signals],
      stdout: this.stdout,
      stderr: this.stderr,
    }));
    this.ended.catch(() => {});
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until it has said this on a stream. */
  async said(stream: "stdout" | "stderr", text: string): Promise<void> {
    await until(
      () => this[stream].includes(text) || !this.isRunning,
      `"${text}" on ${stream}, where stands: ${this[stream]}`,
    );
    if (!this[stream].includes(text)) {
      throw new Error(`ended without "${text}" on ${stream}: ${this.stdout}${this.stderr}`);
    }
  }

  /** Ends it by a signal. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** One end of a tunnel: our program with `--json`. */
export class End extends Running {
  readonly told: Told[] = [];
  #rest = "";

  constructor(child: ChildProcessWithoutNullStreams) {
    super(child);
    child.stdout.on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.told.push(JSON.parse(line) as Told);
    });
  }

  /** All events of a name, that have these fields. */
  events(event: string, fields: Readonly<Record<string, unknown>> = {}): Told[] {
    return this.told.filter(
      (told) =>
        told.event === event &&
        Object.entries(fields).every(([name, value]) => told[name] === value),
    );
  }

  drops(reason: string): DropTold[] {
    return this.events("drop", { reason }) as DropTold[];
  }

  /** Waits for an event, that may have been told already. */
  async event(event: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Told> {
    const said = () => `${this.stdout}${this.stderr}`;
    await until(
      () => this.events(event, fields).length > 0 || !this.isRunning,
      `event ${event} ${JSON.stringify(fields)} of ${said()}`,
    );
    const [found] = this.events(event, fields);
    if (found === undefined) throw new Error(`ended without the event ${event}: ${said()}`);
    return found;
  }

  /** The counters as they stand, asked for by SIGUSR2. */
  async stats(): Promise<Stats> {
    const before = this.events("stats").length;
    this.child.kill("SIGUSR2");
    await until(() => this.events("stats").length > before, `stats of ${this.stdout}`);
    return this.events("stats").at(-1) as Stats;
  }

  /** Waits until the counters are so. */
  async counters(so: (stats: Stats) => boolean, what: string): Promise<Stats> {
    let last: Stats | undefined;
    return until(async () => {
      last = await this.stats();
      return so(last) ? last : undefined;
    }, what).catch((error: Error) => {
      throw new Error(`${error.message}; last: ${JSON.stringify(last)}`);
    });
  }
}

const labs: Lab[] = [];
const ends: Running[] = [];

/** A lab that `cleanUp` closes. */
export async function lab(...hosts: string[]): Promise<Lab> {
  const made = await Lab.create({ hosts });
  labs.push(made);
  return made;
}

export interface TwoHosts {
  readonly lab: Lab;
  readonly a: Host;
  readonly b: Host;
}

/** Two hosts with a cable of both families, closed by `cleanUp`. */
export async function twoHosts(options: CableOptions = {}): Promise<TwoHosts> {
  const made = await lab("a", "b");
  const { a, b, a6, b6 } = OUTER;
  await made.cable("a", [`${a}/24`, `${a6}/64`], "b", [`${b}/24`, `${b6}/64`], options);
  return { lab: made, a: made.host("a"), b: made.host("b") };
}

/**
 * The same where devices are silent: without IPv6 the kernel sends nothing of its own accord, so
 * that packets can be counted.
 */
export async function silentHosts(): Promise<TwoHosts> {
  const hosts = await twoHosts();
  for (const host of [hosts.a, hosts.b]) {
    await host.execOrThrow("sysctl", ["-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
  }
  return hosts;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs the program, whose words are appended. */
  readonly by?: readonly string[];
  /** Node and the program, if they are found elsewhere. */
  readonly program?: readonly string[];
}

/** Starts the program with these words and `--json`, and does not wait for anything. */
export function launch(host: Host, words: readonly string[], options: StartOptions = {}): End {
  const end = new End(spawn(host, ["--json", ...words], options));
  ends.push(end);
  return end;
}

/** Starts the program as people see it. */
export function launchPlain(
  host: Host,
  words: readonly string[],
  options: StartOptions = {},
): Running {
  const end = new Running(spawn(host, words, options));
  ends.push(end);
  return end;
}

function spawn(host: Host, words: readonly string[], options: StartOptions) {
  const { env = {}, by = [], program = [process.execPath, PROGRAM] } = options;
  const [command = "", ...args] = [...by, ...program, ...words];
  const engine = { CRAPVPN_ENGINE: engineOf(host) };
  return host.spawn(command, args, { env: { ...process.env, ...engine, ...env } });
}

/** Starts the program and waits until it joins the tunnel. */
export async function start(
  host: Host,
  words: readonly string[],
  options: StartOptions = {},
): Promise<End> {
  const end = launch(host, words, options);
  await end.event("start");
  return end;
}

/** Starts the independent peer in Python, and waits until packets can flow. */
export function startPeer(host: Host, words: readonly string[]): Promise<Running> {
  return startPython(host, "peer.py", words);
}

/** Starts a program of test/peer, and waits until it is ready. */
export async function startPython(
  host: Host,
  program: string,
  words: readonly string[],
): Promise<Running> {
  const path = fileURLToPath(new URL(`../peer/${program}`, import.meta.url));
  const peer = new Running(host.spawn("python3", [path, ...words]));
  await peer.said("stdout", "ready");
  return peer;
}

/** The words for the end on a host, to the other over IPv4, with IPv4 inside. */
export function ipv4WordsFor(name: "a" | "b", key = KEY): string[] {
  const other = name === "a" ? "b" : "a";
  return ["-k", key, "-p", OUTER[other], INNER[name], INNER[other]];
}

/** The same, with IPv6 inside too. */
export function wordsFor(name: "a" | "b", key = KEY): string[] {
  const other = name === "a" ? "b" : "a";
  return [...ipv4WordsFor(name, key), INNER[`${name}6`], INNER[`${other}6`]];
}

/** Both ends on silent hosts, running. */
export function joinIpv4({ a, b }: TwoHosts): Promise<[End, End]> {
  return Promise.all([start(a, ipv4WordsFor("a")), start(b, ipv4WordsFor("b"))]);
}

/** Both ends, running, each with more words if there are any. */
export async function join(
  { a, b }: TwoHosts,
  more: { a?: readonly string[]; b?: readonly string[] } = {},
): Promise<[End, End]> {
  return Promise.all([
    start(a, [...wordsFor("a"), ...(more.a ?? [])]),
    start(b, [...wordsFor("b"), ...(more.b ?? [])]),
  ]);
}

/** Closes all labs, and sees that what was promised of the streams held all the time. */
export async function cleanUp(): Promise<void> {
  await Promise.all(labs.splice(0).map((made) => made.close()));
  for (const end of ends.splice(0)) {
    await end.ended;
    expect(end.stdout + end.stderr).not.toMatch(/\n {4}at |our own fault/);
    if (!(end instanceof End)) continue;
    // Events alone on standard output, each of one line, and on standard error only why it ended.
    for (const line of end.stdout.trimEnd().split("\n")) {
      if (line !== "") expect(JSON.parse(line)).toHaveProperty("event");
    }
    if (end.stderr !== "") expect(end.stderr).toMatch(/^crapvpn: .*\n( {2}.*\n)*$/);
  }
}

/** Whether packets of this size come back. */
export async function pings(
  host: Host,
  to: string,
  { size = 56, more = [], count = 1 }: { size?: number; more?: string[]; count?: number } = {},
): Promise<boolean> {
  const words = ["-n", "-q", "-c", String(count), "-i", "0.2", "-W", "2", "-s", String(size)];
  return (await host.exec("ping", [...words, ...more, to])).code === 0;
}

/** Waits until a ping comes back, whatever is lost before. */
export async function reaches(host: Host, to: string): Promise<void> {
  await until(
    async () => (await host.exec("ping", ["-n", "-q", "-c", "1", "-W", "0.3", to])).code === 0,
    `${to} answers host ${host.name}`,
  );
}

/** Whether a host has a device of this name. */
export async function hasDevice(host: Host, name = "tun0"): Promise<boolean> {
  return (await host.exec("ip", ["link", "show", "dev", name])).code === 0;
}

/** What `ip -json address show` says of a device. */
export async function deviceState(
  host: Host,
  name = "tun0",
): Promise<{ mtu: number; flags: string[]; addr_info: Record<string, unknown>[] }> {
  const { stdout } = await host.execOrThrow("ip", ["-j", "address", "show", "dev", name]);
  return JSON.parse(stdout)[0];
}

/** The time that a process has spent computing. */
export function cpuMs(pid: number): number {
  const [, fields = ""] = /\) (.*)$/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  const [utime, stime] = fields.split(" ").slice(11, 13).map(Number);
  // Linux counts it in hundredths of a second for programs, on all machines.
  return ((utime ?? 0) + (stime ?? 0)) * 10;
}

/** What a process has in memory. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** All that the system knows of a host's devices, addresses, routes and sockets. */
export async function traces(host: Host): Promise<string[]> {
  const asked = [
    ["ip", "-o", "address"],
    ["ip", "route", "show", "table", "all"],
    ["ip", "-6", "route", "show", "table", "all"],
    ["ip", "rule"],
    ["cat", "/proc/net/udp"],
    ["cat", "/proc/net/udp6"],
  ] as const;
  const told = asked.map(async ([command, ...words]) => {
    const { stdout } = await host.execOrThrow(command, words);
    // Without what comes by itself: the cable's link-local address is checked for a second.
    return stdout.replace(/^.*fe80:.*\n/gm, "");
  });
  return Promise.all(told);
}
