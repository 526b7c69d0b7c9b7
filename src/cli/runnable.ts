// What a format needs before it can run, and what keeps it from running at all.

import { type Core, CoreError, type CoreFormat, type RunProblemInfo } from "../core/core.js";
import type { Layer } from "../device/device.js";
import { Failure } from "../failure.js";
import { type CarrierName, carrierFor } from "./carrier.js";
import type { Parsed } from "./command.js";
import { findFormat } from "./description.js";
import { formatWord, layerFor, packetOf, readLayer } from "./layer.js";
import { harmlessLine } from "./text.js";

/** The codes of problems that other values could mend. */
const MENDABLE = ["R01", "R05", "R06", "R07", "R08", "R11"];

/** A format that can run. */
export interface ToRun {
  readonly format: CoreFormat;
  /** Of the device whose packets it carries. */
  readonly layer: Layer;
  readonly carrier: CarrierName;
}

/**
 * The format that a command line names, with the values that it gives, ready to run.
 *
 * @throws Failure `usage` for values that are missing or wrong, `input` for a description that
 *   cannot run whatever is given
 */
export async function formatToRun(core: Core, parsed: Parsed): Promise<ToRun> {
  const { lists, switches } = parsed;
  const wanted = readLayer(parsed);
  const described = await findFormat(core, formatWord(parsed));
  const [obstacle, ...others] = obstacles(described);
  if (obstacle !== undefined) throw new Failure("input", obstacle, others);
  const { name } = described.info;
  const layer = layerFor(described.info, wanted);
  const carrier = carrierFor(core, described, (switches.tcp ?? 0) > 0);
  const set = [...(switches.ethertype ? ["ethertype=table"] : []), ...(lists.set ?? [])];
  const format = give(described, set, lists.expect ?? []);
  const missing = format.runProblems(packetOf[layer]);
  if (missing.length > 0) throw unfit(name, missing.map(problemText));
  return { format, layer, carrier };
}

/** The format with values. @throws Failure `usage` with everything that is wrong with them */
function give(format: CoreFormat, set: readonly string[], expect: readonly string[]): CoreFormat {
  try {
    return format.with(set, expect);
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    throw unfit(format.info.name, error.message.split("\n"));
  }
}

function unfit(name: string, problems: readonly string[]): Failure {
  return problems.length === 1
    ? new Failure("usage", `${name}: ${problems[0]}`)
    : new Failure("usage", `${name} cannot run like this:`, problems);
}

/** What keeps a format from running, whatever values it is given: a sentence each. */
export function obstacles(format: CoreFormat): string[] {
  const { name, fields } = format.info;
  const hasPacket = fields.some(({ type }) => type === "packet");
  const lasting = format
    .runProblems()
    .filter(({ code }) => !MENDABLE.includes(code) || (code === "R05" && !hasPacket));
  return lasting.map((problem) => `${name}: ${harmlessLine(problemText(problem))}`);
}

/** What must be given before a format runs, as `--set` has it: `--set vni=0..16777215`. */
export function mustBeSet(format: CoreFormat): string[] {
  return format
    .runProblems()
    .flatMap(({ code, hint }) => (code === "R01" && hint !== undefined ? [hint] : []));
}

function problemText({ message, hint }: RunProblemInfo): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}
