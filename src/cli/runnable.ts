// What a format needs before it can run, and what keeps it from running at all.

import { type Core, CoreError, type CoreFormat, type RunProblemInfo } from "../core/core.js";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { DEFAULT_FORMAT, findFormat } from "./description.js";
import { harmlessLine } from "./text.js";

/** The codes of problems that other values could mend. */
const MENDABLE = ["R01", "R05", "R06", "R07", "R08", "R11"];

/**
 * The format that a command line names, with the values that it gives, ready to run with IP packets.
 *
 * @throws Failure `usage` for values that are missing or wrong, `input` for a description that
 *   cannot run whatever is given
 */
export async function formatToRun(
  core: Core,
  { values, lists, switches }: Parsed,
): Promise<CoreFormat> {
  const described = await findFormat(core, values.format ?? DEFAULT_FORMAT);
  const [obstacle, ...others] = obstacles(described);
  if (obstacle !== undefined) throw new Failure("input", obstacle, others);
  const { name } = described.info;
  const set = [...(switches.ethertype ? ["ethertype=table"] : []), ...(lists.set ?? [])];
  const format = give(described, set, lists.expect ?? []);
  const missing = problems(format);
  if (missing.length > 0) throw unfit(name, missing.map(problemText));
  return format;
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
  const { name, udp, packet, fields } = format.info;
  const hasPacket = fields.some(({ type }) => type === "packet");
  const lasting = problems(format).filter(
    ({ code }) => !MENDABLE.includes(code) || (code === "R05" && !hasPacket),
  );
  return [
    ...lasting.map((problem) => `${name}: ${harmlessLine(problemText(problem))}`),
    ...(udp === undefined ? [`${name} runs over TCP only: not yet`] : []),
    ...(packet.length > 0 && !packet.includes("ip")
      ? [`${name} carries Ethernet frames, which needs a TAP device: not yet`]
      : []),
  ];
}

/** What must be given before a format runs, as `--set` has it: `--set vni=0..16777215`. */
export function mustBeSet(format: CoreFormat): string[] {
  return problems(format).flatMap(({ code, hint }) =>
    code === "R01" && hint !== undefined ? [hint] : [],
  );
}

function problems(format: CoreFormat): readonly RunProblemInfo[] {
  return format.runProblems(format.info.packet.includes("ip") ? "ip" : undefined);
}

function problemText({ message, hint }: RunProblemInfo): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}
