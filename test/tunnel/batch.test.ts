// What the batch engine alone has: super-packets of all kinds, offloads that are off, refused or
// broken, and a thread that may die.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { PROGRAM } from "../cli/program.js";
import {
  cleanUp,
  type End,
  INNER,
  ipv4WordsFor,
  lab,
  OUTER,
  Running,
  reaches,
  start,
  type TwoHosts,
  twoHosts,
  wordsFor,
} from "./ends.js";
import {
  echoUdp,
  exchangeHttp,
  iperf,
  lostPings,
  lostUdp,
  sendSegments,
  serveHttp,
} from "./scripts.js";

afterEach(cleanUp);

const BYTES = 5_000_000;

/** Both ends with the batch engine; the words and variables are those of host a. */
async function joinBatch(
  { a, b }: TwoHosts,
  {
    engine = "batch",
    env = {},
    more = [],
  }: { engine?: string; env?: object; more?: string[] } = {},
): Promise<[End, End]> {
  return Promise.all([
    start(a, [...more, ...wordsFor("a")], { env: { CRAPVPN_ENGINE: engine, ...env } }),
    start(b, wordsFor("b"), { env: { CRAPVPN_ENGINE: "batch" } }),
  ]);
}

/** Bytes both ways at the same time, between hosts that serve. */
async function exchangeBoth({ a, b }: TwoHosts, family: "4" | "6" = "4"): Promise<void> {
  const [toA, toB] = family === "4" ? [INNER.a, INNER.b] : [INNER.a6, INNER.b6];
  const answers = await Promise.all([exchangeHttp(a, toB, BYTES), exchangeHttp(b, toA, BYTES)]);
  for (const { sent, got, put } of answers) expect({ got, put }).toEqual({ got: sent, put: sent });
}

const serveBoth = ({ a, b }: TwoHosts) => Promise.all([serveHttp(a), serveHttp(b)]);

/** Nothing was dropped at either end. */
async function expectNoDrops(ends: readonly End[]): Promise<void> {
  for (const end of ends) {
    const { in: received, out } = await end.stats();
    expect([received.drops, out.drops]).toEqual([{}, {}]);
  }
}

