// Datagrams on their way from the batch engine's thread to the one that writes a capture: a ring in
// shared memory with one writer and one reader. What does not fit is counted, and nobody waits.

import type { Direction } from "../core/core.js";

/** A power of two, so that positions may count on for ever. */
const RING_BYTES = 16 * 1024 * 1024;
/** Bytes of the longest sockaddr, rounded up. */
const SOURCE_BYTES = 32;

/** Words at the beginning: positions in the ring, modulo 2³², and how many datagrams did not fit. */
const [WRITTEN, READ, LOST] = [0, 1, 2] as const;
const CONTROL_BYTES = 16;

/** An entry: its bytes, its kind, its time, where it came from, the datagram; a multiple of 8. */
const [ENTRY_KIND, ENTRY_LENGTH, ENTRY_TIME, ENTRY_SOURCE] = [4, 8, 16, 24] as const;
const ENTRY_DATAGRAM = ENTRY_SOURCE + SOURCE_BYTES;
const KIND = { in: 0, out: 1, nothing: 2 } as const;

/** What the reader is given. The bytes are valid only during the call. */
export type TakeDatagram = (
  direction: Direction,
  timeMs: number,
  datagram: Uint8Array,
  /** A sockaddr: where it came from; without meaning on the way out. */
  source: Uint8Array,
) => void;

export class DatagramRing {
  readonly buffer: SharedArrayBuffer;
  readonly #positions: Int32Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  /** @param buffer that of the ring at the other thread, if there is one */
  constructor(buffer = new SharedArrayBuffer(CONTROL_BYTES + RING_BYTES)) {
    this.buffer = buffer;
    this.#positions = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.#view = new DataView(buffer, CONTROL_BYTES);
    this.#bytes = new Uint8Array(buffer, CONTROL_BYTES);
  }

  /** Copies a datagram, if there is room for it. */
  put(direction: Direction, timeMs: number, datagram: Uint8Array, source?: Uint8Array): void {
    const bytes = (ENTRY_DATAGRAM + datagram.length + 7) & ~7;
    const written = Atomics.load(this.#positions, WRITTEN);
    const free = RING_BYTES - ((written - Atomics.load(this.#positions, READ)) | 0);
    let at = written & (RING_BYTES - 1);
    // An entry lies in one piece: what is left at the end may be too short for it.
    const skipped = at + bytes > RING_BYTES ? RING_BYTES - at : 0;
    if (skipped + bytes > free) {
      Atomics.add(this.#positions, LOST, 1);
      return;
    }
    if (skipped > 0) {
      this.#view.setUint32(at, skipped, true);
      this.#view.setUint32(at + ENTRY_KIND, KIND.nothing, true);
      at = 0;
    }
    this.#view.setUint32(at, bytes, true);
    this.#view.setUint32(at + ENTRY_KIND, KIND[direction], true);
    this.#view.setUint32(at + ENTRY_LENGTH, datagram.length, true);
    this.#view.setFloat64(at + ENTRY_TIME, timeMs, true);
    if (source) this.#bytes.set(source.subarray(0, SOURCE_BYTES), at + ENTRY_SOURCE);
    this.#bytes.set(datagram, at + ENTRY_DATAGRAM);
    Atomics.store(this.#positions, WRITTEN, (written + skipped + bytes) | 0);
  }

  /** Takes what is there. Returns how many datagrams did not fit since the last call. */
  takeAll(take: TakeDatagram): number {
    const written = Atomics.load(this.#positions, WRITTEN);
    let read = Atomics.load(this.#positions, READ);
    while (read !== written) {
      const at = read & (RING_BYTES - 1);
      const bytes = this.#view.getUint32(at, true);
      const kind = this.#view.getUint32(at + ENTRY_KIND, true);
      if (kind !== KIND.nothing) {
        const length = this.#view.getUint32(at + ENTRY_LENGTH, true);
        const start = at + ENTRY_DATAGRAM;
        const source = this.#bytes.subarray(at + ENTRY_SOURCE, start);
        const time = this.#view.getFloat64(at + ENTRY_TIME, true);
        const direction = kind === KIND.out ? "out" : "in";
        take(direction, time, this.#bytes.subarray(start, start + length), source);
      }
      read = (read + bytes) | 0;
      Atomics.store(this.#positions, READ, read);
    }
    return Atomics.exchange(this.#positions, LOST, 0);
  }
}
