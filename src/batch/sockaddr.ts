// Addresses as the kernel has them, and as people do.

import type { Endpoint } from "../carrier/carrier.js";
import {
  AF_INET,
  AF_INET6,
  ifIndexToName,
  ifNameToIndex,
  inetNtop,
  inetPton,
  sockaddrIn,
  sockaddrIn6,
} from "./syscalls.js";

/** net/if.h, and netinet/in.h: bytes of the longest texts, with their closing zero. */
const IF_NAMESIZE = 16;
const INET6_ADDRSTRLEN = 46;

/** The `struct sockaddr_in` or `sockaddr_in6` of an endpoint that is written in numbers. */
export function sockaddrOf({ address, port }: Endpoint): Uint8Array {
  const [host = "", scope] = address.split("%");
  const layout = host.includes(":") ? sockaddrIn6 : sockaddrIn;
  const family = layout === sockaddrIn6 ? AF_INET6 : AF_INET;
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(layout.family, family, true);
  view.setUint16(layout.port, port);
  inetPton(family, host, bytes.subarray(layout.address));
  if (scope !== undefined) {
    view.setUint32(sockaddrIn6.scope, ifNameToIndex(scope) || Number(scope), true);
  }
  return bytes;
}

/** The endpoint that a sockaddr stands for; a link-local address with its device, `fe80::1%eth0`. */
export function endpointOf(sockaddr: Uint8Array): Endpoint {
  const view = new DataView(sockaddr.buffer, sockaddr.byteOffset, sockaddr.length);
  const family = view.getUint16(sockaddrIn.family, true);
  const layout = family === AF_INET6 ? sockaddrIn6 : sockaddrIn;
  const text = new Uint8Array(INET6_ADDRSTRLEN);
  inetNtop(family, sockaddr.subarray(layout.address), text, text.length);
  const scope = layout === sockaddrIn6 ? view.getUint32(sockaddrIn6.scope, true) : 0;
  const address = textOf(text) + (scope === 0 ? "" : `%${deviceOf(scope)}`);
  return { address, port: view.getUint16(layout.port) };
}

function deviceOf(index: number): string {
  const name = new Uint8Array(IF_NAMESIZE);
  return ifIndexToName(index, name) === null ? String(index) : textOf(name);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8", 0, bytes.indexOf(0));
}

/** What must be the same in the sockaddr of a message that comes from a peer. */
export interface Comparison {
  readonly words: Uint32Array;
  readonly mask: Uint32Array;
}

/** Compares family, port and address; the scope if the peer's has one. */
export function comparisonWith(sockaddr: Uint8Array): Comparison {
  const words = new Uint32Array(sockaddr.slice().buffer);
  const mask = new Uint32Array(words.length);
  if (sockaddr.length === sockaddrIn.bytes) return { words, mask: mask.fill(~0, 0, 2) };
  mask.fill(~0).fill(0, 1, 2);
  const scope = sockaddrIn6.scope / 4;
  if (words[scope] === 0) mask[scope] = 0;
  return { words, mask };
}
