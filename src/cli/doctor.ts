// `crapvpn doctor`: what this machine can do, each finding with what to do about it.

import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { release } from "node:os";
import { loadCore } from "../core/wasm.js";
import { findRoute } from "../device/link.js";
import { errnoOf, Failure } from "../failure.js";
import { innerMtu } from "../tunnel/mtu.js";
import { familyOf, parseHost } from "./address.js";
import type { Parsed } from "./command.js";
import { DEFAULT_FORMAT } from "./description.js";
import { engineFindings } from "./doctor-engine.js";
import { layer2Findings } from "./doctor-kernel.js";
import { tcpFindings } from "./doctor-tcp.js";
import { exitCodes } from "./exit.js";
import { harmless, styleText } from "./text.js";
import { resolveHost } from "./way.js";

/** `ok`; `lacking`: something is missing that some uses need; `bad`: no tunnel without it. */
type Grade = "ok" | "lacking" | "bad";

export interface Finding {
  /** Stable. */
  readonly name: string;
  readonly grade: Grade;
  /** What is so. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
  readonly data?: object;
}

/** linux/capability.h */
const CAP_NET_ADMIN = 12;
/** Characters of the longest name. */
const NAME_WIDTH = 14;
const OLDEST_NODE = [20, 19] as const;
const PORT = 1337;
/** Bytes of the crapvpn format's header. */
const CRAPVPN_OVERHEAD = 8;
/** linux/if_tun.h */
const IFF_TUN = 0x0001;
const IFF_PERSIST = 0x0800;

/** Returns 0, or 5 if no tunnel can run here. */
export async function doctor({ words, switches }: Parsed): Promise<number> {
  if (words.length > 1) throw new Failure("usage", `"${words[1]}" is not expected: give one HOST`);
  const findings = [
    node(),
    system(),
    await core(),
    tunMode(),
    await tunDevice(),
    ...(await engineFindings()),
    rights(),
    namespaces(),
    ...tools(),
    ...(await layer2Findings()),
    await port(),
    ...(await tcpFindings(PORT)),
    ...(await routes()),
    ...(words[0] === undefined ? [] : [await wayTo(words[0])]),
  ];
  const grade = (name: string) => findings.find((finding) => finding.name === name)?.grade;
  const base = ["node", "system", "core"].every((name) => grade(name) === "ok");
  const run = base && grade("tun_device") === "ok" && grade("ip") === "ok";
  const lab =
    base &&
    grade("tun_mode") === "ok" &&
    grade("namespaces") === "ok" &&
    ["ip", "ping", "unshare", "nsenter"].every((name) => grade(name) === "ok");
  if (switches.json) {
    process.stdout.write(`${JSON.stringify({ run, lab, findings }, undefined, 2)}\n`);
  } else {
    process.stdout.write(`${findings.map(findingText).join("\n")}\n\n${verdict(run, lab)}\n`);
  }
  return run || lab ? exitCodes.ok : exitCodes.system;
}

function findingText({ grade, name, text, advice }: Finding): string {
  const [sign, color] = (
    { ok: ["✓", "green"], lacking: ["!", "yellow"], bad: ["✗", "red"] } as const
  )[grade];
  const line = `${styleText(color, sign, process.stdout)} ${name.padEnd(NAME_WIDTH)} ${harmless(text)}`;
  return advice === undefined ? line : `${line}\n  ${" ".repeat(NAME_WIDTH)} → ${advice}`;
}

function verdict(run: boolean, lab: boolean): string {
  if (run) return `A tunnel can run here${lab ? ", and so can the lab" : "; the lab cannot"}.`;
  return lab
    ? "The lab can run here. A tunnel between real hosts needs root, or a device that root makes."
    : "No tunnel can run here.";
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const good = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const text = `Node ${process.versions.node} on ${process.arch}`;
  if (good) return { name: "node", grade: "ok", text };
  return {
    name: "node",
    grade: "bad",
    text,
    advice: `install Node ${OLDEST_NODE.join(".")} or newer`,
  };
}

function system(): Finding {
  const text = `${process.platform} ${release()}`;
  if (process.platform === "linux") return { name: "system", grade: "ok", text };
  return { name: "system", grade: "bad", text, advice: "run needs Linux; everything else works" };
}

/** The core loads, and a packet comes back from it as it went in. */
async function core(): Promise<Finding> {
  try {
    const core = await loadCore();
    const [key, seed] = [Uint8Array.of(0x2a), new Uint8Array(32)];
    const tunnel = core.openTunnel({ format: core.format(DEFAULT_FORMAT), key, seed, slots: 1 });
    const packet = Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? 0x45 : i === 3 ? 20 : 0));
    tunnel.packetRoom(0).set(packet);
    const datagram = tunnel.placed(0, tunnel.encapsulate(0, packet.length)).slice();
    tunnel.datagramRoom(0).set(datagram);
    const back = tunnel.placed(0, tunnel.decapsulate(0, datagram.length));
    const same = Buffer.compare(back, packet) === 0;
    tunnel.free();
    if (same) return { name: "core", grade: "ok", text: `core ${core.version}, WebAssembly` };
    return {
      name: "core",
      grade: "bad",
      text: "a packet came back changed",
      advice: "install anew",
    };
  } catch (error) {
    return {
      name: "core",
      grade: "bad",
      text: `the core does not load: ${(error as Error).message}`,
      advice: "allow WebAssembly (no --jitless, no MemoryDenyWriteExecute), or install anew",
    };
  }
}

