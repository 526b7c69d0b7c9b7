// The end that connects: again and again, as long as it runs.

import { connect, type Socket } from "node:net";
import { errnoOf } from "../../failure.js";
import type { Carrier, DatagramHandler, Endpoint, FramingHandler } from "../carrier.js";
import { collector } from "../collect.js";
import { Backoff } from "./backoff.js";
import { Connection, type Deframer, whyText } from "./connection.js";
import type { TcpNotify } from "./events.js";
import { SOCKET_OPTIONS } from "./socket.js";

/** An answer that takes longer is none. */
const CONNECT_MS = 10_000;
/** A connection that held for so long has worked, even if nothing came. */
const PROVEN_MS = 30_000;

export interface TcpClientOptions {
  readonly peer: Endpoint;
  readonly deframer: () => Deframer;
  readonly notify: TcpNotify;
  readonly backoff?: Pick<Backoff, "next" | "reset">;
}

export class TcpClient implements Carrier {
  readonly peer: Endpoint;
  readonly #options: TcpClientOptions;
  readonly #backoff: Pick<Backoff, "next" | "reset">;
  readonly #collect = collector();
  #onDatagram: DatagramHandler = () => false;
  #onFramingLost: FramingHandler = () => {};
  /** What is tried just now. */
  #dialing: Socket | undefined;
  #connection: Connection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempt = 0;
  #closed = false;

  constructor(options: TcpClientOptions) {
    this.peer = options.peer;
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
  }

  get local(): Endpoint | undefined {
    return this.#connection?.local;
  }

  start(onDatagram: DatagramHandler, onFramingLost: FramingHandler = () => {}): void {
    this.#onDatagram = onDatagram;
    this.#onFramingLost = onFramingLost;
    this.#dial();
  }

  send(datagram: Uint8Array, done: (errno?: string) => void): void {
    done(this.#connection === undefined ? "ENOTCONN" : this.#connection.send(datagram));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#dialing?.destroy();
    this.#connection?.close("we stop");
  }

  #dial(): void {
    const { address: host, port } = this.peer;
    const socket = connect({ host, port, ...SOCKET_OPTIONS });
    this.#dialing = socket;
    const fail = (why: string) => {
      if (this.#dialing !== socket) return;
      this.#dialing = undefined;
      socket.destroy();
      this.#again(why);
    };
    socket.setTimeout(CONNECT_MS, () => fail(whyText("ETIMEDOUT")));
    socket.on("error", (error) => fail(whyText(errnoOf(error) ?? error.message)));
    socket.once("connect", () => {
      this.#dialing = undefined;
      socket.setTimeout(0).removeAllListeners("timeout");
      this.#begin(socket);
    });
  }

  /** There is a connection. */
  #begin(socket: Socket): void {
    const beginMs = performance.now();
    const { peer } = this;
    this.#connection = new Connection({
      ...{ socket, collect: this.#collect, deframer: this.#options.deframer },
      onDatagram: (datagram) => {
        if (this.#onDatagram(datagram, peer)) this.#backoff.reset();
      },
      onFramingLost: (lost) => this.#onFramingLost(lost, peer),
      onClose: (why) => {
        this.#connection = undefined;
        if (performance.now() - beginMs > PROVEN_MS) this.#backoff.reset();
        this.#again(why);
      },
    });
    this.#attempt = 0;
    this.#options.notify({ type: "connected", local: this.#connection.local, peer });
  }

  #again(why: string): void {
    if (this.#closed) return;
    const ms = this.#backoff.next();
    this.#attempt++;
    const inSeconds = Math.round(ms) / 1000;
    const { peer } = this;
    this.#options.notify({ type: "reconnecting", peer, why, inSeconds, attempt: this.#attempt });
    this.#retry = setTimeout(() => this.#dial(), ms);
  }
}
