// UDP through Node's dgram, on one unconnected socket: packets are taken from any source, and a
// peer that is not there yet raises no error.

import { createSocket, type Socket } from "node:dgram";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { errnoOf, Failure } from "../failure.js";
import { type Carrier, type DatagramHandler, type Endpoint, endpointText } from "./carrier.js";

/** What the system is asked to queue; it gives what it allows (net.core.rmem_max). */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * dgram gives each datagram memory outside of the heap, by which V8 does not judge when to collect:
 * the longest would pile up to tens of megabytes. So we ask it to, each time so much has come.
 */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024;

/** Collects what died young, in a fraction of a millisecond. */
function youngCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "minor" }) => void;
  return () => collect({ type: "minor" });
}

export interface UdpOptions {
  /** Where to listen; port 0 stands for any free one. */
  readonly local: Endpoint;
  readonly peer: Endpoint;
}

/**
 * Binds a socket of the peer's address family.
 *
 * @throws Failure `system` if the port is taken, may not be used, or the address is not ours
 */
export async function openUdp({ local, peer }: UdpOptions): Promise<Carrier> {
  const family = peer.address.includes(":") ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    // The peer's address is a number already: dgram would look it up for each datagram.
    lookup: (address, _options, callback) => callback(null, address, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", (error) => reject(cannotListen(errnoOf(error) ?? error.message, local)));
    socket.bind({ address: local.address, port: local.port, exclusive: true }, resolve);
  });
  return new Udp(socket, peer);
}

/** Somebody else listens there. */
export class PortTaken extends Failure {
  readonly local: Endpoint;

  constructor(local: Endpoint) {
    super(
      "system",
      `UDP ${endpointText(local)} is taken by another program: end that, or choose another port with --listen PORT`,
      [`ss -ulnp 'sport = :${local.port}'`],
    );
    this.local = local;
  }
}

/** @param errno the system's name for what was wrong */
export function cannotListen(errno: string, local: Endpoint): Failure {
  const where = `UDP ${endpointText(local)}`;
  switch (errno) {
    case "EADDRINUSE":
      return new PortTaken(local);
    case "EADDRNOTAVAIL":
      return new Failure(
        "system",
        `${local.address} is not an address of this machine: --listen takes one of its own`,
      );
    case "EACCES":
      return new Failure("system", `no right to listen on ${where}: choose a port above 1023`);
    default:
      return new Failure("system", `cannot listen on ${where}: ${errno}`);
  }
}

class Udp implements Carrier {
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly #socket: Socket;
  #closed = false;

  constructor(socket: Socket, peer: Endpoint) {
    const { address, port } = socket.address();
    this.local = { address, port };
    this.peer = peer;
    this.#socket = socket;
    // Errors of sending come to the callback of `send`; one that comes here instead, such as an
    // ICMP answer, is about an earlier datagram, and must not end the program.
    socket.removeAllListeners("error").on("error", () => {});
  }

  start(onDatagram: DatagramHandler): void {
    const collect = youngCollector();
    let uncollectedBytes = 0;
    this.#socket.on("message", (datagram, source) => {
      onDatagram(datagram, source);
      uncollectedBytes += datagram.buffer.byteLength;
      if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
      uncollectedBytes = 0;
      collect();
    });
  }

  send(datagram: Uint8Array, done: (errno?: string) => void): void {
    if (this.#closed) {
      done("EBADF");
      return;
    }
    const { address, port } = this.peer;
    this.#socket.send(datagram, 0, datagram.length, port, address, (error) => {
      done(error ? (errnoOf(error) ?? "EIO") : undefined);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }
}
