// Trouble on the way: a peer that is not there, no route, a slow cable, a loop, a stranger.

import { afterEach, describe, expect, test } from "vitest";
import type { Host } from "../../src/lab/host.js";
import {
  cleanUp,
  INNER,
  join,
  lab,
  launch,
  OUTER,
  reaches,
  type Stats,
  start,
  startPeer,
  twoHosts,
  wordsFor,
} from "./ends.js";
import { Capture, push, sendUdp } from "./scripts.js";

afterEach(cleanUp);

describe("a peer that is not there", () => {
  test("is waited for: the answers of its host change nothing", async () => {
    const hosts = await twoHosts();
    const left = await start(hosts.a, wordsFor("a"));
    const icmp = await Capture.start(hosts.a, "eth0", "icmp[icmptype] == icmp-unreach");
    await push(hosts.a, INNER.b, 20);
    await icmp.atLeast(1);
    const stats = await left.counters(({ out }) => out.packets >= 20, "20 packets went out");
    expect(stats.out.drops).toEqual({});
    expect(left.events("drop")).toEqual([]);
    const right = await start(hosts.b, wordsFor("b"));
    await reaches(hosts.a, INNER.b);
    await reaches(hosts.b, INNER.a6);
    expect(right.events("heard")).toHaveLength(1);
    expect(left.events("heard")).toHaveLength(1);
  });

  test("is waited for over IPv6 too", async () => {
    const hosts = await twoHosts();
    const left = await start(hosts.a, ["-k", "00", "-p", OUTER.b6, INNER.a, INNER.b]);
    const icmp = await Capture.start(hosts.a, "eth0", "icmp6[icmp6type] == 1");
    await push(hosts.a, INNER.b, 20);
    await icmp.atLeast(1);
    expect((await left.stats()).out.drops).toEqual({});
    await start(hosts.b, ["-k", "00", "-p", OUTER.a6, INNER.b, INNER.a]);
    await reaches(hosts.a, INNER.b);
  });

  test("nor its host: nobody answers for its address", async () => {
    const hosts = await twoHosts();
    const left = await start(hosts.a, ["-k", "00", "-p", "192.0.2.77", INNER.a, INNER.b]);
    await push(hosts.a, INNER.b, 20);
    await hosts.b.execOrThrow("ip", ["address", "add", "192.0.2.77/24", "dev", "eth0"]);
    await start(hosts.b, ["-k", "00", "-p", OUTER.a, INNER.b, INNER.a]);
    await reaches(hosts.a, INNER.b);
    expect(left.isRunning).toBe(true);
  });

  test("sleeps for a while, and so does ours", async () => {
    const hosts = await twoHosts();
    const [left, right] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    for (const end of [left, right]) {
      end.child.kill("SIGSTOP");
      await push(hosts.a, INNER.b, 20);
      await push(hosts.b, INNER.a, 20);
      end.child.kill("SIGCONT");
      await reaches(hosts.a, INNER.b);
      await reaches(hosts.b, INNER.a6);
      expect((await end.stats()).in.drops).toEqual({});
    }
  });

  test("restarts, again and again, and goes for good", async () => {
    const hosts = await twoHosts();
    const [left, right] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    await right.stop("SIGKILL");
    for (const signal of ["SIGTERM", "SIGKILL", "SIGINT"] as const) {
      await push(hosts.a, INNER.b);
      const again = await start(hosts.b, wordsFor("b"));
      await reaches(hosts.a, INNER.b);
      await reaches(hosts.b, INNER.a6);
      await again.stop(signal);
    }
    await push(hosts.a, INNER.b);
    const { out, in: received } = await left.stats();
    expect([out.drops, received.drops]).toEqual([{}, {}]);
    expect((await left.stop("SIGINT")).code).toBe(130);
  });
});

