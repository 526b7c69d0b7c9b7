// The vectors of test/vectors/, as Rust reads them too.

import { readFileSync } from "node:fs";

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

export const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../vectors/crapvpn.json", import.meta.url), "utf8"),
);

export const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
