// Tunnels with an AEAD, over each implementation of the seam: what gets through a hostile link, and
// what is said when two ends do not fit.

import { createCipheriv, hkdfSync } from "node:crypto";
import { expect, test } from "vitest";
import { CoreError, type CoreTunnel, type TunnelOptions } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";
import { seeded } from "../tunnel/random.js";

const core = await loadCore();
const KEY = new Uint8Array(32).fill(7);
const NOW_US = Date.UTC(2026, 10, 22) * 1000;
/** Where the counter stands in a datagram, and how many numbers below the highest are taken. */
const COUNTER_AT = 10;
const WINDOW = 1024;

const opened: CoreTunnel[] = [];

function open(end: "a" | "b", options: Partial<TunnelOptions> = {}): CoreTunnel {
  const format = core.format("crapvpn-aead");
  const seed = new Uint8Array(32).fill(end === "a" ? 1 : 2);
  const tunnel = core.openTunnel({
    ...{ format, key: KEY, end, nowUs: NOW_US, seed, slots: 1 },
    ...options,
  });
  opened.push(tunnel);
  return tunnel;
}

/** An IPv4 packet whose first bytes are its number. */
function packet(number: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, length);
  view.setUint32(20, number);
  return bytes;
}

function seal(tunnel: CoreTunnel, bytes: Uint8Array): Uint8Array {
  tunnel.packetRoom(0).set(bytes);
  const sealed = tunnel.encapsulate(0, bytes.length);
  if (sealed < 0) throw new Error(tunnel.reasonOf(sealed));
  return tunnel.placed(0, sealed).slice();
}

/** The packet, or the reason of the drop. */
function take(tunnel: CoreTunnel, datagram: Uint8Array): Uint8Array | string {
  tunnel.datagramRoom(0).set(datagram);
  const result = tunnel.decapsulate(0, datagram.length);
  return result < 0 ? tunnel.reasonOf(result) : tunnel.placed(0, result).slice();
}

const counterOf = (datagram: Uint8Array) =>
  Number(Buffer.from(datagram).readBigUInt64BE(COUNTER_AT));

test("packets go both ways, and no datagram is like another", () => {
  const [a, b] = [open("a"), open("b")];
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const first = seal(from, packet(1));
    expect(take(to, first)).toEqual(packet(1));
    const again = seal(from, packet(1));
    expect(again.subarray(18)).not.toEqual(first.subarray(18));
    expect([counterOf(first), counterOf(again)]).toEqual([NOW_US, NOW_US + 1]);
    expect(again.subarray(6, 10)).not.toEqual(first.subarray(6, 10));
    expect(again).toHaveLength(60 + a.overhead);
    expect(take(to, again)).toEqual(packet(1));
  }
  expect(a.overhead).toBe(34);
});

test("every length is as OpenSSL seals it", () => {
  const [a, b] = [open("a"), open("b")];
  const info = "crapvpn crapvpn-aead AEAD_CHACHA20_POLY1305 a to b";
  const sending = new Uint8Array(hkdfSync("sha256", KEY, "", info, 32));
  const random = seeded(8439);
  for (let length = 20; length < 2100; length += length < 700 ? 1 : 13) {
    const bytes = Uint8Array.from({ length }, () => random(256));
    bytes.set(packet(0).subarray(0, 4));
    new DataView(bytes.buffer).setUint16(2, length);
    const datagram = seal(a, bytes);
    const header = datagram.subarray(0, 18);
    const options = { authTagLength: 16 };
    const cipher = createCipheriv("chacha20-poly1305", sending, header.subarray(6), options);
    cipher.setAAD(header, { plaintextLength: length });
    const sealed = [cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
    expect(Buffer.compare(datagram, Buffer.concat([header, ...sealed])), `${length} bytes`).toBe(0);
    expect(Buffer.compare(take(b, datagram) as Uint8Array, bytes), `${length} bytes`).toBe(0);
  }
});

test("every flipped bit and every cut is refused, and none is a reason to refuse the true one", () => {
  const [a, b] = [open("a"), open("b")];
  const datagram = seal(a, packet(1, 41));
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const flipped = datagram.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(take(b, flipped), `bit ${bit}`).toBeTypeOf("string");
  }
  for (let length = 0; length < datagram.length; length++) {
    expect(take(b, datagram.subarray(0, length)), `${length} bytes`).toBeTypeOf("string");
  }
  expect(b.counters().in).toMatchObject({ packets: 0, bytes: 0 });
  expect(take(b, datagram)).toEqual(packet(1, 41));
  expect(take(b, datagram)).toBe("replay");
});

