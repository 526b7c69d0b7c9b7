// The seam, over each of its implementations: vectors, counters, misuse.

import { describe, expect, test } from "vitest";
import { type Core, CoreError, type CoreTunnel } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";
import { fromHex, toHex, vectors } from "./vectors.js";

const implementations: readonly [string, () => Promise<Core>][] = [["wasm", loadCore]];

describe.each(implementations)("%s", async (_name, load) => {
  const core = await load();
  const open = (options: Partial<Parameters<Core["openTunnel"]>[0]> = {}) =>
    core.openTunnel({
      format: core.format("crapvpn"),
      key: Uint8Array.of(0x2a),
      seed: new Uint8Array(32),
      slots: 2,
      ...options,
    });

  const encapsulate = (tunnel: CoreTunnel, slot: number, packet: Uint8Array) => {
    tunnel.packetRoom(slot).set(packet);
    return tunnel.encapsulate(slot, packet.length);
  };
  const decapsulate = (tunnel: CoreTunnel, slot: number, datagram: Uint8Array) => {
    tunnel.datagramRoom(slot).set(datagram);
    return tunnel.decapsulate(slot, datagram.length);
  };
  const smallest = fromHex("4500001400000000400000000a0000010a000002");

  test("packets become the datagrams of the vectors", () => {
    for (const { name, key, ethertype, packet, datagram } of vectors.filter((v) => v.encapsulate)) {
      const tunnel = open({
        key: fromHex(key),
        format: core.format("crapvpn").with(ethertype ? ["ethertype=table"] : []),
      });
      const result = encapsulate(tunnel, 1, fromHex(packet as string));
      expect(result, name).toBeGreaterThan(0);
      expect(toHex(tunnel.placed(1, result)) === datagram, name).toBe(true);
      tunnel.free();
    }
  });

  test("datagrams become the packets or drops of the vectors", () => {
    for (const { name, key, datagram, decapsulate: expected } of vectors) {
      const tunnel = open({ key: fromHex(key) });
      const result = decapsulate(tunnel, 1, fromHex(datagram));
      if ("packet" in expected) {
        expect(result, name).toBeGreaterThan(0);
        expect(toHex(tunnel.placed(1, result)) === expected.packet, name).toBe(true);
        expect(tunnel.counters().nextDiffers, name).toBe(Number(expected.ethertype_differs));
      } else {
        expect(core.reasons[-result - 1], name).toBe(expected.drop);
        const { drop: reason, layer, offset } = expected;
        expect(tunnel.lastDrop(), name).toMatchObject({ reason, layer, offset });
        expect(tunnel.counters().in.drops, name).toEqual({ [reason]: 1 });
      }
      tunnel.free();
    }
  });

  test("a drop is told in full", () => {
    const tunnel = open();
    expect(tunnel.lastDrop()).toBeUndefined();
    decapsulate(tunnel, 0, Buffer.from("crab1234"));
    expect(tunnel.lastDrop()).toEqual({
      reason: "not_ours",
      layer: "header",
      field: "crapvpn.magic",
      offset: 0,
      expected: "63 72 61 70",
      found: "63 72 61 62",
    });
  });

  test("counters add up, also after what the system refused", () => {
    const tunnel = open();
    const length = smallest.length;
    for (let i = 0; i < 3; i++) encapsulate(tunnel, i % 2, smallest);
    encapsulate(tunnel, 0, smallest.subarray(1));
    tunnel.lose("out", "no_buffers", length);
    tunnel.refuse("in", "other_source", 99);
    expect(tunnel.counters()).toEqual({
      out: { packets: 2, bytes: 2 * length, drops: { not_a_packet: 1, no_buffers: 1 } },
      in: { packets: 0, bytes: 0, drops: { other_source: 1 } },
      nextDiffers: 0,
    });
  });

  test("a packet routed back into the tunnel is refused", () => {
    const udp = fromHex("4500001c00000000401100000a000001c00002020539053900080000");
    const tunnel = open({ peer: "192.0.2.2:1337" });
    expect(core.reasons[-encapsulate(tunnel, 0, udp) - 1]).toBe("routing_loop");
    expect(encapsulate(open({ peer: "192.0.2.3:1337" }), 0, udp)).toBeGreaterThan(0);
    expect(encapsulate(open({ peer: "[2001:db8::1]:1337" }), 0, udp)).toBeGreaterThan(0);
  });

  test("a wrong key is suspected once there are some in a row", () => {
    const [here, there] = [open({ key: Uint8Array.of(1) }), open({ key: Uint8Array.of(0xff) })];
    const told: number[] = [];
    for (let i = 0; i < 100; i++) {
      const datagram = here.placed(0, encapsulate(here, 0, smallest));
      decapsulate(there, 0, datagram);
      const event = there.pollEvent();
      if (event?.type === "wrong_key") told.push(event.datagrams);
    }
    expect(told).toEqual([8, 64]);
  });

  test("slots do not touch each other", () => {
    const tunnel = open({ slots: 3 });
    for (const slot of [0, 1, 2]) tunnel.datagramRoom(slot).fill(slot);
    tunnel.packetRoom(1).fill(0xee);
    for (const slot of [0, 2]) {
      expect(tunnel.datagramRoom(slot).every((byte) => byte === slot)).toBe(true);
    }
    expect(tunnel.packetRoom(0).length).toBeGreaterThanOrEqual(65_536);
  });

  test("views are renewed when memory has grown", () => {
    const tunnel = open();
    const more = Array.from({ length: 4 }, () => open({ slots: 200 }));
    const datagram = tunnel.placed(0, encapsulate(tunnel, 0, smallest));
    expect(toHex(datagram.subarray(0, 8))).toBe("6372617000140000");
    for (const other of more) other.free();
  });

  test("misuse is an error with a code", () => {
    const code = (options: Parameters<typeof open>[0]) => {
      try {
        open(options);
        return undefined;
      } catch (error) {
        expect(error).toBeInstanceOf(CoreError);
        return (error as CoreError).code;
      }
    };
    expect(code({ key: new Uint8Array() })).toBe("cannot_run");
    expect(code({ seed: new Uint8Array(31) })).toBe("cannot_run");
    expect(code({ format: core.format("vxlan") })).toBe("cannot_run");
    expect(code({ packet: "ethernet" })).toBe("cannot_run");
    expect(code({ peer: "nowhere" })).toBe("not_an_address");
    expect(code({ slots: 61_681 })).toBe("too_many_slots");
  });

  test("slots and lengths that are not there are drops", () => {
    const tunnel = open();
    for (const [slot, length] of [
      [2, 20],
      [0, 1e6],
      [1e6, 20],
      [-1, 20],
      [0, -1],
    ] as const) {
      expect(core.reasons[-tunnel.encapsulate(slot, length) - 1]).toBe("too_long");
      expect(core.reasons[-tunnel.decapsulate(slot, length) - 1]).toBe("too_long");
    }
  });
});