function tunMode(): Finding {
  const name = "tun_mode";
  try {
    const status = statSync("/dev/net/tun");
    if (!status.isCharacterDevice()) {
      return {
        name,
        grade: "bad",
        text: "/dev/net/tun is no device",
        advice: "remove it, and: sudo modprobe tun",
      };
    }
    const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
    const text = `/dev/net/tun has mode ${mode}`;
    try {
      accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
      return { name, grade: "ok", text, data: { mode } };
    } catch {
      const advice = "sudo chmod 0666 /dev/net/tun, as distributions have it";
      return { name, grade: "bad", text: `${text}: closed to you`, advice, data: { mode } };
    }
  } catch {
    return { name, grade: "bad", text: "/dev/net/tun does not exist", advice: "sudo modprobe tun" };
  }
}

/** Whether a device can be had: one that is made for the purpose, or one that root has made for us. */
async function tunDevice(): Promise<Finding> {
  const name = "tun_device";
  try {
    const { openTun } = await import("../device/tun.js");
    await openTun("crapdoctor%d", 3).close();
    return { name, grade: "ok", text: "a TUN device can be made" };
  } catch (error) {
    const mine = premadeDevices();
    const open = tunMode().grade === "ok";
    if (open && mine.length > 0) {
      const text = `a device that was made for you can be used: --device ${mine.join(" or ")}`;
      return { name, grade: "ok", text, data: { devices: mine } };
    }
    return {
      name,
      grade: "bad",
      text: `no TUN device can be made: ${(error as Error).message}`,
      ...(open
        ? { advice: 'run as root, or: sudo ip tuntap add dev tun0 mode tun user "$(id -un)"' }
        : {}),
    };
  }
}

/** Persistent TUN devices that belong to this user. */
function premadeDevices(): string[] {
  const about = (device: string, file: string) =>
    Number(readFileSync(`/sys/class/net/${device}/${file}`, "utf8"));
  try {
    return readdirSync("/sys/class/net").filter((device) => {
      try {
        const wanted = IFF_TUN | IFF_PERSIST;
        const flags = about(device, "tun_flags");
        return (flags & wanted) === wanted && about(device, "owner") === process.getuid?.();
      } catch {
        return false;
      }
    });
  } catch {
    return [];
  }
}

