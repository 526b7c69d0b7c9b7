// The words after `npm run bench --`.
import { parseArgs } from "node:util";
import { stop } from "../scripts/programs.mjs";

/**
 * @import { Candidate } from "./candidates.mjs"
 * @import { Settings } from "./measures.mjs"
 */

const HELP = `Usage: npm run bench -- [OPTIONS]

Measures the bare cable, crapvpn and tunnels of others in one run, in turns.

  --quick              One short round, for a look: its figures are rough
  --only NAME,…        These candidates alone
  --segmentation WORD  on or off: only with the cable carrying UDP super-packets whole, or only without
  --rounds N           How often each has its turn (default: 3)
  --seconds N          How long a TCP stream runs (default: 3)
  --more               Also many streams and flows, both ways, IPv6, larger packets, idleness
  --json FILE          Write figures and all samples to FILE; - prints them instead of tables
  --help               Show this help`;

const IDLE_PINGS = 60;
const IDLE_PINGS_A_ROUND = 20;

/**
 * @typedef {object} Options
 * @property {readonly string[]} [only]
 * @property {readonly boolean[]} segmentations whether the cable carries UDP super-packets whole
 * @property {number} rounds
 * @property {boolean} quick
 * @property {boolean} more
 * @property {Settings} settings
 * @property {string} [json]
 */

/**
 * Ends the program with a sentence if the words make no sense.
 * @param {readonly string[]} words
 * @param {readonly Candidate[]} candidates
 * @returns {Options}
 */
export function readOptions(words, candidates) {
  const values = parse(words);
  if (values.help) {
    const lines = candidates.map(({ name, about }) => `  ${name.padEnd(19)}  ${about}`);
    console.log(`${HELP}\n\nCandidates:\n${lines.join("\n")}`);
    process.exit(0);
  }
  const names = candidates.map(({ name }) => name);
  const only = values.only?.split(",").filter((name) => name !== "");
  const stranger = only?.find((name) => !names.includes(name));
  if (stranger !== undefined || only?.length === 0) {
    stop(`bench: --only takes some of ${names.join(", ")}, and not "${stranger ?? ""}".`, 2);
  }
  const { segmentation } = values;
  if (segmentation !== undefined && segmentation !== "on" && segmentation !== "off") {
    stop(`bench: --segmentation takes on or off, and not "${segmentation}".`, 2);
  }
  const rounds = number("rounds", values.rounds) ?? (values.quick ? 1 : 3);
  const tcpSeconds = number("seconds", values.seconds) ?? (values.quick ? 1 : 3);
  const idlePings = Math.max(IDLE_PINGS_A_ROUND, Math.ceil(IDLE_PINGS / rounds));
  return {
    ...(only && { only }),
    segmentations: segmentation === undefined ? [true, false] : [segmentation === "on"],
    rounds,
    quick: values.quick ?? false,
    more: values.more ?? false,
    settings: {
      tcpSeconds,
      udpSeconds: tcpSeconds / 2,
      idlePings: values.quick ? IDLE_PINGS_A_ROUND : idlePings,
    },
    ...(values.json !== undefined && { json: values.json }),
  };
}

/** @param {readonly string[]} words */
function parse(words) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        quick: { type: "boolean" },
        more: { type: "boolean" },
        only: { type: "string" },
        segmentation: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    // Node adds advice after the first sentence.
    const said = /** @type {Error} */ (error).message.split(/[.\n]/, 1)[0] ?? "";
    return stop(`bench: ${said.charAt(0).toLowerCase()}${said.slice(1)}; --help tells more.`, 2);
  }
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @returns {number | undefined}
 */
function number(name, text) {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]{0,3}$/.test(text)) {
    stop(`bench: --${name} takes a whole number from 1 to 9999, and not "${text}".`, 2);
  }
  return Number(text);
}
