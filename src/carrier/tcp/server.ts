// The end that is connected to: one client at a time, and a few that wait to be the next.
//
// Whoever comes first has the tunnel. Others wait, and only the first datagram of each is looked at.
// The tunnel goes over to one whose datagram was good as soon as the client that has it has been
// silent for a while: it may have vanished without a word, and be the very one that comes again.

import { createServer, type Server, type Socket } from "node:net";
import { errnoOf } from "../../failure.js";
import type { Carrier, DatagramHandler, Endpoint, FramingHandler } from "../carrier.js";
import { collector } from "../collect.js";
import { cannotListen } from "../listen.js";
import { Connection, type Deframer } from "./connection.js";
import type { TcpNotify } from "./events.js";
import { SOCKET_OPTIONS } from "./socket.js";

/** Times and numbers, which tests make small. */
export interface TcpServerLimits {
  /** A client that has sent nothing good for so long gives way. */
  readonly silentMs: number;
  /** How long a client waits at most. */
  readonly waitingMs: number;
  /** How many wait at most. */
  readonly waiting: number;
}

export const SERVER_LIMITS: TcpServerLimits = { silentMs: 10_000, waitingMs: 30_000, waiting: 8 };

export interface TcpServerOptions {
  /** Where to listen; port 0 stands for any free one. */
  readonly local: Endpoint;
  readonly deframer: () => Deframer;
  readonly notify: TcpNotify;
  readonly limits?: TcpServerLimits;
}

/** Clients in a row without anything good whose coming and going is told: a flood of them is not. */
const TOLD_STRANGERS = 3;

interface Client {
  readonly connection: Connection;
  /** It has, or had, the tunnel, and that was told. */
  announced: boolean;
  /** When it last sent a good datagram. */
  goodMs: number | undefined;
  /** While it waits: until it is sent away. */
  patience: NodeJS.Timeout | undefined;
}

/**
 * Listens.
 *
 * @throws Failure `system` if the port is taken, may not be used, or the address is not ours
 */
export async function openTcpServer(options: TcpServerOptions): Promise<Carrier> {
  const { address: host, port } = options.local;
  const server = createServer({ ...SOCKET_OPTIONS });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(cannotListen(errnoOf(error) ?? error.message, "TCP", options.local)),
    );
    server.listen({ host, port, exclusive: true }, resolve);
  });
  return new TcpServer(server, options);
}

class TcpServer implements Carrier {
  readonly local: Endpoint;
  readonly #server: Server;
  readonly #notify: TcpNotify;
  readonly #deframer: () => Deframer;
  readonly #limits: TcpServerLimits;
  readonly #collect = collector();
  #onDatagram: DatagramHandler = () => false;
  #onFramingLost: FramingHandler = () => {};

  /** The one that has the tunnel. */
  #client: Client | undefined;
  /** The others, the oldest first. */
  readonly #waiting = new Set<Client>();
  #handover: NodeJS.Timeout | undefined;
  /** Clients in a row that had the tunnel and sent nothing good. */
  #strangers = 0;
  /** Why clients were sent away meanwhile, as far as it was told. */
  readonly #told = new Set<string>();
  #closed = false;

