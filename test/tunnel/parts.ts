// The devices and carriers that a tunnel may have, each with its other side in the test's hand.

import { execFileSync } from "node:child_process";
import type { Carrier } from "../../src/carrier/carrier.js";
import { MemoryCarrier } from "../../src/carrier/memory.js";
import { TcpClient } from "../../src/carrier/tcp/client.js";
import { openTcpServer } from "../../src/carrier/tcp/server.js";
import { openUdp } from "../../src/carrier/udp.js";
import { loadCore } from "../../src/core/wasm.js";
import type { Device, Layer } from "../../src/device/device.js";
import { MemoryDevice } from "../../src/device/memory.js";
import { openTun } from "../../src/device/tun.js";
import { SystemSide } from "./namespace.js";

const core = await loadCore();

/** A device, and the system behind it. */
export interface DevicePart {
  readonly device: Device;
  /** The system sends a packet. */
  give(packet: Uint8Array): void;
  /** What the system got, in order. */
  readonly got: readonly Uint8Array[];
  /** Sets it down, or up again. */
  setUp(up: boolean): void;
  /** Somebody else takes it away. */
  remove(): void;
  /** Gives back what the test itself holds. */
  close(): void;
}

export interface DeviceKind {
  readonly name: string;
  readonly layer: Layer;
  /** @param mtu the longest packet, without the header of a frame */
  open(name: string, mtu: number): DevicePart;
}

export interface CarrierKind {
  readonly name: string;
  /** The format that it is tried with. */
  formatFor(layer: Layer): string;
  /** Two ends, each the other's peer. */
  open(layer: Layer): Promise<readonly [Carrier, Carrier]>;
  /** What the other end may send that is no datagram of the format, though it arrives as one. */
  garbageFor(layer: Layer): Uint8Array;
}

const ip = (...words: string[]) => execFileSync("ip", words, { stdio: "pipe" });

function ofSystem(layer: Layer): DeviceKind["open"] {
  return (name, mtu) => {
    const device = openTun(name, layer);
    ip("link", "set", "dev", name, "mtu", String(mtu), "up");
    const side = new SystemSide(name);
    return {
      device,
      give: (packet) => side.give(packet),
      get got() {
        return side.heard;
      },
      setUp: (up) => ip("link", "set", "dev", name, up ? "up" : "down"),
      remove: () => ip("link", "del", "dev", name),
      close: () => side.close(),
    };
  };
}

function ofMemory(name: string): DevicePart {
  const device = new MemoryDevice(name);
  const { onWrite } = device;
  return {
    device,
    give: (packet) => device.push(packet),
    got: device.written,
    setUp: (up) => {
      device.onWrite = up ? onWrite : () => "EIO";
    },
    remove: () => {
      device.read = () => {
        throw new Error(`${name} was deleted by somebody else`);
      };
      device.push(new Uint8Array());
    },
    close: () => {},
  };
}

/** On the host that this thread is on. */
export const deviceKinds: readonly DeviceKind[] = [
  { name: "memory, packets", layer: 3, open: ofMemory },
  { name: "memory, frames", layer: 2, open: ofMemory },
  { name: "TUN", layer: 3, open: ofSystem(3) },
  { name: "TAP", layer: 2, open: ofSystem(2) },
];

const formatFor = (layer: Layer) => (layer === 2 ? "crapvpn-ethernet" : "crapvpn");
const garbageFor = () => Uint8Array.of(1, 2, 3);

/** Likewise. */
export const carrierKinds: readonly CarrierKind[] = [
  { name: "memory", formatFor, garbageFor, open: async () => MemoryCarrier.pair() },
  {
    name: "UDP",
    formatFor,
    garbageFor,
    open: async () => {
      const [a, b] = [5001, 5002].map((port) => ({ address: "127.0.0.1", port })) as [End, End];
      return Promise.all([openUdp({ local: a, peer: b }), openUdp({ local: b, peer: a })]);
    },
  },
  {
    name: "TCP",
    formatFor: streamFormatFor,
    // Frames whose packet is too short for one.
    garbageFor: (layer) =>
      Buffer.from(layer === 2 ? "00000003010203" : "637261700003010203", "hex"),
    open: async (layer) => {
      const format = core.format(streamFormatFor(layer));
      const parts = { deframer: () => core.openDeframer(format), notify: () => {} };
      const local = { address: "127.0.0.1", port: 5001 };
      return [await openTcpServer({ ...parts, local }), new TcpClient({ ...parts, peer: local })];
    },
  },
];

function streamFormatFor(layer: Layer): string {
  return layer === 2 ? "qemu-socket-tcp" : "crapvpn-tcp";
}

type End = { address: string; port: number };
