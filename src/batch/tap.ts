// Copies datagrams to the thread that writes a capture, when there is one.

import { now } from "../capture/clock.js";
import type { DatagramRing } from "../capture/ring.js";
import { type BatchTunnel, SEND } from "../core/batch.js";
import type { Incoming } from "./messages.js";

export class Tap {
  readonly #ring: DatagramRing;
  readonly #tunnel: BatchTunnel;

  constructor(ring: DatagramRing, tunnel: BatchTunnel) {
    this.#ring = ring;
    this.#tunnel = tunnel;
  }

  /** All datagrams in the table of sends. */
  sent(table: Uint32Array, sends: number): void {
    const { memory, datagramsPlace } = this.#tunnel;
    const bytes = new Uint8Array(memory.buffer, datagramsPlace);
    const time = now();
    for (let entry = 0; entry < sends * SEND.words; entry += SEND.words) {
      const place = table[entry + SEND.place] as number;
      const end = place + (table[entry + SEND.bytes] as number);
      const datagramBytes = table[entry + SEND.datagramBytes] as number;
      for (let start = place; start < end; start += datagramBytes) {
        const datagram = bytes.subarray(start, Math.min(start + datagramBytes, end));
        this.#ring.put("out", time, datagram);
      }
    }
  }

  /** All datagrams in the first messages, before they are opened in their places. */
  received(incoming: Incoming, messages: number): void {
    const { memory, messagesPlace, messageBytes } = this.#tunnel;
    const time = now();
    for (let message = 0; message < messages; message++) {
      const place = messagesPlace + message * messageBytes;
      const bytes = new Uint8Array(memory.buffer, place, incoming.bytesOf(message));
      const source = incoming.sourceOf(message);
      const datagramBytes = incoming.segmentBytesOf(message) || bytes.length;
      let start = 0;
      do {
        const datagram = bytes.subarray(start, start + datagramBytes);
        this.#ring.put("in", time, datagram, source);
        start += datagramBytes;
      } while (start < bytes.length);
    }
  }
}