test("the window takes each number once, and none that is too old", () => {
  const [a, b] = [open("a"), open("b")];
  const datagrams = Array.from({ length: 3 * WINDOW }, (_, i) => seal(a, packet(i)));
  const taken = (number: number) => typeof take(b, datagrams[number] as Uint8Array) !== "string";
  expect(taken(WINDOW)).toBe(true);
  expect([taken(1), taken(0), taken(1)]).toEqual([true, false, false]);
  expect([taken(2 * WINDOW), taken(WINDOW), taken(WINDOW + 1)]).toEqual([true, false, true]);
  // Far ahead, the whole window is new.
  expect([taken(3 * WINDOW - 1), taken(2 * WINDOW - 1), taken(2 * WINDOW)]).toEqual([
    ...[true, false, false],
  ]);
  expect(taken(2 * WINDOW + 1)).toBe(true);
});

test("100,000 packets over a link that does its worst", () => {
  const PACKETS = 100_000;
  const random = seeded(4242);
  const [a, b] = [open("a"), open("b")];
  const seen = new Set<number>();
  const recorded: Uint8Array[] = [];
  const account = { lost: 0, repeated: 0, replayed: 0, cut: 0, flipped: 0, held: 0, made: 0 };
  const held: Uint8Array[] = [];
  let [highest, arrived, good, wrong] = [-1, 0, 0, 0];

  /** What the receiver must answer, by a set of all that it took. */
  const arrives = (datagram: Uint8Array, intact: boolean) => {
    const counter = datagram.length >= 18 ? counterOf(datagram) : 0;
    const expected = intact && !seen.has(counter) && counter > highest - WINDOW;
    const answer = take(b, datagram);
    arrived++;
    if (expected) {
      good++;
      seen.add(counter);
      highest = Math.max(highest, counter);
    }
    const number = typeof answer === "string" ? -1 : new DataView(answer.buffer).getUint32(20);
    // Packets are numbered as their datagrams are counted.
    if (expected ? number !== counter - NOW_US : typeof answer !== "string") wrong++;
  };

  for (let i = 0; i < PACKETS; i++) {
    const datagram = seal(a, packet(i, 24 + random(120)));
    if (i % 97 === 0) recorded.push(datagram);
    switch (random(20)) {
      case 0:
        account.lost++;
        continue;
      case 1:
        account.repeated++;
        arrives(datagram, true);
        break;
      case 2:
        account.cut++;
        arrives(datagram.subarray(0, random(datagram.length)), false);
        continue;
      case 3: {
        account.flipped++;
        const bit = random(datagram.length * 8);
        datagram[bit >> 3] = (datagram[bit >> 3] as number) ^ (1 << (bit & 7));
        arrives(datagram, false);
        continue;
      }
      case 4:
        account.held++;
        held.push(datagram);
        // Some wait for so long that they become too old.
        if (held.length > 60) arrives(held.splice(random(held.length), 1)[0] as Uint8Array, true);
        continue;
      case 5: {
        account.replayed++;
        const old = recorded[random(recorded.length)];
        // It may be the very one that was changed above.
        if (old !== undefined && old !== datagram && seen.has(counterOf(old))) arrives(old, true);
        break;
      }
      case 6: {
        account.made++;
        const noise = Uint8Array.from({ length: random(200) }, () => random(256));
        noise.set(Buffer.from("crp2").subarray(0, noise.length));
        if (noise.length >= 34) new DataView(noise.buffer).setUint16(4, noise.length - 18);
        arrives(noise, false);
        break;
      }
    }
    arrives(datagram, true);
  }
  expect(wrong).toBe(0);
  const { in: received } = b.counters();
  const dropped = Object.values(received.drops).reduce((sum, count) => sum + (count ?? 0), 0);
  expect({ packets: received.packets, dropped }).toEqual({
    packets: good,
    dropped: arrived - good,
  });
  expect(received.drops.replay).toBeGreaterThan(PACKETS / 20);
  expect(received.drops.not_authentic).toBeGreaterThan(PACKETS / 20);
  for (const count of Object.values(account)) expect(count).toBeGreaterThan(PACKETS / 40);
  expect(a.counters().out).toMatchObject({ packets: PACKETS, drops: {} });
});

test("either end may start anew", () => {
  let [a, b] = [open("a"), open("b")];
  const old = seal(a, packet(1));
  expect(take(b, old)).toEqual(packet(1));
  a = open("a", { nowUs: NOW_US + 1_000_000 });
  expect(take(b, seal(a, packet(2)))).toEqual(packet(2));
  expect(take(a, seal(b, packet(3)))).toEqual(packet(3));
  expect(take(b, old)).toBe("replay");
  // What formats crapvpn-aead says: to one that has forgotten, recorded datagrams go through once.
  b = open("b", { nowUs: NOW_US + 2_000_000 });
  expect(take(b, old)).toEqual(packet(1));
  expect(take(b, old)).toBe("replay");
  expect(take(b, seal(a, packet(4)))).toEqual(packet(4));
});

