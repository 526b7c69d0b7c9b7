// Hosts on one machine: each a network namespace, joined by cables (veth pairs).
//
// Namespaces have no names here, so two labs cannot meet. With the rights to make them
// (CAP_SYS_ADMIN and CAP_NET_ADMIN) a lab makes them in place; without, it first makes a user
// namespace in which we are root, and the hosts inside of it. What keeps them, and takes them down
// whatever happens to us, is in holder.ts.

import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  type SpawnOptions,
  type SpawnOptionsWithoutStdio,
  spawn,
} from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { setTimeout } from "node:timers/promises";
import { findTools, Holder, LabError, mayMakeNamespaces, type Tools } from "./holder.js";

export { LabError, type LabErrorCode } from "./holder.js";

export interface LabOptions {
  /** The hosts' names, for `host`, `cable` and messages. */
  hosts: readonly string[];
}

export interface CableOptions {
  /** Of both ends; without it the kernel's, 1500. */
  mtu?: number;
}

/** The two ends of a cable, in the order in which they were asked for. */
export type Cable = readonly [CableEnd, CableEnd];

export interface CableEnd {
  readonly host: Host;
  readonly device: string;
  /** With prefix length, as they were given. */
  readonly addresses: readonly string[];
}

/** A few hosts, and the cables between them. */
export class Lab {
  /** Whether the hosts lie in a user namespace, for want of rights. */
  readonly inUserNamespace: boolean;
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #holders: readonly Holder[];
  readonly #tools: Tools;
  #closing: Promise<void> | undefined;

  private constructor(
    inUserNamespace: boolean,
    hosts: readonly Host[],
    holders: readonly Holder[],
    tools: Tools,
  ) {
    this.inUserNamespace = inUserNamespace;
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
    this.#holders = holders;
    this.#tools = tools;
  }

  /**
   * Makes the hosts, each with nothing but a loopback that is up.
   *
   * @throws LabError ENOTOOL, EPERM or ENOTSUP if this machine cannot
   */
  static async create({ hosts: names }: LabOptions): Promise<Lab> {
    if (new Set(names).size !== names.length) {
      throw new LabError("EINVAL", `two hosts of one lab have the same name: ${names.join(", ")}`);
    }
    if (process.platform !== "linux") {
      throw new LabError("ENOTSUP", `a lab needs Linux, this is ${process.platform}`);
    }
    const tools = findTools();
    const user = mayMakeNamespaces() ? undefined : await Holder.holdUser(tools);
    const started = await Promise.allSettled(
      names.map((name) => Holder.holdNet(tools, name, user)),
    );
    const nets = started.flatMap((net) => (net.status === "fulfilled" ? [net.value] : []));
    const holders = user === undefined ? nets : [...nets, user];
    const failed = started.find((net) => net.status === "rejected");
    if (failed !== undefined) {
      await release(holders);
      throw failed.reason;
    }
    const hosts = nets.map((net, i) => new Host(names[i] ?? "", net, tools));
    return new Lab(user !== undefined, hosts, holders, tools);
  }

  /** The host of this name. */
  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) {
      const names = [...this.#hosts.keys()].join(", ");
      throw new LabError("EINVAL", `there is no host "${name}" in this lab, only ${names}`);
    }
    return host;
  }

  /**
   * Joins two hosts by a cable that can be used at once. Its ends are called eth0, eth1 … in the
   * order in which a host gets them. Addresses come with their prefix length: "192.0.2.1/24".
   */
  async cable(
    nameA: string,
    addressesA: readonly string[],
    nameB: string,
    addressesB: readonly string[],
    { mtu }: CableOptions = {},
  ): Promise<Cable> {
    const a = this.#end(nameA, addressesA);
    const b = this.#end(nameB, addressesB);
    const size = mtu === undefined ? "" : `mtu ${mtu} `;
    // Each end is made in the namespace where it stays, so that it meets no other of its name.
    const peer = `peer name ${b.device} ${size}netns ${b.host.pid}`;
    await this.#ip(a.host, [`link add name ${a.device} ${size}type veth ${peer}`, ...up(a)]);
    await this.#ip(b.host, up(b));
    await Promise.all([a, b].map((end) => this.#ready(end)));
    return [a, b];
  }

  /** Ends everything that runs on the hosts, and the hosts. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= release(this.#holders);
    return this.#closing;
  }

  #end(name: string, addresses: readonly string[]): CableEnd {
    const host = this.host(name);
    for (const address of addresses) {
      // Without a prefix `ip` would take it for a network of one, and nothing be reachable.
      if (!/^[0-9a-fA-F.:]+\/[0-9]+$/.test(address)) {
        const example = '"192.0.2.1/24"';
        throw new LabError("EINVAL", `"${address}" is no address with its prefix, as ${example}`);
      }
    }
    return { host, device: host.nextDevice(), addresses };
  }

  /**
   * Waits until the kernel has seen that both ends are up. Before, it drops what is sent, and IPv6
   * tries a neighbour again only after a second.
   */
  async #ready({ host, device }: CableEnd): Promise<void> {
    const end = Date.now() + READY_MS;
    for (;;) {
      const { stdout } = await host.execOrThrow(this.#tools.ip, ["link", "show", "dev", device]);
      if (stdout.includes(" state UP ")) return;
      if (Date.now() > end) {
        const where = `${device} on host ${host.name}`;
        throw new LabError("EFAILED", `the cable at ${where} did not come up in ${READY_MS} ms`);
      }
      await setTimeout(1);
    }
  }

  async #ip(host: Host, lines: readonly string[]): Promise<void> {
    await host.execOrThrow(this.#tools.ip, ["-batch", "-"], { input: `${lines.join("\n")}\n` });
  }
}

/** A cable takes a few milliseconds to come up. */
const READY_MS = 5000;

/** The lines for `ip` that bring an end of a cable up. */
function up({ device, addresses }: CableEnd): string[] {
  const lines = addresses.map((address) => {
    // Nobody else is on the cable: looking for duplicates only takes a second.
    const flags = address.includes(":") ? " nodad" : "";
    return `address add ${address} dev ${device}${flags}`;
  });
  return [...lines, `link set dev ${device} up`];
}

async function release(holders: readonly Holder[]): Promise<void> {
  await Promise.all(holders.map((holder) => holder.release()));
}

export interface ExecOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** What the command reads on its standard input; nothing by default. */
  input?: string;
  /** After this long it is killed. */
  timeoutMs?: number;
}

