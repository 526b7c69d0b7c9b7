// The event engine: the author's select loop on Node's event loop, packet by packet.
//
// The way of a packet out:
//   1. wait until the device has something to read;
//   2. read a packet into a free slot of the core's arena;
//   3. the core makes a datagram of it, in place, or drops it;
//   4. the carrier sends the datagram, and the slot is free again.
// And in:
//   5. the carrier hands a datagram over; it is copied into slot 0;
//   6. the core checks it and takes the packet out, in place, or drops it;
//   7. the device takes the packet;
//   8. the device is looked at once more: the answer to what it took may be there already.

import type { Carrier, Endpoint, FramingLost } from "../carrier/carrier.js";
import type { CoreTunnel, Direction, DropReport, Reason } from "../core/core.js";
import type { Device } from "../device/device.js";
import { reasonOf } from "./reason.js";

/** Slots that an arena needs: one for what arrives, and as many as are read in one go. */
export const EVENT_ENGINE_SLOTS = 64;
const RECEIVING_SLOT = 0;

/** Node hands over all that has arrived, which may be more than answers to it can wait. */
const MOST_UNANSWERED = 64;

/** What a person may want to hear about a running tunnel. */
export type EngineEvent =
  | { readonly type: "heard"; readonly source: Endpoint }
  | { readonly type: "wrong_key"; readonly datagrams: number }
  | {
      readonly type: "drop";
      readonly direction: Direction;
      readonly length: number;
      /** Nothing was dropped in this direction for this reason before. */
      readonly first: boolean;
      /** Where a datagram came from. */
      readonly source?: Endpoint;
      readonly report: DropReport;
    }
  /** More drops than could be told: so many are only counted. */
  | { readonly type: "untold"; readonly drops: number }
  /** An offload of the batch engine is not used any more. */
  | { readonly type: "fallback"; readonly offload: string; readonly why: string };

/** Sees a datagram that goes by. Its bytes are valid only during the call. */
export type SeeDatagram = (direction: Direction, datagram: Uint8Array, source?: Endpoint) => void;

export interface EngineOptions {
  readonly tunnel: CoreTunnel;
  readonly device: Device;
  readonly carrier: Carrier;
  /** Take datagrams from the peer's address and port alone. */
  readonly onlyPeer?: boolean;
  /** Tell every drop, not only the first of its kind. */
  readonly everyDrop?: boolean;
  readonly notify?: (event: EngineEvent) => void;
  /** Sees every datagram that is sent or arrives. */
  readonly see?: SeeDatagram;
}

export class EventEngine {
  readonly #tunnel: CoreTunnel;
  readonly #device: Device;
  readonly #carrier: Carrier;
  readonly #onlyPeer: boolean;
  readonly #everyDrop: boolean;
  readonly #notify: (event: EngineEvent) => void;
  readonly #see: SeeDatagram | undefined;

  readonly #freeSlots: number[] = [];
  readonly #told = new Set<string>();
  #onFree: (() => void) | undefined;
  #lookSoon = false;
  /** Packets that the device took since it was looked at. */
  #unanswered = 0;
  #heard = false;
  #stopped = false;
  #fail: (error: unknown) => void = () => {};

  constructor(options: EngineOptions) {
    this.#tunnel = options.tunnel;
    this.#device = options.device;
    this.#carrier = options.carrier;
    this.#onlyPeer = options.onlyPeer ?? false;
    this.#everyDrop = options.everyDrop ?? false;
    this.#notify = options.notify ?? (() => {});
    this.#see = options.see;
    for (let slot = 0; slot < EVENT_ENGINE_SLOTS; slot++) {
      if (slot !== RECEIVING_SLOT) this.#freeSlots.push(slot);
    }
  }

  /**
   * Runs until `stop`, or until the device is gone.
   *
   * @throws Failure if the device is gone
   */
  async run(): Promise<void> {
    const failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    this.#carrier.start(
      (datagram, source) => this.#receive(datagram, source),
      (lost, source) => this.#loseFraming(lost, source),
    );
    await Promise.race([failed, this.#pumpDevice()]);
  }

  /** Ends `run`, and closes the device and the carrier. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#device.close(), this.#carrier.close()]);
    this.#onFree?.();
  }

  /** Steps 1 to 4, again and again. */
  async #pumpDevice(): Promise<void> {
    while (await this.#device.readable()) {
      // Waiting costs a thread's waking up: while packets keep coming, the device is looked at
      // again as soon as the carrier had its turn.
      await this.#someFreeSlot();
      while (this.#drainDevice() > 0) {
        await new Promise((resolve) => setImmediate(resolve));
        await this.#someFreeSlot();
      }
    }
  }

