// Tunnels of other formats than ours: a description of a user's own, and built-in ones.

import { crc32 } from "node:zlib";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { Folder } from "../cli/descriptions.js";
import {
  cleanUp,
  INNER,
  launchPlain,
  OUTER,
  reaches,
  silentHosts,
  start,
  twoHosts,
} from "./ends.js";
import { Capture, exchangeHttp, lostPings, push, sendUdp, serveHttp } from "./scripts.js";

const folder = new Folder();
afterAll(() => folder.remove());
afterEach(cleanUp);

const PORT = 4444;
/** In front of the packet 10 bytes, behind it 4. */
const OVERHEAD = 14;
const TRAILER = folder.write(
  "trailer.toml",
  `language = 1
name     = "trailer"
carrier  = { udp = ${PORT} }
packet   = "ip"
fields = [
  { name = "mark", type = "text", value = "T!" },
  { name = "session", type = "u16" },
  { name = "number", type = "u32", role = "counter", window = 64 },
  { name = "length", type = "u16", role = "length", counts = "packet", endian = "little" },
  { name = "packet", type = "packet" },
  { name = "sum", type = "u32", role = "checksum", algorithm = "crc32" },
]
`,
);

/** The words of one end, without a key. */
const words = (name: "a" | "b", ...more: string[]) => {
  const other = name === "a" ? "b" : "a";
  return [...more, "-p", OUTER[other], INNER[name], INNER[other]];
};
const trailer = (name: "a" | "b", sent: number, expected: number) =>
  words(name, "--format", TRAILER, "--set", `session=${sent}`, "--expect", `session=${expected}`);

/** A datagram by the description, made without our core. */
function datagram(session: number, number: number, packet: Uint8Array): Buffer {
  const header = Buffer.from("T!\0\0\0\0\0\0\0\0", "latin1");
  header.writeUInt16BE(session, 2);
  header.writeUInt32BE(number, 4);
  header.writeUInt16LE(packet.length, 8);
  const sum = Buffer.alloc(4);
  // Its own bytes are summed as zeros.
  sum.writeUInt32BE(crc32(Buffer.concat([header, packet, sum])));
  return Buffer.concat([header, packet, sum]);
}

describe("a description of a user's own", () => {
  test("carries pings of every size and TCP, with another value in each direction", async () => {
    const hosts = await silentHosts();
    const [left, right] = await Promise.all([
      start(hosts.a, trailer("a", 1, 2)),
      start(hosts.b, trailer("b", 2, 1)),
    ]);
    const mtu = 1500 - 20 - 8 - OVERHEAD;
    expect((await left.event("start")).format).toBe("trailer");
    expect(left.events("start")[0]).toMatchObject({ cipher: "none", integrity: false, mtu });
    expect(left.events("mtu")[0]).toMatchObject({ overhead: OVERHEAD });
    const sizes = [0, 1, 2, 3, 56, 1000, mtu - 29, mtu - 28];
    expect(await lostPings(hosts.a, INNER.b, sizes)).toEqual([]);
    await serveHttp(hosts.b);
    const { sent, got, put } = await exchangeHttp(hosts.a, INNER.b, 300_000);
    expect([got, put]).toEqual([sent, sent]);
    for (const end of [left, right]) {
      const { in: received, out } = await end.stats();
      expect([received.drops, out.drops]).toEqual([{}, {}]);
      expect(received.packets).toBeGreaterThan(200);
    }
  });

  test("is on the wire as it is described", async () => {
    const hosts = await silentHosts();
    await start(hosts.a, trailer("a", 1, 2));
    const capture = await Capture.start(hosts.b, "eth0", `udp port ${PORT}`);
    await push(hosts.a, INNER.b, 2);
    const seen = (await capture.atLeast(2)).map((packet) => packet.subarray(28));
    expect(seen.slice(0, 2)).toEqual(
      seen.slice(0, 2).map((bytes, number) => datagram(1, number, bytes.subarray(10, -4))),
    );
  });

  test("drops another value, a wrong sum and what comes again, each for its reason", async () => {
    const hosts = await silentHosts();
    const end = await start(hosts.a, trailer("a", 1, 2));
    const packet = Buffer.from("450000140000000040fd0000" + "0a0800020a080001", "hex");
    const good = datagram(2, 7, packet);
    const damaged = Buffer.from(good);
    damaged[25] = 0;
    await sendUdp(hosts.b, OUTER.a, PORT, [good, good, datagram(1, 8, packet), damaged]);
    const { in: received } = await end.counters(
      ({ in: { packets, drops } }) => packets === 1 && Object.keys(drops).length === 3,
      "one packet and three drops",
    );
    expect(received.drops).toEqual({ replay: 1, value: 1, checksum: 1 });
    expect(end.drops("value")[0]).toMatchObject({
      field: "trailer.session",
      offset: 2,
      expected: "2",
      found: "1",
    });
    expect(end.drops("checksum")[0]).toMatchObject({ field: "trailer.sum" });
    expect(end.drops("replay")[0]).toMatchObject({ field: "trailer.number", offset: 4 });
  });
});

