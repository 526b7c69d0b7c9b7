// The engine over a device and a carrier in memory, also with a link between that does its worst.

import { afterEach, describe, expect, test } from "vitest";
import { MemoryCarrier } from "../../src/carrier/memory.js";
import type { CoreTunnel, TunnelOptions } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";
import { MemoryDevice } from "../../src/device/memory.js";
import { type EngineEvent, EVENT_ENGINE_SLOTS, EventEngine } from "../../src/tunnel/event.js";
import { seeded } from "./random.js";

const core = await loadCore();
const format = core.format("crapvpn");
const seed = new Uint8Array(32);
const KEY = Uint8Array.of(0x12, 0x34, 0xab, 0xcd, 0xef);
const HEADER_BYTES = 8;

interface End {
  readonly device: MemoryDevice;
  readonly carrier: MemoryCarrier;
  readonly tunnel: CoreTunnel;
  readonly engine: EventEngine;
  readonly events: EngineEvent[];
  readonly running: Promise<void>;
}

const ends: End[] = [];

function start(
  carrier: MemoryCarrier,
  options: Partial<TunnelOptions> & { onlyPeer?: boolean; everyDrop?: boolean } = {},
): End {
  const { onlyPeer = false, everyDrop = false, ...rest } = options;
  const device = new MemoryDevice("memory");
  const slots = EVENT_ENGINE_SLOTS;
  const tunnel = core.openTunnel({ format, key: KEY, seed, slots, ...rest });
  const events: EngineEvent[] = [];
  const notify = (event: EngineEvent) => events.push(event);
  const engine = new EventEngine({ tunnel, device, carrier, onlyPeer, everyDrop, notify });
  const end = { device, carrier, tunnel, engine, events, running: engine.run() };
  ends.push(end);
  return end;
}

afterEach(async () => {
  for (const { engine, running, tunnel } of ends.splice(0)) {
    await engine.stop();
    await running.catch(() => {});
    tunnel.free();
  }
});

/** An IPv4 packet whose id and first bytes are its number. */
function packet(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, length);
  view.setUint16(4, number & 0xffff);
  if (length >= 24) view.setUint32(20, number);
  return bytes;
}

