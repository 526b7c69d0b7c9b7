// Tunnels with an AEAD between real hosts: against a peer that shares no code with ours, and between
// our own ends.

import { afterAll, afterEach, describe, expect, test } from "vitest";
import { Folder } from "../cli/descriptions.js";
import {
  cleanUp,
  type End,
  INNER,
  launchPlain,
  OUTER,
  pings,
  reaches,
  silentHosts,
  start,
  startPeer,
  type TwoHosts,
} from "./ends.js";
import { Capture, exchangeHttp, lostPings, push, sendUdp, serveHttp } from "./scripts.js";

const folder = new Folder();
afterAll(() => folder.remove());
afterEach(cleanUp);

const KEY = "00112233445566778899aabbccddeeff".repeat(2);
const key = folder.write("key", `${KEY}\n`);
const otherKey = folder.write("other", Buffer.from(KEY, "hex").reverse().toString("base64"));
const OVERHEAD = 34;

/** The words of one end. */
const words = (name: "a" | "b", ...more: string[]) => {
  const other = name === "a" ? "b" : "a";
  return [...more, "-p", OUTER[other], INNER[name], INNER[other]];
};
const aead = (name: "a" | "b", ...more: string[]) =>
  words(name, "--format", "crapvpn-aead", "-k", `@${key}`, ...more);

/** Pings of many sizes, and TCP both ways. */
async function exchangeAll({ a, b }: TwoHosts): Promise<void> {
  const sizes = [0, 1, 15, 16, 17, 56, 1000, 1409, 1410, 1411, 5000];
  expect(await lostPings(a, INNER.b, sizes)).toEqual([]);
  expect(await lostPings(b, INNER.a, sizes)).toEqual([]);
  await Promise.all([serveHttp(a), serveHttp(b)]);
  for (const [from, to] of [
    [a, INNER.b],
    [b, INNER.a],
  ] as const) {
    const { sent, got, put } = await exchangeHttp(from, to, 1_000_000);
    expect([got, put]).toEqual([sent, sent]);
  }
}

async function expectNoDrops(...ends: readonly End[]): Promise<void> {
  for (const end of ends) {
    const { in: received, out } = await end.stats();
    expect([received.drops, out.drops]).toEqual([{}, {}]);
    expect(received.packets).toBeGreaterThan(100);
  }
}

describe("the peer in Python", () => {
  test.each(["a", "b"] as const)("everything passes both ways, ours as %s", async (ours) => {
    const hosts = await silentHosts();
    const theirs = ours === "a" ? "b" : "a";
    // By the order of addresses, ours is a.
    const role = ours === "a" ? [] : ["--role", "b"];
    const [end] = await Promise.all([
      start(hosts.a, aead("a", ...role)),
      startPeer(hosts.b, ["-k", KEY, "--aead-role", theirs, "-p", OUTER.a, INNER.b, INNER.a]),
    ]);
    expect(end.events("start")[0]).toMatchObject({
      ...{ cipher: "AEAD_CHACHA20_POLY1305", integrity: true, mtu: 1500 - 28 - OVERHEAD },
    });
    await exchangeAll(hosts);
    await expectNoDrops(end);
    expect(end.events("warning")).toEqual([]);
    expect(end.stdout + end.stderr).not.toContain(KEY.slice(0, 8));
  });
});

