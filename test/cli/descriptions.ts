// Descriptions for tests, in a folder of their own.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A description that is sound; its field `id` must be set. */
export const SOUND = `language = 1
name     = "mine"
carrier  = { udp = 4000 }
packet   = "ip"
fields = [
  { name = "id", type = "u16" },
  { name = "length", type = "u16", role = "length", counts = "packet" },
  { name = "packet", type = "packet" },
]
`;

/** Two errors. */
export const WRONG = SOUND.replace('"packet" }', '"pakcet" }').replace('"u16" }', '"uint16" }');

/** Text that would steer a terminal: escape, CSI in one byte, right-to-left override, a bell. */
export const STEERING = "\\u001b[31m\\u009b1m\\u202e\\u0007";

/** What of it may reach no terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
export const steers = /[\u0007\u001b\u009b\u202e]/;

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "crapvpn-descriptions-"));

  /** Writes a file and gives its path. */
  write(name: string, text: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
