// A device in memory, for tests and for running both ends in one process.

import type { Device } from "./device.js";

export class MemoryDevice implements Device {
  readonly name: string;
  readonly persistent = false;
  /** What the tunnel wrote, if nobody else takes it. */
  readonly written: Uint8Array[] = [];
  /** Takes what the tunnel writes; answers as `Device.write`. The bytes are valid only meanwhile. */
  onWrite: (packet: Uint8Array) => string | undefined = (packet) => {
    this.written.push(packet.slice());
    return undefined;
  };

  readonly #queue: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(name: string) {
    this.name = name;
  }

  /** Queues a packet that the tunnel will read. */
  push(packet: Uint8Array): void {
    this.#queue.push(packet);
    this.#wake?.();
  }

  /** Packets not yet read. */
  get pending(): number {
    return this.#queue.length;
  }

  read(into: Uint8Array): number {
    const packet = this.#queue.shift();
    if (packet === undefined) return 0;
    into.set(packet);
    return packet.length;
  }

  write(packet: Uint8Array): string | undefined {
    return this.#closed ? "EBADF" : this.onWrite(packet);
  }

  async readable(): Promise<boolean> {
    if (!this.#closed && this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return !this.#closed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
  }
}
