// Against programs that share no code with ours: the peer in Python, and the author's own.

import { existsSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import {
  cleanUp,
  type End,
  INNER,
  KEY,
  OUTER,
  pings,
  Running,
  reaches,
  type Stats,
  silentHosts,
  start,
  startPeer,
  type TwoHosts,
  twoHosts,
  until,
  wordsFor,
} from "./ends.js";
import { Capture, echoUdp, exchangeHttp, lostPings, lostUdp, serveHttp } from "./scripts.js";

afterEach(cleanUp);

const OURS = ["-k", KEY, "-p", OUTER.b, INNER.a, INNER.b];
const THEIRS = ["-k", KEY, "-p", OUTER.a, INNER.b, INNER.a];

/** Ours on host a, the Python peer on host b. */
async function withPeer({
  ours = [],
  theirs = [],
}: {
  ours?: readonly string[];
  theirs?: readonly string[];
} = {}): Promise<TwoHosts & { end: End; peer: Running }> {
  const hosts = await twoHosts();
  const [end, peer] = await Promise.all([
    start(hosts.a, [...OURS, ...ours]),
    startPeer(hosts.b, [...theirs, ...THEIRS]),
  ]);
  return { ...hosts, end, peer };
}

/** Pings of many sizes, HTTP and UDP both ways. */
async function exchangeAll({ a, b }: TwoHosts): Promise<void> {
  const sizes = [0, 1, 8, 56, 512, 1435, 1436, 1437, 1472, 1473, 9000];
  expect(await lostPings(a, INNER.b, sizes)).toEqual([]);
  expect(await lostPings(b, INNER.a, sizes)).toEqual([]);
  await Promise.all([serveHttp(a), serveHttp(b), echoUdp(b)]);
  for (const [from, to] of [
    [a, INNER.b],
    [b, INNER.a],
  ] as const) {
    const { sent, got, put } = await exchangeHttp(from, to, 1_000_000);
    expect({ got, put }).toEqual({ got: sent, put: sent });
  }
  const lengths = [0, 1, 2, 3, 100, 1000, 1436, 1437, 1464, 1472, 1473, 5000];
  expect(await lostUdp(a, INNER.b, lengths)).toEqual([]);
}

describe("the peer in Python", () => {
  test.each([
    ["zeros", "zero", 0],
    ["the EtherType", "real", 0],
    ["some other number", "6558", 1],
  ])("writes %s in bytes 6 and 7: everything passes both ways", async (_, ethertype, differs) => {
    const made = await withPeer({ theirs: ["--ethertype", ethertype] });
    await exchangeAll(made);
    const { in: received, out, nextDiffers } = await made.end.stats();
    expect([received.drops, out.drops]).toEqual([{}, {}]);
    // A number that names another kind of packet is noted, and nothing more.
    expect(nextDiffers).toBe(differs * received.packets);
  });

  test("takes what ours sends with --ethertype", async () => {
    const { a, b } = await withPeer({ ours: ["--ethertype"] });
    expect(await lostPings(a, INNER.b, [0, 56, 1436, 3000])).toEqual([]);
    expect(await pings(b, INNER.a)).toBe(true);
  });

  test("has an MTU of 1500, so that its full packets come in fragments", async () => {
    const { a, b, end } = await withPeer();
    const fragments = await Capture.start(a, "eth0", `src ${OUTER.b} and ip[6:2] & 0x3fff != 0`);
    expect(await pings(b, INNER.a, { size: 1472, more: ["-M", "do"] })).toBe(true);
    await fragments.atLeast(2);
    expect(await lostPings(b, INNER.a, [1437, 1464, 1471, 1472])).toEqual([]);
    expect((await end.stats()).in.drops).toEqual({});
  });

  test("has another port, over IPv6", async () => {
    const hosts = await twoHosts();
    const listen = ["--listen", "1400"];
    const end = await start(hosts.a, [
      ...["-k", KEY, "-p", `[${OUTER.b6}]:1500`, ...listen],
      ...[INNER.a, INNER.b, INNER.a6, INNER.b6],
    ]);
    const ports = ["--ipv6", "--port", "1500", "--peer-port", "1400"];
    await startPeer(hosts.b, [...ports, "-k", KEY, "-p", OUTER.a6, INNER.b6, INNER.a6]);
    expect(await lostPings(hosts.a, INNER.b6, [0, 56, 1396, 1397, 5000])).toEqual([]);
    expect(await lostPings(hosts.b, INNER.a6, [0, 56, 1396, 1397, 5000])).toEqual([]);
    expect((await end.stats()).in.drops).toEqual({});
  });

  test("has another key: ours says so, and no packet comes through", async () => {
    const hosts = await twoHosts();
    const end = await start(hosts.a, OURS);
    await startPeer(hosts.b, ["-k", "FF".repeat(7), ...THEIRS.slice(2)]);
    const inside = await Capture.start(hosts.a, "tun0", `src ${INNER.b} or src ${INNER.a}`);
    const flood = ["-c", "100", "-i", "0.01", "-W", "0.1"];
    await hosts.b.exec("ping", ["-n", "-q", ...flood, INNER.a]);
    const warning = await end.event("warning", { code: "wrong_key" });
    expect(warning).toMatchObject({ datagrams: 8 });
    expect(warning.message).toContain("is the key the peer's?");
    await end.event("warning", { code: "wrong_key", datagrams: 64 });
    // Its device also sends a few packets of its own accord.
    const all = ({ in: { drops } }: Stats) => (drops.not_a_packet ?? 0) >= 100;
    const stats = await end.counters(all, "every datagram is dropped");
    expect(stats.in).toMatchObject({ packets: 0, bytes: 0 });
    expect(end.events("heard")).toEqual([]);
    expect(end.drops("not_a_packet")).toHaveLength(1);
    expect(inside.packets).toEqual([]);
  });

  test("restarts in the middle of a ping, and so does ours", async () => {
    const hosts = await twoHosts();
    let end = await start(hosts.a, OURS);
    let peer = await startPeer(hosts.b, THEIRS);
    // From the far end, so that the device it goes through is away for a while.
    const ping = new Running(hosts.a.spawn("ping", ["-n", "-i", "0.05", INNER.b]));
    const answers = () => ping.stdout.split("bytes from").length;
    const goesOn = async () => {
      await reaches(hosts.a, INNER.b);
      await reaches(hosts.b, INNER.a);
    };
    await goesOn();
    expect((await peer.stop()).code).toBe(0);
    await end.counters(({ out }) => out.packets > answers() + 3, "packets that nobody answers");
    peer = await startPeer(hosts.b, THEIRS);
    await goesOn();
    expect(end.told.filter(({ event }) => event === "drop")).toEqual([]);
    expect((await end.stop()).code).toBe(143);
    end = await start(hosts.a, OURS);
    await goesOn();
    expect(peer.isRunning).toBe(true);
  });
});

const author = process.env.CRAPVPN_AUTHOR_PROGRAM;
/** One that has click, which setup gives the system's. */
const python = process.env.CRAPVPN_AUTHOR_PYTHON ?? "/usr/bin/python3";
const external = author === undefined ? " (external: CRAPVPN_AUTHOR_PROGRAM is not set)" : "";

describe.skipIf(author === undefined)(`the author's program${external}`, () => {
  /** His, with the same words as ours takes. Nothing tells when it is ready but its device. */
  async function startAuthor({ b }: TwoHosts, key = KEY): Promise<Running> {
    expect(existsSync(author ?? "")).toBe(true);
    const words = [author ?? "", "-k", key, "-p", OUTER.a, INNER.b, INNER.a];
    const his = new Running(b.spawn(python, words));
    await until(
      async () =>
        (await b.exec("ip", ["-4", "address", "show", "dev", "tun0"])).stdout.includes(INNER.b),
      "the author's device has its address",
    );
    return his;
  }

  test("everything passes both ways", async () => {
    const hosts = await twoHosts();
    const [end] = await Promise.all([start(hosts.a, OURS), startAuthor(hosts)]);
    expect(end.events("start")[0]).toMatchObject({ device: "tun0", mtu: 1464 });
    await exchangeAll(hosts);
    const { in: received, out } = await end.stats();
    expect([received.drops, out.drops]).toEqual([{}, {}]);
  });

  test("takes what ours sends with --ethertype", async () => {
    const hosts = await twoHosts();
    await Promise.all([start(hosts.a, [...OURS, "--ethertype"]), startAuthor(hosts)]);
    await exchangeAll(hosts);
  });

  test("has another key: ours says so", async () => {
    // His ends at the first datagram with another key, so ours must have nothing to say.
    const hosts = await silentHosts();
    const [end] = await Promise.all([start(hosts.a, OURS), startAuthor(hosts, "00FF00")]);
    await hosts.b.exec("ping", ["-n", "-q", "-c", "10", "-i", "0.02", "-W", "0.1", INNER.a]);
    await end.event("warning", { code: "wrong_key" });
  });

  test("restarts, and so does ours", async () => {
    const hosts = await twoHosts();
    const end = await start(hosts.a, wordsFor("a"));
    const his = await startAuthor(hosts);
    await reaches(hosts.a, INNER.b);
    await his.stop("SIGKILL");
    const again = await startAuthor(hosts);
    await reaches(hosts.a, INNER.b);
    await end.stop();
    await start(hosts.a, wordsFor("a"));
    await reaches(hosts.b, INNER.a);
    expect(again.isRunning).toBe(true);
  });
});
