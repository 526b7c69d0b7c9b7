// The core compiled to WebAssembly: the same files in Node and in the browser.

import * as wasm from "../../wasm/crapvpn.js";
import {
  type Checked,
  type Core,
  CoreError,
  type CoreFormat,
  type CoreTunnel,
  type Counters,
  type Description,
  type Direction,
  type DropReport,
  type Flow,
  type FormatInfo,
  type PacketName,
  type Reason,
  type RunProblemInfo,
  type TunnelOptions,
} from "./core.js";

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
    return attempt(() => new WasmFormat(wasm.Format.built_in(name)));
  }

  readFormat({ file, text }: Description): CoreFormat {
    return attempt(() => new WasmFormat(wasm.Format.read(file, text)));
  }

  check(descriptions: readonly Description[]): Checked {
    return wasm.check_descriptions(
      descriptions.map(({ file }) => file),
      descriptions.map(({ text }) => text),
    );
  }

  openTunnel(options: TunnelOptions): CoreTunnel {
    const { format, packet, key, seed, peer, maxDatagramBytes = 0, slots } = options;
    if (!(format instanceof WasmFormat)) throw new TypeError("a format of another core");
    const tunnel = attempt(
      () => new wasm.Tunnel(format.inner, packet, key, seed, peer, maxDatagramBytes, slots),
    );
    return new WasmTunnel(tunnel, this.#memory, this.reasons);
  }
}

/** Its memory in the core is given back when nobody holds it any more. */
class WasmFormat implements CoreFormat {
  readonly inner: wasm.Format;

  constructor(inner: wasm.Format) {
    this.inner = inner;
  }

  get info(): FormatInfo {
    return this.inner.info();
  }

  get overhead(): number | undefined {
    return this.inner.overhead();
  }

  with(set: readonly string[], expect: readonly string[] = []): CoreFormat {
    return attempt(() => new WasmFormat(this.inner.with([...set], [...expect])));
  }

  runProblems(packet?: PacketName): readonly RunProblemInfo[] {
    return this.inner.run_problems(packet).problems;
  }

  diagram(as: "ascii" | "svg"): string {
    return as === "svg" ? this.inner.diagram_svg() : this.inner.diagram_ascii();
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
    return {
      out: this.#flow("out"),
      in: this.#flow("in"),
      nextDiffers: this.#tunnel.next_differs(),
    };
  }

  lastDrop(): DropReport | undefined {
    return this.#tunnel.last_drop();
  }

  free(): void {
    this.#tunnel.free();
  }

  #flow(direction: Direction): Flow {
    const { packets, bytes, drops: counts } = this.#tunnel.flow(direction === "out");
    const drops: Partial<Record<Reason, number>> = {};
    this.#reasons.forEach((reason, place) => {
      const count = counts[place] ?? 0;
      if (count > 0) drops[reason] = count;
    });
    return { packets, bytes, drops };
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

/** Runs something that throws the core's own error, and throws ours instead. */
function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof wasm.CoreError)) throw error;
    const { code, message } = error;
    error.free();
    throw new CoreError(code, message);
  }
}
