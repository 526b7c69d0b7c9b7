// A carrier: what moves datagrams between the two ends.

/** An address and a port, as numbers and dots or colons. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * Takes a datagram. Its bytes are valid only during the call.
 *
 * @returns whether it was one of the peer's, with a packet in it
 */
export type DatagramHandler = (datagram: Uint8Array, source: Endpoint) => boolean;

/** Where a stream stopped being a row of datagrams. */
export interface FramingLost {
  /** `header` or `packet`. */
  readonly layer: string;
  /** What filters call the field, or nothing if it was no single one. */
  readonly field: string;
  /** Where the field begins, in bytes from the start of what should have been a datagram. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** Takes the end of a stream that can be cut into datagrams no further. */
export type FramingHandler = (lost: FramingLost, source: Endpoint) => void;

export interface Carrier {
  /** Where this end listens, or what it is called on the way to the peer; nothing if it is not known. */
  readonly local: Endpoint | undefined;
  /** Where datagrams go; nothing as long as nobody is there. */
  readonly peer: Endpoint | undefined;

  /**
   * Begins to hand over what arrives.
   *
   * @param onFramingLost for carriers that cut a stream
   */
  start(onDatagram: DatagramHandler, onFramingLost?: FramingHandler): void;

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