describe("TCP", () => {
  test.each(["4", "6"] as const)("over IPv%s both ways at once arrives whole", async (family) => {
    const hosts = await twoHosts();
    const ends = await joinBatch(hosts);
    await serveBoth(hosts);
    await exchangeBoth(hosts, family);
    await expectNoDrops(ends);
  });

  test("of 16 flows both ways: what one end sent the other got", async () => {
    const hosts = await twoHosts();
    const ends = await joinBatch(hosts);
    await reaches(hosts.a, INNER.b);
    const { sum_received: received } = await iperf(hosts, INNER.b, [
      "-P",
      "16",
      "--bidir",
      "-t",
      "2",
    ]);
    expect(received?.bytes).toBeGreaterThan(1_000_000);
    await expectNoDrops(ends);
  });

  test.each([
    ["a segment size of 536", 1500, ["route", "replace", INNER.b, "dev", "tun0", "advmss", "536"]],
    ["jumbo frames", 9000, []],
  ])("with %s arrives whole", async (_, mtu, route) => {
    const hosts = await twoHosts({ mtu });
    const ends = await joinBatch(hosts);
    if (route.length > 0) await hosts.a.execOrThrow("ip", route);
    await serveBoth(hosts);
    await exchangeBoth(hosts);
    await expectNoDrops(ends);
  });

  test("with ECN keeps its marks and arrives whole", async () => {
    const hosts = await twoHosts();
    for (const host of [hosts.a, hosts.b]) {
      await host.execOrThrow("sysctl", ["-qw", "net.ipv4.tcp_ecn=1"]);
    }
    const ends = await joinBatch(hosts);
    await serveBoth(hosts);
    await exchangeBoth(hosts);
    const { stdout } = await hosts.b.execOrThrow("nstat", ["-az", "IpExtInECT0Pkts"]);
    expect(Number(/IpExtInECT0Pkts\s+(\d+)/.exec(stdout)?.[1])).toBeGreaterThan(100);
    await expectNoDrops(ends);
  });

  test("from a host behind the tunnel, whose super-packets come by forwarding", async () => {
    const made = await lab("a", "b", "c");
    await made.cable("a", [`${OUTER.a}/24`, `${OUTER.a6}/64`], "b", [
      `${OUTER.b}/24`,
      `${OUTER.b6}/64`,
    ]);
    await made.cable("b", ["10.9.0.1/24"], "c", ["10.9.0.2/24"]);
    const [a, b, c] = [made.host("a"), made.host("b"), made.host("c")];
    await b.execOrThrow("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    await c.execOrThrow("ip", ["route", "add", "default", "via", "10.9.0.1"]);
    const ends = await joinBatch({ lab: made, a, b });
    await a.execOrThrow("ip", ["route", "add", "10.9.0.0/24", "dev", "tun0"]);
    await Promise.all([serveHttp(a), serveHttp(c)]);
    const answers = await Promise.all([
      exchangeHttp(a, "10.9.0.2", BYTES),
      exchangeHttp(c, INNER.a, BYTES),
    ]);
    for (const { sent, got, put } of answers)
      expect({ got, put }).toEqual({ got: sent, put: sent });
    await expectNoDrops(ends);
  });
});

describe("UDP", () => {
  test.each([
    ["4", INNER.b],
    ["6", INNER.b6],
  ])(
    "that an application sends in one piece to be cut arrives as it would (IPv%s)",
    async (_, to) => {
      const hosts = await twoHosts();
      const ends = await joinBatch(hosts);
      await reaches(hosts.a, INNER.b);
      for (const [bytes, segment] of [
        [14_000, 1400],
        [13_999, 1400],
        [64, 1],
        [1000, 999],
        [40_000, 700],
      ] as const) {
        const lengths = Array.from({ length: Math.ceil(bytes / segment) }, (_, i) =>
          Math.min(segment, bytes - i * segment),
        );
        expect(await sendSegments(hosts, to, bytes, segment)).toEqual({ lengths, same: true });
      }
      await expectNoDrops(ends);
    },
  );

  test("of odd lengths comes back", async () => {
    const hosts = await twoHosts();
    const ends = await joinBatch(hosts);
    await echoUdp(hosts.b);
    const lengths = [0, 1, 2, 3, 7, 1435, 1436, 1437, 2931, 9001, 65_507];
    expect(await lostUdp(hosts.a, INNER.b, lengths)).toEqual([]);
    await expectNoDrops(ends);
  });
});

describe("an offload that is off", () => {
  test.each([
    ["no-tun-offload", ["tun_tcp", "tun_udp"]],
    ["no-udp-segment", ["udp_segment"]],
    ["no-udp-gro", ["udp_gro"]],
    ["no-tun-offload,no-udp-segment,no-udp-gro", ["tun_tcp", "tun_udp", "udp_segment", "udp_gro"]],
  ])("by %s is not used, and everything passes", async (words, off) => {
    const hosts = await twoHosts();
    const ends = await joinBatch(hosts, { engine: `batch,${words}` });
    const { offloads } = ends[0].events("engine")[0] as unknown as {
      offloads: Record<string, string>;
    };
    for (const [name, state] of Object.entries(offloads)) {
      expect([name, state]).toEqual([
        name,
        off.includes(name) ? expect.stringMatching(/^off by --no-/) : "on",
      ]);
    }
    await serveBoth(hosts);
    await exchangeBoth(hosts);
    await exchangeBoth(hosts, "6");
    expect(await lostPings(hosts.a, INNER.b, [0, 1436, 1437, 20_000])).toEqual([]);
    await expectNoDrops(ends);
  });

  test("by an option is off, whatever the variable says", async () => {
    const hosts = await twoHosts();
    const more = ["--engine", "batch", "--no-udp-gro"];
    const [end] = await joinBatch(hosts, { engine: "event", more });
    expect(end.events("engine")[0]).toMatchObject({
      engine: "batch",
      offloads: { udp_gro: "off by --no-udp-gro", udp_segment: "on" },
    });
  });
});

describe("system calls that fail", () => {
  let folder: string;
  let library: string;
  beforeAll(() => {
    folder = mkdtempSync(joinPath(tmpdir(), "crapvpn-faults-"));
    library = joinPath(folder, "faults.so");
    const source = fileURLToPath(new URL("faults.c", import.meta.url));
    execFileSync("cc", [
      "-O1",
      "-Wall",
      "-Werror",
      "-shared",
      "-fPIC",
      "-o",
      library,
      source,
      "-ldl",
    ]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function joinFaulty(hosts: TwoHosts, faults: object): Promise<[End, End]> {
    const ends = await joinBatch(hosts, { env: { LD_PRELOAD: library, ...faults } });
    await serveBoth(hosts);
    await exchangeBoth(hosts);
    await exchangeBoth(hosts, "6");
    return ends;
  }

  test.each([
    ["refuses merged packets", { FAULT_MERGED: "0" }, "tun_tcp", "the kernel refuses it (EINVAL)"],
    [
      "spoils what it cuts",
      { FAULT_SPOIL: "1" },
      "udp_segment",
      "this kernel spoils datagrams of one length",
    ],
    ["is old", { FAULT_OLD: "1" }, "udp_gro", "the kernel has none"],
  ])("a kernel that %s is found out at the start", async (_, faults, name, state) => {
    const hosts = await twoHosts();
    const ends = await joinFaulty(hosts, faults);
    expect(ends[0].events("engine")[0]).toMatchObject({ offloads: { [name]: state } });
    expect(ends[0].events("warning", { code: "fallback" })).toEqual([]);
    await expectNoDrops(ends);
  });

  test.each([
    ["merged packets", { FAULT_MERGED: "20" }, "tun_tcp", "EINVAL"],
    ["messages to be cut", { FAULT_CUT: "20" }, "udp_segment", "EIO"],
  ])(
    "while it runs, of %s: told once, sent again without, and nothing is lost",
    async (_, faults, offload, errno) => {
      const hosts = await twoHosts();
      const ends = await joinFaulty(hosts, faults);
      const warnings = ends[0].events("warning", { code: "fallback" });
      expect(warnings).toEqual([expect.objectContaining({ offload })]);
      expect(warnings[0]?.message).toContain(`(${errno})`);
      await expectNoDrops(ends);
    },
  );

  test("no memory at times: what is lost is counted, and the rest arrives", async () => {
    const hosts = await twoHosts();
    const [left, right] = await joinFaulty(hosts, { FAULT_BUFFERS: "50" });
    const { out } = await left.stats();
    expect(Object.keys(out.drops)).toEqual(["no_buffers"]);
    expect(out.drops.no_buffers).toBeGreaterThan(10);
    const { in: received } = await right.stats();
    expect(received.packets).toBe(out.packets);
  });

  test("a socket that takes one message at a time gets the others too", async () => {
    const hosts = await twoHosts();
    await expectNoDrops(await joinFaulty(hosts, { FAULT_SHORT: "1" }));
  });
});

describe("under full load", () => {
  /** Flows both ways, until the lab closes. */
  async function load({ a, b }: TwoHosts): Promise<void> {
    const server = new Running(b.spawn("iperf3", ["-s", "--forceflush"]));
    await server.said("stdout", "listening");
    a.spawn("iperf3", ["-c", INNER.b, "-t", "60", "--bidir", "-P", "2"]);
  }

  const busy = (end: End) => end.counters(({ in: flow }) => flow.packets > 20_000, "load");

  test("the device is deleted: it ends with 5 and a sentence", async () => {
    const hosts = await twoHosts();
    const [left] = await joinBatch(hosts);
    await load(hosts);
    await busy(left);
    await hosts.a.execOrThrow("ip", ["link", "del", "dev", "tun0"]);
    const { code, stderr } = await left.ended;
    expect([code, stderr]).toEqual([5, "crapvpn: tun0 was deleted by somebody else\n"]);
  });

  test("the peer restarts, and the flows go on", async () => {
    const hosts = await twoHosts();
    const [left, right] = await joinBatch(hosts);
    await load(hosts);
    await busy(left);
    // Its device and the server's address on it go and come: connections outlive that.
    await right.stop("SIGKILL");
    const again = await start(hosts.b, wordsFor("b"), { env: { CRAPVPN_ENGINE: "batch" } });
    await busy(again);
    await reaches(hosts.a, INNER.b6);
  });

  test("a flood one way starves neither the other nor an order", async () => {
    const hosts = await twoHosts();
    const [left] = await joinBatch(hosts);
    await reaches(hosts.a, INNER.b);
    const flood = iperf(hosts, INNER.b, ["-u", "-b", "0", "-l", "64", "-t", "3"]).catch(() => {});
    await left.counters(({ out }) => out.packets > 20_000, "the flood goes out");
    await reaches(hosts.b, INNER.a6);
    await flood;
  });
});

test("a device that a killed end left with its offloads serves the event engine", async () => {
  const hosts = await twoHosts();
  await hosts.a.execOrThrow("ip", ["tuntap", "add", "dev", "tun0", "mode", "tun"]);
  const words = ipv4WordsFor("a");
  const killed = await start(hosts.a, words, { env: { CRAPVPN_ENGINE: "batch" } });
  await killed.stop("SIGKILL");
  const ends = await Promise.all([
    start(hosts.a, words, { env: { CRAPVPN_ENGINE: "event" } }),
    start(hosts.b, ipv4WordsFor("b")),
  ]);
  await serveBoth(hosts);
  await exchangeBoth(hosts);
  await expectNoDrops(ends);
});

test("doctor tells which engine runs, and what each offload does", async () => {
  const host = (await lab("a")).host("a");
  const { stdout } = await host.exec(process.execPath, [PROGRAM, "doctor", "--json"]);
  const { findings } = JSON.parse(stdout) as { findings: { name: string; grade: string }[] };
  const told = findings.filter(({ name }) => /^(engine|tun_tcp|tun_udp|udp_)/.test(name));
  expect(told.map(({ name, grade }) => [name, grade])).toEqual(
    ["engine", "tun_tcp", "tun_udp", "udp_segment", "udp_gro"].map((name) => [name, "ok"]),
  );
  expect((await host.exec("ip", ["-o", "link"])).stdout).not.toContain("crapdoctor");
});

test("a thread that dies is told in one sentence, and nothing keeps the program", () => {
  const engine = fileURLToPath(new URL("../../dist/batch/engine.js", import.meta.url));
  const script = `void (async () => {
    const { BatchEngine } = await import(${JSON.stringify(engine)});
    const file = { fd: -1, name: "none", peer: { address: "192.0.2.1", port: 1 }, close: async () => {} };
    const engine = new BatchEngine({
      tunnel: { format: { recipe: { of: "nobody's", set: [], expect: [] } }, key: Uint8Array.of(1) }, device: file, socket: file,
      switches: {}, onlyPeer: false, everyDrop: false, notify: () => {},
    });
    const failed = await engine.start().catch((error) => error);
    await engine.stop();
    console.log(failed.name, failed.kind, failed.message);
  })()`;
  const said = execFileSync(process.execPath, ["-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(said).toMatch(
    /^Failure fault the batch engine ended by a fault of its own: .*nobody's.*--engine event goes without it\)\n$/,
  );
});
