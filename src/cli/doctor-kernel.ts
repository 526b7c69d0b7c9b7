// What `crapvpn doctor` finds about layer 2: TAP devices, bridges, and tunnels of the kernel to talk to.

import { spawnSync } from "node:child_process";
import type { Finding } from "./doctor.js";

/** How to make one of each in a network namespace, in the words of `ip`. */
const kinds = {
  bridge: "link add k type bridge",
  vxlan: "link add k type vxlan id 1 dstport 4789",
  geneve: "link add k type geneve id 1 remote 192.0.2.1",
  gre: "link add k type gretap local 192.0.2.2 remote 192.0.2.1",
  fou: "fou add port 4754 ipproto 47",
  l2tp: "l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 127.0.0.1 remote 127.0.0.1 udp_sport 1701 udp_dport 1701",
} as const;

/** What our formats can talk to. */
const TUNNELS = ["vxlan", "geneve", "gre", "fou", "l2tp"] as const;

export async function layer2Findings(): Promise<Finding[]> {
  const there = found();
  return [
    await tap(),
    ...(there === undefined ? [] : [bridge(there), tunnels(there)]),
    ...dhcpPrograms(),
  ];
}

async function tap(): Promise<Finding> {
  const name = "tap_device";
  try {
    const { openTun } = await import("../device/tun.js");
    await openTun("crapdoctor%d", 2).close();
    return { name, grade: "ok", text: "a TAP device can be made: --layer 2" };
  } catch (error) {
    const text = `no TAP device can be made: ${(error as Error).message}`;
    return { name, grade: "lacking", text };
  }
}

/** The kinds that can be made, each tried in a network namespace of its own; nothing if there is none. */
function found(): readonly string[] | undefined {
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const script = Object.entries(kinds).map(
    ([kind, words]) => `ip ${words} 2>/dev/null && echo ${kind}; ip link del k 2>/dev/null`,
  );
  const { status, stdout } = spawnSync(
    "unshare",
    [...user, "--net", "sh", "-c", [...script, "exit 0"].join("\n")],
    { encoding: "utf8", timeout: 10_000 },
  );
  return status === 0 ? stdout.split("\n").filter((line) => line !== "") : undefined;
}

function bridge(there: readonly string[]): Finding {
  const name = "bridge";
  if (there.includes("bridge")) {
    return { name, grade: "ok", text: "bridges can be made: --bridge, and lab --layer 2" };
  }
  return {
    name,
    grade: "lacking",
    text: "no bridge can be made; --bridge and lab --layer 2 need one",
    advice: "sudo modprobe bridge",
  };
}

function tunnels(there: readonly string[]): Finding {
  const has = TUNNELS.filter((kind) => there.includes(kind));
  const lacks = TUNNELS.filter((kind) => !there.includes(kind));
  const text = [
    `tunnels of the kernel to talk to: ${has.join(", ") || "none"}`,
    ...(lacks.length > 0 ? [`not there: ${lacks.join(", ")}`] : []),
  ].join("; ");
  const data = { has, lacks };
  return { name: "kernel_tunnels", grade: has.length > 0 ? "ok" : "lacking", text, data };
}

/** Programs without which lab --layer 2 sets an address by hand. */
function dhcpPrograms(): Finding[] {
  const wanted = [
    ["dnsmasq", "dnsmasq-base", "gives addresses in lab --layer 2"],
    ["busybox", "busybox", "asks for an address in lab --layer 2"],
  ] as const;
  return wanted.map(([name, pack, use]): Finding => {
    const there = spawnSync(name, ["--help"], { timeout: 5000 }).error === undefined;
    if (there) return { name, grade: "ok", text: use };
    const advice = `sudo apt-get install ${pack}`;
    return { name, grade: "lacking", text: `missing: ${use}`, advice };
  });
}
