// UDP through Node's dgram, on one unconnected socket: packets are taken from any source, and a
// peer that is not there yet raises no error.

import { createSocket, type Socket } from "node:dgram";
import { errnoOf } from "../failure.js";
import type { Carrier, DatagramHandler, Endpoint } from "./carrier.js";
import { collector } from "./collect.js";
import { cannotListen } from "./listen.js";

/** What the system is asked to queue; it gives what it allows (net.core.rmem_max). */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

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
    socket.once("error", (error) =>
      reject(cannotListen(errnoOf(error) ?? error.message, "UDP", local)),
    );
    socket.bind({ address: local.address, port: local.port, exclusive: true }, resolve);
  });
  return new Udp(socket, peer);
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
    const collect = collector();
    this.#socket.on("message", (datagram, source) => {
      onDatagram(datagram, source);
      collect(datagram.buffer.byteLength);
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
