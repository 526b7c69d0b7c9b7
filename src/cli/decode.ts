// `crapvpn decode`: what is in a capture.

import { type FileHandle, open, stat } from "node:fs/promises";
import type { CaptureDecoder, CaptureOutput, CaptureSummary } from "../core/capture.js";
import { CoreError } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { errnoOf, Failure } from "../failure.js";
import { type CaptureFile, decodeFile, openCapture, writeOut } from "./capture-file.js";
import type { Parsed } from "./command.js";
import { exitCodes } from "./exit.js";
import { readSought } from "./sought.js";
import { count, jsonSummary, summaryText } from "./summary.js";
import { harmless, styleText } from "./text.js";

interface Wanted {
  readonly output: CaptureOutput;
  readonly fields: readonly string[];
  readonly bytes: boolean;
  readonly stats: boolean;
  readonly count: number | undefined;
  /** Where the packets inside go. */
  readonly write: string | undefined;
}

export async function decode(parsed: Parsed): Promise<number> {
  const wanted = readWanted(parsed);
  refuseTwoInputs(parsed);
  const core = await loadCore();
  const { formats, decodeAs } = await readSought(core, parsed);
  const { output, fields, bytes, count: most, write } = wanted;
  const inner = write !== undefined;
  const options = {
    formats,
    decodeAs,
    output,
    fields,
    bytes,
    inner,
    ...(most ? { count: most } : {}),
  };
  const decoder = ofWords(() => core.openCapture(options));
  const file = await openCapture(parsed.words);
  const toFile = write !== undefined && write !== "-";
  const target = toFile ? await openTarget(write, file) : undefined;
  const interrupt = catchInterrupt();
  try {
    const sinks = {
      text: writeOut,
      inner: async (bytes: Uint8Array) => (target ? target.writeFile(bytes) : writeOut(bytes)),
    };
    await decodeFile(decoder, file, sinks, () => interrupt.came);
  } finally {
    await target?.close();
    tell(decoder, wanted);
  }
  return interrupt.came ? 130 : exitCodes.ok;
}

/** Runs what the core may refuse about the words of the command line. */
function ofWords<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    throw new Failure("usage", error.message);
  }
}

/** The sums that were asked for, and a warning if the key seems wrong. */
function tell(decoder: CaptureDecoder, { output, stats }: Wanted): void {
  const summary = decoder.summary();
  if (stats) process.stdout.write(output === "json" ? jsonSummary(summary) : summaryText(summary));
  const { sentence, valid, datagrams } = summary.meter;
  if (sentence !== undefined)
    warn(`${valid} of ${datagrams} datagrams are whole packets: ${sentence}`);
  warnOfFragments(summary);
}

/** Says how many packets lack fragments, and why that is so mostly. */
export function warnOfFragments({ incomplete, incompleteFrom }: CaptureSummary): void {
  if (incomplete === 0) return;
  const first = incompleteFrom === undefined ? "" : `, the first in frame ${incompleteFrom}`;
  warn(
    `${count(incomplete, "packet")} ${incomplete === 1 ? "lacks" : "lack"} fragments${first}: later fragments have no port, so a capture through a filter on one is without them; record with "udp port 1337 or ip[6:2] & 0x1fff != 0"`,
  );
}

function warn(sentence: string): void {
  const warning = styleText("yellow", "warning:", process.stderr);
  process.stderr.write(`crapvpn: ${warning} ${harmless(sentence)}\n`);
}

function readWanted({ values, switches, lists }: Parsed): Wanted {
  const [tree, bytes, json, stats] = ["tree", "bytes", "json", "stats"].map(
    (name) => (switches[name] ?? 0) > 0,
  );
  const fields = lists.field ?? [];
  const type = values.type ?? (json ? "json" : "text");
  if (!["text", "fields", "json"].includes(type)) {
    throw new Failure("usage", `-T: "${type}" is not text, fields or json`);
  }
  if (json && type !== "json")
    throw new Failure("usage", `--json and -T ${type} contradict each other`);
  if (type === "fields" && fields.length === 0) {
    throw new Failure("usage", "-T fields needs at least one field: -e frame.number");
  }
  if (type !== "fields" && fields.length > 0) {
    throw new Failure("usage", "-e belongs to -T fields");
  }
  if (tree && type !== "text")
    throw new Failure("usage", `-V and -T ${type} contradict each other`);
  if (bytes && type === "json") {
    throw new Failure("usage", "-x and JSON contradict each other: JSON has the bytes as values");
  }
  const asks = tree || bytes || stats || type !== "text";
  if (values.write === "-" && asks) {
    throw new Failure(
      "usage",
      "-w - writes the capture to standard output, and nothing else can go there",
    );
  }
  // What is asked for by itself takes the place of the list.
  const instead = values.write !== undefined || stats || bytes;
  const text = tree ? "tree" : instead ? "nothing" : "list";
  const output = type === "fields" ? "fields" : type === "json" ? "json" : text;
  return {
    output: bytes && !tree && type === "text" && !stats && !values.write ? "list" : output,
    fields,
    bytes: bytes ?? false,
    stats: stats ?? false,
    count: values.count === undefined ? undefined : parseCount(values.count),
    write: values.write,
  };
}

function parseCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw new Failure("usage", `-c: "${text}" is not a number of frames from 1`);
}

/** Key and capture cannot both come from standard input. */
export function refuseTwoInputs({ words, values }: Parsed): void {
  if (words.includes("-") && values["hex-key"] === "-") {
    throw new Failure(
      "usage",
      "standard input cannot be both key and capture: give the key by @FILE",
    );
  }
}

/** Opens the file that packets are written to, unless it is the one that they are read from. */
async function openTarget(path: string, file: CaptureFile): Promise<FileHandle> {
  const input = file.stats ?? (await stat("/dev/stdin").catch(() => undefined));
  const there = await stat(path).catch(() => undefined);
  if (input && there && input.ino === there.ino && input.dev === there.dev) {
    await file.handle?.close();
    throw new Failure("usage", `-w: "${path}" is the capture that is read: give another file`);
  }
  try {
    return await open(path, "w");
  } catch (error) {
    throw new Failure("system", `cannot write "${path}": ${errnoOf(error) ?? error}`);
  }
}

/** From now on, Ctrl-C ends the reading and not the program: what was read is still told. */
function catchInterrupt(): { readonly came: boolean } {
  const state = { came: false };
  process.once("SIGINT", () => {
    state.came = true;
    process.stdin.destroy();
  });
  return state;
}
