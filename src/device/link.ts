// What the system knows of a device and of the way to the peer: addresses, MTU, routes, through
// the program `ip` of iproute2, as the author does.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { text } from "node:stream/consumers";
import { errnoOf, Failure } from "../failure.js";

/** `ip` answers in milliseconds, or hangs. */
const IP_TIMEOUT_MS = 5000;

/** An address of ours on the device and the peer's, in the same family. */
export interface AddressPair {
  readonly local: string;
  /** The same as `local` where there is no one peer, but a network. */
  readonly peer: string;
  /** Bits of the peer's address that name the network behind the device. */
  readonly prefix: number;
}

/** A device as the system knows it. */
export interface LinkState {
  readonly mtu: number;
  readonly up: boolean;
  /** What the kernel calls its kind, such as `"bridge"`; none of a network card. */
  readonly kind: string | undefined;
  /** The bridge that it is in. */
  readonly master: string | undefined;
  readonly addresses: readonly AddressPair[];
}

export interface LinkConfig {
  readonly mtu: number;
  /** A bridge to join. */
  readonly bridge: string | undefined;
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
  /** It ends on this very machine. */
  readonly local: boolean;
}

/** A device of the kernel that is one end of a tunnel over UDP. */
export interface KernelTunnel {
  readonly name: string;
  /** Such as `"vxlan"`. */
  readonly kind: string;
}

/** The kernel's own tunnel that listens on a UDP port, which no list of programs shows. */
export async function findKernelTunnel(port: number): Promise<KernelTunnel | undefined> {
  const { code, stdout } = await ip(["-j", "-d", "link", "show", "up"]);
  if (code !== 0) return undefined;
  const link = parseAnswer<IpLink>(stdout).find(
    ({ linkinfo }) => linkinfo?.info_data?.port === port,
  );
  const kind = link?.linkinfo?.info_kind;
  return kind === undefined ? undefined : { name: link?.ifname ?? "", kind };
}

/** A device as it stands, or nothing if there is none of this name. */
export async function findLink(name: string): Promise<LinkState | undefined> {
  const { code, stdout } = await ip(["-j", "-d", "addr", "show", "dev", name]);
  if (code !== 0) return undefined;
  const [link] = parseAnswer<IpLink>(stdout);
  if (link === undefined) return undefined;
  return {
    mtu: link.mtu,
    up: link.flags.includes("UP"),
    kind: link.linkinfo?.info_kind,
    master: link.master,
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
 * @param onTaken told how to take a step back as soon as it is taken, of those that are to be
 * @returns the steps taken; those refused say why
 */
export async function configureLink(
  name: string,
  config: LinkConfig,
  state: LinkState | undefined,
  onTaken: (back: readonly string[]) => void,
): Promise<LinkStep[]> {
  const steps: { words: string[]; back?: string[] }[] = [];
  if (state?.mtu !== config.mtu) {
    steps.push({ words: ["link", "set", "dev", name, "mtu", String(config.mtu)] });
  }
  // Not before it has its MTU: the bridge takes the least of those that are in it.
  if (config.bridge !== undefined && state?.master !== config.bridge) {
    const words = (...action: string[]) => ["link", "set", "dev", name, ...action];
    steps.push({ words: words("master", config.bridge), back: words("nomaster") });
  }
  if (!state?.up) steps.push({ words: ["link", "set", "dev", name, "up"] });
  for (const pair of config.addresses) {
    if (!state?.addresses.some((other) => samePair(other, pair))) {
      const [words, back] = [addressWords("add", name, pair), addressWords("del", name, pair)];
      steps.push({ words, back });
    }
  }
  const taken: LinkStep[] = [];
  for (const { words, back } of steps) {
    const { code, stderr } = await ip(words);
    if (code === 0 && back) onTaken(back);
    taken.push(code === 0 ? { words } : { words, refused: complaint(stderr) });
  }
  return taken;
}

/** Takes steps back, waiting for it; what is so no more is no fault. */
export function takeBack(steps: readonly (readonly string[])[]): void {
  for (const words of steps) spawnSync("ip", words, { ...ipOptions(), stdio: "ignore" });
}

/** The words after `ip` that add or delete an address. */
export function addressWords(action: "add" | "del", name: string, pair: AddressPair): string[] {
  const { local, peer, prefix } = pair;
  const address = local === peer ? [`${local}/${prefix}`] : [local, "peer", `${peer}/${prefix}`];
  return ["addr", action, ...address, "dev", name];
}

/**
 * The way to an address, or what the system says instead (`"Network is unreachable"`).
 *
 * @param from the address that datagrams come from, if it is settled
 */
export async function findRoute(address: string, from?: string): Promise<Route | string> {
  const [host = address, scope] = address.split("%");
  const words = [isIPv6(host) ? "-6" : "-4", "-j", "route", "get", host];
  if (from !== undefined) words.push("from", from.split("%")[0] ?? from);
  if (scope !== undefined) words.push("oif", scope);
  const { code, stdout, stderr } = await ip(words);
  if (code !== 0) return complaint(stderr);
  const [route] = parseAnswer<IpRoute>(stdout);
  if (route?.dev === undefined) return `${route?.type ?? "no"} route`;
  const deviceMtu = (await findLink(route.dev))?.mtu;
  if (deviceMtu === undefined) return `${route.dev} is gone`;
  const learned = route.metrics?.find((metric) => metric.mtu !== undefined)?.mtu;
  const mtu = Math.min(deviceMtu, learned ?? deviceMtu);
  return { device: route.dev, mtu, local: route.type === "local" };
}

export function samePair(a: AddressPair, b: AddressPair): boolean {
  return a.local === b.local && a.peer === b.peer && a.prefix === b.prefix;
}

/** `ip -json -details addr show`, and `link show`. */
interface IpLink {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: { readonly port?: number };
  };
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

/** What `ip -json` answered. */
function parseAnswer<T>(stdout: string): T[] {
  try {
    return JSON.parse(stdout) as T[];
  } catch {
    throw tooOld();
  }
}

function tooOld(): Failure {
  return new Failure("system", "this machine's `ip` gives no JSON: install a newer iproute2", [
    "ip -Version",
  ]);
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function ipOptions() {
  // In a session of its own: the terminal's Ctrl-C is for us, and not for an `ip` at its work.
  const env = { ...process.env, LC_ALL: "C" };
  return { env, detached: true, timeout: IP_TIMEOUT_MS } as const;
}

async function ip(words: readonly string[]): Promise<Answer> {
  const child = spawn("ip", words, { ...ipOptions(), stdio: ["ignore", "pipe", "pipe"] });
  try {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    if (/-j"? is unknown|invalid option -- 'j'/.test(stderr)) throw tooOld();
    const late = `no answer within ${IP_TIMEOUT_MS / 1000} s`;
    return { code: code ?? 1, stdout, stderr: code === null ? late : stderr };
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new Failure("system", "the program `ip` is missing: install iproute2", [
      "sudo apt-get install iproute2",
    ]);
  }
}
