// Datagrams that nobody of ours sent: they are dropped with a reason, and the tunnel goes on.

import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import type { Flow } from "../../src/core/core.js";
import type { Host } from "../../src/lab/host.js";
import {
  cleanUp,
  type End,
  INNER,
  joinIpv4,
  OUTER,
  pings,
  reaches,
  silentHosts,
  start,
  type TwoHosts,
  twoHosts,
  until,
  wordsFor,
} from "./ends.js";
import { seeded } from "./random.js";
import { Capture, floodUdp, sendUdp } from "./scripts.js";

afterEach(cleanUp);

const KEY = [0x12, 0x34, 0xab, 0xcd];
const PORT = 1337;

function datagram(packet: Uint8Array, { length = packet.length } = {}): Buffer {
  const header = Buffer.alloc(8);
  header.write("crap");
  header.writeUInt16BE(length, 4);
  return Buffer.concat([header, packet.map((byte, i) => byte ^ (KEY[i % KEY.length] as number))]);
}

/** An IPv4 packet without payload, of UDP, from the other end to this one. */
function packet(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt8(0x45, 0);
  bytes.writeUInt16BE(length, 2);
  bytes.writeUInt16BE(0x4011, 8);
  Buffer.from(INNER.b.split(".").map(Number)).copy(bytes, 12);
  Buffer.from(INNER.a.split(".").map(Number)).copy(bytes, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += bytes.readUInt16BE(at);
  bytes.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10);
  return bytes;
}

const all = ({ packets, drops }: Flow) =>
  Object.values(drops).reduce((sum, count) => sum + (count ?? 0), packets);

/** How much it had to say that nobody asked for. */
const told = (end: End) => end.told.filter(({ event }) => event !== "stats").length;

/** One end, on host a, that hears nothing but the datagrams of its test. */
async function quiet(): Promise<TwoHosts & { end: End }> {
  const hosts = await twoHosts();
  return { ...hosts, end: await start(hosts.a, wordsFor("a")) };
}

/** Sends these to the end on host a, and answers with how they were counted. */
async function attack(
  { b, end }: TwoHosts & { end: End },
  datagrams: readonly Uint8Array[],
): Promise<Flow> {
  const before = all((await end.stats()).in);
  await sendUdp(b, OUTER.a, PORT, datagrams);
  const counted = await end.counters(
    (stats) => all(stats.in) >= before + datagrams.length,
    `${datagrams.length} datagrams are counted`,
  );
  expect(all(counted.in)).toBe(before + datagrams.length);
  return counted.in;
}

test("each kind is dropped for its reason, told once, and nothing reaches the device", async () => {
  const made = await quiet();
  const inside = await Capture.start(made.a, "tun0", `src ${INNER.b}`);
  const good = packet(84);
  const kinds = {
    too_short: [Buffer.alloc(0), Buffer.from("crap"), Buffer.from("crap\0\0\0")],
    not_ours: [Buffer.alloc(8), Buffer.from("CRAP\0\0\0\0"), Buffer.alloc(65_507, 0xff)],
    length: [datagram(good, { length: 85 }), datagram(good, { length: 65_535 })],
    trailing: [datagram(good, { length: 83 }), datagram(good, { length: 0 })],
    empty: [Buffer.from("crap\0\0\0\0"), Buffer.from("crap\0\0\xff\xff", "latin1")],
    not_a_packet: [
      datagram(Buffer.alloc(1)),
      datagram(good.subarray(0, 19)),
      datagram(Buffer.alloc(100, 0xff)),
      datagram(Buffer.concat([good, Buffer.alloc(1)])),
      datagram(Buffer.from([0x60, ...Buffer.alloc(38)])),
      datagram(Buffer.from([0x44, ...good.subarray(1)])),
      datagram(randomBytes(65_499).fill(0x50, 0, 1)),
    ],
  };
  const { packets, drops } = await attack(made, Object.values(kinds).flat());
  const counts = Object.entries(kinds).map(([reason, datagrams]) => [reason, datagrams.length]);
  expect({ packets, drops }).toEqual({ packets: 0, drops: Object.fromEntries(counts) });
  for (const reason of Object.keys(kinds)) {
    expect(made.end.drops(reason)).toHaveLength(1);
    expect(made.end.drops(reason)[0]).toMatchObject({ direction: "in", first: true });
  }
  expect(inside.packets).toEqual([]);
  // What is right goes through all the same, up to the longest.
  const { packets: taken } = await attack(
    made,
    [good, packet(20), packet(65_499)].map((p) => datagram(p)),
  );
  expect(taken).toBe(3);
  await inside.atLeast(2);
});

