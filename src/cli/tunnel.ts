// A running tunnel, whatever engine it has; and how the event engine's is made.

import type { Endpoint } from "../carrier/carrier.js";
import { openUdp, type UdpOptions } from "../carrier/udp.js";
import type { Core, Counters, TunnelOptions } from "../core/core.js";
import type { Device } from "../device/device.js";
import { type EngineEvent, EVENT_ENGINE_SLOTS, EventEngine } from "../tunnel/event.js";
import type { OpenedDevice } from "./device.js";
import type { RunOptions } from "./options.js";

export interface RunningTunnel {
  /** Where it listens. */
  readonly local: Endpoint;
  /** What became of each offload, if the engine has any. */
  readonly offloads?: Readonly<Record<string, string>>;
  /**
   * Waits for its end.
   *
   * @throws Failure if it cannot go on
   */
  run(): Promise<void>;
  counters(): Promise<Counters>;
  /** Ends it, and closes what it has open. Safe to call twice. */
  stop(): Promise<void>;
}

/** How an engine's tunnel is made. */
export interface TunnelMaker<Opened extends OpenedDevice = OpenedDevice> {
  openDevice(name: string): Promise<Opened>;
  /** @throws Failure `system` if the socket is not to be had */
  start(parts: TunnelParts<Opened>): Promise<RunningTunnel>;
}

export interface TunnelParts<Opened extends OpenedDevice> {
  readonly core: Core;
  readonly tunnel: Omit<TunnelOptions, "slots">;
  readonly device: Opened;
  readonly udp: UdpOptions;
  readonly options: RunOptions;
  readonly notify: (event: EngineEvent) => void;
}

export const eventTunnel: TunnelMaker<Device> = {
  // Loaded here and not above: who opens no device needs no koffi.
  openDevice: async (name) => (await import("../device/tun.js")).openTun(name),
  async start({ core, tunnel: tunnelOptions, device, udp, options, notify }) {
    const tunnel = core.openTunnel({ ...tunnelOptions, slots: EVENT_ENGINE_SLOTS });
    const carrier = await openUdp(udp);
    const engine = new EventEngine({
      ...{ tunnel, device, carrier, notify },
      onlyPeer: options.onlyPeer,
      everyDrop: options.verbosity >= 2,
    });
    let last: Counters | undefined;
    return {
      local: carrier.local,
      run: () => engine.run(),
      counters: async () => last ?? tunnel.counters(),
      stop: async () => {
        await engine.stop();
        if (last !== undefined) return;
        last = tunnel.counters();
        // Wipes the keys.
        tunnel.free();
      },
    };
  },
};
