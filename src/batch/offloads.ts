// Work on many packets at once that kernel and device take from us: asked for and tried at the
// start, switched off for good when it fails later.

import type { BatchTunnel } from "../core/batch.js";
import { setOffloads } from "../device/tun.js";
import type { EngineEvent } from "../tunnel/event.js";
import { MESSAGES, Outgoing } from "./messages.js";
import { setOption } from "./socket.js";
import * as sys from "./syscalls.js";

/**
 * - `tun_tcp`, `tun_udp`: super-packets of TCP and UDP between the device and us
 * - `udp_segment`: one message to the socket is cut into many datagrams
 * - `udp_gro`: many datagrams come from the socket as one message
 */
export type OffloadName = "tun_tcp" | "tun_udp" | "udp_segment" | "udp_gro";

/** `on`, or why not. */
export type OffloadStates = Record<OffloadName, string>;

/** What is not wanted, by the switch that says so. */
export interface OffloadSwitches {
  readonly noTunOffload: boolean;
  readonly noUdpSegment: boolean;
  readonly noUdpGro: boolean;
}

export const ON = "on";

/** linux/if_tun.h: we finish checksums; we cut TCP over IPv4, over IPv6, UDP over either. */
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
/** linux/virtio_net.h: `gso_type` of a `struct virtio_net_hdr`, its second byte. */
const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
const GSO_TYPE = 1;

export interface OffloadsOptions {
  readonly tunnel: BatchTunnel;
  /** Descriptors of the device, which should be up, and of the socket. */
  readonly device: number;
  readonly socket: number;
  readonly switches: OffloadSwitches;
  readonly notify: (event: EngineEvent) => void;
}

export class Offloads {
  readonly states: OffloadStates;
  readonly #tunnel: BatchTunnel;
  readonly #notify: (event: EngineEvent) => void;
  /** The longest datagrams that the kernel may cut a message into. */
  #mostCutBytes: number;

  /** Asks the kernel, and tries. */
  constructor({ tunnel, device, socket, switches, notify }: OffloadsOptions) {
    this.#tunnel = tunnel;
    this.#notify = notify;
    const { noTunOffload, noUdpSegment, noUdpGro } = switches;
    this.states = {
      ...(noTunOffload
        ? { tun_tcp: "off by --no-tun-offload", tun_udp: "off by --no-tun-offload" }
        : this.#askDevice(device)),
      udp_segment: noUdpSegment ? "off by --no-udp-segment" : tryCutting(socket),
      udp_gro: noUdpGro
        ? "off by --no-udp-gro"
        : setOption(socket, sys.SOL_UDP, sys.UDP_GRO, 1)
          ? ON
          : "the kernel has none",
    };
    this.#tellMerging();
    this.#mostCutBytes = this.states.udp_segment === ON ? Number.POSITIVE_INFINITY : 0;
    tunnel.limitSends(this.#mostCutBytes > 0 ? MESSAGES : 1);
  }

  /** Whether the kernel may cut a message into datagrams of this length. */
  mayCut(datagramBytes: number): boolean {
    return datagramBytes <= this.#mostCutBytes;
  }

  /**
   * A message that was to be cut was refused.
   *
   * @returns whether cutting may be to blame: then it is not tried again
   */
  cuttingFailed(errno: number, datagramBytes: number): boolean {
    if (errno === sys.EMSGSIZE) {
      // Datagrams that travel in fragments are never cut for us; shorter ones are.
      this.#mostCutBytes = datagramBytes - 1;
      return true;
    }
    if (errno !== sys.EIO && errno !== sys.EINVAL) return false;
    this.#mostCutBytes = 0;
    this.#tunnel.limitSends(1);
    this.#fallBack("udp_segment", errno);
    return true;
  }

  /**
   * The device refused a merged packet.
   *
   * @param place of its virtio header in the core's memory
   * @returns whether merging may be to blame: then it is not tried again
   */
  mergingFailed(errno: number, place: number): boolean {
    if (errno !== sys.EINVAL) return false;
    const [kind] = new Uint8Array(this.#tunnel.memory.buffer, place + GSO_TYPE, 1);
    const isUdp = kind === VIRTIO_NET_HDR_GSO_UDP_L4;
    this.#fallBack(isUdp ? "tun_udp" : "tun_tcp", errno);
    this.#tellMerging();
    return true;
  }

  #fallBack(offload: OffloadName, errno: number): void {
    if (this.states[offload] !== ON) return;
    const why = `the system refused it while running (${sys.errnoName(errno)})`;
    this.states[offload] = why;
    this.#notify({ type: "fallback", offload, why });
  }

  #tellMerging(): void {
    this.#tunnel.mergeForDevice({
      tcp: this.states.tun_tcp === ON,
      udp: this.states.tun_udp === ON,
    });
  }

  #askDevice(device: number): Pick<OffloadStates, "tun_tcp" | "tun_udp"> {
    const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    // Asked for in two steps: kernels before 6.2 refuse all if they don't know some.
    if (!setOffloads(device, tcp)) {
      const none = "the kernel has none";
      return { tun_tcp: none, tun_udp: none };
    }
    const kernelCutsUdp = setOffloads(device, tcp | TUN_F_USO4 | TUN_F_USO6);
    const tcp4 = this.#tryMerged(device, VIRTIO_NET_HDR_GSO_TCPV4);
    return {
      tun_tcp: tcp4 === ON ? this.#tryMerged(device, VIRTIO_NET_HDR_GSO_TCPV6) : tcp4,
      tun_udp: kernelCutsUdp
        ? this.#tryMerged(device, VIRTIO_NET_HDR_GSO_UDP_L4)
        : "the kernel has none (6.2 and newer have)",
    };
  }

  /**
   * Writes two merged packets, the second shorter, that the kernel drops behind the device: some
   * kernels (6.1, 6.6.44, 6.10.3) refuse those.
   */
  #tryMerged(device: number, kind: number): string {
    if (this.#tunnel.probe(kind) !== 1) return "our core cannot try it";
    const { memory, packetsPlace, writesPlace } = this.#tunnel;
    const [place = 0, bytes = 0] = new Uint32Array(memory.buffer, writesPlace, 2);
    const address = sys.addressOf(memory.buffer) + packetsPlace + place;
    if (sys.write(device, address, bytes) >= 0) return ON;
    const errno = sys.errno();
    // A device that is down takes nothing: whether it takes these shows when it is up.
    return errno === sys.EINVAL ? `the kernel refuses it (${sys.errnoName(errno)})` : ON;
  }
}