  /**
   * Reads and sends until the device has nothing more or no slot is free, which bounds how long the
   * carrier waits for its turn.
   *
   * @returns how many packets were read
   */
  #drainDevice(): number {
    for (let packets = 0; ; packets++) {
      const slot = this.#stopped ? undefined : this.#freeSlots.pop();
      if (slot === undefined) return packets;
      const length = this.#device.read(this.#tunnel.packetRoom(slot));
      if (length === 0) {
        this.#freeSlots.push(slot);
        return packets;
      }
      this.#send(slot, length);
    }
  }

  #send(slot: number, length: number): void {
    const sealed = this.#tunnel.encapsulate(slot, length);
    if (sealed < 0) {
      this.#free(slot);
      this.#tellDrop("out", this.#tunnel.reasonOf(sealed), length);
      return;
    }
    const datagram = this.#tunnel.placed(slot, sealed);
    this.#see?.("out", datagram);
    this.#carrier.send(datagram, (errno) => {
      this.#free(slot);
      if (errno !== undefined && !this.#stopped) this.#lose("out", reasonOf(errno), length);
    });
  }

  /** Steps 5 to 8. Returns whether it was one of the peer's datagrams. */
  #receive(datagram: Uint8Array, source: Endpoint): boolean {
    if (this.#stopped) return false;
    this.#see?.("in", datagram, source);
    if (this.#onlyPeer && !sameEndpoint(source, this.#carrier.peer)) {
      this.#tunnel.refuse("in", "other_source", datagram.length);
      this.#tellDrop("in", "other_source", datagram.length, source);
      return false;
    }
    this.#tunnel.datagramRoom(RECEIVING_SLOT).set(datagram);
    const opened = this.#tunnel.decapsulate(RECEIVING_SLOT, datagram.length);
    if (opened < 0) {
      const datagrams = this.#tunnel.pollWrongKey();
      if (datagrams > 0) this.#notify({ type: "wrong_key", datagrams });
      this.#tellDrop("in", this.#tunnel.reasonOf(opened), datagram.length, source);
      return false;
    }
    if (!this.#heard) {
      this.#heard = true;
      this.#notify({ type: "heard", source: { address: source.address, port: source.port } });
    }
    const packet = this.#tunnel.placed(RECEIVING_SLOT, opened);
    const errno = this.#device.write(packet);
    if (errno !== undefined) this.#lose("in", reasonOf(errno, "device"), packet.length);
    else this.#lookAtDeviceSoon();
    return true;
  }

  /** A stream cannot be cut into datagrams any more: what is left of it is dropped. */
  #loseFraming(lost: FramingLost, source: Endpoint): void {
    if (this.#stopped) return;
    this.#tunnel.refuse("in", "framing_lost", 0);
    this.#tellDrop("in", "framing_lost", 0, source, lost);
  }

  /** Step 8: once for all datagrams that arrive in one turn of the event loop, or for so many. */
  #lookAtDeviceSoon(): void {
    if (++this.#unanswered >= MOST_UNANSWERED) {
      this.#lookAtDevice();
    } else if (!this.#lookSoon) {
      this.#lookSoon = true;
      setImmediate(() => {
        this.#lookSoon = false;
        this.#lookAtDevice();
      });
    }
  }

  #lookAtDevice(): void {
    this.#unanswered = 0;
    try {
      this.#drainDevice();
    } catch (error) {
      this.#fail(error);
    }
  }

  #lose(direction: Direction, reason: Reason, length: number): void {
    this.#tunnel.lose(direction, reason, length);
    this.#tellDrop(direction, reason, length);
  }

  /** Tells a drop if somebody wants to hear it. A flood of them must cost little. */
  #tellDrop(
    direction: Direction,
    reason: Reason,
    length: number,
    source?: Endpoint,
    lost?: FramingLost,
  ): void {
    const kind = `${direction} ${reason}`;
    const first = !this.#told.has(kind);
    if (!first && !this.#everyDrop) return;
    this.#told.add(kind);
    const report = lost ? { ...lost, reason } : this.#tunnel.lastDrop();
    if (report === undefined) return;
    const from = source && { source: { address: source.address, port: source.port } };
    this.#notify({ type: "drop", direction, length, first, ...from, report });
  }

  #free(slot: number): void {
    this.#freeSlots.push(slot);
    this.#onFree?.();
  }

  /** Waits while the carrier still needs the bytes of every slot. */
  async #someFreeSlot(): Promise<void> {
    if (this.#freeSlots.length > 0 || this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#onFree = resolve;
    });
    this.#onFree = undefined;
  }
}

function sameEndpoint(a: Endpoint, b: Endpoint | undefined): boolean {
  return a.port === b?.port && a.address === b.address;
}
