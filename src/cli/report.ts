// What `run` tells: lines for people on standard error, or events for programs on standard output.

import type { Counters, Direction, DropReport, Flow } from "../core/core.js";
import { harmless, styleText } from "./text.js";

/** Fields of an event, beside its name and time. */
export type EventData = Readonly<Record<string, unknown>>;

export interface ReportOptions {
  readonly json: boolean;
  /** −1 errors only, 0, 1 first drops, 2 every drop. */
  readonly verbosity: number;
}

export class Report {
  readonly #json: boolean;
  readonly #verbosity: number;

  constructor({ json, verbosity }: ReportOptions) {
    this.#json = json;
    this.#verbosity = verbosity;
  }

  /** Something went on. Shown to people from this verbosity on; to programs, always. */
  tell(event: string, data: EventData, line: string, from = 0): void {
    if (this.#json) this.#write(event, data);
    else if (this.#verbosity >= from) this.#say(line);
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
      this.#say(
        [
          `${styleText("yellow", "warning:", process.stderr)} ${line}`,
          ...hints.map((hint) => `  ${hint}`),
        ].join("\n"),
      );
    }
  }

  /** Counters, which somebody asked for: on standard output in any case. */
  stats(counters: Counters): void {
    if (this.#json) this.#write("stats", { ...counters });
    else process.stdout.write(`${flowText("out", counters.out)}\n${flowText("in", counters.in)}\n`);
  }

  #say(line: string): void {
    process.stderr.write(`${harmless(`crapvpn: ${line}`)}\n`);
  }

  #write(event: string, data: EventData): void {
    process.stdout.write(jsonLine(event, { time: new Date().toISOString(), ...data }));
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
export function dropText(direction: Direction, length: number, report: DropReport): string {
  const { reason, layer, field, offset, expected, found } = report;
  const what = direction === "out" ? "packet from the device" : "datagram from the carrier";
  const where = layer === "system" ? "" : ` at byte ${offset}${field ? ` (${field})` : ""}`;
  const values = layer === "system" ? "" : `: expected ${expected}, found ${found}`;
  return `dropped a ${what}, ${length} bytes: ${reason}${where}${values}`;
}