test("every drop is told in full with -vv, and what was expected and found", async () => {
  const hosts = await twoHosts();
  const end = await start(hosts.a, ["-vv", ...wordsFor("a")]);
  const wrong = [Buffer.from("CRAPVPN!"), Buffer.from("crap\0\x05abcd")];
  await attack({ ...hosts, end }, [...wrong, ...wrong]);
  expect(end.drops("not_ours")).toEqual([
    expect.objectContaining({ first: true }),
    expect.objectContaining({ first: false }),
  ]);
  expect(end.drops("not_ours")[0]).toMatchObject({
    ...{ direction: "in", length: 8, layer: "header", field: "crapvpn.magic", offset: 0 },
    ...{ expected: "63 72 61 70", found: "43 52 41 50" },
  });
  expect(end.drops("length")[0]).toMatchObject({
    ...{ length: 10, layer: "header", field: "crapvpn.ciphertext_length", offset: 4 },
    ...{ expected: "2", found: "5" },
  });
});

test("random bytes, cut and changed datagrams do no harm", async () => {
  const made = await quiet();
  const random = seeded(3);
  const bytes = (length: number) => Uint8Array.from({ length }, () => random(256));
  const good = datagram(packet(120));
  const datagrams = [
    ...Array.from({ length: 500 }, () => bytes(random(1472))),
    ...Array.from({ length: 500 }, () => datagram(bytes(1 + random(1400)))),
    ...Array.from({ length: good.length }, (_, length) => good.subarray(0, length)),
    ...Array.from({ length: good.length * 8 }, (_, bit) => {
      const changed = Buffer.from(good);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return changed;
    }),
    ...Array.from({ length: 20 }, () => bytes(65_507)),
  ];
  const { drops } = await attack(made, datagrams);
  expect(Object.keys(drops).sort()).toEqual(
    ["empty", "length", "not_a_packet", "not_ours", "too_short", "trailing"].filter(
      (reason) => reason in drops,
    ),
  );
  expect(drops.too_short).toBeGreaterThanOrEqual(8);
  await start(made.b, wordsFor("b"));
  await reaches(made.a, INNER.b);
  expect(told(made.end)).toBeLessThan(30);
});

describe("a flood of 10,000 a second", () => {
  test.each([
    ["of garbage and of another key", [Buffer.alloc(500, 0xaa), datagram(Buffer.alloc(500, 0xaa))]],
    ["of the longest", [Buffer.concat([Buffer.from("crap"), Buffer.alloc(65_503)])]],
  ])("%s does not stop the tunnel", async (_, datagrams) => {
    const hosts = await silentHosts();
    const [left, right] = await joinIpv4(hosts);
    const before = await takenFromSockets(hosts.a);
    const flood = floodUdp(hosts.b, OUTER.a, PORT, datagrams, { perSecond: 10_000, seconds: 2 });
    await left.counters((stats) => all(stats.in) > 1000, "the flood arrives");
    // Some may be lost, since the kernel's queue is full of the flood at times.
    await until(() => pings(hosts.a, INNER.b, { count: 3 }), "pings come back in between");
    const sent = await flood;
    // The kernel counts what was taken from sockets, and ours took them all.
    const received = await until(async () => {
      const { in: flow } = await left.stats();
      return all(flow) === (await takenFromSockets(hosts.a)) - before ? flow : undefined;
    }, "every datagram is counted");
    expect(all(received) - received.packets).toBeGreaterThan(sent / 10);
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    for (const end of [left, right]) expect(told(end)).toBeLessThan(30);
    expect((await left.stop("SIGINT")).code).toBe(130);
  });
});

/** UDP datagrams over IPv4 that programs on a host have read. */
async function takenFromSockets(host: Host): Promise<number> {
  const { stdout } = await host.execOrThrow("cat", ["/proc/net/snmp"]);
  const [names = "", values = ""] = stdout.split("\n").filter((line) => line.startsWith("Udp:"));
  return Number(values.split(" ")[names.split(" ").indexOf("InDatagrams")]);
}
