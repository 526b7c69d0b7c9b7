// A carrier in memory: two ends joined, with whatever happens between them in one function.

import type { Carrier, DatagramHandler, Endpoint } from "./carrier.js";

/** What becomes of a datagram on its way: the datagrams that arrive, in order. */
export type Link = (datagram: Uint8Array) => Uint8Array[];

export class MemoryCarrier implements Carrier {
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** What the link does to datagrams that this end sends. Default: nothing. */
  link: Link = (datagram) => [datagram];
  #other: MemoryCarrier | undefined;
  #onDatagram: DatagramHandler | undefined;

  private constructor(local: Endpoint, peer: Endpoint) {
    this.local = local;
    this.peer = peer;
  }

  /** Two carriers, each the other's peer. */
  static pair(): [MemoryCarrier, MemoryCarrier] {
    const a = { address: "192.0.2.1", port: 1337 };
    const b = { address: "192.0.2.2", port: 1337 };
    const carriers: [MemoryCarrier, MemoryCarrier] = [
      new MemoryCarrier(a, b),
      new MemoryCarrier(b, a),
    ];
    [carriers[0].#other, carriers[1].#other] = [carriers[1], carriers[0]];
    return carriers;
  }

  start(onDatagram: DatagramHandler): void {
    this.#onDatagram = onDatagram;
  }

  send(datagram: Uint8Array, done: (errno?: string) => void): void {
    for (const arriving of this.link(datagram.slice())) this.#other?.receive(arriving, this.local);
    done();
  }

  /** Hands a datagram to this end as if it had come from `source`. */
  receive(datagram: Uint8Array, source: Endpoint = this.peer): void {
    this.#onDatagram?.(datagram, source);
  }

  async close(): Promise<void> {
    this.#onDatagram = undefined;
  }
}
