// `crapvpn diagram`: a format drawn bit by bit.

import { loadCore } from "../core/wasm.js";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { findFormat } from "./description.js";
import { harmless } from "./text.js";

export async function diagram({ words, switches }: Parsed): Promise<number> {
  const [word, extra] = words;
  if (word === undefined) {
    throw new Failure("usage", "no format: give a NAME that crapvpn formats lists, or a FILE");
  }
  if (extra !== undefined) {
    throw new Failure("usage", `"${extra}" is not expected: one format at a time`);
  }
  const format = await findFormat(await loadCore(), word);
  const drawn = format.diagram(switches.svg ? "svg" : "ascii");
  process.stdout.write(`${harmless(drawn).trimEnd()}\n`);
  return 0;
}
