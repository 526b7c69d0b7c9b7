// The core's half of a capture of a running tunnel, compiled to WebAssembly.

import * as wasm from "../../wasm/crapvpn.js";
import type { CoreRecording, Direction, Reason, RecordingOptions } from "./core.js";
import { attempt } from "./values.js";

export class WasmRecording implements CoreRecording {
  readonly #recording: wasm.Recording;
  readonly #reasons: readonly Reason[];

  constructor(
    format: wasm.Format,
    { packet, key, ours, peer }: RecordingOptions,
    reasons: readonly Reason[],
  ) {
    this.#recording = attempt(() => new wasm.Recording(format, packet, key, ours, peer));
    this.#reasons = reasons;
  }

  record(
    direction: Direction,
    time: number,
    bytes: Uint8Array,
    source?: string,
    refused?: Reason,
  ): void {
    const code = refused === undefined ? 0 : this.#reasons.indexOf(refused) + 1;
    attempt(() => this.#recording.record(direction === "out", time, source, code, bytes));
  }

  lose(datagrams: number): void {
    this.#recording.lose(datagrams);
  }

  get recorded(): number {
    return this.#recording.recorded();
  }

  get lost(): number {
    return this.#recording.lost();
  }

  finish(time: number): void {
    this.#recording.finish(time);
  }

  take(): Uint8Array {
    return this.#recording.take();
  }
}
