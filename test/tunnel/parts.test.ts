// Every device with every carrier: the same is asked of each pair.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Carrier } from "../../src/carrier/carrier.js";
import type { CoreTunnel } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";
import type { Layer } from "../../src/device/device.js";
import { type EngineEvent, EVENT_ENGINE_SLOTS, EventEngine } from "../../src/tunnel/event.js";
import { LINK_HEADER_BYTES } from "../../src/tunnel/mtu.js";
import { cleanUp, lab, until } from "./ends.js";
import { enter } from "./namespace.js";
import {
  type CarrierKind,
  carrierKinds,
  type DeviceKind,
  type DevicePart,
  deviceKinds,
} from "./parts.js";

const core = await loadCore();
const MTU = 1400;
/** So many at once fit every queue on the way. */
const BURST = 20;

let leave: () => void;
beforeAll(async () => {
  const made = await lab("here");
  const host = made.host("here");
  // Without IPv6 the kernel sends nothing of its own accord.
  await host.execOrThrow("sysctl", ["-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
  leave = enter(host);
});
afterAll(async () => {
  leave();
  await cleanUp();
});

interface End extends DevicePart {
  readonly carrier: Carrier;
  readonly tunnel: CoreTunnel;
  readonly engine: EventEngine;
  readonly events: EngineEvent[];
  readonly running: Promise<void>;
}

const ends: End[] = [];

function start(
  name: string,
  deviceKind: DeviceKind,
  carrierKind: CarrierKind,
  carrier: Carrier,
): End {
  const part = deviceKind.open(name, MTU);
  const tunnel = core.openTunnel({
    format: core.format(carrierKind.formatFor(deviceKind.layer)),
    packet: deviceKind.layer === 2 ? "ethernet" : "ip",
    key: Uint8Array.of(0x12, 0x34, 0xab),
    seed: new Uint8Array(32),
    slots: EVENT_ENGINE_SLOTS,
  });
  const events: EngineEvent[] = [];
  const notify = (event: EngineEvent) => void events.push(event);
  const engine = new EventEngine({ tunnel, carrier, device: part.device, notify });
  const running = engine.run();
  running.catch(() => {});
  const end = {
    ...{ carrier, tunnel, engine, events, running },
    ...{ device: part.device, give: part.give, setUp: part.setUp },
    ...{ remove: part.remove, close: part.close },
    get got() {
      return part.got;
    },
  };
  ends.push(end);
  return end;
}

afterEach(async () => {
  for (const { engine, tunnel, close } of ends.splice(0)) {
    await engine.stop();
    tunnel.free();
    close();
  }
});

/** An IPv4 packet, or a frame to everybody, with this number in it, of so many bytes. */
function packet(layer: Layer, number: number, bytes: number): Buffer {
  const head =
    layer === 3
      ? Buffer.from("4500000000000000400000000a0800010a080002", "hex")
      : Buffer.from("ffffffffffff02000000000188b5", "hex");
  const whole = Buffer.concat([head, Buffer.alloc(bytes - head.length, number & 0xff)]);
  if (layer === 3) {
    whole.writeUInt16BE(bytes, 2);
    whole.writeUInt16BE(number, 4);
  }
  return whole;
}

const hex = (packets: readonly Uint8Array[]) =>
  packets.map((one) => Buffer.from(one).toString("hex"));

const cases = deviceKinds.flatMap((device) =>
  carrierKinds.map((carrier) => ({ name: `${device.name} over ${carrier.name}`, device, carrier })),
);

describe.each(cases)("$name", ({ device: deviceKind, carrier: carrierKind }) => {
  const { layer } = deviceKind;
  const longest = MTU + LINK_HEADER_BYTES[layer];
  const shortest = layer === 2 ? 14 : 20;

  /** Two ends, running. */
  async function join(): Promise<[End, End]> {
    const [left, right] = await carrierKind.open(layer);
    const joined: [End, End] = [
      start("left", deviceKind, carrierKind, left),
      start("right", deviceKind, carrierKind, right),
    ];
    const isThere = ({ carrier }: End) => carrier.local !== undefined && carrier.peer !== undefined;
    await until(() => joined.every(isThere), "the ends know each other");
    return joined;
  }

  test("packets of every length go both ways, whole and in order", async () => {
    const [left, right] = await join();
    const lengths = [shortest, shortest + 1, 60, 61, 576, 1000, longest - 1, longest];
    const sent = Array.from({ length: 10 * BURST }, (_, i) =>
      packet(layer, i, lengths[i % lengths.length] ?? shortest),
    );
    for (let from = 0; from < sent.length; from += BURST) {
      const burst = sent.slice(from, from + BURST);
      for (const one of burst) {
        left.give(one);
        right.give(one);
      }
      const all = from + BURST;
      await until(() => left.got.length >= all && right.got.length >= all, `${all} packets`);
    }
    expect(hex(left.got)).toEqual(hex(sent));
    expect(hex(right.got)).toEqual(hex(sent));
    const bytes = sent.reduce((sum, one) => sum + one.length, 0);
    for (const { tunnel, events } of [left, right]) {
      const flow = { packets: sent.length, bytes, drops: {} };
      expect(tunnel.counters()).toMatchObject({ out: flow, in: flow });
      expect(events.map(({ type }) => type)).toEqual(["heard"]);
    }
  });

  test("what is no datagram of the format is dropped, and the next packet comes", async () => {
    const [left, right] = await join();
    // Over a stream there may be no way before there was a packet.
    left.give(packet(layer, 1, 100));
    await until(() => right.got.length === 1, "the first packet");
    await new Promise<void>((resolve) =>
      left.carrier.send(carrierKind.garbageFor(layer), () => resolve()),
    );
    await until(() => Object.keys(right.tunnel.counters().in.drops).length === 1, "a drop");
    left.give(packet(layer, 2, 100));
    await until(() => right.got.length === 2, "the next packet");
    expect(hex(right.got)).toEqual(hex([packet(layer, 1, 100), packet(layer, 2, 100)]));
  });

  test("a device that is down refuses, which is counted, and goes on when it is up", async () => {
    const [left, right] = await join();
    right.setUp(false);
    left.give(packet(layer, 1, 100));
    await until(() => right.tunnel.counters().in.drops.device_down === 1, "a drop");
    right.setUp(true);
    left.give(packet(layer, 2, 100));
    await until(() => right.got.length === 1, "the next packet");
    expect(right.tunnel.counters().in).toMatchObject({ packets: 1, drops: { device_down: 1 } });
  });

  test("a device that is deleted ends the tunnel, with its name", async () => {
    const [left] = await join();
    left.remove();
    await expect(left.running).rejects.toThrow(`${left.device.name} was deleted by somebody else`);
  });

  test("stopping ends it at rest and under way, and may be done twice", async () => {
    const [left, right] = await join();
    await left.engine.stop();
    await expect(left.running).resolves.toBeUndefined();
    await left.engine.stop();
    expect(await left.device.readable()).toBe(false);
    expect(left.device.write(packet(layer, 1, 100))).toBe("EBADF");
    for (let i = 0; i < BURST; i++) right.give(packet(layer, i, 100));
    await right.engine.stop();
    await expect(right.running).resolves.toBeUndefined();
  });
});
