// What the system knows of a device and of the way to the peer: addresses, MTU, routes, through
// the program `ip` of iproute2, as the author does.

import { execFile } from "node:child_process";
import { isIPv6 } from "node:net";
import { errnoOf, Failure } from "../failure.js";

/** An address of ours on the device and the peer's, in the same family. */
export interface AddressPair {
  readonly local: string;
  readonly peer: string;
  /** Bits of the peer's address that name the network behind the device. */
  readonly prefix: number;
}

/** A device as the system knows it. */
export interface LinkState {
  readonly mtu: number;
  readonly up: boolean;
  readonly addresses: readonly AddressPair[];
}

export interface LinkConfig {
  readonly mtu: number;
  readonly addresses: readonly AddressPair[];
}

/** A step of a configuration: the words after `ip`, and what became of it. */
export interface LinkStep {
  readonly words: readonly string[];
  /** What `ip` said when it refused. */
  readonly refused?: string;
}

/** The way that datagrams to an address take. */
export interface Route {
  /** Name of the device. */
  readonly device: string;
  readonly mtu: number;
}

/** A device as it stands, or nothing if there is none of this name. */
export async function findLink(name: string): Promise<LinkState | undefined> {
  const { code, stdout } = await ip(["-j", "addr", "show", "dev", name]);
  if (code !== 0) return undefined;
  const [link] = JSON.parse(stdout) as IpLink[];
  if (link === undefined) return undefined;
  return {
    mtu: link.mtu,
    up: link.flags.includes("UP"),
    addresses: (link.addr_info ?? []).map((info) => ({
      local: info.local,
      peer: info.address ?? info.local,
      prefix: info.prefixlen,
    })),
  };
}

/**
 * Brings a device to a configuration, step by step, leaving alone what is so already.
 *
 * @param state what `findLink` said
 * @returns the steps taken; those refused say why
 */
export async function configureLink(
  name: string,
  config: LinkConfig,
  state: LinkState | undefined,
): Promise<LinkStep[]> {
  const steps: string[][] = [];
  if (state?.mtu !== config.mtu) {
    steps.push(["link", "set", "dev", name, "mtu", String(config.mtu)]);
  }
  if (!state?.up) steps.push(["link", "set", "dev", name, "up"]);
  for (const pair of config.addresses) {
    if (!state?.addresses.some((other) => samePair(other, pair))) {
      steps.push(["addr", "add", ...addressWords(pair), "dev", name]);
    }
  }
  const taken: LinkStep[] = [];
  for (const words of steps) {
    const { code, stderr } = await ip(words);
    taken.push(code === 0 ? { words } : { words, refused: complaint(stderr) });
  }
  return taken;
}

/** Takes addresses away again; one that is gone already is no fault. */
export async function removeAddresses(name: string, pairs: readonly AddressPair[]): Promise<void> {
  for (const pair of pairs) await ip(["addr", "del", ...addressWords(pair), "dev", name]);
}

/** The way to an address, or what the system says instead (`"Network is unreachable"`). */
export async function findRoute(address: string): Promise<Route | string> {
  const [host = address, scope] = address.split("%");
  const words = [isIPv6(host) ? "-6" : "-4", "-j", "route", "get", host];
  if (scope !== undefined) words.push("oif", scope);
  const { code, stdout, stderr } = await ip(words);
  if (code !== 0) return complaint(stderr);
  const [route] = JSON.parse(stdout) as IpRoute[];
  if (route?.dev === undefined) return `${route?.type ?? "no"} route`;
  const learned = route.metrics?.find((metric) => metric.mtu !== undefined)?.mtu;
  const mtu = learned ?? (await findLink(route.dev))?.mtu;
  return mtu === undefined ? `${route.dev} is gone` : { device: route.dev, mtu };
}

export function samePair(a: AddressPair, b: AddressPair): boolean {
  return a.local === b.local && a.peer === b.peer && a.prefix === b.prefix;
}

function addressWords({ local, peer, prefix }: AddressPair): string[] {
  return [local, "peer", `${peer}/${prefix}`];
}

/** `ip -json addr show`. */
interface IpLink {
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info?: readonly { local: string; address?: string; prefixlen: number }[];
}

/** `ip -json route get`. */
interface IpRoute {
  readonly dev?: string;
  readonly type?: string;
  readonly metrics?: readonly { mtu?: number }[];
}

/** The first line of what `ip` complains, without its preambles. */
function complaint(stderr: string): string {
  const [line = ""] = stderr.trim().split("\n");
  return line.replace(/^(RTNETLINK answers|Error): /, "").replace(/\.$/, "") || "refused";
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function ip(words: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile("ip", words, { env: { ...process.env, LC_ALL: "C" } }, (error, stdout, stderr) => {
      if (error !== null && errnoOf(error) === "ENOENT") {
        reject(
          new Failure("system", "the program `ip` is missing: install iproute2", [
            "sudo apt-get install iproute2",
          ]),
        );
        return;
      }
      const code = typeof error?.code === "number" ? error.code : error ? 1 : 0;
      resolve({ code, stdout, stderr });
    });
  });
}