/**
 * Sends datagrams of one length to ourselves, in one message: some kernels (7.0 to 7.1.4) spoil
 * them. Where there is no loopback, nothing can be said against it.
 */
function tryCutting(socket: number): string {
  if (!setOption(socket, sys.SOL_UDP, sys.UDP_SEGMENT, 0)) return "the kernel has none";
  const type = sys.SOCK_DGRAM | sys.SOCK_CLOEXEC | sys.SOCK_NONBLOCK;
  const [from, to] = [sys.socket(sys.AF_INET, type, 0), sys.socket(sys.AF_INET, type, 0)];
  try {
    const address = new Uint8Array(sys.sockaddrIn.bytes);
    address.set([sys.AF_INET, 0, 0, 0, 127, 0, 0, 1]);
    const length = Uint32Array.of(address.length);
    if (sys.bind(to, address, address.length) < 0 || sys.getsockname(to, address, length) < 0) {
      return ON;
    }
    const [datagrams, bytes] = [3, 1000];
    const sent = Uint8Array.from({ length: datagrams * bytes }, (_, i) => i % 251);
    const buffer = sent.slice().buffer;
    const outgoing = new Outgoing(address);
    outgoing.set(0, sys.addressOf(buffer), sent.length, bytes);
    if (outgoing.send(from, 1) !== 1) return ON;
    const room = new ArrayBuffer(sent.length);
    for (let datagram = 0; datagram < datagrams; datagram++) {
      const got = sys.read(to, sys.addressOf(room), room.byteLength);
      if (got < 0) return ON;
      const wanted = sent.subarray(datagram * bytes, (datagram + 1) * bytes);
      if (Buffer.compare(new Uint8Array(room, 0, got), wanted) !== 0) {
        return "this kernel spoils datagrams of one length";
      }
    }
    return ON;
  } finally {
    for (const fd of [from, to]) if (fd >= 0) sys.close(fd);
  }
}
