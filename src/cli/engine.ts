// Which engine runs a tunnel: as the words say, or as this machine can.

import type { OffloadSwitches } from "../batch/offloads.js";
import { Failure } from "../failure.js";
import type { CarrierName } from "./carrier.js";
import type { Parsed } from "./command.js";

const engines = ["auto", "batch", "event"] as const;
export type EngineName = Exclude<(typeof engines)[number], "auto">;

/** What supervisors say for all that they start; a word on the command line goes before it. */
export const ENGINE_VARIABLE = "CRAPVPN_ENGINE";

const switchNames = ["no-tun-offload", "no-udp-segment", "no-udp-gro"] as const;

/** What the words ask for. */
export interface EngineChoice extends OffloadSwitches {
  readonly wanted: (typeof engines)[number];
}

/**
 * Reads `--engine` and the offloads' switches, and `CRAPVPN_ENGINE`, which holds the same words
 * without dashes: `batch,no-udp-gro`.
 *
 * @throws Failure `usage`
 */
export function readEngine(
  { values, switches }: Pick<Parsed, "values" | "switches">,
  environment: NodeJS.ProcessEnv,
): EngineChoice {
  const words = (environment[ENGINE_VARIABLE] ?? "").split(",").map((word) => word.trim());
  const inVariable = words.filter((word) => word !== "");
  const known: readonly string[] = [...engines, ...switchNames];
  const stranger = inVariable.find((word) => !known.includes(word));
  if (stranger !== undefined) {
    throw new Failure(
      "usage",
      `${ENGINE_VARIABLE}: "${stranger}" is not one of ${known.join(", ")}`,
    );
  }
  const wanted = values.engine ?? inVariable.find(isEngine) ?? "auto";
  if (!isEngine(wanted)) {
    throw new Failure("usage", `--engine: "${wanted}" is not one of ${engines.join(", ")}`);
  }
  const given = (name: (typeof switchNames)[number]) =>
    (switches[name] ?? 0) > 0 || inVariable.includes(name);
  return {
    wanted,
    noTunOffload: given("no-tun-offload"),
    noUdpSegment: given("no-udp-segment"),
    noUdpGro: given("no-udp-gro"),
  };
}

function isEngine(word: string): word is EngineChoice["wanted"] {
  return (engines as readonly string[]).includes(word);
}

/** An engine, and why it was taken. */
export interface Chosen {
  readonly name: EngineName;
  readonly why: string;
}

/**
 * Takes the engine that is wanted, or the best that there is.
 *
 * @throws Failure `system` if this machine cannot run what is wanted, `usage` if nothing could
 */
export async function chooseEngine(
  wanted: EngineChoice["wanted"],
  carrier: CarrierName = "udp",
): Promise<Chosen> {
  if (wanted === "event") return { name: "event", why: "as you asked" };
  if (carrier === "tcp") {
    if (wanted === "auto") return { name: "event", why: "over TCP there is no other" };
    throw new Failure(
      "usage",
      `the batch engine has UDP alone: leave --engine batch (or ${ENGINE_VARIABLE}) for a tunnel over TCP`,
    );
  }
  const { whyNoBatch } = await import("../batch/machine.js");
  const unfit = await whyNoBatch();
  if (unfit === undefined) {
    const why = wanted === "batch" ? "as you asked" : "this machine can run it";
    return { name: "batch", why };
  }
  if (wanted === "auto") return { name: "event", why: `the batch engine cannot run: ${unfit}` };
  throw new Failure("system", `the batch engine cannot run here: ${unfit}; leave --engine batch`);
}
