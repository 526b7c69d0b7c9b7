// When to collect what Node's sockets leave behind.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Node gives what arrives memory outside of the heap, by which V8 does not judge when to collect:
 * it would pile up to tens of megabytes. So we ask it to, each time so much has come.
 */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024;

/** Returns what is to be told of the memory of all that arrives. */
export function collector(): (bytes: number) => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "minor" }) => void;
  let uncollectedBytes = 0;
  return (bytes) => {
    uncollectedBytes += bytes;
    if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
    uncollectedBytes = 0;
    // What died young goes, in a fraction of a millisecond.
    collect({ type: "minor" });
  };
}
