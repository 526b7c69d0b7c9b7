// Two hosts joined by a cable, and by a tunnel over it: what `crapvpn lab` shows.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Counters } from "../core/core.js";
import type { Layer } from "../device/device.js";
import type { AddressPair } from "../device/link.js";
import { Failure } from "../failure.js";
import { type Host, Lab } from "./host.js";
import { addAddress, askForAddress, BRIDGE, type Lease, makeBridge } from "./lan.js";

const PROGRAM = fileURLToPath(new URL("../cli/main.js", import.meta.url));
/** A tunnel starts in a fraction of a second; a machine that is busy may take longer. */
const START_MS = 8000;

/** Addresses outside (RFC 5737, RFC 3849) and inside the tunnel, by host. */
export const places = {
  a: { outer: "192.0.2.1", outer6: "2001:db8::1", inner: "10.8.0.1", inner6: "fd08::1" },
  b: { outer: "192.0.2.2", outer6: "2001:db8::2", inner: "10.8.0.2", inner6: "fd08::2" },
} as const;

/** Of the addresses inside, where they are those of one network. */
const INNER_PREFIX = { ipv4: 24, ipv6: 64 };

export type HostName = keyof typeof places;

/** The event `start` of a running tunnel. */
export interface Started {
  readonly device: string;
  readonly mtu: number;
  readonly addresses: readonly AddressPair[];
  readonly local: { readonly address: string; readonly port: number };
  readonly peer: { readonly address: string; readonly port: number };
  readonly cipher: string;
  readonly integrity: boolean;
  readonly engine: string;
  readonly format: string;
  readonly layer: Layer;
  /** The most bytes that a datagram has more than its packet. */
  readonly overhead: number;
}

/** One end of the tunnel, running on its host. */
export interface TunnelEnd {
  readonly name: HostName;
  readonly host: Host;
  readonly cable: { readonly device: string; readonly mtu: number };
  readonly started: Started;
  /** The bridge that the tunnel's device is in, at layer 2, and its addresses. */
  readonly bridge?: { readonly device: string; readonly addresses: readonly string[] };
  /** Asks for the counters as they are now. */
  counters(): Promise<Counters>;
}

export interface JoinOptions {
  /** In hex. */
  readonly key: string;
  /** At layer 2 each host has a bridge that the tunnel's device is in. */
  readonly layer: Layer;
  /** Further words for `crapvpn run` on both hosts. */
  readonly words: readonly string[];
  /** Leave IPv6 out of the tunnel, where its MTU is too small for it. */
  readonly ipv4Only: boolean;
}

export class JoinedHosts {
  readonly lab: Lab;
  readonly a: TunnelEnd;
  readonly b: TunnelEnd;
  /** How host a came to its address, at layer 2. */
  readonly lease: Lease | undefined;
  /** Rejects when either tunnel ends before it is told to. */
  readonly broken: Promise<never>;

  private constructor(lab: Lab, a: RunningTunnel, b: RunningTunnel, lease?: Lease) {
    this.lab = lab;
    this.lease = lease;
    this.a = a;
    this.b = b;
    this.broken = Promise.race([a.broken, b.broken]);
    this.broken.catch(() => {});
  }

