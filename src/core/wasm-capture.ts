// Captures decoded by the core compiled to WebAssembly.

import * as wasm from "../../wasm/crapvpn.js";
import type {
  CaptureDecoder,
  CaptureFault,
  CaptureOptions,
  CaptureState,
  CaptureSummary,
} from "./capture.js";
import { attempt } from "./values.js";

/** By the number that the core answers with. */
const STATES: readonly CaptureState[] = ["input", "output", "end"];

export class WasmCaptureDecoder implements CaptureDecoder {
  readonly #decoder: wasm.CaptureDecoder;
  readonly #memory: WebAssembly.Memory;

  constructor(
    options: CaptureOptions,
    formats: readonly wasm.Format[],
    memory: WebAssembly.Memory,
  ) {
    const { output, bytes = false, inner = false, count, fields = [], decodeAs = [] } = options;
    this.#memory = memory;
    const decoder = new wasm.CaptureDecoder();
    this.#decoder = decoder;
    attempt(() => {
      for (const [place, { key }] of options.formats.entries())
        decoder.add_format(formats[place] as wasm.Format, key);
      for (const { carrier, port, format } of decodeAs)
        decoder.decode_as(carrier === "tcp", port, format);
      decoder.show(output, [...fields], bytes, inner, count);
    });
  }

  get frames(): number {
    return this.#decoder.frames();
  }

  get fault(): CaptureFault | undefined {
    return this.#decoder.fault();
  }

  space(least: number): Uint8Array {
    const address = this.#decoder.space_address(least);
    return this.#view(address, this.#decoder.space_bytes());
  }

  filled(bytes: number): void {
    this.#decoder.filled(bytes);
  }

  finish(): void {
    this.#decoder.finish();
  }

  run(): CaptureState {
    return STATES[this.#decoder.run()] ?? "end";
  }

  takeText(): Uint8Array {
    return this.#view(this.#decoder.take_text(), this.#decoder.taken_bytes());
  }

  takeInner(): Uint8Array {
    return this.#view(this.#decoder.take_inner(), this.#decoder.taken_bytes());
  }

  summary(): CaptureSummary {
    return this.#decoder.summary();
  }

  free(): void {
    this.#decoder.free();
  }

  #view(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, bytes);
  }
}
