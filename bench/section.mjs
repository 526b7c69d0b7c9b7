// One section of a run: every candidate on a way of its own, all of them up at once, measured in turns.
import { measures as usualMeasures } from "./measures.mjs";
import { moreMeasures } from "./more.mjs";
import { Way } from "./way.mjs";

/**
 * @import { Candidate } from "./candidates.mjs"
 * @import { Settings } from "./measures.mjs"
 * @import { Sample } from "./statistics.mjs"
 */

/**
 * @typedef {object} Plan
 * @property {readonly Candidate[]} candidates
 * @property {boolean} segmentation whether the cable carries UDP super-packets whole
 * @property {number} rounds
 * @property {boolean} quick
 * @property {boolean} more whether more than the usual is measured
 * @property {Settings} settings
 * @property {AbortSignal} signal ends it
 * @property {(line: string) => void} tell
 */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {Record<string, Sample>[]} rounds samples by column
 */

/**
 * What went wrong; everything else goes on.
 * @typedef {object} Problem
 * @property {string} candidate
 * @property {string} during
 * @property {string} message
 */

/** Fills caches, and lets just-in-time compilers do their work. Not counted. */
const WARM_UP = { tcpSeconds: 1, udpSeconds: 0.3, idlePings: 1 };

/**
 * @param {Plan} plan
 * @returns {Promise<{ rows: Row[], problems: Problem[] }>}
 */
export async function measureSection(plan) {
  const { candidates, rounds, settings, signal, tell } = plan;
  const measures = plan.more ? [...moreMeasures, ...usualMeasures] : usualMeasures;
  /** @type {Row[]} */
  const rows = candidates.map(({ name }) => ({ name, rounds: [] }));
  /** @type {Problem[]} */
  const problems = [];
  /** @type {Map<string, Way>} */
  const ways = new Map();
  /** Those of them that came up, and still are. @type {Map<string, Way>} */
  const ready = new Map();
  const close = () => Promise.all([...ways.values()].map((way) => way.close()));
  signal.addEventListener("abort", close);

  /**
   * @param {string} candidate
   * @param {string} during
   * @param {() => Promise<void>} action
   * @returns {Promise<boolean>} whether it can go on with this candidate
   */
  const attempt = async (candidate, during, action) => {
    let failure;
    try {
      await action();
    } catch (error) {
      failure = /** @type {Error} */ (error).message;
    }
    signal.throwIfAborted();
    const fault = ways.get(candidate)?.fault;
    const message = fault ?? failure;
    if (message !== undefined) {
      problems.push({ candidate, during, message });
      tell(`${candidate}, ${during}: ${message}`);
    }
    return fault === undefined;
  };

  try {
    for (const { name, start } of candidates) {
      // Without a way it is the machine that fails, and not a candidate.
      const way = await Way.create(plan.segmentation);
      ways.set(name, way);
      signal.throwIfAborted();
      await attempt(name, "start", async () => {
        await start(way);
        await way.ready();
        for (const measure of measures) {
          if (measure.name !== "tcp" || !plan.quick) await measure.run(way, WARM_UP);
        }
        ready.set(name, way);
      });
    }
    for (let round = 0; round < rounds; round++) {
      // There and back again, so that nobody always follows the same neighbour.
      for (const row of round % 2 === 0 ? rows : rows.toReversed()) {
        /** @type {Record<string, Sample>} */
        const samples = {};
        row.rounds.push(samples);
        const way = ready.get(row.name);
        if (way === undefined) continue;
        tell(`round ${round + 1} of ${rounds}: ${row.name}`);
        for (const { name, run } of measures) {
          const goesOn = await attempt(row.name, `round ${round + 1}, ${name}`, async () => {
            Object.assign(samples, await run(way, settings));
          });
          if (goesOn) continue;
          ready.delete(row.name);
          break;
        }
      }
    }
  } finally {
    signal.removeEventListener("abort", close);
    await close();
  }
  return { rows, problems };
}
