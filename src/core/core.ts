// The seam between Rust and TypeScript: what the core offers, whatever it was compiled to.
//
// Packets lie in an arena of slots that belongs to the core. For each packet only integers cross:
// the number of a slot and a length go in; a `Placed` or minus the number of a reason comes out.

/** Why a packet or datagram was refused. Stable; only ever added to. */
export type { Reason } from "../../wasm/crapvpn.js";

import type { Reason } from "../../wasm/crapvpn.js";
import type { BatchOptions, BatchTunnel } from "./batch.js";

/** From the device to the carrier, or back. */
export type Direction = "out" | "in";

/** What a built-in format needs to run. */
export interface FormatInfo {
  readonly name: string;
  readonly title: string;
  /** The UDP port it uses by default; 0 if there is none. */
  readonly udpPort: number;
  readonly needsKey: boolean;
}

export interface TunnelOptions {
  /** Name of a built-in format. */
  readonly format: string;
  /** Empty if the format has no cipher. */
  readonly key: Uint8Array;
  /** Write what kind of packet follows, where the format would write a constant. */
  readonly nextFromTable?: boolean;
  /** `ADDRESS:PORT` that datagrams go to, so that one routed back into the tunnel is told. */
  readonly peer?: string;
  /** The longest datagram that the carrier moves. Default: as UDP over IPv4, 65,507. */
  readonly maxDatagramBytes?: number;
  /** Slots in the arena: how many packets can be under way at once. */
  readonly slots: number;
}

/** One direction: what came in = `packets` + the sum of `drops`. */
export interface Flow {
  readonly packets: number;
  /** Bytes of those packets, without any header of ours. */
  readonly bytes: number;
  /** How often each reason occurred; reasons that did not are absent. */
  readonly drops: Readonly<Partial<Record<Reason, number>>>;
}

export interface Counters {
  readonly out: Flow;
  readonly in: Flow;
  /** Datagrams, delivered all the same, in which a field named another kind of packet than came. */
  readonly nextDiffers: number;
}

/** A drop told in full. */
export interface DropReport {
  readonly reason: Reason;
  /** `header`, `packet` or `system`. */
  readonly layer: string;
  /** What filters call the field; empty if it was no single one. */
  readonly field: string;
  /** Where the field begins, in bytes from the start of what was refused. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** One end of a tunnel: packets and datagrams in, datagrams and packets out, drops counted. */
export interface CoreTunnel {
  /** Bytes that a datagram has more than its packet. */
  readonly overhead: number;

  /**
   * Where the device puts a packet into a slot that is to be encapsulated: room for the longest.
   * Ask for it each time, since a view loses its bytes when the core's memory grows.
   */
  packetRoom(slot: number): Uint8Array;

  /** Where the carrier puts a datagram into a slot, likewise. */
  datagramRoom(slot: number): Uint8Array;

  /**
   * Makes a datagram, in place, of the packet of `length` bytes in a slot's packet room.
   *
   * @returns where it lies, to be given to `placed`; or, if negative, minus the number of the
   *   reason it was dropped for, already counted
   */
  encapsulate(slot: number, length: number): number;

  /** Takes the packet, in place, out of the datagram of `length` bytes. Returns as `encapsulate`. */
  decapsulate(slot: number, length: number): number;

  /** The reason that a negative answer stands for. */
  reasonOf(result: number): Reason;

  /** The bytes that `encapsulate` or `decapsulate` answered with. Valid until the slot is reused. */
  placed(slot: number, result: number): Uint8Array;

  /** Counts a packet that went through as dropped after all: carrier or device did not take it. */
  lose(direction: Direction, reason: Reason, length: number): void;

  /** Counts a datagram or packet that was refused before it came here. */
  refuse(direction: Direction, reason: Reason, length: number): void;

  /**
   * If a wrong key is suspected anew: how many datagrams in a row deciphered to no packet;
   * otherwise 0.
   */
  pollWrongKey(): number;

  /** What went through and what was dropped, since the start. */
  counters(): Counters;

  /** The last drop, told in full. */
  lastDrop(): DropReport | undefined;

  /** Gives the arena back. Nothing else may be called afterwards. */
  free(): void;
}

export interface Core {
  readonly version: string;

  /** The names of all reasons to drop; the first has number 1. */
  readonly reasons: readonly Reason[];

  /**
   * Looks a built-in format up.
   *
   * @throws CoreError `unknown_format`
   */
  format(name: string): FormatInfo;

  /**
   * @throws CoreError `unknown_format`, `cannot_run`, `not_an_address`, `too_many_slots`
   */
  openTunnel(options: TunnelOptions): CoreTunnel;

  /**
   * The same, for many packets at a time. Open it before others, and once: its places must not move.
   *
   * @throws CoreError as `openTunnel`
   */
  openBatchTunnel(options: BatchOptions): BatchTunnel;
}

/** A misuse of the core, with a stable code. */
export class CoreError extends Error {
  override readonly name = "CoreError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
