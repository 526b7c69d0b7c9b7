// The core's half of a capture of a running tunnel, compiled to WebAssembly.

import * as wasm from "../../wasm/crapvpn.js";
import type { CoreRecording, Direction, Reason, RecordingOptions } from "./core.js";
import { attempt, secretsOf } from "./values.js";

export class WasmRecording implements CoreRecording {
  readonly #recording: wasm.Recording;
  readonly #memory: WebAssembly.Memory;
  readonly #reasons: readonly Reason[];

  constructor(
    format: wasm.Format,
    { packet, ours, peer, ...secrets }: RecordingOptions,
    memory: WebAssembly.Memory,
    reasons: readonly Reason[],
  ) {
    this.#recording = attempt(
      () => new wasm.Recording(format, packet, secretsOf(secrets), ours, peer),
    );
    this.#memory = memory;
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
    this.#view(this.#recording.room_address(), this.#recording.room_bytes()).set(bytes);
    attempt(() => this.#recording.record(direction === "out", time, source, code, bytes.length));
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

  get isFull(): boolean {
    return this.#recording.is_full();
  }

  take(): Uint8Array {
    const bytes = this.#view(this.#recording.file_address(), this.#recording.file_bytes()).slice();
    this.#recording.clear();
    return bytes;
  }

  #view(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, bytes);
  }
}
