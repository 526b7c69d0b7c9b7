// A soak: traffic of all kinds for as long as CRAPVPN_SOAK_SECONDS says, a minute if nothing does.

import { afterEach, expect, test } from "vitest";
import { cleanUp, INNER, joinIpv4, residentMb, silentHosts, until } from "./ends.js";
import { seeded } from "./random.js";
import { echoUdp, exchangeHttp, iperf, lostPings, lostUdp, serveHttp } from "./scripts.js";

afterEach(cleanUp);

const SECONDS = Number(process.env.CRAPVPN_SOAK_SECONDS ?? 60);
const ROUND_SECONDS = 10;

test(
  `${SECONDS} s of traffic: memory stays, and what one end sent the other got, to the packet`,
  async () => {
    const hosts = await silentHosts();
    // Windows that the sockets' queues have room for: then the kernel loses nothing on the way.
    for (const host of [hosts.a, hosts.b]) {
      await host.execOrThrow("sysctl", ["-qw", "net.ipv4.tcp_rmem=4096 131072 262144"]);
    }
    const ends = await joinIpv4(hosts);
    await Promise.all([serveHttp(hosts.a), serveHttp(hosts.b), echoUdp(hosts.b)]);
    const random = seeded(9);
    const some = (count: number, below: number) =>
      Array.from({ length: count }, () => random(below));
    const resident: number[][] = [];
    const end = Date.now() + SECONDS * 1000;
    do {
      const [, lost, there, back] = await Promise.all([
        iperf(hosts, INNER.b, ["--bidir", "-P", "4", "-t", String(ROUND_SECONDS)]),
        lostPings(hosts.a, INNER.b, some(50, 20_000)),
        exchangeHttp(hosts.a, INNER.b, 5_000_000),
        exchangeHttp(hosts.b, INNER.a, 5_000_000),
      ]);
      expect(lost).toEqual([]);
      for (const { sent, got, put } of [there, back]) {
        expect({ got, put }).toEqual({ got: sent, put: sent });
      }
      expect(await lostUdp(hosts.a, INNER.b, some(200, 10_000))).toEqual([]);
      resident.push(ends.map(({ pid }) => residentMb(pid)));
    } while (Date.now() < end);

    const settled = async () => {
      const [left, right] = [await ends[0].stats(), await ends[1].stats()];
      const calm = left.out.packets === right.in.packets && right.out.packets === left.in.packets;
      return calm ? [left, right] : undefined;
    };
    for (const { in: received, out } of await until(settled, "the counters of both ends add up")) {
      expect([received.drops, out.drops]).toEqual([{}, {}]);
    }
    // The first round is where code is compiled, and queues grow to what they stay.
    const [first = [], last = []] = [resident[0], resident.at(-1)];
    for (const [i, mb] of last.entries()) expect(mb - (first[i] ?? 0)).toBeLessThanOrEqual(8);
  },
  SECONDS * 2000 + 120_000,
);