async function settle(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !until(); turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("packets go both ways, whole and in order", async () => {
  const [a, b] = MemoryCarrier.pair().map((carrier) => start(carrier)) as [End, End];
  const sent = Array.from({ length: 300 }, (_, i) => packet(i, 20 + ((i * 37) % 1445)));
  for (const bytes of sent) a.device.push(bytes);
  for (const bytes of [...sent].reverse()) b.device.push(bytes);
  await settle(() => a.device.written.length === 300 && b.device.written.length === 300);
  expect(b.device.written).toEqual(sent);
  expect(a.device.written).toEqual([...sent].reverse());
  expect(a.tunnel.counters().out.packets).toBe(300);
  expect(a.events).toEqual([{ type: "heard", source: b.carrier.local }]);
});

test("the longest packet goes, a longer one is dropped", async () => {
  const [a, b] = MemoryCarrier.pair().map((carrier) => start(carrier)) as [End, End];
  a.device.push(packet(1, 65_500));
  a.device.push(packet(2, 65_499));
  await settle(() => b.device.written.length === 1);
  expect(b.device.written).toEqual([packet(2, 65_499)]);
  expect(a.tunnel.counters().out.drops).toEqual({ too_long: 1 });
});

describe("what does not get through is counted and told once", () => {
  test("an error of the carrier", async () => {
    const [carrier] = MemoryCarrier.pair();
    carrier.send = (_datagram, done) => done("ENOBUFS");
    const end = start(carrier);
    for (let i = 0; i < 200; i++) end.device.push(packet(i, 100));
    await settle(() => end.tunnel.counters().out.drops.no_buffers === 200);
    expect(end.tunnel.counters().out).toEqual({ packets: 0, bytes: 0, drops: { no_buffers: 200 } });
    expect(end.events).toHaveLength(1);
    expect(end.events[0]).toMatchObject({ type: "drop", direction: "out", first: true });
  });

  test("an error of the device", async () => {
    const [a, b] = MemoryCarrier.pair().map((carrier) => start(carrier)) as [End, End];
    b.device.onWrite = () => "EIO";
    a.device.push(packet(1, 100));
    await settle(() => b.tunnel.counters().in.drops.device_down === 1);
    expect(b.tunnel.counters().in).toEqual({ packets: 0, bytes: 0, drops: { device_down: 1 } });
  });

  test("a stranger, where only the peer is listened to", async () => {
    const [left, right] = MemoryCarrier.pair();
    const datagrams: Uint8Array[] = [];
    left.link = (datagram) => {
      datagrams.push(datagram);
      return [];
    };
    const a = start(left);
    const b = start(right, { onlyPeer: true });
    a.device.push(packet(1, 100));
    await settle(() => datagrams.length === 1);
    for (const source of [
      { address: "192.0.2.99", port: 1337 },
      { address: left.local.address, port: 1338 },
    ]) {
      right.receive(datagrams[0] as Uint8Array, source);
    }
    expect(b.device.written).toEqual([]);
    expect(b.tunnel.counters().in.drops).toEqual({ other_source: 2 });
    right.receive(datagrams[0] as Uint8Array);
    expect(b.device.written).toHaveLength(1);
  });

  test("and told each time, if asked for", async () => {
    const [, right] = MemoryCarrier.pair();
    const end = start(right, { everyDrop: true });
    for (let i = 0; i < 3; i++) right.receive(Uint8Array.of(1, 2, 3));
    expect(end.events.map((event) => event.type === "drop" && event.first)).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("a wrong key", async () => {
    const [left, right] = MemoryCarrier.pair();
    const a = start(left, { key: Uint8Array.of(0xff) });
    const b = start(right);
    for (let i = 0; i < 20; i++) a.device.push(packet(i, 100));
    await settle(() => b.tunnel.counters().in.drops.not_a_packet === 20);
    const told = b.events.filter(({ type }) => type === "wrong_key");
    expect(told).toEqual([{ type: "wrong_key", datagrams: 8 }]);
    expect(b.device.written).toEqual([]);
  });
});

test("a carrier that keeps its bytes holds the device back, and nothing is overwritten", async () => {
  const [carrier] = MemoryCarrier.pair();
  const kept: { datagram: Uint8Array; copy: Uint8Array; done: () => void }[] = [];
  carrier.send = (datagram, done) => kept.push({ datagram, copy: datagram.slice(), done });
  const end = start(carrier);
  for (let i = 0; i < 500; i++) end.device.push(packet(i, 100));
  await settle(() => kept.length === EVENT_ENGINE_SLOTS - 1);
  await settle(() => false);
  expect(kept).toHaveLength(EVENT_ENGINE_SLOTS - 1);
  expect(end.device.pending).toBe(500 - kept.length);
  for (const { datagram, copy } of kept) expect(datagram).toEqual(copy);
  let finished = 0;
  while (finished < 500) {
    await settle(() => kept.length > finished);
    kept[finished++]?.done();
  }
  expect(end.tunnel.counters().out.packets).toBe(500);
});

test("stopping ends everything, also while the carrier keeps bytes", async () => {
  const [carrier] = MemoryCarrier.pair();
  carrier.send = () => {};
  const end = start(carrier);
  for (let i = 0; i < 200; i++) end.device.push(packet(i, 100));
  await settle(() => end.device.pending < 200);
  await end.engine.stop();
  await expect(end.running).resolves.toBeUndefined();
});

test("a device that is gone ends the engine with its error", async () => {
  const end = start(MemoryCarrier.pair()[0]);
  end.device.read = () => {
    throw new Error("gone");
  };
  end.device.push(packet(1, 100));
  await expect(end.running).rejects.toThrow("gone");
});

test("what is delivered was sent, what was lost is counted: 100,000 packets over a bad link", async () => {
  const PACKETS = 100_000;
  const random = seeded(1337);
  const [left, right] = MemoryCarrier.pair();
  const a = start(left);
  const b = start(right);
  const account = { lost: 0, repeated: 0, cut: 0, flipped: 0 };
  /** What the receiver must answer to each arriving datagram: a packet, or nothing for a drop. */
  const expected: (Uint8Array | undefined)[] = [];
  let held: Uint8Array | undefined;

  /** The receiver's rule, written down once more and independently. */
  const opens = (datagram: Uint8Array): Uint8Array | undefined => {
    const header = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    if (datagram.length <= HEADER_BYTES || header.getUint32(0) !== 0x63726170) return undefined;
    if (header.getUint16(4) !== datagram.length - HEADER_BYTES) return undefined;
    const plain = datagram.slice(HEADER_BYTES);
    plain.forEach((byte, i) => {
      plain[i] = byte ^ (KEY[i % KEY.length] as number);
    });
    const [first = 0] = plain;
    const length = ((plain[2] ?? 0) << 8) | (plain[3] ?? 0);
    const payload = ((plain[4] ?? 0) << 8) | (plain[5] ?? 0);
    const fits =
      first >> 4 === 4
        ? plain.length >= 20 &&
          length === plain.length &&
          (first & 15) >= 5 &&
          (first & 15) * 4 <= length
        : first >> 4 === 6 && plain.length === 40 + payload;
    return fits ? plain : undefined;
  };

  left.link = (datagram) => {
    let arriving = [datagram];
    switch (random(20)) {
      case 0:
        account.lost++;
        arriving = [];
        break;
      case 1:
        account.repeated++;
        arriving = [datagram, datagram.slice()];
        break;
      case 2:
        account.cut++;
        arriving = [datagram.slice(0, random(datagram.length))];
        break;
      case 3: {
        account.flipped++;
        const bit = random(datagram.length * 8);
        datagram[bit >> 3] = (datagram[bit >> 3] as number) ^ (1 << (bit & 7));
        break;
      }
      case 4:
        // Held back, so that a later one overtakes it.
        [arriving, held] = [held ? [held] : [], datagram];
        break;
    }
    for (const bytes of arriving) expected.push(opens(bytes));
    return arriving;
  };

  let delivered = 0;
  let misfits = 0;
  const answers = () => expected.findIndex((bytes, i) => i >= place && bytes !== undefined);
  let place = 0;
  b.device.onWrite = (bytes) => {
    delivered++;
    place = answers();
    const wanted = expected[place++];
    if (wanted === undefined || Buffer.compare(wanted, bytes) !== 0) misfits++;
    return undefined;
  };

  for (let i = 0; i < PACKETS; i++) {
    a.device.push(packet(i, 20 + random(180)));
    if (i % 50 === 0) await settle(() => a.device.pending === 0);
  }
  await settle(() => a.device.pending === 0);

  const arrived = expected.length;
  const good = expected.filter((bytes) => bytes !== undefined).length;
  expect(a.tunnel.counters().out.packets).toBe(PACKETS);
  expect(arrived).toBe(PACKETS - account.lost + account.repeated - (held ? 1 : 0));
  expect({ delivered, misfits }).toEqual({ delivered: good, misfits: 0 });
  const { in: received } = b.tunnel.counters();
  const dropped = Object.values(received.drops).reduce((sum, count) => sum + (count ?? 0), 0);
  expect({ packets: received.packets, dropped }).toEqual({
    packets: good,
    dropped: arrived - good,
  });
  for (const count of Object.values(account)) expect(count).toBeGreaterThan(PACKETS / 40);
});
