// What `run` tells: lines for people on standard error, or events for programs on standard output.

import { endpointText } from "../carrier/carrier.js";
import type { Counters, Direction, Flow } from "../core/core.js";
import type { EngineEvent } from "../tunnel/event.js";
import { harmless, styleText } from "./text.js";

type DropEvent = Extract<EngineEvent, { type: "drop" }>;

/** Fields of an event, beside its name and time. */
export type EventData = Readonly<Record<string, unknown>>;

export interface ReportOptions {
  readonly json: boolean;
  /** −1 errors only, 0, 1 first drops, 2 every drop. */
  readonly verbosity: number;
  /** Where a capture goes: `-` takes standard output. */
  readonly capture?: string | undefined;
}

/** Events that nobody reads are kept up to here. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

export class Report {
  readonly #json: boolean;
  readonly #verbosity: number;
  readonly #counters: NodeJS.WriteStream;
  /** Drops left out, since the reader is too slow. */
  #untold = 0;

  constructor({ json, verbosity, capture }: ReportOptions) {
    this.#json = json;
    this.#verbosity = verbosity;
    this.#counters = capture === "-" ? process.stderr : process.stdout;
  }

  /** A drop, from this verbosity on; but a reader who is slow does not make us keep them all. */
  tellDrop(data: EventData, line: string, from: number): void {
    if (process.stdout.writableLength > MAX_BACKLOG_BYTES) this.#untold++;
    else this.tell("drop", data, line, from);
  }

  /** So many drops were not even told to us. */
  skipDrops(drops: number): void {
    this.#untold += drops;
  }

  /** Something went on. Shown to people from this verbosity on; to programs, always. */
  tell(event: string, data: EventData, line: string, from = 0): void {
    if (this.#json) this.#write(event, data);
    else if (this.#verbosity >= from) this.#say(harmless(line));
  }

  /** Something is not as it should be. */
  warn(code: string, line: string, data: EventData = {}, hints: readonly string[] = []): void {
    if (this.#json) {
      this.#write("warning", {
        code,
        message: line,
        ...data,
        ...(hints.length > 0 ? { hints } : {}),
      });
    } else if (this.#verbosity >= 0) {
      const first = `${styleText("yellow", "warning:", process.stderr)} ${harmless(line)}`;
      this.#say([first, ...hints.map((hint) => `  ${harmless(hint)}`)].join("\n"));
    }
  }

  /** Counters, which somebody asked for: on standard output, unless that has a capture. */
  stats(counters: Counters): void {
    if (this.#json) this.#write("stats", { ...counters });
    else this.#counters.write(`${flowText("out", counters.out)}\n${flowText("in", counters.in)}\n`);
  }

  #say(line: string): void {
    process.stderr.write(`crapvpn: ${line}\n`);
  }

  #write(event: string, data: EventData): void {
    const untold = this.#untold > 0 ? { untoldDrops: this.#untold } : {};
    process.stdout.write(jsonLine(event, { time: new Date().toISOString(), ...data, ...untold }));
  }
}

/** An event as programs read it: one JSON object a line. */
export function jsonLine(event: string, data: object): string {
  return `${JSON.stringify({ event, ...data })}\n`;
}

/** `out  12 packets, 1008 bytes; 3 dropped: unreachable 3`. */
export function flowText(direction: Direction, { packets, bytes, drops }: Flow): string {
  const counts = Object.entries(drops);
  const sum = counts.reduce((all, [, count]) => all + (count ?? 0), 0);
  const reasons = counts.map(([reason, count]) => `${reason} ${count}`).join(", ");
  const dropped = sum === 0 ? "nothing dropped" : `${sum} dropped: ${reasons}`;
  return `${direction.padEnd(3)}  ${packets} packets, ${bytes} bytes; ${dropped}`;
}

/** What a drop says in a line. */
export function dropText({ direction, length, source, report }: DropEvent): string {
  const { reason, layer, field, offset, expected, found } = report;
  const what = direction === "out" ? "packet from the device" : "datagram";
  const from = source ? ` from ${endpointText(source)}` : "";
  const told = layer !== "system" && expected !== "";
  const where = told ? ` at byte ${offset}${field ? ` (${field})` : ""}` : "";
  const values = told ? `: expected ${expected}, found ${found}` : "";
  return `dropped a ${what}${from}, ${length} bytes: ${reason}${where}${values}`;
}
