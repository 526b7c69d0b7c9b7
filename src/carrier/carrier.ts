// A carrier: what moves datagrams between the two ends.

/** An address and a port, as numbers and dots or colons. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Takes a datagram. Its bytes are valid only during the call. */
export type DatagramHandler = (datagram: Uint8Array, source: Endpoint) => void;

export interface Carrier {
  /** Where this end listens. */
  readonly local: Endpoint;
  /** Where datagrams go. */
  readonly peer: Endpoint;

  /** Begins to hand over what arrives. */
  start(onDatagram: DatagramHandler): void;

  /**
   * Sends one datagram to the peer.
   *
   * @param done called once, when the bytes are no longer needed, perhaps before `send` returns;
   *   with the system's name for the error, such as `"ENOBUFS"`, if it was not sent
   */
  send(datagram: Uint8Array, done: (errno?: string) => void): void;

  /** Stops. Safe to call twice. */
  close(): Promise<void>;
}

/** `192.0.2.1:1337` or `[2001:db8::1]:1337`. */
export function endpointText({ address, port }: Endpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
