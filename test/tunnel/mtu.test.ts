// The device's MTU: what fits the way to the peer in one piece, or what was asked for.

import { afterEach, describe, expect, test } from "vitest";
import {
  cleanUp,
  deviceState,
  INNER,
  join,
  lab,
  launch,
  OUTER,
  pings,
  start,
  twoHosts,
} from "./ends.js";
import { Capture, lostPings } from "./scripts.js";

afterEach(cleanUp);

const IPV4 = [INNER.a, INNER.b];
const IPV6 = [INNER.a6, INNER.b6];

describe("fits the way to the peer", () => {
  test.each([
    [1500, OUTER.b, 1464],
    [1500, OUTER.b6, 1444],
    [1400, OUTER.b, 1364],
    [1400, OUTER.b6, 1344],
    [9000, OUTER.b, 8964],
    [9000, OUTER.b6, 8944],
  ])("of a cable with MTU %d to %s: %d", async (cable, peer, mtu) => {
    const { a } = await twoHosts({ mtu: cable });
    const end = await start(a, ["-k", "00", "-p", peer, ...IPV4, ...IPV6]);
    expect(await end.event("mtu")).toMatchObject({ mtu, routeMtu: cable, overhead: 8 });
    expect(await end.event("start")).toMatchObject({ mtu });
    expect((await deviceState(a)).mtu).toBe(mtu);
  });

  test.each([
    ["is the longest that a datagram carries", "127.0.0.1", 65_499],
    ["is the longest that fits", "::1", 65_480],
  ])("over loopback %s (%s: %d)", async (_, peer, mtu) => {
    const host = (await lab("a")).host("a");
    const end = await start(host, ["-k", "00", "-p", peer, ...IPV4, ...IPV6]);
    expect(await end.event("start")).toMatchObject({ mtu });
    expect((await deviceState(host)).mtu).toBe(mtu);
    expect(end.events("warning", { code: "own_address" })).toHaveLength(1);
  });

  test("follows a route that has an MTU of its own", async () => {
    const { a } = await twoHosts();
    await a.execOrThrow("ip", ["route", "add", OUTER.b, "dev", "eth0", "mtu", "1372"]);
    const end = await start(a, ["-k", "00", "-p", OUTER.b, ...IPV4]);
    expect(await end.event("mtu")).toMatchObject({ mtu: 1336, routeMtu: 1372 });
  });

  test("is Ethernet's where there is no way yet", async () => {
    const host = (await lab("a")).host("a");
    const end = await start(host, ["-k", "00", "-p", OUTER.b, ...IPV4]);
    expect(await end.event("warning", { code: "no_route" })).toHaveProperty("message");
    expect(await end.event("start")).toMatchObject({ mtu: 1464 });
  });

  test("and packets of that size pass, one byte more not, on a cable of 9000", async () => {
    const hosts = await twoHosts({ mtu: 9000 });
    await join(hosts);
    const more = ["-M", "do", "-W", "0.3"];
    expect(await pings(hosts.a, INNER.b, { size: 8964 - 28, more: ["-M", "do"] })).toBe(true);
    expect(await pings(hosts.a, INNER.b, { size: 8964 - 27, more })).toBe(false);
    expect(await lostPings(hosts.a, INNER.b6, [8964 - 48, 8964 - 47, 30_000])).toEqual([]);
  });
});

