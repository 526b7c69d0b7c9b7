// The commands lab and doctor, as users run them; and that a lab leaves nothing behind.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { mayMakeNamespaces } from "../../src/lab/holder.js";
import { PROGRAM } from "../cli/program.js";
import { commandLine, ordinary, processesMarked, until } from "./machine.js";

const MARK = `CRAPVPN_TEST=${process.pid}.`;
let labs = 0;
const running: ChildProcess[] = [];

/** Starts a lab, in a process group of its own, whose processes can be found again by a mark. */
function start(
  words: readonly string[],
  { before = [] as string[], env = {}, program = PROGRAM } = {},
) {
  const mark = `${MARK}${labs++};`;
  const [name, value] = mark.split("=") as [string, string];
  const [file = "", ...args] = [...before, process.execPath, program, "lab", ...words];
  const child = spawn(file, args, {
    env: { ...process.env, [name]: value, ...env },
    detached: true,
  });
  running.push(child);
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
    });
  }
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...said }));
  const gone = () => until(() => processesMarked(mark).length === 0, `nothing is left of ${mark}`);
  return { child, mark, ended, gone };
}

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

test("the tour", async () => {
  const { ended, gone } = start([]);
  const { code, stdout, stderr } = await ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/✓/g)).toHaveLength(4);
  expect(stdout).not.toContain("✗");
  expect(stdout).toContain("tun0  MTU 1464 ╞═════ tunnel ═════╡ tun0  MTU 1464");
  expect(stdout).toMatch(/10485760 bytes in .* SHA-256 the same at both ends/);
  expect(stdout).toMatch(/host b {2}out .*nothing dropped/);
  // The packet, the key and the ciphertext stand byte under byte, and belong to each other.
  const rows = (name: string) =>
    [...stdout.matchAll(new RegExp(`^ {2}${name} +\\d+ {2}((?:[0-9a-f]{2} )+)`, "gm"))]
      .flatMap(([, row = ""]) => row.trim().split(" "))
      .map((digits) => Number.parseInt(digits, 16));
  const [packet, key, cipher] = [rows("packet"), rows("⊕ key"), rows("= cipher")];
  expect(packet.length).toBe(60);
  expect(packet.map((byte, i) => byte ^ (key[i] as number))).toEqual(cipher);
  await gone();
});

test("the tour as data, with another key and options of run", async () => {
  const words = ["--json", "--key", "00ff", "--ethertype", "--only-peer", "--mtu", "1000"];
  const { code, stdout, stderr } = await start(words).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.map(({ event }) => event)).toEqual([
    "topology",
    "check",
    "check",
    "packet",
    "check",
    "counters",
    "end",
  ]);
  expect(events[0].hosts).toMatchObject([
    { name: "a", device: "tun0", mtu: 1000 },
    { name: "b", device: "tun0", mtu: 1000 },
  ]);
  expect(events[3]).toMatchObject({ key: "00ff" });
  expect(events[3].datagram.slice(0, 16)).toBe(`63726170${"003c"}0800`);
  expect(events.at(-1)).toMatchObject({ ok: true });
});

/** The events of a lab that ends well. */
async function tourOf(words: readonly string[], env = {}) {
  const { code, stdout, stderr } = await start(["--json", ...words], { env }).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const events = stdout.trim().split("\n");
  return events.map((line) => JSON.parse(line));
}

describe("the tour at layer 2", () => {
  const bridges = [
    { device: "br0", addresses: ["10.8.0.1/24", "fd08::1/64"] },
    { device: "br0", addresses: ["10.8.0.2/24", "fd08::2/64"] },
  ];

  test("host a gets its address by DHCP from host b (needs dnsmasq and busybox)", async () => {
    const [topology, ...events] = await tourOf(["--layer", "2"]);
    expect(topology.hosts).toMatchObject([
      { format: "crapvpn-ethernet", layer: 2, device: "tap0", bridge: bridges[0], addresses: [] },
      { format: "crapvpn-ethernet", layer: 2, device: "tap0", bridge: bridges[1], addresses: [] },
    ]);
    expect(events[0]).toEqual({
      ...{ event: "check", name: "dhcp", ok: true },
      ...{ address: "10.8.0.1", server: "10.8.0.2" },
    });
    const packet = events.find(({ event }) => event === "packet");
    // A frame of IPv4, and its datagram.
    expect(packet.packet.slice(24, 28)).toBe("0800");
    expect(packet.datagram).toHaveLength(packet.packet.length + 16);
    expect(packet.datagram.slice(0, 16)).toBe("63726170004a6558");
    expect(events.at(-1)).toMatchObject({ ok: true });
  });

  test("without the programs for DHCP, it is set by hand, and that is said", async () => {
    const folder = mkdtempSync(join(tmpdir(), "crapvpn-path-"));
    const programs = ["ip", "ping", "unshare", "nsenter", "sh", "readlink", "sleep"];
    for (const name of programs) {
      const { stdout } = spawnSync("which", [name], { encoding: "utf8" });
      symlinkSync(stdout.trim(), join(folder, name));
    }
    const [topology, skipped, ping] = await tourOf(["--layer", "2"], { PATH: folder });
    rmSync(folder, { recursive: true });
    expect(topology.hosts).toMatchObject([{ bridge: bridges[0] }, { bridge: bridges[1] }]);
    expect(skipped).toMatchObject({ event: "skipped", name: "dhcp", missing: "busybox" });
    expect(ping).toMatchObject({ name: "ping", ok: true });
  });
});