  /** Builds it all. What was built is taken down again if something fails. */
  static async create(options: JoinOptions): Promise<JoinedHosts> {
    const lab = await Lab.create({ hosts: ["a", "b"] });
    try {
      const { a, b } = places;
      const cable = await lab.cable("a", [`${a.outer}/24`, `${a.outer6}/64`], "b", [
        `${b.outer}/24`,
        `${b.outer6}/64`,
      ]);
      const [endA, endB] = await Promise.all([
        RunningTunnel.start("a", cable[0].host, cable[0].device, options),
        RunningTunnel.start("b", cable[1].host, cable[1].device, options),
      ]);
      const lease = options.layer === 2 ? await settle(endA, endB, options) : undefined;
      return new JoinedHosts(lab, endA, endB, lease);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.lab.close();
  }
}

/** Gives the bridges their addresses: host b's by hand, host a's by DHCP from there. */
async function settle(
  a: RunningTunnel,
  b: RunningTunnel,
  { ipv4Only }: JoinOptions,
): Promise<Lease> {
  const { ipv4, ipv6 } = INNER_PREFIX;
  const server = places.b.inner;
  const ipv6Of = (name: HostName) => (ipv4Only ? [] : [`${places[name].inner6}/${ipv6}`]);
  const ofB = [`${server}/${ipv4}`, ...ipv6Of("b")];
  for (const address of ofB) await addAddress(b.host, address);
  for (const address of ipv6Of("a")) await addAddress(a.host, address);
  const lan = { address: places.a.inner, prefix: ipv4, server };
  const lease = await Promise.race([askForAddress(a.host, b.host, lan), a.broken, b.broken]);
  a.bridge = { device: BRIDGE, addresses: [`${lease.address}/${ipv4}`, ...ipv6Of("a")] };
  b.bridge = { device: BRIDGE, addresses: ofB };
  return lease;
}

/** A `crapvpn run --json` and what it tells. */
class RunningTunnel implements TunnelEnd {
  readonly name: HostName;
  readonly host: Host;
  readonly cable: { readonly device: string; readonly mtu: number };
  started!: Started;
  bridge?: NonNullable<TunnelEnd["bridge"]>;
  readonly broken: Promise<never>;
  readonly #process: ChildProcess;
  readonly #waiting: ((counters: Counters) => void)[] = [];

  private constructor(name: HostName, host: Host, device: string, child: ChildProcess) {
    this.name = name;
    this.host = host;
    this.cable = { device, mtu: 1500 };
    this.#process = child;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    this.broken = once(child, "close").then(([code]) => {
      // Its last sentence is ours: what it could not do, we cannot.
      const [sentence = "it said nothing", ...hints] = said.trim().split("\n");
      throw new TunnelEnded(name, code as number | null, sentence.replace(/^crapvpn: /, ""), hints);
    });
    this.broken.catch(() => {});
  }

  static async start(
    name: HostName,
    host: Host,
    device: string,
    { key, words, ipv4Only, layer }: JoinOptions,
  ): Promise<RunningTunnel> {
    const [here, there] = name === "a" ? [places.a, places.b] : [places.b, places.a];
    const pairs = [here.inner, there.inner, ...(ipv4Only ? [] : [here.inner6, there.inner6])];
    if (layer === 2) await makeBridge(host, []);
    const inner = layer === 2 ? ["--bridge", BRIDGE] : pairs;
    const child = host.spawn(
      process.execPath,
      [PROGRAM, "run", "--json", "-p", there.outer, ...words, ...inner],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, CRAPVPN_KEY: key } },
    );
    const tunnel = new RunningTunnel(name, host, device, child);
    tunnel.started = await Promise.race([tunnel.#listen(), tunnel.broken, tooLate(name)]);
    return tunnel;
  }

  counters(): Promise<Counters> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.kill("SIGUSR2");
    });
  }

  #listen(): Promise<Started> {
    return new Promise((resolve) => {
      createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on(
        "line",
        (line) => {
          const event = JSON.parse(line) as { event: string };
          if (event.event === "start") resolve(event as unknown as Started);
          if (event.event === "stats") this.#waiting.shift()?.(event as unknown as Counters);
        },
      );
    });
  }
}

/** A tunnel ended before it was told to. */
export class TunnelEnded extends Failure {
  constructor(name: HostName, code: number | null, sentence: string, hints: readonly string[]) {
    // What the tunnel says of its words or of the system holds for the lab as well.
    super(
      code === 2 ? "usage" : code === 5 ? "system" : "fault",
      code === null
        ? `the tunnel on host ${name} was killed`
        : `the tunnel on host ${name} ended: ${sentence}`,
      hints.map((hint) => hint.trim()),
    );
  }
}

async function tooLate(name: HostName): Promise<never> {
  const { setTimeout } = await import("node:timers/promises");
  await setTimeout(START_MS, undefined, { ref: false });
  throw new Failure("system", `the tunnel on host ${name} did not start within ${START_MS} ms`);
}
