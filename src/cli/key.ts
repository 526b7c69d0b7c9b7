// A key: in hex on the command line, in a file, on standard input, or in the environment.

import { createReadStream } from "node:fs";
import { Failure, type FailureKind } from "../failure.js";
import { readBytes } from "./input.js";

/** More than any key anybody means, and little enough to read. */
const MAX_KEY_TEXT_BYTES = 1024 * 1024;

/** Which key is meant, and how it is written. */
export interface KeySlot {
  /** What gives it on the command line, for messages. */
  readonly option: string;
  /** What gives it in the environment. */
  readonly variable: string;
  /** How its text is read. Errors never repeat it. */
  readonly parse: (text: string, where: string, kind: FailureKind) => Uint8Array;
}

export interface Key {
  readonly bytes: Uint8Array;
  /** Other users of this machine can read it off the list of processes. */
  readonly onCommandLine: boolean;
}

const XOR_SLOT: KeySlot = { option: "-k", variable: "CRAPVPN_KEY", parse: parseHex };

/**
 * Reads a key from where the command line says.
 *
 * @param text value of `-k`: the key, `@FILE` or `-`; if absent, the environment decides
 * @throws Failure `usage` for a bad key in words, `input` for one in a file
 */
export async function readKey(
  text: string | undefined,
  environment: NodeJS.ProcessEnv,
  { option, variable, parse }: KeySlot = XOR_SLOT,
): Promise<Key> {
  if (text === "-") {
    return {
      bytes: parse(
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
      bytes: parse(await readText(createReadStream(path), where), where, "input"),
      onCommandLine: false,
    };
  }
  if (text !== undefined) return { bytes: parse(text, option, "usage"), onCommandLine: true };
  const fromEnvironment = environment[variable];
  if (fromEnvironment !== undefined) {
    return { bytes: parse(fromEnvironment, variable, "usage"), onCommandLine: false };
  }
  throw new Failure(
    "usage",
    `no key: give ${option} HEX, ${option} @FILE, ${option} - for standard input, or the environment variable ${variable}`,
  );
}

/**
 * Reads keys of exactly so many bytes, in hex or in base64 (RFC 4648, section 4). Nothing else is
 * taken: what a person can remember, others can guess.
 */
export function exactKey(count: number): KeySlot["parse"] {
  return (text, where, kind) => {
    const written = text.replace(/[ \t\n\r\f\v]+/g, "");
    if (/^[0-9a-f]*$/i.test(written) && written.length === 2 * count) {
      return Uint8Array.from(Buffer.from(written, "hex"));
    }
    const bytes = Uint8Array.from(Buffer.from(written, "base64"));
    if (bytes.length === count && Buffer.from(bytes).toString("base64") === written) return bytes;
    const base64 = 4 * Math.ceil(count / 3);
    throw new Failure(
      kind,
      `${where}: not a key of ${count} bytes, which are ${2 * count} hex digits or ${base64} characters of base64; a passphrase is no key${count === 32 ? ": make one with crapvpn keygen" : ""}`,
    );
  };
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
