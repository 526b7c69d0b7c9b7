// This very thread on a host of a lab: what it opens there stays there.

import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import type { Host } from "../../src/lab/host.js";

const libc = koffi.load(null);
const setns = libc.func("int setns(int fd, int kind)");
const socket = libc.func("int socket(int domain, int type, int protocol)");
const bind = libc.func("int bind(int fd, const void *address, unsigned int length)");
const nameToIndex = libc.func("unsigned int if_nametoindex(const char *name)");
const send = libc.func("intptr_t send(int fd, const void *bytes, size_t length, int flags)");
const receiveFrom = libc.func(
  "intptr_t recvfrom(int fd, void *into, size_t length, int flags, void *from, void *fromLength)",
);

/** linux/sched.h */
const CLONE_NEWNET = 0x40000000;
/** bits/socket.h, linux/if_packet.h, linux/if_ether.h */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const PACKET_OUTGOING = 4;
const ETH_P_ALL = [0x00, 0x03] as const;
/** linux/if_packet.h: `struct sockaddr_ll`, and where in it the kind of packet stands. */
const SOCKADDR_LL_BYTES = 20;
const SLL_PKTTYPE = 10;

/** Moves this thread to a host. What it returns moves it back. */
export function enter(host: Host): () => void {
  const home = openSync("/proc/thread-self/ns/net", "r");
  moveTo(openSync(`/proc/${host.pid}/ns/net`, "r"));
  return () => moveTo(home);
}

function moveTo(fd: number): void {
  const moved = setns(fd, CLONE_NEWNET) === 0;
  closeSync(fd);
  if (!moved) throw new Error(`cannot change the namespace: errno ${koffi.errno()}`);
}

/** The system's side of a device: sends by it, and hears what comes in by it. */
export class SystemSide {
  readonly #fd: number;
  readonly #heard: Buffer[] = [];
  readonly #room = Buffer.alloc(65_536);
  readonly #from = Buffer.alloc(SOCKADDR_LL_BYTES);

  /** @param device on the host that this thread is on */
  constructor(device: string) {
    const protocol = new Uint16Array(Uint8Array.from(ETH_P_ALL).buffer)[0] as number;
    this.#fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, protocol);
    const address = new Uint8Array(SOCKADDR_LL_BYTES);
    new Uint16Array(address.buffer, 0, 2).set([AF_PACKET, protocol]);
    new Int32Array(address.buffer, 4, 1)[0] = nameToIndex(device);
    if (this.#fd < 0 || bind(this.#fd, address, address.length) !== 0) {
      throw new Error(`cannot listen to ${device}: errno ${koffi.errno()}`);
    }
  }

  give(packet: Uint8Array): void {
    if (send(this.#fd, packet, packet.length, 0) < 0) {
      throw new Error(`cannot send: errno ${koffi.errno()}`);
    }
  }

  /** All that came in so far. */
  get heard(): readonly Buffer[] {
    for (;;) {
      const length = Uint32Array.of(SOCKADDR_LL_BYTES);
      const bytes = receiveFrom(this.#fd, this.#room, this.#room.length, 0, this.#from, length);
      if (bytes < 0) return this.#heard;
      if (this.#from[SLL_PKTTYPE] === PACKET_OUTGOING) continue;
      this.#heard.push(Buffer.from(this.#room.subarray(0, bytes)));
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
