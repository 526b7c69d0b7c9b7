// Writes a capture of a running tunnel, and never keeps the tunnel waiting: what the reader is too slow
// for is left out, and counted.

import type { Writable } from "node:stream";
import { type Endpoint, endpointText } from "../carrier/carrier.js";
import type { CoreRecording, Direction } from "../core/core.js";
import { errnoOf } from "../failure.js";
import { now } from "./clock.js";

/** Bytes that wait for the reader, above which datagrams are left out. */
const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;
/** How long a reader may take for the rest, at the end. */
const PATIENCE_MS = 1000;

export interface RecorderOptions {
  readonly recording: CoreRecording;
  readonly output: Writable;
  readonly peer: Endpoint;
  /** The tunnel takes datagrams from the peer's address and port alone. */
  readonly onlyPeer: boolean;
  /** The reader has left, or the disk is full: nothing is recorded any more. */
  readonly onLost: (why: string) => void;
}

/** What became of a capture. */
export interface Recorded {
  readonly recorded: number;
  readonly lost: number;
}

export class Recorder {
  readonly #recording: CoreRecording;
  readonly #output: Writable;
  readonly #peer: Endpoint;
  readonly #onlyPeer: boolean;
  #isOpen = true;
  #writesSoon = false;
  #ended: Promise<void> | undefined;

  constructor({ recording, output, peer, onlyPeer, onLost }: RecorderOptions) {
    this.#recording = recording;
    this.#output = output;
    this.#peer = peer;
    this.#onlyPeer = onlyPeer;
    output.on("error", (error) => {
      if (this.#isOpen) onLost(errnoOf(error) ?? error.message);
      this.#isOpen = false;
    });
    // A reader who waits sees at once what kind of file it is.
    this.#write();
  }

  /** Records a datagram; its bytes may change afterwards. */
  datagram(direction: Direction, timeMs: number, bytes: Uint8Array, source?: Endpoint): void {
    if (!this.#isOpen || this.#output.writableLength > MAX_BACKLOG_BYTES) {
      this.lose(1);
      return;
    }
    const { address, port } = this.#peer;
    const stranger = source && (source.address !== address || source.port !== port) && source;
    const refused = stranger && this.#onlyPeer ? "other_source" : undefined;
    const from = stranger ? withoutScope(stranger) : undefined;
    this.#recording.record(direction, timeMs, bytes, from, refused);
    if (this.#recording.isFull) this.#write();
    this.#writeSoon();
  }

  /** Counts datagrams that were not even brought here. */
  lose(datagrams: number): void {
    this.#recording.lose(datagrams);
  }

  /** Ends the capture. Safe to call twice. */
  async close(): Promise<Recorded> {
    this.#ended ??= this.#end();
    await this.#ended;
    const { recorded, lost } = this.#recording;
    return { recorded, lost };
  }

  async #end(): Promise<void> {
    if (!this.#isOpen) return;
    this.#recording.finish(now());
    this.#write();
    this.#isOpen = false;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, PATIENCE_MS);
      this.#output.once("close", resolve);
      this.#output.end(() => {
        clearTimeout(late);
        resolve();
      });
    });
    this.#output.destroy();
  }

  /** Once for all datagrams of one turn of the event loop. */
  #writeSoon(): void {
    if (this.#writesSoon) return;
    this.#writesSoon = true;
    setImmediate(() => {
      this.#writesSoon = false;
      this.#write();
    });
  }

  #write(): void {
    const chunk = this.#recording.take();
    if (this.#isOpen && chunk.length > 0) this.#output.write(chunk);
  }
}

/** Addresses in packets have no scope. */
function withoutScope({ address, port }: Endpoint): string {
  return endpointText({ address: address.replace(/%.*/, ""), port });
}