describe("between our own ends", () => {
  test("everything passes, and what is recorded is refused", async () => {
    const hosts = await silentHosts();
    const ends = await Promise.all([start(hosts.a, aead("a")), start(hosts.b, aead("b"))]);
    const capture = await Capture.start(hosts.b, "eth0", `udp port 1337 and dst host ${OUTER.b}`);
    // Each is answered before the next: no offload joins their datagrams.
    expect(await lostPings(hosts.a, INNER.b, Array<number>(20).fill(56))).toEqual([]);
    const recorded = (await capture.atLeast(20)).slice(0, 20).map((packet) => packet.subarray(28));
    await exchangeAll(hosts);
    await expectNoDrops(...ends);
    const [, receiver] = ends;
    const before = (await receiver.stats()).in;
    const changed = recorded.map((datagram) => {
      const copy = Buffer.from(datagram);
      copy.writeUInt8(copy.readUInt8(20) ^ 1, 20);
      return copy;
    });
    await sendUdp(hosts.a, OUTER.b, 1337, [...recorded, ...changed]);
    const { in: after } = await receiver.counters(
      ({ in: { drops } }) => (drops.replay ?? 0) + (drops.not_authentic ?? 0) >= 40,
      "all of them are dropped",
    );
    expect(after.drops).toEqual({ replay: 20, not_authentic: 20 });
    expect(after.packets).toBe(before.packets);
  });

  test("both in one role: said at both ends, and nothing comes through", async () => {
    const hosts = await silentHosts();
    const ends = await Promise.all([
      start(hosts.a, aead("a", "--role", "a")),
      start(hosts.b, aead("b", "--role", "a")),
    ]);
    for (const host of [hosts.a, hosts.b]) {
      expect(await pings(host, host === hosts.a ? INNER.b : INNER.a)).toBe(false);
    }
    for (const end of ends) {
      const warning = await end.event("warning", { code: "same_end", role: "a" });
      expect(warning.message).toContain("both ends are role a");
      expect((await end.stats()).in.packets).toBe(0);
      expect(end.events("heard")).toEqual([]);
    }
  });

  test("another key, in base64: said, and nothing comes through", async () => {
    const hosts = await silentHosts();
    const other = words("b", "--format", "crapvpn-aead", "-k", `@${otherKey}`);
    const [end] = await Promise.all([start(hosts.a, aead("a")), start(hosts.b, other)]);
    await push(hosts.b, INNER.a, 10);
    const warning = await end.event("warning", { code: "wrong_key", datagrams: 8 });
    expect(warning.message).toContain("not authentic: is the key the peer's?");
    expect((await end.stats()).in).toMatchObject({ packets: 0 });
    expect(end.events("heard")).toEqual([]);
  });

  test("either end restarts", async () => {
    const hosts = await silentHosts();
    let [a, b] = await Promise.all([start(hosts.a, aead("a")), start(hosts.b, aead("b"))]);
    await reaches(hosts.a, INNER.b);
    await a.stop();
    a = await start(hosts.a, aead("a"));
    await reaches(hosts.a, INNER.b);
    await b.stop();
    b = await start(hosts.b, aead("b"));
    await reaches(hosts.b, INNER.a);
    expect([(await a.stats()).in.drops, (await b.stats()).in.drops]).toEqual([{}, {}]);
  });

  test("ESP with keys given by hand", async () => {
    const hosts = await silentHosts();
    const [one, other] = [
      folder.write("one", "11".repeat(16)),
      folder.write("two", "22".repeat(16)),
    ];
    const esp = (name: "a" | "b", sent: string, received: string) =>
      words(
        ...([
          name,
          "--format",
          "esp-udp",
          "--set",
          "spi=4096",
          "--set",
          "salt=0x01020304",
        ] as const),
        ...["--send-key", `@${sent}`, "--receive-key", `@${received}`],
      );
    const ends = await Promise.all([
      start(hosts.a, esp("a", one, other)),
      start(hosts.b, esp("b", other, one)),
    ]);
    await exchangeAll(hosts);
    await expectNoDrops(...ends);
  });
});

test("a key that is none is refused before anything begins, and not repeated", async () => {
  const hosts = await silentHosts();
  const said = async (...more: string[]) => {
    const { code, stderr } = await launchPlain(hosts.a, words("a", ...more)).ended;
    return [code, stderr];
  };
  const passphrase = "correct horse battery staple";
  const [code, stderr] = await said("--format", "crapvpn-aead", "-k", passphrase);
  expect(code).toBe(2);
  expect(stderr).toContain("a passphrase is no key: make one with crapvpn keygen");
  expect(stderr).not.toContain("horse");
  expect(await said("--send-key", KEY, "-k", "00")).toEqual([
    ...[2, expect.stringContaining("crapvpn has one key for both directions")],
  ]);
  expect(await said("--role", "a", "-k", "00")).toEqual([
    ...[2, expect.stringContaining("--role: crapvpn derives no keys")],
  ]);
  expect(await said("--format", "crapvpn-aead", "-k", KEY, "--role", "c")).toEqual([
    ...[2, expect.stringContaining('there is no end "c"')],
  ]);
});
