// The seam between Rust and TypeScript: what the core offers, whatever it was compiled to.
//
// Packets lie in an arena of slots that belongs to the core. For each packet only integers cross:
// the number of a slot and a length go in; a `Placed` or minus the number of a reason comes out.

export type {
  Checked,
  CipherInfo,
  Diagnostic,
  DropReport,
  FieldInfo,
  FormatInfo,
  PacketName,
  /** Why a packet or datagram was refused. Stable; only ever added to. */
  Reason,
  RunProblemInfo,
  SettingInfo,
} from "../../wasm/crapvpn.js";

import type {
  Checked,
  DropReport,
  FormatInfo,
  PacketName,
  Reason,
  RunProblemInfo,
} from "../../wasm/crapvpn.js";
import type { BatchOptions, BatchTunnel } from "./batch.js";
import type { CaptureDecoder, CaptureOptions } from "./capture.js";

/** From the device to the carrier, or back. */
export type Direction = "out" | "in";

/** A description as it was written. */
export interface Description {
  /** What messages call it. */
  readonly file: string;
  readonly text: string;
}

/** How a format came to be, as plain data: another thread makes the same of it. */
export interface FormatRecipe {
  /** The name of a built-in format, or a description. */
  readonly of: string | Description;
  /** `NAME=VALUE` each. */
  readonly set: readonly string[];
  readonly expect: readonly string[];
}

/** A format, built in or read, with the values that were given. */
export interface CoreFormat {
  readonly info: FormatInfo;
  readonly recipe: FormatRecipe;

  /**
   * The most bytes that a datagram has more than its packet, whatever is still to be given. Absent
   * if that depends on what is given, or if no packet is sent.
   */
  readonly overhead: number | undefined;

  /**
   * The format with values given.
   *
   * @param set `NAME=VALUE` each: what is sent, and expected on receipt
   * @param expect `NAME=VALUE` each: what is expected on receipt, where it differs
   * @throws CoreError `cannot_set`, with a line for each that is wrong
   */
  with(set: readonly string[], expect?: readonly string[]): CoreFormat;

  /** Everything that keeps it from running with packets of a kind, or of the default kind. */
  runProblems(packet?: PacketName): readonly RunProblemInfo[];

  /** Its bit diagram, as RFCs have them. */
  diagram(as: "ascii" | "svg"): string;
}

export interface TunnelOptions {
  /** With all values given that it needs. */
  readonly format: CoreFormat;
  /** The kind of packet that the device has. Default: the format's first. */
  readonly packet?: PacketName;
  /** Empty if the format has no cipher. */
  readonly key: Uint8Array;
  /** 32 fresh random bytes, which random fields are made from. */
  readonly seed: Uint8Array;
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

/** One end of a tunnel: packets and datagrams in, datagrams and packets out, drops counted. */
export interface CoreTunnel {
  /** The most bytes that a datagram has more than its packet. */
  readonly overhead: number;

  /**
   * The most bytes that a packet may have: so that its datagram is not too long for the carrier,
   * and every length of the format can count it.
   */
  readonly maxPacketBytes: number;

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

/** Cuts one stream into datagrams, in a buffer of the core's. */
export interface CoreDeframer {
  /** Room for what comes next in the stream, at least 64 KiB once `next` has found nothing. */
  room(): Uint8Array;

  /** So many bytes were put there. */
  filled(bytes: number): void;

  /** The next datagram, valid until `room` is asked for again; nothing if none is whole. */
  next(): Uint8Array | undefined;

  /** Why no datagram will come any more; nothing as long as one may. */
  readonly lost: DropReport | undefined;

  /** Gives its buffer back. Nothing else may be called afterwards. */
  free(): void;
}

export interface RecordingOptions extends Pick<TunnelOptions, "format" | "packet" | "key"> {
  /** `ADDRESS:PORT` of both ends outside. */
  readonly ours: string;
  readonly peer: string;
}

/** A capture of a running tunnel in the making: every datagram, and the packet in it. */
export interface CoreRecording {
  /**
   * Records a datagram.
   *
   * @param time milliseconds since 1970, with decimals
   * @param source `ADDRESS:PORT` that it came from, if not the peer's
   * @param refused why nobody will look into it
   */
  record(
    direction: Direction,
    time: number,
    bytes: Uint8Array,
    source?: string,
    refused?: Reason,
  ): void;
  /** Counts datagrams that were not recorded. */
  lose(datagrams: number): void;
  readonly recorded: number;
  readonly lost: number;
  /** Ends the file. */
  finish(time: number): void;
  /** A part of the file must be taken before more is recorded: then the core's memory never grows. */
  readonly isFull: boolean;
  /** What of the pcapng file was made since the last call, as a copy. */
  take(): Uint8Array;
}

export interface Core {
  readonly version: string;

  /** The names of all reasons to drop; the first has number 1. */
  readonly reasons: readonly Reason[];

  /** The names of the built-in formats, the program's own first. */
  readonly formats: readonly string[];

  /** The JSON Schema of descriptions, for editors. */
  readonly schema: string;

  /**
   * Looks a built-in format up.
   *
   * @throws CoreError `unknown_format`
   */
  format(name: string): CoreFormat;

  /**
   * Reads a description.
   *
   * @throws CoreError `bad_description`, with all that was found in it
   */
  readFormat(description: Description): CoreFormat;

  /**
   * Makes the format of a recipe.
   *
   * @throws CoreError as `format`, `readFormat` and `with`
   */
  makeFormat(recipe: FormatRecipe): CoreFormat;

  /** Checks descriptions, each by itself and against each other and the built-in formats. */
  check(descriptions: readonly Description[]): Checked;

  /**
   * @throws CoreError `cannot_run`, `not_an_address`, `too_many_slots`
   */
  openTunnel(options: TunnelOptions): CoreTunnel;

  /**
   * The same, for many packets at a time. Open it before others, and once: its places must not move.
   *
   * @throws CoreError as `openTunnel`
   */
  openBatchTunnel(options: BatchOptions): BatchTunnel;

  /**
   * For one stream of a format's frames.
   *
   * @throws CoreError `cannot_run` if nothing says where they end
   */
  openDeframer(format: CoreFormat): CoreDeframer;

  /**
   * @throws CoreError `cannot_run`, `not_an_address`
   */
  openRecording(options: RecordingOptions): CoreRecording;

  /**
   * Begins to decode a capture.
   *
   * @throws CoreError `unknown_field`, `too_many_formats`
   */
  openCapture(options: CaptureOptions): CaptureDecoder;
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
