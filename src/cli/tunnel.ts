// A running tunnel, whatever engine it has; and how the event engine's is made.

import { now } from "../capture/clock.js";
import type { Recorder } from "../capture/recorder.js";
import type { Endpoint } from "../carrier/carrier.js";
import type { TcpEvent } from "../carrier/tcp/events.js";
import type { Core, Counters, TunnelOptions } from "../core/core.js";
import type { Device, Layer } from "../device/device.js";
import { type EngineEvent, EVENT_ENGINE_SLOTS, EventEngine } from "../tunnel/event.js";
import { type Ends, openCarrier } from "./carrier.js";
import type { OpenedDevice } from "./device.js";
import type { RunOptions } from "./options.js";

/** What a person may want to hear about a running tunnel and its carrier. */
export type TunnelEvent = EngineEvent | TcpEvent;

export interface RunningTunnel {
  /** Where it listens; absent if it does not. */
  readonly local?: Endpoint;
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
  openDevice(name: string, layer: Layer): Promise<Opened>;
  /** @throws Failure `system` if the socket is not to be had */
  start(parts: TunnelParts<Opened>): Promise<RunningTunnel>;
}

export interface TunnelParts<Opened extends OpenedDevice> {
  readonly core: Core;
  readonly tunnel: Omit<TunnelOptions, "slots">;
  readonly device: Opened;
  readonly options: RunOptions;
  /** Writes a capture, if one is asked for. */
  readonly recorder: Recorder | undefined;
  readonly notify: (event: TunnelEvent) => void;
}

/** The event engine's, over any carrier. */
export function eventTunnel(ends: Ends): TunnelMaker<Device> {
  return {
    // Loaded here and not above: who opens no device needs no koffi.
    openDevice: async (name, layer) => (await import("../device/tun.js")).openTun(name, layer),
    async start({ core, tunnel: tunnelOptions, device, options, recorder, notify }) {
      const tunnel = core.openTunnel({ ...tunnelOptions, slots: EVENT_ENGINE_SLOTS });
      const carrier = await openCarrier(core, tunnelOptions.format, ends, notify);
      const engine = new EventEngine({
        ...{ tunnel, device, carrier, notify },
        onlyPeer: options.onlyPeer,
        everyDrop: options.verbosity >= 2,
        ...(recorder && {
          see: (direction, datagram, source) =>
            recorder.datagram(direction, now(), datagram, source),
        }),
      });
      return {
        ...(carrier.local && { local: carrier.local }),
        run: () => engine.run(),
        counters: async () => tunnel.counters(),
        stop: () => engine.stop(),
      };
    },
  };
}
