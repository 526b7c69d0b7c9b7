// Tunnels of Ethernet frames: what one end's TAP is given comes out of the other's, whole; and
// bridges that a TAP joins and leaves.

import { afterEach, describe, expect, test } from "vitest";
import type { Host } from "../../src/lab/host.js";
import {
  cleanUp,
  deviceState,
  type End,
  hasDevice,
  INNER,
  KEY,
  lab,
  launch,
  launchPlain,
  OUTER,
  pings,
  reaches,
  silentHosts,
  start,
  type TwoHosts,
  twoHosts,
  until,
} from "./ends.js";
import { Frames, frame, sendFrames } from "./frames.js";
import { exchangeHttp, lostPings, push, serveHttp } from "./scripts.js";

afterEach(cleanUp);

/** 1500 − 20 − 8 − 8 − 14. */
const MTU = 1450;

/** The words of an end at layer 2. */
function words(name: "a" | "b", ...more: string[]): string[] {
  return ["--layer", "2", "-k", KEY, "-p", OUTER[name === "a" ? "b" : "a"], ...more];
}

function join({ a, b }: TwoHosts, ofA: string[], ofB: string[]): Promise<[End, End]> {
  return Promise.all([start(a, words("a", ...ofA)), start(b, words("b", ...ofB))]);
}

/** A bridge that is up, with these addresses. */
async function makeBridge(host: Host, ...addresses: string[]): Promise<void> {
  const lines = ["link add br0 type bridge", "link set br0 up"];
  lines.push(...addresses.map((address) => `address add ${address} dev br0`));
  await host.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** The bridge that a device is in. */
async function masterOf(host: Host, device = "tap0"): Promise<string | undefined> {
  const { stdout } = await host.execOrThrow("ip", ["-j", "link", "show", "dev", device]);
  return JSON.parse(stdout)[0].master;
}

const persistent = (host: Host) =>
  host.execOrThrow("ip", ["tuntap", "add", "dev", "tap0", "mode", "tap"]);

describe("two hosts share a network", () => {
  test("in which they find each other by ARP and neighbour discovery", async () => {
    const hosts = await twoHosts();
    const [left, right] = await join(
      hosts,
      [`${INNER.a}/24`, `${INNER.a6}/64`],
      [`${INNER.b}/24`, `${INNER.b6}/64`],
    );
    expect((await left.event("start")).addresses).toHaveLength(2);
    expect(left.events("start")[0]).toMatchObject({
      ...{ format: "crapvpn-ethernet", layer: 2, device: "tap0", mtu: MTU },
    });
    await reaches(hosts.a, INNER.b);
    // An address of IPv6 is looked for among the neighbours first.
    await reaches(hosts.a, INNER.b6);
    expect(await lostPings(hosts.a, INNER.b, [0, 1, 2, 3, 56, 1000, MTU - 28])).toEqual([]);
    const whole = { size: MTU - 28, more: ["-M", "do"] };
    expect(await pings(hosts.b, INNER.a, whole)).toBe(true);
    const { stdout } = await hosts.a.execOrThrow("ip", ["neigh", "show", "dev", "tap0"]);
    expect(stdout).toMatch(new RegExp(`^${INNER.b} lladdr`, "m"));
    expect(stdout).toMatch(new RegExp(`^${INNER.b6} lladdr`, "m"));
    await serveHttp(hosts.b);
    for (const to of [INNER.b, INNER.b6]) {
      const { sent, got, put } = await exchangeHttp(hosts.a, to, 2_000_000);
      expect([got, put]).toEqual([sent, sent]);
    }
    for (const end of [left, right]) {
      const { in: received, out } = await end.stats();
      expect([received.drops, out.drops]).toEqual([{}, {}]);
    }
  });

  test("or two addresses, as at layer 3", async () => {
    const hosts = await silentHosts();
    await join(hosts, [INNER.a, INNER.b], [INNER.b, INNER.a]);
    await reaches(hosts.a, INNER.b);
  });

  test("and a person is told what the MTU is made of", async () => {
    const { a } = await silentHosts();
    const end = launchPlain(a, words("a", "--device", "lan", `${INNER.a}/24`));
    await end.said("stderr", "lan joins 10.8.0.1/24; listening on");
    expect(end.stderr).toContain(
      "MTU 1450 (1500 − 20 IPv4 − 8 UDP − 8 crapvpn-ethernet − 14 Ethernet; eth0)",
    );
    expect((await end.stop()).code).toBe(143);
    expect(await hasDevice(a, "lan")).toBe(false);
  });
});

test("frames come out as they went in: of every kind, tagged, to everybody, short and long", async () => {
  const hosts = await silentHosts();
  const [left, right] = await join(hosts, [], []);
  const heard = await Frames.start(hosts.b, "tap0");
  const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 0xff));
  const ipv4 = Buffer.from(
    `4500001c0001000040114ce20a0900010a0900020007000700080000${"00".repeat(18)}`,
    "hex",
  );
  const sent = [
    // Of a type that nobody knows, and the shortest of all.
    frame(0x88b5, bytes(46)),
    frame(0x88b5, bytes(0)),
    frame(0x88b5, bytes(MTU)),
    // ARP, and IPv4 behind which a frame is filled up to 60 bytes.
    frame(0x0806, Buffer.from("0001080006040001020000000001", "hex")),
    frame(0x0800, ipv4),
    // Spanning tree: a length where the type stands else, and LLC behind it.
    frame(38, Buffer.concat([Buffer.from("424203", "hex"), bytes(35)]), { to: "0180c2000000" }),
    // One tag, and two.
    frame(0x0800, ipv4, { tags: [[0x8100, 7]] }),
    frame(0x86dd, bytes(60), { tags: [[0x8100, 0xe001]] }),
    frame(0x0800, ipv4, {
      tags: [
        [0x88a8, 100],
        [0x8100, 7],
      ],
    }),
    frame(0x88b5, bytes(60), { to: "01005e000001" }),
    frame(0x88b5, bytes(60), { to: "020000000099" }),
  ];
  await sendFrames(hosts.a, "tap0", sent);
  const got = await heard.atLeast(sent.length);
  expect(got.map((bytes) => bytes.toString("hex"))).toEqual(
    sent.map((bytes) => bytes.toString("hex")),
  );
  expect((await left.stats()).out).toMatchObject({ packets: sent.length, drops: {} });
  expect((await right.stats()).in).toMatchObject({ packets: sent.length, drops: {} });
});