describe("a cable too small", () => {
  test("for IPv6 inside is refused with the reason", async () => {
    const { a } = await twoHosts({ mtu: 1300 });
    const { code, stderr } = await launch(a, ["-k", "00", "-p", OUTER.b, ...IPV4, ...IPV6]).ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^crapvpn: an MTU of 1264 bytes \(1300 − 20 IPv4 − 8 UDP − 8 crapvpn\) .*IPv6 needs 1280.*\n$/,
    );
  });

  test("for IPv6 inside is enough for IPv4 alone, or with --mtu 1280 and fragments", async () => {
    const hosts = await twoHosts({ mtu: 1300 });
    const end = await start(hosts.a, ["-k", "00", "-p", OUTER.b, ...IPV4]);
    expect(await end.event("start")).toMatchObject({ mtu: 1264 });
    await end.stop();
    const more = ["--mtu", "1280"];
    await join(hosts, { a: more, b: more });
    expect(await lostPings(hosts.a, INNER.b6, [0, 1280 - 48, 4000])).toEqual([]);
  });

  test("for IPv6 inside by --mtu is a wrong command line", async () => {
    const { a } = await twoHosts();
    const words = ["-k", "00", "-p", OUTER.b, "--mtu", "1279", ...IPV4, ...IPV6];
    expect(await launch(a, words).ended).toMatchObject({ code: 2 });
    const end = await start(a, words.slice(0, -2));
    expect((await deviceState(a)).mtu).toBe(1279);
    expect(end.stderr).toBe("");
  });
});

describe("--mtu", () => {
  test.each([
    ["IPv4", OUTER.a, OUTER.b],
    ["IPv6", OUTER.a6, OUTER.b6],
  ])("larger than fits lets datagrams travel in fragments over %s", async (_, a, b) => {
    const hosts = await twoHosts();
    const ends = await Promise.all([
      start(hosts.a, ["-k", "00", "-p", b, "--mtu", "9000", ...IPV4, ...IPV6]),
      start(hosts.b, ["-k", "00", "-p", a, "--mtu", "9000", INNER.b, INNER.a, INNER.b6, INNER.a6]),
    ]);
    const fragments = await Capture.start(hosts.b, "eth0", "ip[6:2] & 0x3fff != 0 or ip6 proto 44");
    for (const to of [INNER.b, INNER.b6]) {
      expect(await pings(hosts.a, to, { size: 8900, more: ["-M", "do"] })).toBe(true);
    }
    await fragments.atLeast(2 * 2 * 7);
    expect(await lostPings(hosts.a, INNER.b, [1436, 1437, 1464, 1465, 8972])).toEqual([]);
    for (const end of ends) expect((await end.stats()).out.drops).toEqual({});
  });

  test("as large as it may be carries packets of 65,499 bytes", async () => {
    const hosts = await twoHosts();
    const more = ["--mtu", "65499"];
    await join(hosts, { a: more, b: more });
    const whole = ["-M", "do"];
    expect(await pings(hosts.a, INNER.b, { size: 65_499 - 28, more: whole })).toBe(true);
    expect(await pings(hosts.a, INNER.b6, { size: 65_499 - 48, more: whole })).toBe(true);
  });

  test("smaller than fits is what the device has", async () => {
    const { a } = await twoHosts();
    await start(a, ["-k", "00", "-p", OUTER.b, "--mtu", "68", ...IPV4]);
    expect((await deviceState(a)).mtu).toBe(68);
  });
});

describe("bytes 6 and 7 of the header", () => {
  const kinds = (datagrams: Buffer[]) => [
    ...new Set(datagrams.map((packet) => packet.subarray(28, 36).toString("hex"))),
  ];

  test.each([
    ["are zero", [], ["0000", "0000"]],
    ["hold the EtherType with --ethertype", ["--ethertype"], ["0800", "86dd"]],
  ])("%s", async (_, more, [ipv4, ipv6]) => {
    const hosts = await twoHosts();
    const [, right] = await join(hosts, { a: more });
    const cable = await Capture.start(hosts.b, "eth0", `udp and src ${OUTER.a}`);
    // 84 and 104 bytes with their headers: no other packet has these lengths.
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    expect(await pings(hosts.a, INNER.b6)).toBe(true);
    const ofLength = (length: number) => (packet: Buffer) => packet.length === 28 + 8 + length;
    expect(kinds(await cable.atLeast(1, ofLength(84)))).toEqual([`637261700054${ipv4}`]);
    expect(kinds(await cable.atLeast(1, ofLength(104)))).toEqual([`637261700068${ipv6}`]);
    expect(await right.stats()).toMatchObject({ nextDiffers: 0, in: { drops: {} } });
  });
});
