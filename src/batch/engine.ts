// The batch engine as the program sees it: a thread that is started, asked, and stopped.

import { closeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { BatchOptions } from "../core/batch.js";
import type { Counters } from "../core/core.js";
import type { Layer } from "../device/device.js";
import { openTunFile, type TunFile } from "../device/tun.js";
import { Failure } from "../failure.js";
import type { EngineEvent } from "../tunnel/event.js";
import type { OffloadStates, OffloadSwitches } from "./offloads.js";
import { ORDER, Orders } from "./orders.js";
import type { UdpSocket } from "./socket.js";
import type { WorkerMessage, WorkerSettings } from "./worker.js";

/** Room for what dies young: few numbers, as no object is made for a packet. The default is 48. */
const YOUNG_MIB = 2;

/** A TUN or TAP device for the batch engine. */
export class BatchTun {
  readonly fd: number;
  readonly name: string;
  readonly persistent: boolean;
  #closed = false;

  constructor({ fd, name, persistent }: TunFile) {
    this.fd = fd;
    this.name = name;
    this.persistent = persistent;
  }

  /** @throws Failure as `openTunFile` */
  static open(name: string, layer: Layer): BatchTun {
    return new BatchTun(openTunFile(name, layer, { virtioHeader: true }));
  }

  /** To be called when nobody uses the descriptor any more. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

export interface BatchEngineOptions {
  readonly tunnel: Omit<BatchOptions, "messages">;
  readonly device: BatchTun;
  readonly socket: UdpSocket;
  readonly switches: OffloadSwitches;
  readonly onlyPeer: boolean;
  readonly everyDrop: boolean;
  /** Where datagrams are copied to, for a capture. */
  readonly ring: SharedArrayBuffer | undefined;
  readonly notify: (event: EngineEvent) => void;
}

const NOTHING: Counters = {
  out: { packets: 0, bytes: 0, drops: {} },
  in: { packets: 0, bytes: 0, drops: {} },
  nextDiffers: 0,
};

export class BatchEngine {
  readonly #device: BatchTun;
  readonly #socket: UdpSocket;
  readonly #notify: (event: EngineEvent) => void;
  readonly #orders = Orders.create();
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #ready: Promise<OffloadStates>;
  #onReady: (offloads: OffloadStates) => void = () => {};
  #onCounters: ((counters: Counters) => void)[] = [];
  #counters = NOTHING;
  #failure: Failure | undefined;
  #over = false;
  #closed = false;

  constructor(options: BatchEngineOptions) {
    const { device, socket, notify, tunnel, ...settings } = options;
    this.#device = device;
    this.#socket = socket;
    this.#notify = notify;
    const workerData: WorkerSettings = {
      ...settings,
      tunnel: { ...tunnel, format: tunnel.format.recipe },
      device: { fd: device.fd, name: device.name },
      socket: { fd: socket.fd, peer: socket.peer },
      orders: this.#orders.place,
    };
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), {
      name: "crapvpn-batch",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
      workerData,
    });
    // A thread that sleeps in poll(2) would keep the program from ending, whatever ends it.
    process.once("exit", this.#orderStop);
    this.#worker.on("message", (message: WorkerMessage) => this.#hear(message));
    this.#worker.on("error", (error) => {
      this.#failure ??= new Failure(
        "fault",
        `the batch engine ended by a fault of its own: ${error.message} (please report it; --engine event goes without it)`,
      );
    });
    this.#ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#over = true;
        process.off("exit", this.#orderStop);
        for (const answer of this.#onCounters.splice(0)) answer(this.#counters);
        resolve();
      });
    });
  }

  /**
   * Waits until packets flow.
   *
   * @returns what became of each offload
   * @throws Failure
   */
  async start(): Promise<OffloadStates> {
    const states = await Promise.race([this.#ready, this.run()]);
    if (states === undefined) throw new Failure("fault", "the batch engine stopped at its start");
    return states;
  }

  /**
   * Waits for the end: by `stop`, or since the device is gone.
   *
   * @throws Failure if the device is gone, or the thread
   */
  async run(): Promise<undefined> {
    await this.#ended;
    if (this.#failure) throw this.#failure;
  }

  /** The counters as they stand; after the end, as they stood. */
  counters(): Promise<Counters> {
    return new Promise((resolve) => {
      if (this.#over) {
        resolve(this.#counters);
        return;
      }
      this.#onCounters.push(resolve);
      this.#orders.give(ORDER.counters);
    });
  }

  /** Ends `run`, and closes the device and the socket. Safe to call twice. */
  async stop(): Promise<void> {
    this.#orderStop();
    await this.#ended;
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#orders.wakeFd);
    await Promise.all([this.#device.close(), this.#socket.close()]);
  }

  readonly #orderStop = () => {
    if (!this.#over) this.#orders.give(ORDER.stop);
  };

  #hear(message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        this.#onReady(message.offloads);
        break;
      case "event":
        this.#orders.heard();
        this.#notify(message.event);
        break;
      case "counters":
        this.#counters = message.counters;
        for (const answer of this.#onCounters.splice(0)) answer(message.counters);
        break;
      case "stopped": {
        this.#counters = message.counters;
        const { failure } = message;
        if (failure) this.#failure = new Failure(failure.kind, failure.message, failure.hints);
        break;
      }
    }
  }
}
