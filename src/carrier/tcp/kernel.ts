// What the kernel knows of a TCP connection, and what Node does not ask it for.
//
// Node tells no descriptor of its sockets but by `_handle.fd`, which it does not document. Without
// it a tunnel runs all the same; but then the kernel takes megabytes that nobody sees waiting.

import type { Socket } from "node:net";
import { ioctl, LITTLE_ENDIAN, setsockopt } from "../../device/libc.js";

/** netinet/in.h, linux/tcp.h, linux/sockios.h */
const IPPROTO_TCP = 6;
const TCP_USER_TIMEOUT = 18;
const TCP_NOTSENT_LOWAT = 25;
const SIOCOUTQNSD = 0x894b;

/** How long what was sent may go unacknowledged, before the connection is given up. */
const USER_TIMEOUT_MS = 20_000;
/** So much is taken by the kernel beyond what it can send at once: the rest stays where it is seen. */
const NOTSENT_LOWAT_BYTES = 128 * 1024;

const count = new DataView(new ArrayBuffer(4));
const countBytes = new Uint8Array(count.buffer);

/** What of it works here. */
export type KernelAbilities = Readonly<
  Record<"descriptor" | "unsent" | "notsent_lowat" | "user_timeout", boolean>
>;

/** One connection, as the kernel sees it. */
export class KernelSide {
  readonly abilities: KernelAbilities;
  readonly #fd: number;

  /** @param socket connected, or accepted */
  constructor(socket: Socket) {
    this.#fd = descriptorOf(socket);
    const set = (option: number, value: number) =>
      this.#fd >= 0 && setsockopt(this.#fd, IPPROTO_TCP, option, Int32Array.of(value), 4) === 0;
    this.abilities = {
      descriptor: this.#fd >= 0,
      unsent: this.#fd >= 0 && ioctl(this.#fd, SIOCOUTQNSD, countBytes) === 0,
      notsent_lowat: set(TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES),
      user_timeout: set(TCP_USER_TIMEOUT, USER_TIMEOUT_MS),
    };
  }

  /** Bytes that it has taken and not sent once; 0 if it does not say. The socket must be open. */
  unsent(): number {
    if (!this.abilities.unsent || ioctl(this.#fd, SIOCOUTQNSD, countBytes) !== 0) return 0;
    return count.getInt32(0, LITTLE_ENDIAN);
  }
}

function descriptorOf(socket: Socket): number {
  const handle = (socket as { readonly _handle?: { readonly fd?: unknown } })._handle;
  return typeof handle?.fd === "number" ? handle.fd : -1;
}
