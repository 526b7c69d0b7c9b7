// A capture from a file or standard input, fed to the core; what comes of it, written out.

import type { Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { CaptureDecoder } from "../core/capture.js";
import { errnoOf, Failure } from "../failure.js";
import { PROGRAM } from "./commands.js";

/** The first read is short, so that the first line comes soon. */
const FIRST_READ_BYTES = 64 * 1024;
const READ_BYTES = 1024 * 1024;
/** How often the progress is told. */
const PROGRESS_MS = 200;

/** Where the output of a decoder goes. */
export interface Sinks {
  text(bytes: Uint8Array): Promise<void>;
  inner(bytes: Uint8Array): Promise<void>;
}

/** A capture that was opened. */
export interface CaptureFile {
  /** What messages call it. */
  readonly name: string;
  readonly handle: FileHandle | undefined;
  readonly stats: Stats | undefined;
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws Failure `usage` if there is not exactly one, `input` if it cannot be opened
 */
export async function openCapture(words: readonly string[]): Promise<CaptureFile> {
  const [path, ...others] = words;
  if (path === undefined || others.length > 0) {
    throw new Failure("usage", "give one FILE, a pcap or pcapng capture, or - for standard input");
  }
  if (path === "-") return { name: "standard input", handle: undefined, stats: undefined };
  try {
    const handle = await open(path);
    return { name: `"${path}"`, handle, stats: await handle.stat() };
  } catch (error) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EACCES: "may not be read by you",
    };
    const errno = errnoOf(error) ?? "";
    throw new Failure("input", `"${path}" ${reasons[errno] ?? `cannot be opened: ${errno}`}`);
  }
}

/**
 * Decodes a capture to its end.
 *
 * @param stop is looked at between chunks: whether to stop reading
 * @throws Failure `input` if the file cannot be read, or is cut or damaged: after what is intact
 */
export async function decodeFile(
  decoder: CaptureDecoder,
  file: CaptureFile,
  sinks: Sinks,
  stop: () => boolean = () => false,
): Promise<void> {
  const progress = new Progress(file, decoder);
  try {
    const chunks = file.handle ? fromFile(decoder, file.handle) : fromPipe(decoder);
    for await (const bytes of chunks) {
      progress.read(bytes);
      if ((await drain(decoder, sinks)) === "end" || stop()) break;
    }
    decoder.finish();
    await drain(decoder, sinks);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof Failure) throw error;
    // Standard input was closed by who asked to stop.
    if (stop()) return;
    const what = errno === "EISDIR" ? "is a directory" : `cannot be read: ${errno}`;
    throw new Failure("input", `${file.name} ${what}`);
  } finally {
    progress.end();
    await file.handle?.close();
  }
  const { fault } = decoder;
  if (fault) throw new Failure("input", `${file.name} ${fault.message}`);
}

/** Runs the decoder until it needs input or has ended. */
async function drain(decoder: CaptureDecoder, sinks: Sinks): Promise<"input" | "end"> {
  for (;;) {
    const state = decoder.run();
    const text = decoder.takeText();
    if (text.length > 0) await sinks.text(text);
    const inner = decoder.takeInner();
    if (inner.length > 0) await sinks.inner(inner);
    if (state !== "output") return state;
  }
}

/** Reads a file straight into the core, chunk by chunk: how many bytes each had. */
async function* fromFile(decoder: CaptureDecoder, handle: FileHandle): AsyncGenerator<number> {
  for (let most = FIRST_READ_BYTES; ; most = READ_BYTES) {
    const room = decoder.space(most);
    const { bytesRead } = await handle.read(room, 0, Math.min(room.length, most));
    if (bytesRead === 0) return;
    decoder.filled(bytesRead);
    yield bytesRead;
  }
}

/** The same of standard input, as it comes. */
async function* fromPipe(decoder: CaptureDecoder): AsyncGenerator<number> {
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    decoder.space(chunk.length).set(chunk);
    decoder.filled(chunk.length);
    yield chunk.length;
  }
}

/** Text to standard output; waits for a reader who is slow. */
export async function writeOut(bytes: Uint8Array): Promise<void> {
  // The bytes lie in the core's memory, and a pipe may take them only later.
  const copy = Buffer.from(bytes);
  if (process.stdout.write(copy)) return;
  await new Promise((resolve) => process.stdout.once("drain", resolve));
}

/** How far a long file is, on a terminal that shows nothing else. */
class Progress {
  readonly #total: number;
  readonly #decoder: CaptureDecoder;
  #done = 0;
  #told = Date.now();
  #shown = false;

  constructor({ stats }: CaptureFile, decoder: CaptureDecoder) {
    const shows = process.stderr.isTTY && !process.stdout.isTTY && stats?.isFile();
    this.#total = shows ? (stats?.size ?? 0) : 0;
    this.#decoder = decoder;
  }

  read(bytes: number): void {
    this.#done += bytes;
    const now = Date.now();
    if (this.#total === 0 || now - this.#told < PROGRESS_MS) return;
    this.#told = now;
    this.#shown = true;
    const percent = Math.floor((100 * this.#done) / this.#total);
    process.stderr.write(`\r${PROGRAM}: ${percent} %, ${this.#decoder.frames} frames`);
  }

  end(): void {
    if (this.#shown) process.stderr.write("\r\u001b[K");
  }
}
