// Where a live capture goes: a file, or a reader at the other end of a pipe, who may be slow or leave.

import { constants, createWriteStream, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { errnoOf, Failure } from "../failure.js";

/** What was deciphered is nobody else's to read. */
const MODE = 0o600;
const STANDARD_OUTPUT = 1;

/**
 * Opens a file, a named pipe, or standard output for `-`. Nothing that is written waits for a reader.
 *
 * @throws Failure `system` if it cannot be written
 */
export function openOutput(path: string): Writable {
  const fd = path === "-" ? STANDARD_OUTPUT : openForWriting(path);
  const stats = fstatSync(fd);
  // Node writes to a pipe by a thread that waits for the reader, even at the program's end; a socket
  // does not wait.
  if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd, readable: false });
  return createWriteStream(path, { fd, autoClose: fd !== STANDARD_OUTPUT });
}

function openForWriting(path: string): number {
  const { O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY } = constants;
  try {
    return openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, MODE);
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    throw new Failure(
      "system",
      errno === "ENXIO"
        ? `--capture: nobody reads from the pipe "${path}": start the reader first`
        : `--capture: cannot write "${path}": ${errno}`,
    );
  }
}
