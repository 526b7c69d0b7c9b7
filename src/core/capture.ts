// The core's half of captures: chunks of a file go in, chunks of text and of another capture come out.

import type { CaptureSummary } from "../../wasm/crapvpn.js";
import type { CoreFormat } from "./core.js";

export type {
  /** Sums over all frames. */
  CaptureSummary,
  /** One check of deciphered packets over all datagrams. */
  CheckSummary,
  /** How far deciphered packets got. */
  MeterSummary,
  /** A chain of protocols and how many frames have it. */
  ProtocolSummary,
  /** What `verify` counted. */
  VerifySummary,
} from "../../wasm/crapvpn.js";

/** A format that is looked for, with all values given that it needs. */
export interface SoughtFormat {
  readonly format: CoreFormat;
  /** Empty: what is enciphered stays closed. */
  readonly key: Uint8Array;
}

/** Whatever comes from or goes to a port is of a format. */
export interface DecodeAs {
  readonly carrier: "udp" | "tcp";
  readonly port: number;
  /** Its place among the formats that are looked for. */
  readonly format: number;
}

/**
 * What is told of each frame:
 *
 * - `list`: a line
 * - `tree`: every field
 * - `fields`: the values of chosen fields, tab between them
 * - `json`: an object a line
 * - `verify`: each difference between a datagram and its description, a line
 * - `verify-json`: the same, an object a line
 * - `nothing`
 */
export type CaptureOutput =
  | "list"
  | "tree"
  | "fields"
  | "json"
  | "verify"
  | "verify-json"
  | "nothing";

export interface CaptureOptions {
  readonly formats: readonly SoughtFormat[];
  readonly decodeAs?: readonly DecodeAs[];
  readonly output: CaptureOutput;
  /** The names of the fields, for `fields`. */
  readonly fields?: readonly string[];
  /** The bytes of each source too. */
  readonly bytes?: boolean;
  /** Make a capture of the packets inside. */
  readonly inner?: boolean;
  /** Frames after which it ends. */
  readonly count?: number;
}

/** Why a capture was read no further. */
export interface CaptureFault {
  /** Stable. */
  readonly code: string;
  /** A sentence. */
  readonly message: string;
  /** Where in the file. */
  readonly offset: number;
}

/** - `input`: more of the file is needed · `output`: there is text to be taken · `end` */
export type CaptureState = "input" | "output" | "end";

/** A capture being decoded. */
export interface CaptureDecoder {
  /**
   * Where the next bytes of the file go: room for at least so many. Valid until the next call.
   */
  space(least: number): Uint8Array;

  /** So many bytes were put there. */
  filled(bytes: number): void;

  /** The file has no more. */
  finish(): void;

  /** Decodes until something is missing or there is enough to be taken. */
  run(): CaptureState;

  /** The text made since it was taken last. Valid until the next call. */
  takeText(): Uint8Array;

  /** What was made of the capture of packets inside since it was taken last; likewise. */
  takeInner(): Uint8Array;

  /** Frames decoded so far. */
  readonly frames: number;

  /** Why it ended early, if it did. */
  readonly fault: CaptureFault | undefined;

  summary(): CaptureSummary;

  /** Nothing else may be called afterwards. */
  free(): void;
}
