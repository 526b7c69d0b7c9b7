// Finding a format by what people write for it: the name of a built-in one, or a file.

import { createReadStream, existsSync } from "node:fs";
import { closestMatch } from "leven";
import { type Core, CoreError, type CoreFormat, type Description } from "../core/core.js";
import { Failure } from "../failure.js";
import { readBytes } from "./input.js";

/** The author's own. */
export const DEFAULT_FORMAT = "crapvpn";
/** The same over TCP, as he describes it. */
export const DEFAULT_TCP_FORMAT = "crapvpn-tcp";

/**
 * More than the core takes for a description, even without a last character that is cut: the core
 * refuses that in its own words.
 */
const MAX_BYTES = 64 * 1024 + 4;

/**
 * The format that a word means: with a slash or a point in it a file, else a built-in one.
 *
 * @throws Failure `usage` if there is none of this name, `input` if the file cannot be used
 */
export async function findFormat(core: Core, word: string): Promise<CoreFormat> {
  if (!/[/.]/.test(word)) return builtIn(core, word);
  const description = await readDescription(word);
  try {
    return core.readFormat(description);
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    const found = error.message.split("\n");
    throw new Failure("input", `the description ${word} cannot be used:`, found);
  }
}

function builtIn(core: Core, name: string): CoreFormat {
  if (core.formats.includes(name)) return core.format(name);
  const file = [`./${name}`, `${name}.toml`].find((path) => name !== "" && existsSync(path));
  if (file !== undefined) {
    throw new Failure("usage", `"${name}" is no built-in format; for the file, write ${file}`);
  }
  const near = closestMatch(name, [...core.formats], { maxDistance: 2 });
  throw new Failure(
    "usage",
    `there is no format "${name}": ${near ? `did you mean ${near}?` : "crapvpn formats lists them"}`,
  );
}

/**
 * Reads a description from a file, or from standard input for `-`.
 *
 * @throws Failure `input` if it cannot be read, or is not text
 */
export async function readDescription(path: string): Promise<Description> {
  const file = path === "-" ? "standard input" : path;
  const where = path === "-" ? file : `"${path}"`;
  const stream = path === "-" ? process.stdin : createReadStream(path, { end: MAX_BYTES });
  const bytes = await readBytes(stream, where, MAX_BYTES);
  try {
    // Where the rest was not read, the last character may be cut.
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return { file, text: decoder.decode(bytes, { stream: bytes.length > MAX_BYTES }) };
  } catch {
    throw new Failure("input", `${where} is not text in UTF-8, as descriptions are`);
  }
}
