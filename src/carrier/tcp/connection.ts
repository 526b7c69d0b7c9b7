// One TCP connection: a stream cut into datagrams, and datagrams made a stream.
//
// What is sent is gathered until the engine has had its turn, and then written in one piece: a call
// for each datagram would cost more than all the rest. While the system takes nothing, it goes on
// being gathered, up to what leaves soon enough; what is beyond that is refused.

import type { Socket } from "node:net";
import { errnoOf } from "../../failure.js";
import type { Endpoint, FramingLost } from "../carrier.js";
import { Backlog } from "./backlog.js";
import { KernelSide } from "./kernel.js";

/** Cuts one stream into datagrams. */
export interface Deframer {
  /** Room for what comes next, at least a byte once `next` has found nothing. */
  room(): Uint8Array;
  /** So many bytes were put there. */
  filled(bytes: number): void;
  /** The next datagram, valid until `room` is asked for again; nothing if none is whole. */
  next(): Uint8Array | undefined;
  /** Why there will be none any more, if so. */
  readonly lost: FramingLost | undefined;
  /** Gives its memory back. */
  free(): void;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly deframer: () => Deframer;
  /** Told of the memory of what arrives. */
  readonly collect: (bytes: number) => void;
  readonly onDatagram: (datagram: Uint8Array, connection: Connection) => void;
  readonly onFramingLost: (lost: FramingLost, connection: Connection) => void;
  /** Called once, whoever closes it. @param why a person's words */
  readonly onClose: (why: string, connection: Connection) => void;
}

/** What is written in one piece. */
const PIECE_BYTES = 64 * 1024;
/** Pieces kept for the next time. */
const SPARE_PIECES = 16;

interface Piece {
  readonly bytes: Uint8Array;
  filled: number;
}

