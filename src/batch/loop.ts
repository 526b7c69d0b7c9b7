// The batch engine: both directions in one loop, many packets at a time, on a thread of its own.
//
// The way out:
//   1. read from the device: a super-packet of up to 64 KiB, or small packets, one after another;
//   2. the core cuts it into packets and makes a datagram of each, side by side;
//   3. the socket takes them, up to 64 of one length in one message (UDP_SEGMENT).
// And in:
//   4. receive up to 64 messages, of one datagram each, or of many that the kernel joined (UDP_GRO);
//   5. the core takes the packets out and merges those that follow each other in their flow;
//   6. the device takes them; what it has to say to that, such as an ACK, is read at once, and goes
//      out when all have been written.
// In between:
//   7. look for orders: to tell the counters, to stop;
//   8. nothing to do: look again a few times, then sleep until device, socket or an order wakes us.
//
// Only addresses and numbers move here. The bytes stay in the core's memory, which the kernel reads
// and writes; the tables that core and kernel understand are made once.

import type { Endpoint } from "../carrier/carrier.js";
import { type BatchTunnel, FULL, RECEIVED, SEND, WRITE } from "../core/batch.js";
import { Failure } from "../failure.js";
import type { EngineEvent } from "../tunnel/event.js";
import { reasonOf } from "../tunnel/reason.js";
import { Incoming, MESSAGES, Outgoing } from "./messages.js";
import type { Offloads } from "./offloads.js";
import { ORDER, type Orders } from "./orders.js";
import { comparisonWith, endpointOf, sockaddrOf } from "./sockaddr.js";
import * as sys from "./syscalls.js";
import type { Tap } from "./tap.js";

/** A read above this is a super-packet, worth a turn of the carrier for itself. */
const BULK_BYTES = 4096;
/** Super-packets that go out before the carrier is looked at, lest reception starve. */
const BULK_READS = 4;
/** Small packets that are read before they are sent. */
const SMALL_READS = 64;
/** Looks before sleep: waking costs more than these, and a packet follows soon while there is traffic. */
const LOOKS = 30;

const { pollfd } = sys;
const DEVICE = 0;
const SOCKET = 1;
const WAKE = 2;

export interface LoopOptions {
  readonly tunnel: BatchTunnel;
  readonly device: { readonly fd: number; readonly name: string };
  readonly socket: { readonly fd: number; readonly peer: Endpoint };
  readonly offloads: Offloads;
  readonly orders: Orders;
  readonly onlyPeer: boolean;
  readonly notify: (event: EngineEvent) => void;
  /** Sees every datagram, for a capture. */
  readonly tap: Tap | undefined;
  /** Tells the counters, asked for by an order. */
  readonly tellCounters: () => void;
}

export class BatchLoop {
  readonly #options: LoopOptions;
  readonly #tunnel: BatchTunnel;
  readonly #offloads: Offloads;
  readonly #device: number;
  readonly #socket: number;
  readonly #base: number;
  #sendTable = new Uint32Array();
  #receivedTable = new Uint32Array();
  #writeTable = new Uint32Array();
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #peer;

  /** There may be something to read. */
  #deviceReady = true;
  #socketReady = true;
  /** The socket is full: nothing is read from the device until it takes more. */
  #socketFull = false;
  /** Bytes that were read and did not fit beside what waits to be sent. */
  #unsplit = 0;

  /** How many entries the table of sends has, and where in it the next message begins. */
  #sends = 0;
  #send = 0;
  #datagram = 0;
  /** Where each message that was prepared begins, and at the end, where the next would. */
  readonly #sendOf = new Uint32Array(MESSAGES + 1);
  readonly #datagramOf = new Uint32Array(MESSAGES + 1);

  readonly #pollfds = new ArrayBuffer(3 * pollfd.bytes);
  readonly #pollfdsAddress = sys.addressOf(this.#pollfds);
  readonly #events = new Int16Array(this.#pollfds);
  #heard = false;
  #stopped = false;

