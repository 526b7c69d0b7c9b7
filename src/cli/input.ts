// Reading what a command line points to: files and standard input, up to a limit.

import { errnoOf, Failure } from "../failure.js";

/**
 * Reads at most `most` bytes and one more, which tells that there are more.
 *
 * @param where what errors call it
 * @throws Failure `input` if it cannot be read
 */
export async function readBytes(
  stream: NodeJS.ReadableStream,
  where: string,
  most: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      if (length > most) break;
    }
  } catch (error) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EACCES: "may not be read by you",
      EISDIR: "is a directory",
    };
    const errno = errnoOf(error) ?? "";
    throw new Failure("input", `${where} ${reasons[errno] ?? `cannot be read: ${errno}`}`);
  }
  return Buffer.concat(chunks).subarray(0, most + 1);
}
