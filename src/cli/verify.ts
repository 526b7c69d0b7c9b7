// `crapvpn verify`: whether the datagrams of a capture are what their formats describe.

import type { VerifySummary } from "../core/capture.js";
import { loadCore } from "../core/wasm.js";
import { Failure } from "../failure.js";
import { decodeFile, openCapture, writeOut } from "./capture-file.js";
import type { Parsed } from "./command.js";
import { refuseTwoInputs, warnOfFragments } from "./decode.js";
import { exitCodes } from "./exit.js";
import { readSought, type Sought } from "./sought.js";
import { count } from "./summary.js";

/** Returns 0 if there was a datagram and all are as described, and else 4. */
export async function verify(parsed: Parsed): Promise<number> {
  const json = (parsed.switches.json ?? 0) > 0;
  refuseTwoInputs(parsed);
  const core = await loadCore();
  const { formats, decodeAs } = await readSought(core, parsed);
  refuseNoKey(parsed, formats);
  const file = await openCapture(parsed.words);
  const decoder = core.openCapture({ formats, decodeAs, output: json ? "verify-json" : "verify" });
  try {
    await decodeFile(decoder, file, { text: writeOut, inner: async () => {} });
  } finally {
    const summary = decoder.summary();
    const { verified } = summary;
    warnOfFragments(summary);
    if (json) process.stdout.write(`${JSON.stringify({ verified })}\n`);
    else process.stderr.write(`${sum(verified)}\n`);
  }
  const { verified, incomplete } = decoder.summary();
  return verified.matches && incomplete === 0 ? exitCodes.ok : exitCodes.mismatch;
}

/** A format that is enciphered cannot be compared without a key. */
function refuseNoKey({ lists }: Parsed, formats: Sought["formats"]): void {
  const chosen = lists.format !== undefined;
  const closed = formats.find(({ format, key }) => format.info.cipher && key.length === 0);
  if (closed === undefined) return;
  const { name } = closed.format.info;
  const else_ = chosen ? "" : ", or name a format without a cipher: --format vxlan";
  throw new Failure(
    "usage",
    `no key: ${name} is enciphered; give -k HEX, -k @FILE or CRAPVPN_KEY${else_}`,
  );
}

/** `28 datagrams: all as described`. */
function sum(verified: VerifySummary): string {
  const { datagrams, same, differ, dropped, cut, closed, unfinished, matches } = verified;
  if (datagrams === 0)
    return "no datagram of a format that is looked for: give --format or --decode-as";
  const parts = [
    ...(matches ? ["all as described"] : [`${same} as described`]),
    ...(differ > 0 ? [`${differ} not`] : []),
    ...(dropped > 0 ? [`${dropped} that cannot be taken apart`] : []),
    ...(cut > 0 ? [`${cut} cut by the capture`] : []),
    ...(closed > 0 ? [`${closed} that stayed closed`] : []),
    ...(unfinished > 0
      ? [`${count(unfinished, "checksum")} left to a network card and not compared`]
      : []),
  ];
  return `${count(datagrams, "datagram")}: ${parts.join(", ")}`;
}