describe("a peer with another value", () => {
  test("is not heard: each of its packets is dropped and counted", async () => {
    const hosts = await silentHosts();
    const [left, right] = await Promise.all([
      start(hosts.a, trailer("a", 1, 2)),
      start(hosts.b, trailer("b", 3, 1)),
    ]);
    await push(hosts.a, INNER.b, 5);
    const { in: received } = await left.counters(
      ({ in: { drops } }) => drops.value === 5,
      "five answers are dropped",
    );
    expect(received).toMatchObject({ packets: 0, drops: { value: 5 } });
    expect((await right.stats()).in).toMatchObject({ packets: 5, drops: {} });
    expect(left.events("heard")).toEqual([]);
    expect(left.events("wrong_key")).toEqual([]);
  });
});

describe("built in", () => {
  test.each([
    {
      format: "gtpu",
      port: 2152,
      overhead: 8,
      a: ["--set", "teid=7", "--expect", "gtp.teid=8"],
      b: ["--set", "teid=8", "--expect", "gtp.teid=7"],
      header: /^30ff....00000007$/,
    },
    {
      format: "gre-udp",
      port: 4754,
      overhead: 16,
      a: ["--set", "key=7", "--set", "flags.checksum=1", "--set", "flags.sequence_number=1"],
      b: ["--set", "key=7", "--set", "flags.checksum=1", "--set", "flags.sequence_number=1"],
      header: /^b0000800....00000000000700000...$/,
    },
    {
      format: "vxlan-gpe",
      port: 4790,
      overhead: 8,
      a: ["--set", "vni=0xabc"],
      b: ["--set", "vni=2748"],
      header: /^0c000001000abc00$/,
    },
    { format: "bare-ip", port: 8285, overhead: 0, a: [], b: [], header: /^$/ },
  ])("$format joins two hosts", async ({ format, port, overhead, a, b, header }) => {
    const hosts = await twoHosts();
    const six = { a: [INNER.a6, INNER.b6], b: [INNER.b6, INNER.a6] };
    const [left, right] = await Promise.all([
      start(hosts.a, [...words("a", "--format", format, ...a), ...six.a]),
      start(hosts.b, [...words("b", "--format", format, ...b), ...six.b]),
    ]);
    expect(left.events("start")[0]).toMatchObject({
      format,
      cipher: "none",
      mtu: 1500 - 28 - overhead,
      local: { port },
      peer: { port },
    });
    await reaches(hosts.a, INNER.b);
    await reaches(hosts.a, INNER.b6);
    const capture = await Capture.start(hosts.b, "eth0", `udp dst port ${port} and dst ${OUTER.b}`);
    await push(hosts.a, INNER.b, 1);
    const ipv4 = (bytes: Buffer) => bytes[28 + overhead] === 0x45;
    const [seen = Buffer.alloc(0)] = await capture.atLeast(1, ipv4);
    expect(seen.subarray(28, 28 + overhead).toString("hex")).toMatch(header);
    await serveHttp(hosts.b);
    for (const to of [INNER.b, INNER.b6]) {
      const { sent, got, put } = await exchangeHttp(hosts.a, to, 200_000);
      expect([got, put]).toEqual([sent, sent]);
    }
    for (const end of [left, right]) expect((await end.stats()).in.drops).toEqual({});
  });

  test("another TEID is dropped, and the field is named", async () => {
    const hosts = await silentHosts();
    const end = await start(hosts.a, words("a", "--format", "gtpu", "--set", "teid=7"));
    await start(hosts.b, words("b", "--format", "gtpu", "--set", "teid=8", "--expect", "teid=7"));
    await push(hosts.b, INNER.a, 3);
    await end.counters(({ in: { drops } }) => drops.value === 3, "three datagrams are dropped");
    expect(end.drops("value")).toHaveLength(1);
    expect(end.drops("value")[0]).toMatchObject({
      field: "gtp.teid",
      offset: 4,
      expected: "7",
      found: "8",
    });
  });

  test("--ethertype and --set ethertype=table are the same", async () => {
    const hosts = await silentHosts();
    const seen: string[] = [];
    for (const more of [
      ["--ethertype"],
      ["--set", "ethertype=table"],
      ["--set=ethertype=0x1234"],
    ]) {
      const end = await start(hosts.a, words("a", "-k", "00", ...more));
      const capture = await Capture.start(hosts.b, "eth0", "udp port 1337");
      await push(hosts.a, INNER.b, 1);
      const [packet] = await capture.atLeast(1);
      seen.push(packet?.subarray(28 + 4, 28 + 8).toString("hex") ?? "");
      await end.stop();
    }
    expect(seen).toEqual(["00540800", "00540800", "00541234"]);
  });
});

test("a person is told that nothing is enciphered, and whose overhead it is", async () => {
  const hosts = await silentHosts();
  const end = launchPlain(hosts.a, trailer("a", 1, 2));
  await end.said("stderr", "joins");
  expect(end.stderr).toContain("crapvpn: warning: trailer enciphers nothing");
  expect(end.stderr).not.toContain("XOR");
  expect(end.stderr).toContain("MTU 1458 (1500 − 20 IPv4 − 8 UDP − 14 trailer; eth0)");
  await end.stop();
});
