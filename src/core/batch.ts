// The seam of the batch engine: a tunnel that takes and gives many packets at a time.
//
// Everything lies at fixed places in the core's memory. The kernel reads and writes there, and the
// core tells by tables of numbers what it made, so that no JavaScript object is made on the way.

import type {
  Counters,
  Direction,
  DropReport,
  Reason,
  TunnelEvent,
  TunnelOptions,
} from "./core.js";

export interface BatchOptions extends Omit<TunnelOptions, "slots"> {
  /** How many messages are received at a time, at most 64. */
  readonly messages: number;
}

/** What `split` answers with when the datagrams that wait must be sent first. */
export const FULL = -1;

/** Words of an entry in the table of sends. */
export const SEND = {
  place: 0,
  bytes: 1,
  datagramBytes: 2,
  datagrams: 3,
  packetBytes: 4,
  words: 5,
};
/** Words of an entry in the table of what was received. */
export const RECEIVED = { message: 0, bytes: 1, segmentBytes: 2, words: 3 };
/** Words of an entry in the table of writes. */
export const WRITE = { place: 0, bytes: 1, packets: 2, packetBytes: 3, words: 4 };

/** A drop as it is told. */
export interface BatchDrop extends DropReport {
  readonly direction: Direction;
  /** Bytes of the packet or datagram. */
  readonly length: number;
  /** Nothing was dropped in this direction for this reason before. */
  readonly first: boolean;
  /** The number of the message that the datagram came in; −1 for none. */
  readonly message: number;
}

/** Places are byte offsets in `memory`. */
export interface BatchTunnel {
  readonly memory: WebAssembly.Memory;

  /** Room for one read of the device: a virtio header and a packet. */
  readonly readPlace: number;
  readonly readBytes: number;
  /** Datagrams that `split` made, and the table that says which of them go out in one send. */
  readonly datagramsPlace: number;
  readonly sendsPlace: number;
  readonly sendsWords: number;
  /** Room for messages of the carrier, one behind the other. */
  readonly messagesPlace: number;
  readonly messageBytes: number;
  /** The table of messages, written by the engine. */
  readonly receivedPlace: number;
  /** Packets that `merge` made, each with a virtio header, and the table of them. */
  readonly packetsPlace: number;
  readonly writesPlace: number;
  readonly writesWords: number;

  /** Bytes that a datagram has more than its packet. */
  readonly overhead: number;

  /** At most so many datagrams in one send: 1 where the carrier cannot cut. */
  limitSends(datagrams: number): void;
  /** What the device takes as super-packets. */
  mergeForDevice(kinds: { readonly tcp: boolean; readonly udp: boolean }): void;

  /**
   * Makes datagrams of what the device gave. A later call may lengthen the table's last entry.
   *
   * @param bytes how many lie at `readPlace`
   * @returns how many sends the table holds; or `FULL`, and nothing was taken: empty the table and
   *   call again
   */
  split(bytes: number): number;
  /** Empties the table of sends. */
  sent(): void;

  /** Takes what was received: so many entries of the table. */
  receive(entries: number): void;
  /**
   * Opens and merges datagrams.
   *
   * @returns how many writes the table holds; 0 when nothing is left of what was received
   */
  merge(): number;
  /**
   * Makes single packets of a write that the device refused. They stand at the table's beginning,
   * before the writes that followed.
   *
   * @returns how many writes the table holds now
   */
  unmerge(write: number): number;
  /**
   * Makes a write of two merged packets that lead nowhere, by virtio's number of their kind.
   *
   * @returns how many writes the table holds: one, or none for a kind that is not known
   */
  probe(kind: number): number;

  /** Counts packets that went through as dropped after all. */
  lose(direction: Direction, reason: Reason, packets: number, packetBytes: number): void;
  /** Counts a message that was refused before it came here. */
  refuse(direction: Direction, reason: Reason, bytes: number, message: number): void;

  /** Keep every drop for `nextDrop`, and not only the first of its kind. */
  tellEveryDrop(every: boolean): void;
  /** How many drops wait to be told. */
  dropsWaiting(): number;
  nextDrop(): BatchDrop | undefined;
  /** Drops that were to be told and did not fit, since the last call. */
  dropsUntold(): number;
  /** The message in which the first good datagram of all came, right after it did; −1 otherwise. */
  heardFrom(): number;
  /** As `CoreTunnel.pollEvent`. */
  pollEvent(): TunnelEvent | undefined;
  counters(): Counters;

  /** Gives its memory back and wipes the keys. Nothing else may be called afterwards. */
  free(): void;
}