export class Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #kernel: KernelSide;
  readonly #backlog = new Backlog();
  #deframer: Deframer | undefined;

  /** What arrived and was not looked at yet, as the connection is held. */
  #unread: Uint8Array | undefined;
  #held = false;

  /** What was gathered; the last piece is not full. */
  #pieces: Piece[] = [];
  #spare: Piece[] = [];
  /** Bytes gathered, or given to Node and not yet taken by the kernel. */
  #gathered = 0;
  #given = 0;
  /** Bytes that were gathered or in the kernel when it was asked last. */
  #unsent = 0;
  #writing = false;
  #flushSoon = false;
  #closed = false;

  /** @param options with a socket that is connected */
  constructor(options: ConnectionOptions) {
    const { socket } = options;
    this.#options = options;
    this.#socket = socket;
    this.#kernel = new KernelSide(socket);
    this.local = endpoint(socket.localAddress, socket.localPort);
    this.remote = endpoint(socket.remoteAddress, socket.remotePort);
    socket.on("data", (chunk) => {
      options.collect(chunk.buffer.byteLength);
      this.#receive(chunk);
    });
    socket.on("error", (error) => this.close(whyText(errnoOf(error) ?? error.message)));
    socket.once("end", () => this.close("the other end closed it"));
    socket.once("close", () => this.close("it broke"));
  }

  /**
   * Takes a datagram to be sent.
   *
   * @returns the system's name for the error if it does not: `"ENOBUFS"` if too much waits
   */
  send(datagram: Uint8Array): string | undefined {
    if (this.#closed || this.#socket.destroyed) return "ENOTCONN";
    if (!this.#hasRoomFor(datagram.length)) return "ENOBUFS";
    for (let taken = 0; taken < datagram.length; ) {
      const piece = this.#piece();
      const part = datagram.subarray(taken, taken + PIECE_BYTES - piece.filled);
      piece.bytes.set(part, piece.filled);
      piece.filled += part.length;
      taken += part.length;
    }
    this.#gathered += datagram.length;
    this.#given += datagram.length;
    if (!this.#flushSoon) {
      this.#flushSoon = true;
      queueMicrotask(this.#flush);
    }
    return undefined;
  }

  /** Looks at nothing more that arrives, until `release`. */
  hold(): void {
    this.#held = true;
    this.#socket.pause();
  }

  /** Goes on, if it was held. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#socket.resume();
    const unread = this.#unread ?? new Uint8Array();
    this.#unread = undefined;
    this.#receive(unread);
  }

  /** Closes it at once. Safe to call twice. @param why a person's words */
  close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#deframer?.free();
    this.#deframer = undefined;
    this.#pieces = [];
    this.#spare = [];
    this.#options.onClose(why, this);
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#deframer ??= this.#options.deframer();
    for (let rest = chunk; ; ) {
      this.#takeDatagrams(this.#deframer);
      if (this.#closed) return;
      if (this.#held) {
        this.#unread = rest;
        return;
      }
      if (rest.length === 0) return;
      const room = this.#deframer.room();
      const part = rest.subarray(0, room.length);
      room.set(part);
      this.#deframer.filled(part.length);
      rest = rest.subarray(part.length);
    }
  }

  #takeDatagrams(deframer: Deframer): void {
    while (!this.#held && !this.#closed) {
      const datagram = deframer.next();
      if (datagram === undefined) break;
      this.#options.onDatagram(datagram, this);
    }
    if (this.#held || this.#closed || deframer.lost === undefined) return;
    this.#options.onFramingLost(deframer.lost, this);
    this.close("what came was no datagram any more");
  }

  #hasRoomFor(bytes: number): boolean {
    const { limit } = this.#backlog;
    if (this.#gathered + bytes <= limit && this.#unsent + bytes <= limit) return true;
    // It may be less by now. Where nothing waits, the longest datagram goes too.
    const waiting = this.#measure();
    return waiting === 0 || waiting + bytes <= this.#backlog.limit;
  }

  /** Asks how much waits. */
  #measure(): number {
    this.#unsent = this.#gathered + this.#kernel.unsent();
    this.#backlog.note(performance.now(), this.#unsent, this.#given - this.#unsent);
    return this.#unsent;
  }

  /** A piece that is not full. */
  #piece(): Piece {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.filled < PIECE_BYTES) return last;
    const piece = this.#spare.pop() ?? { bytes: new Uint8Array(PIECE_BYTES), filled: 0 };
    this.#pieces.push(piece);
    return piece;
  }

  /** Gives Node what was gathered, unless it still has something. */
  readonly #flush = (): void => {
    this.#flushSoon = false;
    if (this.#closed || this.#socket.destroyed) return;
    if (!this.#writing && this.#pieces.length > 0) {
      const pieces = this.#pieces;
      this.#pieces = [];
      this.#writing = true;
      this.#socket.cork();
      for (const { bytes, filled } of pieces) this.#socket.write(bytes.subarray(0, filled));
      this.#socket.write("", () => this.#written(pieces));
      this.#socket.uncork();
    }
    this.#measure();
  };

  /** The kernel has taken these. */
  #written(pieces: Piece[]): void {
    this.#writing = false;
    for (const piece of pieces) {
      this.#gathered -= piece.filled;
      piece.filled = 0;
      if (this.#spare.length < SPARE_PIECES) this.#spare.push(piece);
    }
    this.#flush();
  }
}

/** @param errno the system's name for what ended a connection, or kept it from coming about */
export function whyText(errno: string): string {
  switch (errno) {
    case "ECONNREFUSED":
      return "nobody listens there";
    case "ECONNRESET":
    case "EPIPE":
      return "the other end reset it";
    case "ETIMEDOUT":
      return "nothing answers";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "there is no way there";
    default:
      return errno;
  }
}

function endpoint(address = "", port = 0): Endpoint {
  // An IPv4 address as a socket of both families writes it.
  return { address: address.replace(/^::ffff:(?=\d+\.)/, ""), port };
}