test("a clock that was set back is noticed at the other end, and nothing is delivered", () => {
  const b = open("b");
  expect(take(b, seal(open("a"), packet(1)))).toEqual(packet(1));
  const back = open("a", { nowUs: NOW_US - 3_600_000_000 });
  const events = Array.from({ length: 70 }, (_, i) => {
    expect(take(b, seal(back, packet(i)))).toBe("replay");
    return b.pollEvent();
  });
  expect(events.filter((event) => event !== undefined)).toEqual([
    { type: "clock_set_back", datagrams: 8 },
    { type: "clock_set_back", datagrams: 64 },
  ]);
  // Its clock is right again.
  expect(take(b, seal(open("a", { nowUs: NOW_US + 1000 }), packet(9)))).toEqual(packet(9));
});

test("a clock from before this program is refused", () => {
  expect(() => open("a", { nowUs: 0 })).toThrow(/clock is wrong.*set the clock/);
  expect(() => open("a", { nowUs: Date.UTC(2001, 0) * 1000 })).toThrow(CoreError);
});

test("a counter never wraps: once the last number is used, nothing is sent", () => {
  // As far as a number of JavaScript is exact; the end of all numbers is tested in the core.
  const a = open("a", { nowUs: Number.MAX_SAFE_INTEGER - 1 });
  expect(counterOf(seal(a, packet(1)))).toBe(Number.MAX_SAFE_INTEGER - 1);
  expect(counterOf(seal(a, packet(2)))).toBe(Number.MAX_SAFE_INTEGER);
});

test("both ends of the same role: said at the first datagram, and nothing is delivered", () => {
  for (const end of ["a", "b"] as const) {
    const [here, there] = [open(end), open(end, { nowUs: NOW_US + 5 })];
    expect(take(there, seal(here, packet(1)))).toBe("not_authentic");
    expect(there.pollEvent()).toEqual({ type: "same_end", end });
    expect(take(there, seal(here, packet(2)))).toBe("not_authentic");
    expect(there.pollEvent()).toBeUndefined();
    expect(there.counters().in).toMatchObject({ packets: 0, drops: { not_authentic: 2 } });
  }
});

test("two keys, two formats, two ciphers: a sentence, and nothing is delivered", () => {
  const ethernet = core.format("crapvpn-aead-ethernet");
  const frame = new Uint8Array(60).fill(2);
  for (const [options, bytes] of [
    [{ key: new Uint8Array(32).fill(8) }, packet(1)],
    [{ format: ethernet }, frame],
  ] as const) {
    const [a, b] = [open("a", options), open("b")];
    const events = Array.from({ length: 8 }, () => {
      expect(take(b, seal(a, bytes))).toBe("not_authentic");
      return b.pollEvent();
    });
    expect(events.at(-1)).toEqual({ type: "wrong_key", datagrams: 8 });
    expect(b.counters().in.packets).toBe(0);
  }
  const plain = core.openTunnel({
    ...{ format: core.format("crapvpn"), slots: 1 },
    key: KEY,
    seed: KEY,
  });
  expect(take(open("b"), seal(plain, packet(1)))).toBe("not_ours");
  expect(take(plain, seal(open("a"), packet(1)))).toBe("not_ours");
  plain.free();
});

test("where each direction has a key of its own", () => {
  const format = core.format("esp-udp").with(["spi=7", "salt=0x01020304"]);
  const [one, other] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const a = open("a", { format, key: one, receiveKey: other });
  const b = open("b", { format, key: other, receiveKey: one });
  for (let i = 0; i < 5; i++) {
    expect(take(b, seal(a, packet(i, 60 + i)))).toEqual(packet(i, 60 + i));
    expect(take(a, seal(b, packet(i, 60 + i)))).toEqual(packet(i, 60 + i));
  }
  // The other way round at both ends.
  const wrong = open("b", { format, key: one, receiveKey: other });
  expect(take(wrong, seal(a, packet(1)))).toBe("not_authentic");
  expect(wrong.pollEvent()).toMatchObject({ type: "same_end" });
  expect(() => open("a", { format, key: one, receiveKey: one })).toThrow(/would repeat nonces/);
  expect(() => open("a", { format, key: one })).toThrow(/needs a key for each direction/);
  expect(() => open("a", { format, key: KEY, receiveKey: one })).toThrow(/keys of 16 bytes/);
});

test("what a key is not is refused, and never repeated", () => {
  const passphrase = new TextEncoder().encode("correct horse");
  expect(() => open("a", { key: passphrase })).toThrow(/key of 32 bytes, this one has 13/);
  expect(() => open("a", { key: new Uint8Array() })).toThrow(/key is empty/);
  const { end: _, ...without } = { end: undefined };
  expect(() =>
    core.openTunnel({
      ...{ format: core.format("crapvpn-aead"), key: KEY, nowUs: NOW_US, seed: KEY, slots: 1 },
      ...without,
    }),
  ).toThrow(/must know which end this is: --role a/);
});
