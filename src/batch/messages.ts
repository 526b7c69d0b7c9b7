// Tables of messages for the socket, made once: what recvmmsg(2) fills, and what sendmmsg(2) reads.

import {
  addressOf,
  cmsghdr,
  iovec,
  MSG_DONTWAIT,
  mmsghdr,
  recvmmsg,
  SOL_UDP,
  sendmmsg,
  sockaddrIn6,
  UDP_GRO,
  UDP_SEGMENT,
} from "./syscalls.js";

/** Linux takes more in one call (UIO_MAXIOV), which would only keep the other direction waiting. */
export const MESSAGES = 64;

const WORD = 4;
/** Room for the longest address, and for one control message; multiples of 8. */
const NAME_BYTES = 32;
const CONTROL_BYTES = 24;

/** `mmsghdr` of all messages, and what each points to. */
class MessageTable {
  readonly address: number;
  protected readonly bytes: Uint8Array<ArrayBuffer>;
  protected readonly words: Uint32Array;
  readonly #iovecs = MESSAGES * mmsghdr.bytes;
  readonly #names = this.#iovecs + MESSAGES * iovec.bytes;
  readonly #controls = this.#names + MESSAGES * NAME_BYTES;

  constructor() {
    const buffer = new ArrayBuffer(this.#controls + MESSAGES * CONTROL_BYTES);
    this.address = addressOf(buffer);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    for (let message = 0; message < MESSAGES; message++) {
      const header = this.headerOf(message);
      this.point(header + mmsghdr.name, this.address + this.nameOf(message));
      this.point(header + mmsghdr.iov, this.address + this.iovecOf(message));
      this.words[(header + mmsghdr.iovCount) / WORD] = 1;
      this.point(header + mmsghdr.control, this.address + this.controlOf(message));
    }
  }

  protected headerOf(message: number): number {
    return message * mmsghdr.bytes;
  }

  protected iovecOf(message: number): number {
    return this.#iovecs + message * iovec.bytes;
  }

  protected nameOf(message: number): number {
    return this.#names + message * NAME_BYTES;
  }

  protected controlOf(message: number): number {
    return this.#controls + message * CONTROL_BYTES;
  }

  /** Writes an address, as 64 bits, the low half first. */
  protected point(place: number, address: number): void {
    this.words[place / WORD] = address >>> 0;
    this.words[place / WORD + 1] = Math.floor(address / 0x1_0000_0000);
  }
}

/** Messages to be received, each in a room of its own. */
export class Incoming extends MessageTable {
  /** @param rooms address of the first room; the others follow */
  constructor(rooms: number, roomBytes: number) {
    super();
    for (let message = 0; message < MESSAGES; message++) {
      this.point(this.iovecOf(message) + iovec.base, rooms + message * roomBytes);
      this.words[(this.iovecOf(message) + iovec.length) / WORD] = roomBytes;
    }
    this.renew(MESSAGES);
  }

  /** Receives what is there. Returns how many messages, or −1. */
  receive(fd: number): number {
    return recvmmsg(fd, this.address, MESSAGES, MSG_DONTWAIT, 0);
  }

  /** To be called when messages have been looked at, before more are received. */
  renew(count: number): void {
    for (let message = 0; message < count; message++) {
      const header = this.headerOf(message);
      this.words[(header + mmsghdr.nameLength) / WORD] = NAME_BYTES;
      this.words[(header + mmsghdr.controlLength) / WORD] = CONTROL_BYTES;
    }
  }

  bytesOf(message: number): number {
    return this.words[(this.headerOf(message) + mmsghdr.length) / WORD] as number;
  }

  /** Bytes of each datagram, if the kernel joined several (UDP_GRO); 0 for a single one. */
  segmentBytesOf(message: number): number {
    const header = this.headerOf(message);
    if (this.words[(header + mmsghdr.controlLength) / WORD] === 0) return 0;
    const control = this.controlOf(message);
    const isGro =
      this.words[(control + cmsghdr.level) / WORD] === SOL_UDP &&
      this.words[(control + cmsghdr.type) / WORD] === UDP_GRO;
    return isGro ? (this.words[(control + cmsghdr.value) / WORD] as number) : 0;
  }

  /** The address that a message came from, as a sockaddr. Valid until the next `receive`. */
  sourceOf(message: number): Uint8Array {
    const place = this.nameOf(message);
    return this.bytes.subarray(place, place + sockaddrIn6.bytes);
  }

  /** Whether a message came from this sockaddr, of which some words count. */
  isFrom(message: number, source: Uint32Array, mask: Uint32Array): boolean {
    const place = this.nameOf(message) / WORD;
    for (let word = 0; word < source.length; word++) {
      const found = (this.words[place + word] as number) & (mask[word] as number);
      if (found !== ((source[word] as number) & (mask[word] as number))) return false;
    }
    return true;
  }
}

/** Messages to be sent, all to one address. */
export class Outgoing extends MessageTable {
  /** @param to sockaddr of the peer */
  constructor(to: Uint8Array) {
    super();
    for (let message = 0; message < MESSAGES; message++) {
      const header = this.headerOf(message);
      this.bytes.set(to, this.nameOf(message));
      this.words[(header + mmsghdr.nameLength) / WORD] = to.length;
      const control = this.controlOf(message);
      // CMSG_LEN of the 16 bits that UDP_SEGMENT takes.
      this.words[(control + cmsghdr.length) / WORD] = cmsghdr.value + 2;
      this.words[(control + cmsghdr.level) / WORD] = SOL_UDP;
      this.words[(control + cmsghdr.type) / WORD] = UDP_SEGMENT;
    }
  }

  /**
   * @param segmentBytes of each datagram, if the kernel is to cut several out of it; else 0
   */
  set(message: number, address: number, bytes: number, segmentBytes: number): void {
    const place = this.iovecOf(message);
    this.point(place + iovec.base, address);
    this.words[(place + iovec.length) / WORD] = bytes;
    this.words[(this.headerOf(message) + mmsghdr.controlLength) / WORD] =
      segmentBytes === 0 ? 0 : CONTROL_BYTES;
    this.words[(this.controlOf(message) + cmsghdr.value) / WORD] = segmentBytes;
  }

  /** Sends the first messages. Returns how many the socket took, or −1. */
  send(fd: number, count: number): number {
    return sendmmsg(fd, this.address, count, MSG_DONTWAIT);
  }
}
