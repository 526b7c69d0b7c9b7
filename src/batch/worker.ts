// The thread of the batch engine: loads the core, tries the offloads, and runs the loop.

import { parentPort, workerData } from "node:worker_threads";
import { DatagramRing } from "../capture/ring.js";
import type { Endpoint } from "../carrier/carrier.js";
import type { BatchOptions } from "../core/batch.js";
import type { Counters, FormatRecipe } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { Failure, type FailureKind } from "../failure.js";
import type { EngineEvent } from "../tunnel/event.js";
import { BatchLoop } from "./loop.js";
import { MESSAGES } from "./messages.js";
import { type OffloadStates, type OffloadSwitches, Offloads } from "./offloads.js";
import { Orders, type OrdersPlace } from "./orders.js";
import { Tap } from "./tap.js";

/** What the thread is given. The descriptors stay the giver's to close. */
export interface WorkerSettings {
  /** A format cannot go from thread to thread: it is made anew. */
  readonly tunnel: Omit<BatchOptions, "messages" | "format"> & { readonly format: FormatRecipe };
  readonly device: { readonly fd: number; readonly name: string };
  readonly socket: { readonly fd: number; readonly peer: Endpoint };
  readonly orders: OrdersPlace;
  readonly switches: OffloadSwitches;
  readonly onlyPeer: boolean;
  readonly everyDrop: boolean;
  /** Where datagrams are copied to, for a capture. */
  readonly ring: SharedArrayBuffer | undefined;
}

/** What the thread tells. */
export type WorkerMessage =
  | { readonly type: "ready"; readonly offloads: OffloadStates }
  | { readonly type: "event"; readonly event: EngineEvent }
  | { readonly type: "counters"; readonly counters: Counters }
  | {
      readonly type: "stopped";
      readonly counters: Counters;
      readonly failure?: { kind: FailureKind; message: string; hints: readonly string[] };
    };

const settings = workerData as WorkerSettings;
const tell = (message: WorkerMessage) => parentPort?.postMessage(message);

const orders = new Orders(settings.orders);
let untold = 0;
const notify = (event: EngineEvent) => {
  if (orders.areManyUnheard() && (event.type === "drop" || event.type === "untold")) {
    untold += event.type === "untold" ? event.drops : 1;
    return;
  }
  const events = untold > 0 ? [{ type: "untold", drops: untold } as const, event] : [event];
  untold = 0;
  for (const event of events) {
    orders.tells();
    tell({ type: "event", event });
  }
};

const core = await loadCore();
const format = core.makeFormat(settings.tunnel.format);
const tunnel = core.openBatchTunnel({ ...settings.tunnel, format, messages: MESSAGES });
tunnel.tellEveryDrop(settings.everyDrop);
const { device, socket, ring } = settings;
const offloads = new Offloads({
  ...{ tunnel, notify, switches: settings.switches },
  ...{ device: device.fd, socket: socket.fd },
});
const loop = new BatchLoop({
  ...{ tunnel, device, socket, offloads, orders, notify },
  onlyPeer: settings.onlyPeer,
  tap: ring && new Tap(new DatagramRing(ring), tunnel),
  tellCounters: () => tell({ type: "counters", counters: tunnel.counters() }),
});
tell({ type: "ready", offloads: offloads.states });
try {
  loop.run();
  tell({ type: "stopped", counters: tunnel.counters() });
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  const { kind, message, hints } = error;
  tell({ type: "stopped", counters: tunnel.counters(), failure: { kind, message, hints } });
}
