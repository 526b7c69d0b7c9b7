// `npm run bench`: the same work over every candidate, round by round in turns, as tables and as JSON.
import { constants } from "node:os";
import { environment, find, stop } from "../scripts/programs.mjs";
import { candidates } from "./candidates.mjs";
import { asJson, jsonFile } from "./json.mjs";
import { readOptions } from "./options.mjs";
import { describeRun, explain, headline, summariseSection, text } from "./report.mjs";
import { measureSection } from "./section.mjs";

/**
 * @import { Failure } from "../src/failure.js"
 * @import { Candidate } from "./candidates.mjs"
 * @import { Section, Skipped } from "./report.mjs"
 */

/** What measuring runs, and the Debian packages that bring it. */
const TOOLS = {
  ethtool: "ethtool",
  iperf3: "iperf3",
  ip: "iproute2",
  nsenter: "util-linux",
  ping: "iputils-ping",
  unshare: "util-linux",
};

/** Load of the last minute above which others disturb what is measured. */
const QUIET_LOAD = 0.5;

process.env.PATH = environment().PATH;
const options = readOptions(process.argv.slice(2), candidates);
requireTools();
const { present, skipped } = choose();
const asText = options.json !== "-";
const save = jsonFile(asText ? options.json : undefined);

const aborted = new AbortController();
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.once(signal, () => aborted.abort(signal));
}
try {
  const problems = await measure();
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  if (!aborted.signal.aborted) {
    // A lab says so when the system refuses or lacks something.
    const { kind, message } = /** @type {Partial<Failure>} */ (error);
    if (kind === "system") stop(`bench: ${message}.`, 5);
    throw error;
  }
  const signal = /** @type {NodeJS.Signals} */ (aborted.signal.reason);
  // Timers of the measure that was cut short would keep us.
  process.exit(128 + constants.signals[signal]);
}

async function measure() {
  const run = describeRun();
  if (asText) console.log(`${headline(run)}\n${explain(options)}\n`);
  if (run.load > QUIET_LOAD) {
    console.error(`bench: the machine is busy (load ${run.load}): the figures will be rough`);
  }
  /** @type {Section[]} */
  const sections = [];
  for (const segmentation of options.segmentations) {
    const tell = (/** @type {string} */ line) =>
      console.error(`bench: segmentation ${segmentation ? "on" : "off"}, ${line}`);
    const plan = { ...options, candidates: present, segmentation, signal: aborted.signal, tell };
    sections.push(summariseSection(segmentation, await measureSection(plan)));
  }
  const data = {
    ...run,
    rounds: options.rounds,
    settings: options.settings,
    candidates: present.map(({ name, about, cipher = null, integrity = null }) => {
      return { name, about, cipher, integrity };
    }),
    skipped,
    sections,
  };
  console.log(asText ? text(sections, skipped) : asJson(data));
  save(data);
  return sections.flatMap(({ problems }) => problems);
}

function requireTools() {
  const missing = Object.entries(TOOLS).filter(([tool]) => find(tool) === undefined);
  if (missing.length === 0) return;
  const tools = missing.map(([tool]) => tool).join(", ");
  const packages = [...new Set(missing.map(([, from]) => from))].join(" ");
  stop(`bench: needs ${tools}: run npm run setup -- --bench, or install ${packages}.`, 5);
}

/** @returns {{ present: Candidate[], skipped: Skipped[] }} */
function choose() {
  const { only } = options;
  const chosen = candidates.filter(({ name }) => only?.includes(name) ?? true);
  const skipped = chosen.flatMap(({ name, missing }) => {
    const why = missing();
    return why === undefined ? [] : { name, why };
  });
  const present = chosen.filter(({ name }) => !skipped.some((other) => other.name === name));
  if (present.length > 0) return { present, skipped };
  const reasons = skipped.map(({ name, why }) => `${name}: ${why}`);
  return stop(`bench: nothing is there to measure (${reasons.join("; ")}).`, 5);
}
