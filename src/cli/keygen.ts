// `crapvpn keygen`: a key that nobody can guess.

import { randomBytes } from "node:crypto";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { exitCodes } from "./exit.js";

/** Bytes of a key that both ends share. */
export const KEY_BYTES = 32;

export async function keygen({ words, switches }: Parsed): Promise<number> {
  const [extra] = words;
  if (extra !== undefined) {
    throw new Failure("usage", `"${extra}" is not expected: crapvpn keygen prints a key, no more`);
  }
  const key = randomBytes(KEY_BYTES);
  process.stdout.write(`${key.toString(switches.base64 ? "base64" : "hex")}\n`);
  key.fill(0);
  return exitCodes.ok;
}
