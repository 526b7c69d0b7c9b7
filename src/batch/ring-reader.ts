// Brings the datagrams that the batch engine's thread has copied to the recorder.

import type { Recorder } from "../capture/recorder.js";
import { DatagramRing } from "../capture/ring.js";
import type { Endpoint } from "../carrier/carrier.js";
import { endpointOf } from "./sockaddr.js";

/** Soon enough for who watches, and seldom enough to cost nothing. */
const EVERY_MS = 10;

export class RingReader {
  readonly ring = new DatagramRing();
  readonly #recorder: Recorder;
  readonly #timer: NodeJS.Timeout;
  /** The last source: there are few, and looking one up takes longer than comparing. */
  #sockaddr = Buffer.alloc(0);
  #source: Endpoint | undefined;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
    this.#timer = setInterval(() => this.#read(), EVERY_MS);
  }

  /** Brings what is left. To be called when the engine has stopped. Safe to call twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#read();
  }

  #read(): void {
    const lost = this.ring.takeAll((direction, timeMs, datagram, sockaddr) => {
      const source = direction === "in" ? this.#sourceOf(sockaddr) : undefined;
      this.#recorder.datagram(direction, timeMs, datagram, source);
    });
    this.#recorder.lose(lost);
  }

  #sourceOf(sockaddr: Uint8Array): Endpoint {
    if (this.#source === undefined || this.#sockaddr.compare(sockaddr) !== 0) {
      this.#sockaddr = Buffer.from(sockaddr);
      this.#source = endpointOf(this.#sockaddr);
    }
    return this.#source;
  }
}
