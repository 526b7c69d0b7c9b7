// The key: in hex on the command line, in a file, on standard input, or in the environment.

import { createReadStream } from "node:fs";
import { Failure, type FailureKind } from "../failure.js";
import { readBytes } from "./input.js";

/** More than any key anybody means, and little enough to read. */
const MAX_KEY_TEXT_BYTES = 1024 * 1024;

export interface Key {
  readonly bytes: Uint8Array;
  /** Other users of this machine can read it off the list of processes. */
  readonly onCommandLine: boolean;
}

/**
 * Reads the key from where the command line says.
 *
 * @param text value of `-k`: HEX, `@FILE` or `-`; if absent, the environment decides
 * @throws Failure `usage` for a bad key in words, `input` for one in a file
 */
export async function readKey(
  text: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<Key> {
  if (text === "-") {
    return {
      bytes: parseHex(
        await readText(process.stdin, "standard input"),
        "the key on standard input",
        "input",
      ),
      onCommandLine: false,
    };
  }
  if (text?.startsWith("@")) {
    const path = text.slice(1);
    const where = `key file "${path}"`;
    return {
      bytes: parseHex(await readText(createReadStream(path), where), where, "input"),
      onCommandLine: false,
    };
  }
  if (text !== undefined) return { bytes: parseHex(text, "-k", "usage"), onCommandLine: true };
  const { CRAPVPN_KEY: fromEnvironment } = environment;
  if (fromEnvironment !== undefined) {
    return { bytes: parseHex(fromEnvironment, "CRAPVPN_KEY", "usage"), onCommandLine: false };
  }
  throw new Failure(
    "usage",
    "no key: give -k HEX, -k @FILE, -k - for standard input, or the environment variable CRAPVPN_KEY",
  );
}

/**
 * Pairs of hex digits, in either case; white space between pairs is skipped, as Python's
 * `bytes.fromhex` does. Errors never repeat the key.
 */
export function parseHex(text: string, where: string, kind: FailureKind): Uint8Array {
  const fail = (problem: string) => new Failure(kind, `${where}: ${problem}`);
  const digits = text.replace(/[ \t\n\r\f\v]+/g, "");
  const wrong = /[^0-9a-f]/i.exec(text.replace(/[ \t\n\r\f\v]/g, "0"));
  if (wrong) {
    throw fail(
      `character ${wrong.index + 1} is not a hex digit: a key is written with 0-9 and a-f`,
    );
  }
  if (digits.length === 0) throw fail("the key is empty: give at least two hex digits");
  if (
    digits.length % 2 === 1 ||
    text
      .trim()
      .split(/\s+/)
      .some((part) => part.length % 2 === 1)
  ) {
    throw fail(`${digits.length} hex digits with one left over: two make a byte`);
  }
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

async function readText(stream: NodeJS.ReadableStream, where: string): Promise<string> {
  const bytes = await readBytes(stream, where, MAX_KEY_TEXT_BYTES);
  if (bytes.length > MAX_KEY_TEXT_BYTES) {
    throw new Failure("input", `${where} is larger than 1 MiB: that is no key`);
  }
  return bytes.toString("utf8").replace(/^\ufeff/, "");
}
