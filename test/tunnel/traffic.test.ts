// Traffic between two of ours: what goes into one end comes out of the other, whole.

import { afterEach, describe, expect, test } from "vitest";
import {
  cleanUp,
  deviceState,
  INNER,
  join,
  OUTER,
  pings,
  reaches,
  start,
  twoHosts,
} from "./ends.js";
import { Capture, echoUdp, exchangeHttp, lostPings, lostUdp, serveHttp } from "./scripts.js";

afterEach(cleanUp);

/** What an inner packet of 1464 bytes has room for. */
const MTU = 1464;
const IPV4_PING = MTU - 20 - 8;
const IPV6_PING = MTU - 40 - 8;

describe("ping", () => {
  test("comes back, whatever its size", async () => {
    const hosts = await twoHosts();
    const [left, right] = await join(hosts);
    const some = [
      0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 55, 56, 63, 64, 65, 127, 255, 256, 511, 1000,
    ];
    const lost = await Promise.all([
      lostPings(hosts.a, INNER.b, [...some, IPV4_PING - 1, IPV4_PING]),
      lostPings(hosts.a, INNER.b6, [...some, IPV6_PING - 1, IPV6_PING]),
    ]);
    expect(lost).toEqual([[], []]);
    for (const end of [left, right]) {
      const { out, in: received } = await end.stats();
      expect([out.drops, received.drops]).toEqual([{}, {}]);
      expect(out.packets).toBeGreaterThanOrEqual(2 * some.length + 4);
    }
  });

  test("of the MTU's size goes in one piece, and one that must not be cut goes no further", async () => {
    const hosts = await twoHosts();
    await join(hosts);
    const fragments = await Capture.start(hosts.b, "eth0", "ip[6:2] & 0x3fff != 0");
    const whole = await Capture.start(hosts.b, "eth0", "ip and greater 1514");
    for (const [to, most] of [
      [INNER.b, IPV4_PING],
      [INNER.b6, IPV6_PING],
    ] as const) {
      expect(await pings(hosts.a, to, { size: most, more: ["-M", "do"] })).toBe(true);
      const more = ["-M", "do", "-W", "0.3"];
      expect(await pings(hosts.a, to, { size: most + 1, more })).toBe(false);
    }
    expect((await whole.atLeast(4)).map((packet) => packet.length)).toEqual([
      1500, 1500, 1500, 1500,
    ]);
    expect(fragments.packets).toEqual([]);
  });

  test("above the MTU's size is cut inside of the tunnel, not outside", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    const fragments = await Capture.start(hosts.b, "eth0", "ip[6:2] & 0x3fff != 0");
    const sizes = [IPV4_PING + 1, 3000, 20_000, 65_000];
    expect(await lostPings(hosts.a, INNER.b, [...sizes, 65_507])).toEqual([]);
    expect(await lostPings(hosts.a, INNER.b6, sizes)).toEqual([]);
    expect(fragments.packets).toEqual([]);
    expect((await left.stats()).out.drops).toEqual({});
  });
});

describe("HTTP", () => {
  test.each([
    ["IPv4", INNER.b],
    ["IPv6", INNER.b6],
  ])("takes 10 MB both ways over %s", async (_, to) => {
    const hosts = await twoHosts();
    const [left, right] = await join(hosts);
    await serveHttp(hosts.b);
    const { sent, got, put } = await exchangeHttp(hosts.a, to, 10_000_000);
    expect({ got, put }).toEqual({ got: sent, put: sent });
    for (const end of [left, right]) {
      expect((await end.stats()).in.bytes).toBeGreaterThan(10_000_000);
    }
  });
});

test("UDP datagrams of every length come back, also those that travel in fragments", async () => {
  const hosts = await twoHosts();
  const [left, right] = await join(hosts);
  await echoUdp(hosts.b);
  const every = Array.from({ length: IPV4_PING + 1 }, (_, length) => length);
  expect(await lostUdp(hosts.a, INNER.b, every)).toEqual([]);
  expect(await lostUdp(hosts.a, INNER.b6, every.slice(0, IPV6_PING + 1))).toEqual([]);
  const long = [1437, 1438, 1465, 2927, 2928, 9000, 32_768, 65_507];
  expect(await lostUdp(hosts.a, INNER.b, long)).toEqual([]);
  expect(await lostUdp(hosts.a, INNER.b6, [...long.slice(0, -1), 65_487])).toEqual([]);
  for (const end of [left, right]) {
    const { out, in: received } = await end.stats();
    expect([out.drops, received.drops]).toEqual([{}, {}]);
  }
});

describe("addresses inside", () => {
  test("several pairs of both families", async () => {
    const hosts = await twoHosts();
    const more = (own: number, other: number) => [
      ...[`10.9.0.${own}`, `10.9.0.${other}`],
      ...[`fd00:9::${own}`, `fd00:9::${other}`],
    ];
    await join(hosts, { a: more(1, 2), b: more(2, 1) });
    for (const to of [INNER.b, INNER.b6, "10.9.0.2", "fd00:9::2"]) {
      expect([to, await pings(hosts.a, to)]).toEqual([to, true]);
    }
  });

  test("IPv6 alone, and the two ends named once in either case", async () => {
    const hosts = await twoHosts();
    const words = ["-k", "00"];
    await Promise.all([
      start(hosts.a, [...words, "-p", OUTER.b, "FD00:8:0::1", "fd00:8::2"]),
      start(hosts.b, [...words, "-p", OUTER.a, "fd00:8::2", "fd00:8:0:0::1"]),
    ]);
    expect(await pings(hosts.a, INNER.b6)).toBe(true);
    const { addr_info: addresses } = await deviceState(hosts.a);
    expect(addresses).toContainEqual(
      expect.objectContaining({ local: "fd00:8::1", address: "fd00:8::2", prefixlen: 128 }),
    );
  });

  test("a /PREFIX puts a whole network behind the tunnel", async () => {
    const hosts = await twoHosts();
    const words = ["-k", "00"];
    await Promise.all([
      start(hosts.a, [
        ...words,
        "-p",
        OUTER.b,
        "10.8.0.1/24",
        "10.8.0.2",
        "fd00:8::1/64",
        INNER.b6,
      ]),
      start(hosts.b, [
        ...words,
        "-p",
        OUTER.a,
        "10.8.0.2/24",
        "10.8.0.1",
        "fd00:8::2/64",
        INNER.a6,
      ]),
    ]);
    // Hosts behind the other end, played by a loopback.
    for (const [address, to] of [
      ["10.8.0.77/32", "10.8.0.77"],
      ["fd00:8::77/128", "fd00:8::77"],
    ] as const) {
      await hosts.b.execOrThrow("ip", ["address", "add", address, "dev", "lo"]);
      // A new address of IPv6 is the host's only a moment later.
      await reaches(hosts.a, to);
    }
    const { stdout } = await hosts.a.execOrThrow("ip", ["route", "show", "dev", "tun0"]);
    expect(stdout).toContain("10.8.0.0/24");
  });
});
