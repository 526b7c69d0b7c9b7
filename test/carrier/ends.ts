// Carriers over TCP on this machine's loopback, with all that they told, and bare sockets to tease them.

import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Carrier, Endpoint, FramingLost } from "../../src/carrier/carrier.js";
import { Backoff } from "../../src/carrier/tcp/backoff.js";
import { TcpClient } from "../../src/carrier/tcp/client.js";
import type { TcpEvent } from "../../src/carrier/tcp/events.js";
import {
  openTcpServer,
  SERVER_LIMITS,
  type TcpServerLimits,
} from "../../src/carrier/tcp/server.js";
import { loadCore } from "../../src/core/wasm.js";

const core = await loadCore();
const format = core.format("crapvpn-tcp");

/** Datagrams that end in this byte are good ones. */
export const GOOD = 0x2a;

/** A frame of so many bytes of ciphertext, the last one of which says whether it is good. */
export function frame(bytes: number, last = GOOD): Buffer {
  const made = Buffer.alloc(6 + bytes, 0x55);
  made.write("crap");
  made.writeUInt16BE(bytes, 4);
  made[made.length - 1] = last;
  return made;
}

/** A carrier that has begun, and what it handed over. */
export class Begun {
  readonly carrier: Carrier;
  readonly events: TcpEvent[];
  readonly datagrams: Buffer[] = [];
  readonly lost: FramingLost[] = [];

  constructor(carrier: Carrier, events: TcpEvent[]) {
    this.carrier = carrier;
    this.events = events;
    begun.push(carrier);
    carrier.start(
      (datagram) => {
        this.datagrams.push(Buffer.from(datagram));
        return datagram.at(-1) === GOOD;
      },
      (lost) => this.lost.push(lost),
    );
  }

  told<Type extends TcpEvent["type"]>(type: Type): Extract<TcpEvent, { type: Type }>[] {
    return this.events.filter(
      (event): event is Extract<TcpEvent, { type: Type }> => event.type === type,
    );
  }

  /** Sends one datagram, and returns the error if it was not taken. */
  send(datagram: Uint8Array): string | undefined {
    let answer: string | undefined = "not answered";
    this.carrier.send(datagram, (errno) => {
      answer = errno;
    });
    return answer;
  }
}

const begun: Carrier[] = [];
const sockets: Socket[] = [];

export async function server(
  limits: Partial<TcpServerLimits> = {},
  local: Endpoint = { address: "127.0.0.1", port: 0 },
): Promise<Begun & { readonly port: number }> {
  const events: TcpEvent[] = [];
  const carrier = await openTcpServer({
    ...{ local, deframer, notify: (event) => events.push(event) },
    limits: { ...SERVER_LIMITS, ...limits },
  });
  return Object.assign(new Begun(carrier, events), { port: carrier.local?.port ?? 0 });
}

export function client(
  port: number,
  address = "127.0.0.1",
  backoff: Pick<Backoff, "next" | "reset"> = new Backoff(() => 0),
): Begun {
  const events: TcpEvent[] = [];
  const notify = (event: TcpEvent) => events.push(event);
  return new Begun(new TcpClient({ peer: { address, port }, deframer, notify, backoff }), events);
}

export const deframer = () => core.openDeframer(format);

/** A bare socket, connected. */
export async function bare(port: number): Promise<Socket> {
  const socket = createConnection({ port, host: "127.0.0.1" });
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Waits until a bare socket is closed, in whatever way. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.resume().once("close", () => resolve());
  });
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); ) {
    if (Date.now() > end) throw new Error(`not within 10 s: ${what}`);
    await sleep(2);
  }
}

export async function cleanUp(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(begun.splice(0).map((carrier) => carrier.close()));
}