test("an end of layer 3 is noticed, and its packets never become frames", async () => {
  const hosts = await silentHosts();
  const left = await start(hosts.a, words("a"));
  await start(hosts.b, ["-k", KEY, "--ethertype", "-p", OUTER.a, INNER.b, INNER.a]);
  await push(hosts.b, INNER.a, 3);
  const { in: received } = await left.counters(
    ({ in: { drops } }) => drops.unknown_next === 3,
    "three drops",
  );
  expect(received.packets).toBe(0);
});

describe("a bridge", () => {
  test("is joined by the TAP and left at the end, and takes its MTU meanwhile", async () => {
    const hosts = await silentHosts();
    await makeBridge(hosts.a, `${INNER.a}/24`);
    await makeBridge(hosts.b, `${INNER.b}/24`);
    const [left] = await join(hosts, ["--bridge", "br0"], ["--bridge", "br0"]);
    expect((await left.event("start")).bridge).toBe("br0");
    expect(left.events("warning", { code: "bridge_mtu" })[0]).toMatchObject({
      ...{ bridge: "br0", bridgeMtu: 1500, mtu: MTU },
    });
    await reaches(hosts.a, INNER.b);
    expect(await masterOf(hosts.a)).toBe("br0");
    expect((await deviceState(hosts.a, "br0")).mtu).toBe(MTU);
    expect((await left.stop()).code).toBe(143);
    expect(await hasDevice(hosts.a, "tap0")).toBe(false);
    expect((await deviceState(hosts.a, "br0")).mtu).toBe(1500);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "is left by a TAP that stays, after %s",
    async (signal) => {
      const { a } = await silentHosts();
      await makeBridge(a);
      await persistent(a);
      const end = await start(a, words("a", "--bridge", "br0"));
      expect(await masterOf(a)).toBe("br0");
      await end.stop(signal);
      expect(await masterOf(a)).toBeUndefined();
    },
  );

  test("is left by a TAP that stays, when the start fails", async () => {
    const { a } = await silentHosts();
    await makeBridge(a);
    await persistent(a);
    await start(a, words("a", "--device", "other"));
    const { code, stderr } = await launch(a, words("a", "--bridge", "br0")).ended;
    expect({ code, stderr }).toMatchObject({ code: 5, stderr: expect.stringContaining("taken") });
    expect(await masterOf(a)).toBeUndefined();
  });

  test("is not left by a TAP that was in it before", async () => {
    const { a } = await silentHosts();
    await makeBridge(a);
    await persistent(a);
    await a.execOrThrow("ip", ["link", "set", "tap0", "master", "br0"]);
    const end = await start(a, words("a", "--bridge", "br0"));
    await end.stop();
    expect(await masterOf(a)).toBe("br0");
  });

  test("gives the TAP its MTU, if that is less than what fits", async () => {
    const { a } = await silentHosts();
    await makeBridge(a);
    await a.execOrThrow("ip", ["link", "set", "br0", "mtu", "1300"]);
    const end = await start(a, words("a", "--bridge", "br0"));
    expect((await end.event("start")).mtu).toBe(1300);
    expect(end.events("warning", { code: "bridge_mtu" })).toEqual([]);
  });

  test("that is down is told of", async () => {
    const { a } = await silentHosts();
    await a.execOrThrow("ip", ["link", "add", "br0", "type", "bridge"]);
    const end = await start(a, words("a", "--bridge", "br0"));
    expect(end.events("warning", { code: "bridge_down" })[0]?.hints).toEqual([
      "sudo ip link set dev br0 up",
    ]);
  });

  test.each([
    ["does not exist", ":", "--bridge: there is no device br0; as root, make the bridge:"],
    ["is none", "ip link add br0 type dummy || ip link add br0 type veth", "br0 is no bridge but"],
    [
      "is another than the TAP's",
      "ip link add br0 type bridge; ip link add br1 type bridge; ip tuntap add tap0 mode tap; ip link set tap0 master br1",
      "tap0 belongs to br1 already",
    ],
  ])("that %s ends it with 5 and a sentence", async (_, prepare, sentence) => {
    const { a } = await silentHosts();
    await a.execOrThrow("sh", ["-c", prepare]);
    const existed = await hasDevice(a, "tap0");
    const { code, stderr } = await launch(a, words("a", "--bridge", "br0")).ended;
    expect(code).toBe(5);
    expect(stderr).toContain(sentence);
    expect(await hasDevice(a, "tap0")).toBe(existed);
  });

  test("that is deleted meanwhile ends nothing: the next one is joined by hand", async () => {
    const hosts = await silentHosts();
    await makeBridge(hosts.a, `${INNER.a}/24`);
    const [left] = await join(hosts, ["--bridge", "br0"], [`${INNER.b}/24`]);
    await reaches(hosts.a, INNER.b);
    hosts.b.spawn("ping", ["-n", "-q", "-i", "0.002", "-s", "1400", INNER.a]);
    await hosts.a.execOrThrow("ip", ["link", "del", "br0"]);
    await makeBridge(hosts.a, `${INNER.a}/24`);
    await hosts.a.execOrThrow("ip", ["link", "set", "tap0", "master", "br0"]);
    await reaches(hosts.a, INNER.b);
    expect((await left.stop()).code).toBe(143);
  });
});

test("a host behind the bridge is in the network, with the offloads of its cable", async () => {
  const made = await lab("a", "b", "c");
  await made.cable("a", [`${OUTER.a}/24`], "b", [`${OUTER.b}/24`]);
  await made.cable("a", [], "c", ["10.8.0.3/24"], { mtu: MTU });
  const [a, b, c] = ["a", "b", "c"].map((name) => made.host(name)) as [Host, Host, Host];
  await makeBridge(a);
  await a.execOrThrow("ip", ["link", "set", "eth1", "master", "br0"]);
  const [left, right] = await Promise.all([
    start(a, words("a", "--bridge", "br0")),
    start(b, words("b", `${INNER.b}/24`)),
  ]);
  expect(left.events("warning", { code: "bridge_mtu" })).toEqual([]);
  await reaches(c, INNER.b);
  await serveHttp(b);
  await serveHttp(c);
  for (const [from, to] of [
    [c, INNER.b],
    [b, "10.8.0.3"],
  ] as const) {
    const { sent, got, put } = await exchangeHttp(from, to, 5_000_000);
    expect([got, put]).toEqual([sent, sent]);
  }
  for (const end of [left, right]) {
    const { in: received, out } = await end.stats();
    expect([received.drops, out.drops]).toEqual([{}, {}]);
  }
});

describe("under load", () => {
  const load = (host: Host) =>
    host.spawn("ping", ["-n", "-q", "-f", "-l", "32", "-s", "1400", INNER.a]);

  test("a TAP that is deleted ends it with 5 and a sentence", async () => {
    const hosts = await silentHosts();
    const [left] = await join(hosts, [`${INNER.a}/24`], [`${INNER.b}/24`]);
    await reaches(hosts.a, INNER.b);
    load(hosts.b);
    await until(async () => (await left.stats()).in.packets > 500, "a few hundred packets");
    await hosts.a.execOrThrow("ip", ["link", "del", "dev", "tap0"]);
    const { code, stderr } = await left.ended;
    expect(code).toBe(5);
    expect(stderr).toBe("crapvpn: tap0 was deleted by somebody else\n");
  });

  test("SIGTERM ends it, and the TAP is gone", async () => {
    const hosts = await silentHosts();
    const [left] = await join(hosts, [`${INNER.a}/24`], [`${INNER.b}/24`]);
    await reaches(hosts.a, INNER.b);
    load(hosts.b);
    await until(async () => (await left.stats()).in.packets > 500, "a few hundred packets");
    expect((await left.stop()).code).toBe(143);
    expect(await hasDevice(hosts.a, "tap0")).toBe(false);
  });
});

test.each([
  ["a TUN", ["tuntap", "add", "dev", "tap0", "mode", "tun"]],
  ["a bridge", ["link", "add", "tap0", "type", "bridge"]],
])("a name that %s has ends it with 5 and a sentence", async (_, made) => {
  const { a } = await silentHosts();
  await a.execOrThrow("ip", made);
  const { code, stderr } = await launch(a, words("a")).ended;
  expect(code).toBe(5);
  expect(stderr).toBe(
    "crapvpn: tap0 is no name for a TAP device, or another kind of device has it: choose another --device\n",
  );
});
