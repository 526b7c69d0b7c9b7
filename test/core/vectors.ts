// The vectors of test/vectors/, as Rust reads them too.

import { readdirSync, readFileSync } from "node:fs";
import type { PacketName } from "../../src/core/core.js";

export interface Vector {
  readonly name: string;
  readonly key: string;
  readonly ethertype: boolean;
  readonly packet: string | null;
  readonly datagram: string;
  readonly encapsulate: boolean;
  readonly decapsulate:
    | { readonly packet: string; readonly ethertype_differs: boolean }
    | { readonly drop: string; readonly layer: string; readonly offset: number };
}

/** What test/vectors/maker/cases.py tells of a case. */
export interface FormatVector {
  readonly name: string;
  readonly format: string;
  readonly set: Readonly<Record<string, string>>;
  readonly expect: Readonly<Record<string, string>>;
  readonly key: string;
  readonly kind: PacketName;
  readonly packet: string | null;
  readonly datagram: string;
  readonly encapsulate: boolean;
  /** Null where the datagram can only be taken apart. */
  readonly decapsulate:
    | { readonly packet: string }
    | {
        readonly drop: string;
        readonly layer: string;
        readonly field: string;
        readonly offset: number;
      }
    | null;
}

const folder = new URL("../vectors/", import.meta.url);

export const vectors: readonly Vector[] = read("crapvpn.json");

/** By the name of the format. */
export const formatVectors: readonly (readonly [string, readonly FormatVector[]])[] = readdirSync(
  new URL("formats/", folder),
).map((file) => [file.replace(/\.json$/, ""), read(`formats/${file}`)] as const);

function read<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, folder), "utf8")) as T;
}

export const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
