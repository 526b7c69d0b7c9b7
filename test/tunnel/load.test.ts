// What a tunnel costs: no time while idle, little memory under load.

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import {
  cleanUp,
  cpuMs,
  INNER,
  join,
  joinIpv4,
  MOST_MB,
  pings,
  reaches,
  residentMb,
  silentHosts,
  twoHosts,
} from "./ends.js";
import { iperf, mostResidentMb } from "./scripts.js";

afterEach(cleanUp);

test("idle, it takes no time that can be measured", async () => {
  const hosts = await silentHosts();
  const ends = await joinIpv4(hosts);
  await reaches(hosts.a, INNER.b);
  // What the start left to do, such as compiling.
  await sleep(1000);
  const before = ends.map(({ pid }) => cpuMs(pid));
  await sleep(5000);
  for (const [i, { pid }] of ends.entries()) {
    expect(cpuMs(pid) - (before[i] ?? 0)).toBeLessThanOrEqual(50);
  }
});

test(`under load, an end stays below ${MOST_MB} MB, and the other things that it does go on`, async () => {
  const hosts = await twoHosts();
  const ends = await join(hosts);
  await reaches(hosts.a, INNER.b);
  const load = iperf(hosts, INNER.b, ["--bidir", "-P", "2", "-t", "4"]);
  const most = mostResidentMb(ends, load);
  expect(await pings(hosts.a, INNER.b6, { count: 5 })).toBe(true);
  expect(await most).toBeLessThanOrEqual(MOST_MB);
  const { sum_received: received } = await load;
  expect(received?.bytes).toBeGreaterThan(1_000_000);
  for (const end of ends) {
    const { in: flow, out } = await end.stats();
    expect([flow.drops, out.drops]).toEqual([{}, {}]);
  }
});

test("a cable slower than what is sent holds the device back, and takes no memory", async (context) => {
  const hosts = await twoHosts();
  const [left] = await join(hosts);
  await reaches(hosts.a, INNER.b);
  // One that drops nothing itself, and is too slow for what it is given.
  const slow = ["tbf", "rate", "1mbit", "burst", "16k", "limit", "100m"];
  const { code, stderr } = await hosts.a.exec("tc", [
    ...["qdisc", "add", "dev", "eth0", "root"],
    ...slow,
  ]);
  context.skip(/kind is unknown/.test(stderr), "this kernel has no tbf");
  expect([code, stderr]).toEqual([0, ""]);
  const load = iperf(hosts, INNER.b, ["-u", "-b", "200M", "-l", "1400", "-t", "3"]).catch(() => {});
  await left.counters(({ out }) => out.packets > 1000, "packets on the way");
  await sleep(1000);
  expect(residentMb(left.pid)).toBeLessThanOrEqual(MOST_MB);
  const begin = performance.now();
  await left.stats();
  expect(performance.now() - begin).toBeLessThan(3000);
  await hosts.a.execOrThrow("tc", ["qdisc", "del", "dev", "eth0", "root"]);
  await reaches(hosts.a, INNER.b);
  await load;
});