  constructor(options: LoopOptions) {
    const { tunnel, device, socket, offloads, orders } = options;
    this.#options = options;
    this.#tunnel = tunnel;
    this.#offloads = offloads;
    this.#device = device.fd;
    this.#socket = socket.fd;
    this.#base = sys.addressOf(tunnel.memory.buffer);
    this.#viewTables();
    this.#incoming = new Incoming(this.#base + tunnel.messagesPlace, tunnel.messageBytes);
    const peer = sockaddrOf(socket.peer);
    this.#outgoing = new Outgoing(peer);
    this.#peer = comparisonWith(peer);
    const fds = new Int32Array(this.#pollfds);
    for (const [i, fd] of [device.fd, socket.fd, orders.wakeFd].entries()) {
      fds[(i * pollfd.bytes + pollfd.fd) / 4] = fd;
    }
  }

  /**
   * Runs until the order to stop.
   *
   * @throws Failure if the device is gone
   */
  run(): void {
    const { orders } = this.#options;
    while (!this.#stopped) {
      if (this.#sendTable.length === 0) this.#viewTables();
      if (this.#deviceReady && !this.#socketFull) this.#goOut();
      if (this.#socketReady) this.#comeIn();
      if (orders.areThere()) this.#obey();
      else if ((!this.#deviceReady || this.#socketFull) && !this.#socketReady) this.#wait();
    }
  }

  /** Steps 1 to 3, until the device has nothing more or the carrier is due for a look. */
  #goOut(): void {
    let bulk = 0;
    let small = 0;
    if (!this.#flush()) return;
    while (small < SMALL_READS && bulk < BULK_READS) {
      const bytes = this.#take();
      if (bytes === 0) break;
      if (bytes > BULK_BYTES) {
        bulk++;
        if (!this.#flush()) return;
      } else {
        small++;
      }
    }
    this.#flush();
    if (this.#deviceReady) this.#socketReady = true;
    if (this.#tunnel.dropsWaiting() > 0) this.#tellDrops();
  }

  /**
   * Steps 1 and 2, once.
   *
   * @returns how many bytes were read; 0 if none are there, or if the socket is full
   */
  #take(): number {
    const { readPlace, readBytes } = this.#tunnel;
    const bytes = this.#unsplit || sys.read(this.#device, this.#base + readPlace, readBytes);
    if (bytes <= 0) {
      if (bytes < 0) this.#checkDevice(sys.errno());
      this.#deviceReady = false;
      return 0;
    }
    const sends = this.#tunnel.split(bytes);
    if (sends === FULL) {
      this.#unsplit = bytes;
      return this.#flush() ? this.#take() : 0;
    }
    this.#unsplit = 0;
    this.#sends = sends;
    return bytes;
  }

  /** Step 3. Returns whether all is sent, or lost; if not, the socket is full. */
  #flush(): boolean {
    while (this.#send < this.#sends) {
      const messages = this.#prepareMessages();
      const sent = this.#outgoing.send(this.#socket, messages);
      if (sent > 0) this.#moveTo(sent);
      else if (!this.#settleUnsent(sys.errno())) return false;
    }
    if (this.#sends > 0) {
      this.#options.tap?.sent(this.#sendTable, this.#sends);
      this.#tunnel.sent();
    }
    this.#sends = 0;
    this.#send = 0;
    return true;
  }

  /** Returns how many messages are ready: one for each send, or for each datagram of it. */
  #prepareMessages(): number {
    const datagramsAddress = this.#base + this.#tunnel.datagramsPlace;
    const table = this.#sendTable;
    let send = this.#send;
    let datagram = this.#datagram;
    let message = 0;
    while (send < this.#sends && message < MESSAGES) {
      const entry = send * SEND.words;
      const place = table[entry + SEND.place] as number;
      const bytes = table[entry + SEND.bytes] as number;
      const datagramBytes = table[entry + SEND.datagramBytes] as number;
      const datagrams = table[entry + SEND.datagrams] as number;
      this.#sendOf[message] = send;
      this.#datagramOf[message] = datagram;
      if (datagrams === 1) {
        this.#outgoing.set(message, datagramsAddress + place, bytes, 0);
        send++;
      } else if (datagram === 0 && this.#offloads.mayCut(datagramBytes)) {
        this.#outgoing.set(message, datagramsAddress + place, bytes, datagramBytes);
        send++;
      } else {
        const start = datagram * datagramBytes;
        const length = Math.min(datagramBytes, bytes - start);
        this.#outgoing.set(message, datagramsAddress + place + start, length, 0);
        datagram++;
        if (datagram === datagrams) {
          datagram = 0;
          send++;
        }
      }
      message++;
    }
    this.#sendOf[message] = send;
    this.#datagramOf[message] = datagram;
    return message;
  }

  /** So many of the prepared messages are done with. */
  #moveTo(message: number): void {
    this.#send = this.#sendOf[message] as number;
    this.#datagram = this.#datagramOf[message] as number;
  }

  /** The first message was not sent. Returns whether to go on; if not, the socket is full. */
  #settleUnsent(errno: number): boolean {
    if (errno === sys.EAGAIN) {
      this.#socketFull = true;
      return false;
    }
    if (errno === sys.EINTR) return true;
    const entry = this.#send * SEND.words;
    const bytes = this.#sendTable[entry + SEND.bytes] as number;
    const datagramBytes = this.#sendTable[entry + SEND.datagramBytes] as number;
    const datagrams = this.#sendTable[entry + SEND.datagrams] as number;
    const reason = reasonOf(sys.errnoName(errno));
    if (datagrams > 1 && this.#datagram === 0 && this.#offloads.mayCut(datagramBytes)) {
      // Once more, datagram by datagram, if cutting was to blame.
      if (this.#offloads.cuttingFailed(errno, datagramBytes)) return true;
      const packetBytes = this.#sendTable[entry + SEND.packetBytes] as number;
      this.#tunnel.lose("out", reason, datagrams, packetBytes);
    } else {
      const length = Math.min(datagramBytes, bytes - this.#datagram * datagramBytes);
      this.#tunnel.lose("out", reason, 1, length - this.#tunnel.overhead);
    }
    this.#moveTo(1);
    return true;
  }

  /** Steps 4 to 6, once. */
  #comeIn(): void {
    const messages = this.#incoming.receive(this.#socket);
    // Fewer than there is room for: then it has no more. Errors are about datagrams sent before.
    this.#socketReady = messages === MESSAGES;
    if (messages <= 0) return;
    this.#options.tap?.received(this.#incoming, messages);
    this.#tunnel.receive(this.#enterReceived(messages));
    for (let writes = this.#tunnel.merge(); writes > 0; writes = this.#tunnel.merge()) {
      this.#write(writes);
    }
    this.#flush();
    if (!this.#heard) this.#listenForFirst();
    const datagrams = this.#tunnel.pollWrongKey();
    if (datagrams > 0) this.#options.notify({ type: "wrong_key", datagrams });
    if (this.#tunnel.dropsWaiting() > 0) this.#tellDrops();
    this.#incoming.renew(messages);
  }

  /** Returns how many of the messages are taken: with `onlyPeer`, those that are the peer's. */
  #enterReceived(messages: number): number {
    const { onlyPeer } = this.#options;
    const { words, mask } = this.#peer;
    let entries = 0;
    for (let message = 0; message < messages; message++) {
      const bytes = this.#incoming.bytesOf(message);
      if (onlyPeer && !this.#incoming.isFrom(message, words, mask)) {
        this.#tunnel.refuse("in", "other_source", bytes, message);
        continue;
      }
      const entry = entries++ * RECEIVED.words;
      this.#receivedTable[entry + RECEIVED.message] = message;
      this.#receivedTable[entry + RECEIVED.bytes] = bytes;
      this.#receivedTable[entry + RECEIVED.segmentBytes] = this.#incoming.segmentBytesOf(message);
    }
    return entries;
  }

  /** Step 6. */
  #write(count: number): void {
    const { packetsPlace } = this.#tunnel;
    const packetsAddress = this.#base + packetsPlace;
    const table = this.#writeTable;
    let writes = count;
    for (let write = 0; write < writes; write++) {
      const entry = write * WRITE.words;
      const place = table[entry + WRITE.place] as number;
      const bytes = table[entry + WRITE.bytes] as number;
      this.#deviceReady = true;
      if (sys.write(this.#device, packetsAddress + place, bytes) >= 0) {
        // Nothing but the ACK is there so soon: looking for more would be in vain.
        if (bytes > BULK_BYTES && !this.#socketFull) this.#take();
        continue;
      }
      const errno = sys.errno();
      const packets = table[entry + WRITE.packets] as number;
      if (packets > 1 && this.#offloads.mergingFailed(errno, packetsPlace + place)) {
        // Once more, packet by packet.
        writes = this.#tunnel.unmerge(write);
        write = -1;
        continue;
      }
      const packetBytes = table[entry + WRITE.packetBytes] as number;
      this.#tunnel.lose("in", reasonOf(sys.errnoName(errno), "device"), packets, packetBytes);
    }
  }

  /**
   * Views the tables anew: should the core's memory grow after all, such as for the text of a drop,
   * views lose their bytes. It grows in place, where the kernel knows it.
   */
  #viewTables(): void {
    const { memory, sendsPlace, sendsWords, receivedPlace, writesPlace, writesWords } =
      this.#tunnel;
    const { buffer } = memory;
    if (sys.addressOf(buffer) !== this.#base) throw new Error("the core's memory has moved");
    this.#sendTable = new Uint32Array(buffer, sendsPlace, sendsWords);
    this.#receivedTable = new Uint32Array(buffer, receivedPlace, MESSAGES * RECEIVED.words);
    this.#writeTable = new Uint32Array(buffer, writesPlace, writesWords);
  }

  /** Step 7. */
  #obey(): void {
    const order = this.#options.orders.take();
    if (order & ORDER.counters) this.#options.tellCounters();
    if (order & ORDER.stop) this.#stopped = true;
  }

  /** Step 8. */
  #wait(): void {
    const { orders } = this.#options;
    const events = pollfd.events / 2;
    const words = pollfd.bytes / 2;
    this.#events[DEVICE * words + events] = this.#socketFull ? 0 : sys.POLLIN;
    this.#events[SOCKET * words + events] = this.#socketFull
      ? sys.POLLIN | sys.POLLOUT
      : sys.POLLIN;
    this.#events[WAKE * words + events] = sys.POLLIN;
    for (let look = 0; look < LOOKS; look++) {
      if (this.#look(0) || orders.areThere()) return;
      sys.schedYield();
    }
    this.#look(-1);
  }

  /** Returns whether there is something to do. */
  #look(timeoutMs: number): boolean {
    const found = sys.poll(this.#pollfdsAddress, 3, timeoutMs);
    if (found <= 0) return false;
    const revents = pollfd.revents / 2;
    const words = pollfd.bytes / 2;
    const device = this.#events[DEVICE * words + revents] as number;
    const socket = this.#events[SOCKET * words + revents] as number;
    if (device & sys.POLLERR) this.#checkDevice(sys.EBADFD);
    if (device & sys.POLLIN) this.#deviceReady = true;
    if (socket & (sys.POLLIN | sys.POLLERR)) this.#socketReady = true;
    if (socket & sys.POLLOUT) this.#socketFull = false;
    const wake = this.#events[WAKE * words + revents] as number;
    if (wake & sys.POLLIN) this.#obey();
    return true;
  }

  /** @param errno of a read that gave nothing */
  #checkDevice(errno: number): void {
    if (errno === sys.EAGAIN || errno === sys.EINTR) return;
    const { name } = this.#options.device;
    // EBADFD: the kernel has taken the device from us.
    throw new Failure(
      "system",
      errno === sys.EBADFD
        ? `${name} was deleted by somebody else`
        : `cannot read from ${name}: ${sys.errnoName(errno)}`,
    );
  }

  #listenForFirst(): void {
    const message = this.#tunnel.heardFrom();
    if (message < 0) return;
    this.#heard = true;
    const source = endpointOf(this.#incoming.sourceOf(message));
    this.#options.notify({ type: "heard", source });
  }

  #tellDrops(): void {
    for (let drop = this.#tunnel.nextDrop(); drop; drop = this.#tunnel.nextDrop()) {
      const { direction, length, first, message, ...report } = drop;
      const from = message >= 0 && { source: endpointOf(this.#incoming.sourceOf(message)) };
      this.#options.notify({ type: "drop", direction, length, first, ...from, report });
    }
    const drops = this.#tunnel.dropsUntold();
    if (drops > 0) this.#options.notify({ type: "untold", drops });
  }
}
