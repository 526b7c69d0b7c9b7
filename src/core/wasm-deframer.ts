// A stream cut into datagrams by the core compiled to WebAssembly.

import type * as wasm from "../../wasm/crapvpn.js";
import type { CoreDeframer, DropReport } from "./core.js";

export class WasmDeframer implements CoreDeframer {
  readonly #deframer: wasm.Deframer;
  readonly #memory: WebAssembly.Memory;
  #buffer: Uint8Array;

  constructor(deframer: wasm.Deframer, memory: WebAssembly.Memory) {
    this.#deframer = deframer;
    this.#memory = memory;
    this.#buffer = this.#viewBuffer();
  }

  room(): Uint8Array {
    return this.#view(this.#deframer.room_start());
  }

  filled(bytes: number): void {
    this.#deframer.filled(bytes);
  }

  next(): Uint8Array | undefined {
    const length = this.#deframer.cut();
    if (length <= 0) return undefined;
    const start = this.#deframer.frame_start();
    return this.#view(start, start + length);
  }

  get lost(): DropReport | undefined {
    return this.#deframer.lost();
  }

  free(): void {
    this.#deframer.free();
  }

  #view(start: number, end?: number): Uint8Array {
    // Memory that grew has left its old views without bytes.
    if (this.#buffer.length === 0) this.#buffer = this.#viewBuffer();
    return this.#buffer.subarray(start, end);
  }

  #viewBuffer(): Uint8Array {
    const { buffer } = this.#memory;
    return new Uint8Array(buffer, this.#deframer.buffer_address(), this.#deframer.buffer_bytes());
  }
}