export interface ExecResult {
  /** The exit code; 128 + its number if a signal ended the command, as in a shell. */
  code: number;
  stdout: string;
  stderr: string;
}

/** One host: a network of its own to run commands in. Files, users and processes are shared. */
export class Host {
  readonly name: string;
  readonly #holder: Holder;
  readonly #tools: Tools;
  #devices = 0;

  /** Only a lab makes hosts. */
  constructor(name: string, holder: Holder, tools: Tools) {
    this.name = name;
    this.#holder = holder;
    this.#tools = tools;
  }

  /** The process that holds the namespace: what `nsenter -t` and `ip link set … netns` want. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** What a person types in another terminal to enter; a command may follow it. */
  get enterCommand(): string {
    const sudo = process.getuid?.() === 0 && process.env.SUDO_USER !== undefined ? ["sudo"] : [];
    return [...sudo, "nsenter", ...this.#holder.entry].join(" ");
  }

  /**
   * Starts a command on this host. The process is the command's own: id, signals and exit code are
   * what they are elsewhere. It is killed when the lab ends, with all that it started.
   */
  spawn(
    command: string,
    args?: readonly string[],
    options?: SpawnOptionsWithoutStdio,
  ): ChildProcessWithoutNullStreams;
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    if (!this.#holder.alive) {
      throw new LabError("ECLOSED", `host ${this.name} is no more: cannot run ${command} there`);
    }
    return spawn(this.#tools.nsenter, [...this.#holder.entry, "--", command, ...args], options);
  }

  /**
   * Runs a command to its end. That it failed, or was not found (code 127), is a result too.
   *
   * @throws LabError ETIMEDOUT if it did not end in its time
   */
  async exec(
    command: string,
    args: readonly string[] = [],
    { input = "", timeoutMs, ...place }: ExecOptions = {},
  ): Promise<ExecResult> {
    const child = this.spawn(command, args, place);
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        said[stream] += text;
      });
    }
    // A command may end without reading all that it is given.
    child.stdin.on("error", () => {}).end(input);
    const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    try {
      const [code, signal] = await once(child, "close", late ? { signal: late } : {});
      return { code: code ?? 128 + signalNumber(signal), ...said };
    } catch (error) {
      if (!late?.aborted) throw error;
      child.kill("SIGKILL");
      // What it started may live on and hold these open.
      child.stdout.destroy();
      child.stderr.destroy();
      const line = this.#line(command, args);
      throw new LabError("ETIMEDOUT", `${line} did not end within ${timeoutMs} ms`);
    }
  }

  /**
   * Like `exec`, for a command that must succeed.
   *
   * @throws LabError EFAILED, with what the command said
   */
  async execOrThrow(
    command: string,
    args: readonly string[] = [],
    options: ExecOptions = {},
  ): Promise<ExecResult> {
    const result = await this.exec(command, args, options);
    if (result.code !== 0) {
      const said = result.stderr.trim() || result.stdout.trim() || "it said nothing";
      const line = this.#line(command, args);
      throw new LabError("EFAILED", `${line} failed with code ${result.code}: ${said}`);
    }
    return result;
  }

  /** Names the next end of a cable here. Only a lab calls it. */
  nextDevice(): string {
    return `eth${this.#devices++}`;
  }

  #line(command: string, args: readonly string[]): string {
    return `on host ${this.name}, ${[command, ...args].join(" ")}`;
  }
}

function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}
