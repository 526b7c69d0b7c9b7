// The longest inner packet that travels in one piece.

/** Bytes of an outer IP header without options. */
const OUTER_IP_BYTES = { 4: 20, 6: 40 } as const;
const UDP_HEADER_BYTES = 8;
/** The longest UDP payload over IPv4: 65,535 − 20 − 8. Over IPv6 it is kept the same. */
const MAX_DATAGRAM_BYTES = 65_507;

/**
 * The usual MTU where datagrams are frames of a stream, which have no size to fit: Ethernet's own,
 * so that hosts behind the tunnel need not hear of a smaller one.
 */
export const STREAM_MTU = 1500;
/** The longest frame of a stream: a packet of 65,535 bytes, and the longest header of a format. */
export const MAX_FRAME_BYTES = 65_535 + 256;
/** What a device may have at most (`IP_MAX_MTU`, linux/net/ip.h). */
export const MAX_DEVICE_MTU = 65_535;

/** Bytes of a frame before the packet that a device's MTU counts, by layer (`ETH_HLEN`, linux/if_ether.h). */
export const LINK_HEADER_BYTES = { 2: 14, 3: 0 } as const;

/** RFC 791: every IPv4 link carries at least so much. */
export const MIN_MTU = 68;
/** RFC 8200, section 5: every IPv6 link carries at least so much. */
export const MIN_IPV6_MTU = 1280;

/** The longest packet that any datagram can carry. */
export function maxMtu(overhead: number): number {
  return MAX_DATAGRAM_BYTES - overhead;
}

/**
 * The longest packet whose datagram fits the way to the peer without being fragmented.
 *
 * @param routeMtu MTU of that way, in bytes
 * @param overhead bytes that a datagram has more than such a packet
 */
export function innerMtu(routeMtu: number, outerFamily: 4 | 6, overhead: number): number {
  const fitting = routeMtu - OUTER_IP_BYTES[outerFamily] - UDP_HEADER_BYTES - overhead;
  return Math.min(fitting, maxMtu(overhead));
}

/**
 * How `innerMtu` came about, for people.
 *
 * @param format whose overhead it is
 * @param layer of the device
 */
export function innerMtuSum(
  routeMtu: number,
  outerFamily: 4 | 6,
  overhead: number,
  format: string,
  layer: 2 | 3,
): string {
  const frame = layer === 2 ? ` − ${LINK_HEADER_BYTES[layer]} Ethernet` : "";
  return `${routeMtu} − ${OUTER_IP_BYTES[outerFamily]} IPv${outerFamily} − ${UDP_HEADER_BYTES} UDP − ${overhead} ${format}${frame}`;
}
