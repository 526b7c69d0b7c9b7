// The batch engine's seam over a tunnel that takes a packet at a time. (Stage 1: until the core has batches.)

import { type BatchDrop, type BatchTunnel, RECEIVED, SEND, WRITE } from "./batch.js";
import type { CoreTunnel, Counters, Direction, Reason } from "./core.js";

const VIRTIO = 10;
const READ = 64;
const SENDING = 65;
const SENDS = 40;
export const SLOTS = SENDING + SENDS;

export class SlotBatch implements BatchTunnel {
  readonly memory: WebAssembly.Memory;
  readonly readPlace: number;
  readonly readBytes: number;
  readonly datagramsPlace: number;
  readonly sendsPlace: number;
  readonly sendsWords = SENDS * SEND.words;
  readonly messagesPlace: number;
  readonly messageBytes: number;
  readonly receivedPlace: number;
  readonly packetsPlace: number;
  readonly writesPlace: number;
  readonly writesWords = 64 * WRITE.words;
  readonly overhead: number;
  readonly #tunnel: CoreTunnel;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #told = new Set<string>();
  #drops: BatchDrop[] = [];
  #every = false;
  #sends = 0;
  #entries = 0;
  #heard = -1;

  constructor(memory: WebAssembly.Memory, tunnel: CoreTunnel) {
    this.memory = memory;
    this.#tunnel = tunnel;
    this.overhead = tunnel.overhead;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    const room = (slot: number) => tunnel.datagramRoom(slot);
    this.messagesPlace = room(0).byteOffset;
    this.messageBytes = room(1).byteOffset - this.messagesPlace;
    this.readPlace = tunnel.packetRoom(READ).byteOffset - VIRTIO;
    this.readBytes = 65_550;
    this.datagramsPlace = room(SENDING).byteOffset;
    this.packetsPlace = this.messagesPlace;
    // The end of the read slot is free: tables go there.
    this.sendsPlace = (room(READ).byteOffset + 66_000) & ~3;
    this.receivedPlace = this.sendsPlace + 1000;
    this.writesPlace = this.receivedPlace + 1000;
  }

  limitSends(): void {}
  mergeForDevice(): void {}

  split(bytes: number): number {
    if (this.#sends === SENDS) return -1;
    const sealed = this.#tunnel.encapsulate(READ, bytes - VIRTIO);
    if (sealed < 0) {
      this.#drop("out", this.#tunnel.reasonOf(sealed), bytes - VIRTIO, -1);
      return this.#sends;
    }
    const datagram = this.#tunnel.placed(READ, sealed);
    const place = this.#sends * this.messageBytes;
    this.#bytes.set(datagram, this.datagramsPlace + place);
    const entry = this.sendsPlace / 4 + this.#sends++ * SEND.words;
    this.#words.set(
      [place, datagram.length, datagram.length, 1, datagram.length - this.overhead],
      entry,
    );
    return this.#sends;
  }

  sent(): void {
    this.#sends = 0;
  }

  receive(entries: number): void {
    this.#entries = entries;
  }

  merge(): number {
    let writes = 0;
    for (let entry = 0; entry < this.#entries; entry++) {
      const received = this.receivedPlace / 4 + entry * RECEIVED.words;
      const message = this.#words[received] as number;
      const bytes = this.#words[received + 1] as number;
      const opened = this.#tunnel.decapsulate(message, bytes);
      if (opened < 0) {
        this.#drop("in", this.#tunnel.reasonOf(opened), bytes, message);
        continue;
      }
      if (this.#heard === -1) this.#heard = message;
      const packet = this.#tunnel.placed(message, opened);
      let at = packet.byteOffset;
      if (at - VIRTIO < this.messagesPlace + message * this.messageBytes) {
        at = this.messagesPlace + message * this.messageBytes + VIRTIO;
        this.#bytes.copyWithin(at, packet.byteOffset, packet.byteOffset + packet.length);
      }
      this.#bytes.fill(0, at - VIRTIO, at);
      const write = this.writesPlace / 4 + writes++ * WRITE.words;
      this.#words.set(
        [at - VIRTIO - this.packetsPlace, packet.length + VIRTIO, 1, packet.length],
        write,
      );
    }
    this.#entries = 0;
    return writes;
  }

  unmerge(): number {
    return 0;
  }

  probe(): number {
    return 0;
  }

  lose(direction: Direction, reason: Reason, packets: number, packetBytes: number): void {
    if (packets !== 1) throw new Error("one at a time");
    this.#tunnel.lose(direction, reason, packetBytes);
    this.#drop(direction, reason, packetBytes, -1);
  }

  refuse(direction: Direction, reason: Reason, bytes: number, message: number): void {
    this.#tunnel.refuse(direction, reason, bytes);
    this.#drop(direction, reason, bytes, message);
  }

  tellEveryDrop(every: boolean): void {
    this.#every = every;
  }

  dropsWaiting(): number {
    return this.#drops.length;
  }

  nextDrop(): BatchDrop | undefined {
    return this.#drops.shift();
  }

  dropsUntold(): number {
    return 0;
  }

  heardFrom(): number {
    return this.#heard;
  }

  pollWrongKey(): number {
    return this.#tunnel.pollWrongKey();
  }

  counters(): Counters {
    return this.#tunnel.counters();
  }

  #drop(direction: Direction, reason: Reason, length: number, message: number): void {
    const kind = `${direction} ${reason}`;
    const first = !this.#told.has(kind);
    if (!first && !this.#every) return;
    this.#told.add(kind);
    const report = this.#tunnel.lastDrop();
    if (report) this.#drops.push({ ...report, direction, length, first, message });
  }
}