  constructor(server: Server, { notify, deframer, limits = SERVER_LIMITS }: TcpServerOptions) {
    const { address, port } = server.address() as Endpoint;
    this.local = { address, port };
    this.#server = server;
    this.#notify = notify;
    this.#deframer = deframer;
    this.#limits = limits;
    // Such as no descriptor left for one more: it comes again.
    server.removeAllListeners("error").on("error", () => {});
    server.on("connection", (socket) => this.#welcome(socket));
  }

  get peer(): Endpoint | undefined {
    return this.#client?.connection.remote;
  }

  start(onDatagram: DatagramHandler, onFramingLost: FramingHandler = () => {}): void {
    this.#onDatagram = onDatagram;
    this.#onFramingLost = onFramingLost;
  }

  send(datagram: Uint8Array, done: (errno?: string) => void): void {
    done(this.#client === undefined ? "ENOTCONN" : this.#client.connection.send(datagram));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handover);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { connection } of this.#waiting) connection.close("we stop");
    this.#client?.connection.close("we stop");
    await closed;
  }

  #welcome(socket: Socket): void {
    // It may be gone again: then it has no address.
    if (this.#closed || socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const client: Client = {
      connection: new Connection({
        ...{ socket, deframer: this.#deframer, collect: this.#collect },
        onDatagram: (datagram) => this.#hear(client, datagram),
        onFramingLost: (lost, { remote }) => this.#onFramingLost(lost, remote),
        onClose: (why) => this.#leave(client, why),
      }),
      announced: false,
      goodMs: undefined,
      patience: undefined,
    };
    if (this.#client === undefined) {
      this.#promote(client);
      return;
    }
    this.#makeRoom();
    this.#waiting.add(client);
    client.patience = setTimeout(
      () => this.#sendAway(client, "another client has the tunnel"),
      this.#limits.waitingMs,
    );
  }

  /** Whoever waited longest without a good datagram goes, or without one at all. */
  #makeRoom(): void {
    if (this.#waiting.size < this.#limits.waiting) return;
    const waiting = [...this.#waiting];
    const last = waiting.find(({ goodMs }) => goodMs === undefined) ?? waiting[0];
    if (last !== undefined) this.#sendAway(last, "too many clients wait");
  }

  #hear(client: Client, datagram: Uint8Array): void {
    const good = this.#onDatagram(datagram, client.connection.remote);
    const isFirst = good && client.goodMs === undefined;
    if (good) client.goodMs = performance.now();
    if (client === this.#client) {
      if (isFirst) this.#greet(client);
      return;
    }
    if (!good) {
      this.#sendAway(client, "another client has the tunnel, and what this one sent is not good");
      return;
    }
    client.connection.hold();
    this.#handOver();
  }

  /** Gives the tunnel to a client that waits, if it is time, or looks again when it will be. */
  #handOver(): void {
    clearTimeout(this.#handover);
    const next = [...this.#waiting].find(({ goodMs }) => goodMs !== undefined);
    if (next === undefined || this.#client === undefined) return;
    // One that never sent anything good gives way at once.
    const silentMs = performance.now() - (this.#client.goodMs ?? Number.NEGATIVE_INFINITY);
    const leftMs = this.#limits.silentMs - silentMs;
    if (leftMs <= 0) this.#client.connection.close("silent, and another client took over");
    else this.#handover = setTimeout(() => this.#handOver(), leftMs);
  }

  #promote(client: Client): void {
    clearTimeout(client.patience);
    this.#waiting.delete(client);
    this.#client = client;
    if (client.goodMs !== undefined) this.#greet(client);
    else if (this.#strangers++ < TOLD_STRANGERS) this.#announce(client);
    client.connection.release();
  }

  /** A client that has the tunnel has sent something good. */
  #greet(client: Client): void {
    this.#announce(client);
    this.#strangers = 0;
    this.#told.clear();
  }

  #announce(client: Client): void {
    if (client.announced) return;
    client.announced = true;
    const { local, remote } = client.connection;
    this.#notify({ type: "connected", local, peer: remote });
  }

  #sendAway(client: Client, why: string): void {
    if (!this.#told.has(why)) {
      this.#told.add(why);
      this.#notify({ type: "turned_away", source: client.connection.remote, why });
    }
    client.connection.close(why);
  }

  #leave(client: Client, why: string): void {
    clearTimeout(client.patience);
    this.#waiting.delete(client);
    if (client !== this.#client) return;
    clearTimeout(this.#handover);
    this.#client = undefined;
    if (this.#closed) return;
    if (client.announced) {
      this.#notify({ type: "disconnected", peer: client.connection.remote, why });
    }
    const waiting = [...this.#waiting];
    const next = waiting.find(({ goodMs }) => goodMs !== undefined) ?? waiting[0];
    if (next !== undefined) this.#promote(next);
  }
}
