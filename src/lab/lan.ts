// A network of two bridges, one on each host; and the address that one host gets from the other.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { Failure } from "../failure.js";
import type { Host } from "./host.js";

/** The bridge of each host. */
export const BRIDGE = "br0";
/** A server starts at once, or not at all. */
const SERVER_MS = 5000;
const CLIENT_MS = 20_000;

/** What a host asks for an address, and who answers. */
export interface Lan {
  readonly address: string;
  readonly prefix: number;
  /** The server's own. */
  readonly server: string;
}

/** How a host came to its address. */
export interface Lease {
  readonly address: string;
  /** The server that gave it by DHCP. */
  readonly server?: string;
  /** The Debian package without which there is no DHCP; then the address was set by hand. */
  readonly missing?: string;
}

/** Makes the bridge of a host, with its addresses. */
export async function makeBridge(host: Host, addresses: readonly string[]): Promise<void> {
  const lines = [
    `link add name ${BRIDGE} type bridge`,
    ...addresses.map((address) => addressLine(address)),
    `link set dev ${BRIDGE} up`,
  ];
  await host.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Adds an address to the bridge of a host. */
export async function addAddress(host: Host, address: string): Promise<void> {
  await host.execOrThrow("ip", ["-batch", "-"], { input: `${addressLine(address)}\n` });
}

function addressLine(address: string): string {
  // Nobody else is there: looking for duplicates only takes a second.
  return `address add ${address} dev ${BRIDGE}${address.includes(":") ? " nodad" : ""}`;
}

/** Lets a client host ask for its address by DHCP, where this machine has the programs for it. */
export async function askForAddress(client: Host, server: Host, lan: Lan): Promise<Lease> {
  const lease = await lend(client, server, lan);
  await addAddress(client, `${lease.address}/${lan.prefix}`);
  return lease;
}

async function lend(client: Host, server: Host, lan: Lan): Promise<Lease> {
  const { address } = lan;
  if (!(await has(client, "busybox"))) return { address, missing: "busybox" };
  if (!(await has(server, "dnsmasq"))) return { address, missing: "dnsmasq-base" };
  await serve(server, lan);
  // The script is what would set the address: we do.
  const words = ["-i", BRIDGE, "-f", "-q", "-n", "-t", "10", "-T", "1", "-s", "/bin/true"];
  const { stdout, stderr } = await client.exec("busybox", ["udhcpc", ...words], {
    timeoutMs: CLIENT_MS,
  });
  const said = `${stdout}${stderr}`;
  const [, given, by] = /lease of ([\d.]+) obtained from ([\d.]+)/.exec(said) ?? [];
  if (given === undefined || by === undefined) {
    throw new Failure("system", `host ${client.name} got no address by DHCP: ${lastLine(said)}`);
  }
  return { address: given, server: by };
}

/** Starts a DHCP server that has one address to give, and waits until it listens. */
async function serve(host: Host, { address, prefix }: Lan): Promise<void> {
  const child = host.spawn("dnsmasq", [
    ...["--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--leasefile-ro"],
    // Without DNS, and without asking first whether somebody has the address.
    ...["--port=0", "--no-ping", "--dhcp-authoritative"],
    ...[`--interface=${BRIDGE}`, "--bind-interfaces", "--dhcp-option=3", "--dhcp-option=6"],
    `--dhcp-range=${address},${address},${maskOf(prefix)},1h`,
  ]);
  child.stdin.end();
  let said = "";
  const ready = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said = line;
      if (/IP range/.test(line)) resolve(true);
    });
    child.once("close", () => resolve(false));
  });
  const late = setTimeout(SERVER_MS, false, { ref: false });
  if (!(await Promise.race([ready, late]))) {
    throw new Failure("system", `the DHCP server on host ${host.name} does not start: ${said}`);
  }
}

async function has(host: Host, program: string): Promise<boolean> {
  const child = host.spawn(program, ["--help"], { stdio: "ignore" });
  const [code] = await once(child, "close");
  // What nsenter answers where there is no such program.
  return code !== 127;
}

/** 24 becomes 255.255.255.0. */
function maskOf(prefix: number): string {
  const bytes = [0, 8, 16, 24].map((from) => {
    const bits = Math.min(Math.max(prefix - from, 0), 8);
    return 256 - 2 ** (8 - bits);
  });
  return bytes.join(".");
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) || "the client said nothing";
}