describe("no way to the peer", () => {
  test.each([
    ["at the start", "no route", "unreachable"],
    ["at the start", "unreachable", "unreachable"],
    ["at the start", "prohibit", "forbidden"],
  ])("%s (%s): packets are dropped as such until there is one", async (_, kind, reason) => {
    const made = await lab("a", "b");
    await made.cable("a", ["198.51.100.1/24"], "b", ["198.51.100.2/24"]);
    const [a, b] = [made.host("a"), made.host("b")];
    await b.execOrThrow("ip", ["address", "add", `${OUTER.b}/32`, "dev", "lo"]);
    if (kind !== "no route") await a.execOrThrow("ip", ["route", "add", kind, OUTER.b]);
    const left = await start(a, wordsFor("a"));
    const [warning] = left.events("warning", { code: "no_route" });
    expect(warning?.message).toContain(`there is no way to ${OUTER.b} now`);
    await push(a, INNER.b);
    const counted = ({ out: { drops } }: Stats) => (drops[reason as "unreachable"] ?? 0) >= 5;
    await left.counters(counted, `drops as ${reason}`);
    expect(left.drops(reason)).toHaveLength(1);
    expect(left.drops(reason)[0]).toMatchObject({ direction: "out", first: true, layer: "system" });
    await start(b, ["-k", "1234ABCD", "-p", "198.51.100.1", INNER.b, INNER.a]);
    await a.execOrThrow("ip", ["route", "replace", OUTER.b, "via", "198.51.100.2"]);
    await reaches(a, INNER.b);
  });

  test("while it runs, and over IPv6: it goes on when there is one again", async () => {
    const hosts = await twoHosts();
    const [left] = await Promise.all([
      start(hosts.a, ["-k", "00", "-p", OUTER.b6, INNER.a, INNER.b]),
      start(hosts.b, ["-k", "00", "-p", OUTER.a6, INNER.b, INNER.a]),
    ]);
    await reaches(hosts.a, INNER.b);
    await hosts.a.execOrThrow("ip", ["-6", "route", "add", "unreachable", `${OUTER.b6}/128`]);
    await push(hosts.a, INNER.b);
    await left.counters(({ out }) => (out.drops.unreachable ?? 0) > 0, "drops as unreachable");
    await hosts.a.execOrThrow("ip", ["-6", "route", "del", "unreachable", `${OUTER.b6}/128`]);
    await reaches(hosts.a, INNER.b);
  });

  test("since the cable's end is down: it goes on when that is up", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    await hosts.a.execOrThrow("ip", ["link", "set", "dev", "eth0", "down"]);
    await push(hosts.a, INNER.b);
    const { out } = await left.counters((stats) => (stats.out.drops.unreachable ?? 0) > 0, "drops");
    expect(Object.keys(out.drops)).toEqual(["unreachable"]);
    await hosts.a.execOrThrow("ip", ["link", "set", "dev", "eth0", "up"]);
    await reaches(hosts.a, INNER.b);
    await reaches(hosts.b, INNER.a);
  });
});