test.each([
  ["vxlan", ["--set", "vni=42"], "0800000000002a00", 2],
  ["gtpu", ["--set", "teid=7"], "30ff003c00000007", 3],
])("the tour over %s", async (format, words, header, layer) => {
  const [topology, ...events] = await tourOf(["--format", format, ...words]);
  expect(topology.hosts).toMatchObject([
    { format, layer, cipher: "none" },
    { format, layer },
  ]);
  const packet = events.find(({ event }) => event === "packet");
  expect(packet.datagram).toBe(`${header}${packet.packet}`);
  expect(events.at(-1)).toMatchObject({ ok: true });
});

describe("a command on host a", () => {
  test("gets our streams and gives us its exit code", async () => {
    const { child, ended } = start(["--", "sh", "-c", "cat; exit 7"]);
    child.stdin.end("hello");
    expect(await ended).toMatchObject({ code: 7, stdout: "hello", stderr: "" });
  });

  test("reaches host b through the tunnel", async () => {
    const { code, stdout } = await start(["--", "ping", "-n", "-c", "1", "fd08::2"]).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("1 received") });
  });

  test("decides itself what SIGINT means, which the terminal sends to all of us", async () => {
    const script = 'trap "echo cleaned; exit 7" INT; echo ready; while :; do sleep 0.1; done';
    const { child, ended } = start(["--", "bash", "-c", script]);
    await once(child.stdout, "data");
    process.kill(-(child.pid as number), "SIGINT");
    expect(await ended).toMatchObject({ code: 7, stdout: "ready\ncleaned\n" });
  });

  test("that is not there ends with 127, as in a shell", async () => {
    expect((await start(["--", "no-such-command"]).ended).code).toBe(127);
  });
});

test("a shell on a host", async () => {
  const { child, ended } = start(["--shell", "b"], { env: { SHELL: "/bin/sh" } });
  child.stdin.end("ip -brief address show dev tun0\nexit 3\n");
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(3);
  expect(stdout).toContain("10.8.0.2 peer 10.8.0.1/32");
  expect(stderr).toContain("You are on host b");
});

describe("nothing is left", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("after %s, when hosts are kept", async (signal, code) => {
    const { child, ended, gone } = start(["--keep", "--json"]);
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    const { hosts } = JSON.parse(line);
    const [file = "", ...words] = [...hosts[1].enter.split(" "), "ping", "-c1", "10.8.0.1"];
    expect(spawnSync(file, words).status).toBe(0);
    child.kill(signal);
    expect((await ended).code).toBe(code);
    await gone();
  });

  test.each([
    ["SIGKILL", 50],
    ["SIGKILL", 250],
    ["SIGKILL", 500],
    ["SIGKILL", 800],
    ["SIGKILL", 1500],
    ["SIGKILL", 2200],
    ["SIGTERM", 300],
    ["SIGTERM", 600],
    ["SIGINT", 1200],
  ] as const)("when %s comes after %i ms", async (signal, after) => {
    const { child, ended, gone } = start([]);
    await setTimeout(after);
    child.kill(signal);
    await ended;
    await gone();
  });

  test.each(["10.8.0.1", "10.8.0.2"])("when the tunnel at %s crashes", async (address) => {
    const { child, mark, ended, gone } = start(["--keep", "--json"]);
    await once(child.stdout, "data");
    const own = address === "10.8.0.1" ? "fd08::1" : "fd08::2";
    const tunnels = processesMarked(mark).filter((id) => commandLine(id).at(-2) === own);
    expect(tunnels).toHaveLength(1);
    process.kill(Number(tunnels[0]), "SIGKILL");
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^crapvpn: the tunnel on host [ab] was killed\n$/);
    await gone();
  });
});

test("two at once don't meet", async () => {
  const [first, second] = [start(["--json"]), start(["--json", "--key", "ff"])];
  expect((await first.ended).code).toBe(0);
  expect((await second.ended).code).toBe(0);
});

describe("a wrong command line ends with 2", () => {
  test.each([
    [["--key", "xyz"], "--key: character 1 is not a hex digit"],
    [["--shell", "c"], 'there is no host "c"'],
    [["--keep", "--shell", "a"], "give one of"],
    [["ping"], '"ping" is not expected here'],
    [["--mtu", "10"], "--mtu"],
    [["--layer", "4"], '--layer: "4" is not a layer'],
    [["--format", "vxlan"], 'vxlan: "vni" must be set: --set vni=0..16777215'],
  ])("%j", async (words, sentence) => {
    const { code, stdout, stderr } = await start(words).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
  });
});

