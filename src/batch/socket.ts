// The batch engine's UDP socket: unconnected as dgram's, but its descriptor is ours, and with it
// the options that dgram has not.

import type { Endpoint } from "../carrier/carrier.js";
import { cannotListen } from "../carrier/listen.js";
import { SOCKET_BUFFER_BYTES, type UdpOptions } from "../carrier/udp.js";
import { endpointOf, sockaddrOf } from "./sockaddr.js";
import * as sys from "./syscalls.js";

/**
 * Binds a socket of the peer's address family.
 *
 * @throws Failure `system` if the port is taken, may not be used, or the address is not ours
 */
export function openSocket({ local, peer }: UdpOptions): UdpSocket {
  const address = sockaddrOf(local);
  const isIpv6 = address.length === sys.sockaddrIn6.bytes;
  const family = isIpv6 ? sys.AF_INET6 : sys.AF_INET;
  const type = sys.SOCK_DGRAM | sys.SOCK_CLOEXEC | sys.SOCK_NONBLOCK;
  const fd = sys.socket(family, type, 0);
  if (fd < 0) throw cannotListen(sys.errnoName(sys.errno()), "UDP", local);
  // As dgram has it: whoever comes by IPv4 to an address of IPv6 is heard too.
  if (isIpv6) setOption(fd, sys.IPPROTO_IPV6, sys.IPV6_V6ONLY, 0);
  setOption(fd, sys.SOL_SOCKET, sys.SO_RCVBUF, SOCKET_BUFFER_BYTES);
  setOption(fd, sys.SOL_SOCKET, sys.SO_SNDBUF, SOCKET_BUFFER_BYTES);
  if (sys.bind(fd, address, address.length) < 0) {
    const errno = sys.errnoName(sys.errno());
    sys.close(fd);
    throw cannotListen(errno, "UDP", local);
  }
  const bound = new Uint8Array(sys.sockaddrIn6.bytes);
  sys.getsockname(fd, bound, Uint32Array.of(bound.length));
  return new UdpSocket(fd, endpointOf(bound), peer);
}

/** Returns whether the system took it. */
export function setOption(fd: number, level: number, option: number, value: number): boolean {
  return sys.setsockopt(fd, level, option, Int32Array.of(value), 4) === 0;
}

export class UdpSocket {
  readonly fd: number;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  #closed = false;

  constructor(fd: number, local: Endpoint, peer: Endpoint) {
    this.fd = fd;
    this.local = local;
    this.peer = peer;
  }

  /** To be called when nobody uses the descriptor any more. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    sys.close(this.fd);
  }
}