describe("a routing loop", () => {
  test("before the start is refused", async () => {
    const hosts = await twoHosts();
    for (const [peer, inside] of [
      ["10.8.0.77", ["10.8.0.1/24", "10.8.0.2"]],
      [INNER.b, [INNER.a, INNER.b]],
      [INNER.a, [INNER.a, INNER.b]],
      [INNER.b6, [INNER.a, INNER.b, INNER.a6, INNER.b6]],
    ] as const) {
      const { code, stderr } = await launch(hosts.a, ["-k", "00", "-p", peer, ...inside]).ended;
      expect(code).toBe(2);
      expect(stderr).toMatch(/^crapvpn: -p: .*-p takes the other host's outer address\n$/);
    }
  });

  test("through a persistent device that has the route already is refused", async () => {
    const { a } = await twoHosts();
    for (const words of [
      ["tuntap", "add", "dev", "tun0", "mode", "tun"],
      ["link", "set", "dev", "tun0", "up"],
      ["route", "add", "203.0.113.0/24", "dev", "tun0"],
    ]) {
      await a.execOrThrow("ip", words);
    }
    const { code, stderr } = await launch(a, ["-k", "00", "-p", "203.0.113.5", INNER.a, INNER.b])
      .ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/^crapvpn: the way to the peer 203\.0\.113\.5 leads into tun0 itself/);
    const { stdout } = await a.execOrThrow("ip", ["-4", "address", "show", "dev", "tun0"]);
    expect(stdout).not.toContain(INNER.a);
  });

  test.each([
    ["IPv4", OUTER.a, OUTER.b, ["route", "add", `${OUTER.b}/32`, "dev", "tun0"]],
    ["IPv6", OUTER.a6, OUTER.b6, ["-6", "route", "add", `${OUTER.b6}/128`, "dev", "tun0"]],
  ])("made later over %s drops the datagram that comes back, and no more", async (...row) => {
    const [, own, peer, route] = row;
    const hosts = await twoHosts();
    const inner = [INNER.a, INNER.b, INNER.a6, INNER.b6];
    const left = await start(hosts.a, ["-k", "00", "-p", peer, ...inner]);
    await start(hosts.b, ["-k", "00", "-p", own, INNER.b, INNER.a]);
    await reaches(hosts.a, INNER.b);
    const before = await left.stats();
    await hosts.a.execOrThrow("ip", route);
    await push(hosts.a, INNER.b, 10);
    await left.event("warning", { code: "routing_loop" });
    const looped = ({ out: { drops } }: Stats) => (drops.routing_loop ?? 0) >= 10;
    const { out } = await left.counters(looped, "drops as routing_loop");
    // Each packet is wrapped once; what is wrapped comes back once, and that is all.
    expect(out.drops.routing_loop).toBeLessThan(30);
    expect(out.packets - before.out.packets).toBeLessThan(30);
    expect(left.events("warning", { code: "routing_loop" })).toHaveLength(1);
    // Datagrams of full packets come back in fragments, of which only the first tells its port.
    await push(hosts.a, INNER.b, 10, Number(left.events("start")[0]?.mtu) - 28);
    const calm = await left.counters(
      ({ out: { drops } }) => (drops.routing_loop ?? 0) >= (out.drops.routing_loop ?? 0) + 10,
      "more drops as routing_loop",
    );
    expect(calm.out.packets - out.packets).toBeLessThan(60);
    await hosts.a.execOrThrow(
      "ip",
      route.map((word) => (word === "add" ? "del" : word)),
    );
    await reaches(hosts.a, INNER.b);
  });

  test("by a default route: both ends stay calm", async () => {
    const made = await lab("a", "middle", "b");
    await made.cable("a", ["198.51.100.1/24"], "middle", ["198.51.100.2/24"]);
    await made.cable("middle", ["203.0.113.2/24"], "b", ["203.0.113.1/24"]);
    const [a, middle, b] = ["a", "middle", "b"].map((name) => made.host(name)) as [
      Host,
      Host,
      Host,
    ];
    await middle.execOrThrow("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    await a.execOrThrow("ip", ["route", "add", "default", "via", "198.51.100.2"]);
    await b.execOrThrow("ip", ["route", "add", "default", "via", "203.0.113.2"]);
    const left = await start(a, ["-k", "00", "-p", "203.0.113.1", INNER.a, INNER.b]);
    await start(b, ["-k", "00", "-p", "198.51.100.1", INNER.b, INNER.a]);
    await reaches(a, INNER.b);
    await a.execOrThrow("ip", ["route", "replace", "default", "dev", "tun0"]);
    await push(a, INNER.b, 10);
    await left.event("warning", { code: "routing_loop" });
    expect((await left.stats()).out.drops.routing_loop).toBeLessThan(30);
    await a.execOrThrow("ip", ["route", "add", "203.0.113.1", "via", "198.51.100.2"]);
    await reaches(a, INNER.b);
  });
});

describe("a stranger", () => {
  const GOOD = ["-k", "00", "-p", OUTER.b, INNER.a, INNER.b];

  test("is listened to, as the author does", async () => {
    const hosts = await twoHosts();
    await hosts.b.execOrThrow("ip", ["address", "add", "192.0.2.99/24", "dev", "eth0"]);
    const left = await start(hosts.a, [...GOOD.slice(0, 3), "192.0.2.99", ...GOOD.slice(4)]);
    await startPeer(hosts.b, ["-k", "00", "-p", OUTER.a, INNER.b, INNER.a]);
    await push(hosts.b, INNER.a);
    expect((await left.event("heard")).source).toEqual({ address: OUTER.b, port: 1337 });
  });

  test("is not listened to with --only-peer, be it by address or by port", async () => {
    const hosts = await twoHosts();
    const left = await start(hosts.a, ["--only-peer", ...GOOD]);
    const peer = await startPeer(hosts.b, [
      "--port",
      "1400",
      "-k",
      "00",
      "-p",
      OUTER.a,
      INNER.b,
      INNER.a,
    ]);
    await push(hosts.b, INNER.a);
    await left.counters((stats) => (stats.in.drops.other_source ?? 0) >= 5, "drops by port");
    await peer.stop();
    await startPeer(hosts.b, ["-k", "00", "-p", OUTER.a, INNER.b, INNER.a]);
    await reaches(hosts.b, INNER.a);
    expect((await left.event("heard")).source).toEqual({ address: OUTER.b, port: 1337 });
    const before = await left.stats();
    await hosts.b.execOrThrow("ip", ["address", "add", "192.0.2.99/24", "dev", "eth0"]);
    const route = ["route", "add", `${OUTER.a}/32`, "dev", "eth0", "src", "192.0.2.99"];
    await hosts.b.execOrThrow("ip", route);
    await sendUdp(hosts.b, OUTER.a, 1337, [Buffer.from("crap")]);
    await push(hosts.b, INNER.a);
    const more = (stats: Stats) =>
      (stats.in.drops.other_source ?? 0) > (before.in.drops.other_source ?? 0) + 1;
    const after = await left.counters(more, "drops by address");
    expect(after.in.packets).toBe(before.in.packets);
    expect(left.drops("other_source")).toHaveLength(1);
  });
});