function rights(): Finding {
  const name = "rights";
  const uid = process.getuid?.();
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
    if ((effective >> BigInt(CAP_NET_ADMIN)) & 1n) {
      return { name, grade: "ok", text: `user ${uid}, with CAP_NET_ADMIN` };
    }
  } catch {
    // No /proc: then nothing is known, which is as good as no right.
  }
  return {
    name,
    grade: "lacking",
    text: `user ${uid}, without CAP_NET_ADMIN`,
    advice: "run as root to set devices up, or let root make one for you",
  };
}

/** Whether the lab can make its hosts, found out by making one. */
function namespaces(): Finding {
  const name = "namespaces";
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const what = user.length > 0 ? "user and network namespaces" : "network namespaces";
  const { status, error } = spawnSync("unshare", [...user, "--net", "true"], { timeout: 5000 });
  if (status === 0) return { name, grade: "ok", text: `${what} can be made` };
  return {
    name,
    grade: "lacking",
    text: `no ${what} can be made${error ? `: ${errnoOf(error)}` : ""}; the lab needs them`,
    advice:
      "run as root, or: sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000",
  };
}

function tools(): Finding[] {
  const wanted = [
    ["ip", "iproute2", "sets addresses and routes", "bad"],
    ["ping", "iputils-ping", "the lab tries the tunnel with it", "lacking"],
    ["unshare", "util-linux", "the lab makes its hosts with it", "lacking"],
    ["nsenter", "util-linux", "the lab enters its hosts with it", "lacking"],
  ] as const;
  return wanted.map(([name, pack, use, without]) => {
    const { error } = spawnSync(name, ["--version"], { timeout: 5000 });
    const there = error === undefined || errnoOf(error) !== "ENOENT";
    if (there) return { name, grade: "ok", text: use };
    return {
      name,
      grade: without,
      text: `missing: ${use}`,
      advice: `sudo apt-get install ${pack}`,
    };
  });
}

async function port(): Promise<Finding> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject).bind({ port: PORT, exclusive: true }, resolve);
    });
    return { name: "port", grade: "ok", text: `UDP port ${PORT} is free` };
  } catch (error) {
    return {
      name: "port",
      grade: "lacking",
      text: `UDP port ${PORT} cannot be used: ${errnoOf(error)}`,
      advice: `see who has it (ss -ulnp 'sport = :${PORT}'), or use --listen PORT`,
    };
  } finally {
    socket.close();
  }
}

/** Whether the system knows a way out: the documentation's addresses are nobody's. */
async function routes(): Promise<Finding[]> {
  const probes = [
    ["route_ipv4", "IPv4", "192.0.2.1"],
    ["route_ipv6", "IPv6", "2001:db8::1"],
  ] as const;
  const findings: Finding[] = [];
  for (const [name, family, address] of probes) {
    const route = await findRoute(address).catch((error: Error) => error.message);
    findings.push(
      typeof route === "string"
        ? { name, grade: "lacking", text: `${family} leads nowhere: ${route}` }
        : {
            name,
            grade: "ok",
            text: `${family} leads out by ${route.device}, MTU ${route.mtu}`,
            data: route,
          },
    );
  }
  return findings;
}

async function wayTo(text: string): Promise<Finding> {
  const name = "peer";
  const { host } = parseHost(text, "HOST");
  let address: string;
  try {
    address = await resolveHost(host);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { name, grade: "lacking", text: error.message, advice: "check the name" };
  }
  const route = await findRoute(address).catch((error: Error) => error.message);
  if (typeof route === "string") {
    return {
      name,
      grade: "lacking",
      text: `no way to ${address}: ${route}`,
      advice: "add a route",
    };
  }
  const mtu = innerMtu(route.mtu, familyOf(address) as 4 | 6, CRAPVPN_OVERHEAD);
  return {
    name,
    grade: "ok",
    text: `${address} by ${route.device}, MTU ${route.mtu}: a tunnel gets an MTU of ${mtu}`,
    data: { address, ...route, tunnelMtu: mtu },
  };
}
