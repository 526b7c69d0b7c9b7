// Errors of the system, also those that a test cannot make it give: each is a reason to drop.

import { expect, test } from "vitest";
import { MemoryCarrier } from "../../src/carrier/memory.js";
import { loadCore } from "../../src/core/wasm.js";
import { MemoryDevice } from "../../src/device/memory.js";
import { EVENT_ENGINE_SLOTS, EventEngine } from "../../src/tunnel/event.js";
import { until } from "./ends.js";

const core = await loadCore();
const format = core.format("crapvpn");
const seed = new Uint8Array(32);

/** An IPv4 packet of nothing but its header. */
const PACKET = Buffer.from("450000140000000040110000" + "0a0800010a080002", "hex");

/** An engine whose carrier and device answer with these errors. */
function failing(sending: string | undefined, writing: string | undefined) {
  const [carrier, other] = MemoryCarrier.pair();
  const device = new MemoryDevice("memory");
  const key = Uint8Array.of(0);
  const tunnel = core.openTunnel({ format, key, seed, slots: EVENT_ENGINE_SLOTS });
  if (sending) carrier.send = (_, done) => done(sending);
  if (writing) device.onWrite = () => writing;
  const engine = new EventEngine({ tunnel, device, carrier });
  const running = engine.run();
  const stop = async () => {
    await engine.stop();
    await running;
    tunnel.free();
  };
  return { carrier, other, device, tunnel, stop };
}

test.each([
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["ENETDOWN", "unreachable"],
  ["EADDRNOTAVAIL", "unreachable"],
  ["ECONNREFUSED", "refused"],
  ["ENOBUFS", "no_buffers"],
  ["ENOMEM", "no_buffers"],
  ["EAGAIN", "no_buffers"],
  ["EMSGSIZE", "message_size"],
  ["EPERM", "forbidden"],
  ["EACCES", "forbidden"],
  ["EINVAL", "system_error"],
  ["EWHATEVER", "system_error"],
])("%s of the carrier: %s, and the next packet goes", async (errno, reason) => {
  const { carrier, device, tunnel, stop } = failing(errno, undefined);
  device.push(PACKET);
  device.push(PACKET);
  await until(() => tunnel.counters().out.drops[reason as "refused"] === 2, "two drops");
  carrier.send = (_, done) => done();
  device.push(PACKET);
  await until(() => tunnel.counters().out.packets === 1, "a packet");
  expect(tunnel.counters().out).toEqual({ packets: 1, bytes: 20, drops: { [reason]: 2 } });
  await stop();
});

test.each([
  ["EIO", "device_down"],
  ["EINVAL", "device_refused"],
  ["ENOBUFS", "no_buffers"],
  ["ENOMEM", "no_buffers"],
  ["EAGAIN", "no_buffers"],
  ["EWHATEVER", "system_error"],
])("%s of the device: %s, and the next packet goes", async (errno, reason) => {
  const { carrier, device, tunnel, stop } = failing(undefined, errno);
  const datagram = Buffer.concat([Buffer.from("crap\0\x14\0\0"), PACKET]);
  carrier.receive(datagram);
  device.onWrite = () => undefined;
  carrier.receive(datagram);
  expect(tunnel.counters().in).toEqual({ packets: 1, bytes: 20, drops: { [reason]: 1 } });
  await stop();
});
