// Why an end cannot listen where it should.

import { Failure } from "../failure.js";
import { type Endpoint, endpointText } from "./carrier.js";

export type Transport = "UDP" | "TCP";

/** Somebody else listens there. */
export class PortTaken extends Failure {
  readonly transport: Transport;
  readonly local: Endpoint;

  constructor(transport: Transport, local: Endpoint) {
    super(
      "system",
      `${transport} ${endpointText(local)} is taken by another program: end that, or choose another port with --listen PORT`,
      [`ss -${transport === "UDP" ? "u" : "t"}lnp 'sport = :${local.port}'`],
    );
    this.transport = transport;
    this.local = local;
  }
}

/** @param errno the system's name for what was wrong */
export function cannotListen(errno: string, transport: Transport, local: Endpoint): Failure {
  const where = `${transport} ${endpointText(local)}`;
  switch (errno) {
    case "EADDRINUSE":
      return new PortTaken(transport, local);
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
