// The core compiled to WebAssembly: the same files in Node and in the browser.

import * as wasm from "../../wasm/crapvpn.js";
import type { BatchOptions, BatchTunnel } from "./batch.js";
import type { CaptureDecoder, CaptureOptions } from "./capture.js";
import type {
  Checked,
  Core,
  CoreDeframer,
  CoreFormat,
  CoreRecording,
  CoreTunnel,
  Counters,
  Description,
  Direction,
  DropReport,
  FormatInfo,
  FormatRecipe,
  PacketName,
  Reason,
  RecordingOptions,
  RunProblemInfo,
  TunnelOptions,
} from "./core.js";
import { attempt, countersOf } from "./values.js";
import { WasmBatchTunnel } from "./wasm-batch.js";
import { WasmCaptureDecoder } from "./wasm-capture.js";
import { WasmDeframer } from "./wasm-deframer.js";
import { WasmRecording } from "./wasm-recording.js";

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

  get formats(): readonly string[] {
    return wasm.format_names();
  }

  get schema(): string {
    return wasm.description_schema();
  }

  format(name: string): CoreFormat {
    return this.makeFormat({ of: name, set: [], expect: [] });
  }

  readFormat(description: Description): CoreFormat {
    return this.makeFormat({ of: description, set: [], expect: [] });
  }

  makeFormat(recipe: FormatRecipe): CoreFormat {
    const { of, set, expect } = recipe;
    return attempt(() => {
      const plain =
        typeof of === "string" ? wasm.Format.built_in(of) : wasm.Format.read(of.file, of.text);
      return new WasmFormat(plain.with([...set], [...expect]), recipe);
    });
  }

  check(descriptions: readonly Description[]): Checked {
    return wasm.check_descriptions(
      descriptions.map(({ file }) => file),
      descriptions.map(({ text }) => text),
    );
  }

  openTunnel(options: TunnelOptions): CoreTunnel {
    const { packet, key, seed, peer, maxDatagramBytes = 0, slots } = options;
    const format = innerOf(options.format);
    const tunnel = attempt(
      () => new wasm.Tunnel(format, packet, key, seed, peer, maxDatagramBytes, slots),
    );
    return new WasmTunnel(tunnel, this.#memory, this.reasons);
  }

  openBatchTunnel(options: BatchOptions): BatchTunnel {
    return new WasmBatchTunnel(innerOf(options.format), options, this.#memory, this.reasons);
  }

  openDeframer(format: CoreFormat): CoreDeframer {
    return attempt(() => new WasmDeframer(new wasm.Deframer(innerOf(format)), this.#memory));
  }

  openRecording(options: RecordingOptions): CoreRecording {
    return new WasmRecording(innerOf(options.format), options, this.#memory, this.reasons);
  }

  openCapture(options: CaptureOptions): CaptureDecoder {
    const formats = options.formats.map(({ format }) => innerOf(format));
    return new WasmCaptureDecoder(options, formats, this.#memory);
  }
}

/** Its memory in the core is given back when nobody holds it any more. */
class WasmFormat implements CoreFormat {
  readonly inner: wasm.Format;
  readonly recipe: FormatRecipe;

  constructor(inner: wasm.Format, recipe: FormatRecipe) {
    this.inner = inner;
    this.recipe = recipe;
  }

  get info(): FormatInfo {
    return this.inner.info();
  }

  get overhead(): number | undefined {
    return this.inner.overhead();
  }

  with(set: readonly string[], expect: readonly string[] = []): CoreFormat {
    const recipe = {
      of: this.recipe.of,
      set: [...this.recipe.set, ...set],
      expect: [...this.recipe.expect, ...expect],
    };
    return attempt(() => new WasmFormat(this.inner.with([...set], [...expect]), recipe));
  }

  runProblems(packet?: PacketName): readonly RunProblemInfo[] {
    return this.inner.run_problems(packet).problems;
  }

  diagram(as: "ascii" | "svg"): string {
    return as === "svg" ? this.inner.diagram_svg() : this.inner.diagram_ascii();
  }
}

function innerOf(format: CoreFormat): wasm.Format {
  if (format instanceof WasmFormat) return format.inner;
  throw new TypeError("a format of another core");
}

class WasmTunnel implements CoreTunnel {
  readonly overhead: number;
  readonly maxPacketBytes: number;
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
    this.maxPacketBytes = tunnel.max_packet_bytes();
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
    return this.#tunnel.last_drop();
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
