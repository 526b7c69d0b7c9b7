// The core compiled to WebAssembly: the same files in Node and in the browser.

import * as wasm from "../../wasm/crapvpn.js";
import type { BatchOptions, BatchTunnel } from "./batch.js";
import type {
  Core,
  CoreTunnel,
  Counters,
  Direction,
  DropReport,
  FormatInfo,
  Reason,
  TunnelOptions,
} from "./core.js";
import { attempt, countersOf } from "./values.js";
import { WasmBatchTunnel } from "./wasm-batch.js";

let loading: Promise<Core> | undefined;

/**
 * Loads the core, once.
 *
 * @param source where the compiled core is, or its bytes, if not where the package has it: for
 *   bundlers that copy no files
 */
export function loadCore(source?: URL | Uint8Array<ArrayBuffer>): Promise<Core> {
  loading ??= load(source ?? new URL("../../wasm/crapvpn_bg.wasm", import.meta.url));
  return loading;
}

async function load(source: URL | Uint8Array<ArrayBuffer>): Promise<Core> {
  // Node's fetch does not read files. Bundlers for the browser would stumble over an import.
  const readable =
    source instanceof URL && source.protocol === "file:"
      ? process.getBuiltinModule("node:fs").readFileSync(source)
      : source;
  const { memory } = await wasm.default({ module_or_path: readable });
  return new WasmCore(memory);
}

class WasmCore implements Core {
  readonly version = wasm.version();
  readonly reasons = wasm.reasons();
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  format(name: string): FormatInfo {
    return attempt(() => {
      const info = wasm.format_info(name);
      const { udp_port: udpPort, needs_key: needsKey, title } = info;
      info.free();
      return { name, title, udpPort, needsKey };
    });
  }

  openTunnel(options: TunnelOptions): CoreTunnel {
    const tunnel = attempt(
      () =>
        new wasm.Tunnel(
          options.format,
          options.key,
          options.nextFromTable ?? false,
          options.peer,
          options.maxDatagramBytes ?? 0,
          options.slots,
        ),
    );
    return new WasmTunnel(tunnel, this.#memory, this.reasons);
  }

  openBatchTunnel(options: BatchOptions): BatchTunnel {
    return new WasmBatchTunnel(options, this.#memory, this.reasons);
  }
}

class WasmTunnel implements CoreTunnel {
  readonly overhead: number;
  readonly #tunnel: wasm.Tunnel;
  readonly #memory: WebAssembly.Memory;
  readonly #reasons: readonly Reason[];
  readonly #slotBytes = wasm.slot_bytes();
  readonly #headroom = wasm.headroom();
  readonly #lengthBits = wasm.length_bits();
  readonly #lengthMask = (1 << this.#lengthBits) - 1;
  #arena: Uint8Array;

  constructor(tunnel: wasm.Tunnel, memory: WebAssembly.Memory, reasons: readonly Reason[]) {
    this.#tunnel = tunnel;
    this.#memory = memory;
    this.#reasons = reasons;
    this.overhead = tunnel.overhead();
    this.#arena = this.#viewArena();
  }

  packetRoom(slot: number): Uint8Array {
    return this.#view(slot, this.#headroom, this.#slotBytes - this.#headroom);
  }

  datagramRoom(slot: number): Uint8Array {
    return this.#view(slot, 0, this.#slotBytes);
  }

  encapsulate(slot: number, length: number): number {
    return this.#tunnel.encapsulate(slot, length);
  }

  decapsulate(slot: number, length: number): number {
    return this.#tunnel.decapsulate(slot, length);
  }

  reasonOf(result: number): Reason {
    return this.#reasons[-result - 1] ?? "system_error";
  }

  placed(slot: number, result: number): Uint8Array {
    return this.#view(slot, result >>> this.#lengthBits, result & this.#lengthMask);
  }

  lose(direction: Direction, reason: Reason, length: number): void {
    this.#tunnel.lose(direction === "out", this.#reasons.indexOf(reason) + 1, length);
  }

  refuse(direction: Direction, reason: Reason, length: number): void {
    this.#tunnel.refuse(direction === "out", this.#reasons.indexOf(reason) + 1, length);
  }

  pollWrongKey(): number {
    return this.#tunnel.poll_wrong_key();
  }

  counters(): Counters {
    return countersOf(this.#tunnel, this.#reasons);
  }

  lastDrop(): DropReport | undefined {
    const report = this.#tunnel.last_drop();
    if (report === undefined) return undefined;
    const { layer, field, offset, expected, found } = report;
    const reason = this.#reasons[report.reason - 1] as Reason;
    report.free();
    return { reason, layer, field, offset, expected, found };
  }

  free(): void {
    this.#tunnel.free();
  }

  #view(slot: number, offset: number, length: number): Uint8Array {
    // Memory that grew has left its old views without bytes.
    if (this.#arena.length === 0) this.#arena = this.#viewArena();
    const start = slot * this.#slotBytes + offset;
    return this.#arena.subarray(start, start + length);
  }

  #viewArena(): Uint8Array {
    const { buffer } = this.#memory;
    return new Uint8Array(buffer, this.#tunnel.arena_address(), this.#tunnel.arena_bytes());
  }
}