describe.skipIf(!mayMakeNamespaces())("as an ordinary user (to become one needs root)", () => {
  let folder = "";
  let program = "";

  beforeAll(() => {
    // A copy that an ordinary user can read, wherever the project lies.
    folder = mkdtempSync(join(tmpdir(), "crapvpn-user-"));
    chmodSync(folder, 0o755);
    for (const part of ["dist", "wasm", "package.json"]) {
      cpSync(part, join(folder, part), { recursive: true });
    }
    cpSync("node_modules", join(folder, "node_modules"), {
      recursive: true,
      filter: (path) => !/node_modules\/(?!koffi|@koromix|cac|leven)[^/]+/.test(path),
    });
    program = join(folder, "dist/cli/main.js");
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const as = (mode: string, before?: string) => ordinary(folder, mode, before);

  test("the tour works in a user namespace, and leaves nothing", async () => {
    const { ended, gone } = start([], { before: as("0666"), program });
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/✓/g)).toHaveLength(4);
    await gone();
  });

  test("with the TUN closed: a sentence, and 5", async () => {
    const { code, stdout, stderr } = await start([], { before: as("0600"), program }).ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(
      /^crapvpn: \/dev\/net\/tun is closed to you: .*\n {2}sudo chmod 0666 .*\n$/,
    );
  });

  test("where no namespaces may be made: a sentence, and 5", async () => {
    const before = [
      "unshare",
      "--user",
      "--map-root-user",
      "--mount",
      "sh",
      "-ec",
      'echo 0 > /proc/sys/user/max_user_namespaces; echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"',
      "sh",
    ];
    const { code, stdout, stderr } = await start([], {
      before: [...as("0666"), ...before],
      program,
    }).ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(/^crapvpn: .*\n/);
    expect(stderr).not.toContain("    at ");
  });

  test("doctor says that the lab can run", () => {
    const [file = "", ...args] = [...as("0666"), process.execPath, program, "doctor", "--json"];
    const { status, stdout } = spawnSync(file, args, { encoding: "utf8" });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: false, lab: true });
  });

  test("doctor says that nothing can run where the TUN is closed", () => {
    const [file = "", ...args] = [...as("0600"), process.execPath, program, "doctor"];
    const { status, stdout } = spawnSync(file, args, { encoding: "utf8" });
    expect(status).toBe(5);
    expect(stdout).toMatch(/No tunnel can run here\.\n$/);
    expect(stdout).toContain("→ sudo chmod 0666 /dev/net/tun");
  });
});

test("without ip: a sentence, and 5", async () => {
  const { code, stdout, stderr } = await start([], { env: { PATH: "/nonexistent" } }).ended;
  expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
  expect(stderr).toMatch(/^crapvpn: .*\bip\b.*\n/);
});

describe("doctor", () => {
  const doctor = (words: readonly string[], env = {}) => {
    const options = { encoding: "utf8", env: { ...process.env, ...env } } as const;
    return spawnSync(process.execPath, [PROGRAM, "doctor", ...words], options);
  };

  test("finds all that a tunnel needs", () => {
    const { status, stdout, stderr } = doctor(["--json", "127.0.0.1"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { run, lab, findings } = JSON.parse(stdout);
    expect({ run, lab }).toEqual({ run: true, lab: true });
    const peer = findings.find(({ name }: { name: string }) => name === "peer");
    expect(peer.data).toMatchObject({ address: "127.0.0.1", device: "lo", tunnelMtu: 65_499 });
    const found = (name: string) =>
      findings.find((finding: { name: string }) => finding.name === name);
    for (const name of ["tap_device", "bridge", "dnsmasq", "busybox"]) {
      expect([name, found(name)?.grade]).toEqual([name, "ok"]);
    }
    // Each tunnel of the kernel either can be made, here as there, or is said not to be.
    const { has, lacks } = found("kernel_tunnels").data;
    expect([...has, ...lacks].sort()).toEqual(["fou", "geneve", "gre", "l2tp", "vxlan"]);
    const vxlan = "link add k type vxlan id 9 dstport 4789".split(" ");
    const { status: made } = spawnSync("unshare", ["--net", "ip", ...vxlan]);
    expect(has.includes("vxlan")).toBe(made === 0);
  });

  test("tells what to do about what is missing", () => {
    const folder = mkdtempSync(join(tmpdir(), "crapvpn-path-"));
    symlinkSync("/bin/sh", join(folder, "sh"));
    const { status, stdout } = doctor([], { PATH: folder });
    rmSync(folder, { recursive: true });
    expect(status).toBe(5);
    expect(stdout).toMatch(/✗ ip .*\n +→ sudo apt-get install iproute2/);
    expect(stdout).toMatch(/! ping .*\n +→ sudo apt-get install iputils-ping/);
  });

  test("takes one host", () => {
    expect(doctor(["a", "b"]).status).toBe(2);
    expect(doctor(["a b"]).status).toBe(2);
  });
});
