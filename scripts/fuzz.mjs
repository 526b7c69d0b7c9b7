// `npm run fuzz -- MINUTES`: throws made-up bytes at every fuzz target, in turns, and keeps what reaches new code.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { announce, find, output, stop } from "./programs.mjs";
import { root } from "./wasm.mjs";

const HELP = `Usage: npm run fuzz -- [--keep] MINUTES [TARGET…]

Fuzzes the targets in crates/fuzz, all of them together for so many minutes. What reaches new code goes to
crates/fuzz/corpus, where the next run goes on.

  --keep  Then add what the committed corpus lacks to it (crates/core/tests/fuzz), as few files as will do
  --help  Show this help`;

const CRATE = "crates/fuzz";
/** Committed, and replayed by the core's tests. */
const CORPORA = "crates/core/tests/fuzz";
/** Found by fuzzing, and not committed. */
const GROWN = `${CRATE}/corpus`;
/** The core holds no unsafe code, which is what sanitizers watch: without one it runs twice as fast. */
const CARGO_FUZZ = ["+nightly", "fuzz", "run", "--fuzz-dir", CRATE, "--sanitizer", "none"];
/** A small input says more, and is as quick to replay. */
const LONGEST_BYTES = 2048;
/** What takes longer than this for one input is a fault, too. */
const PATIENCE_SECONDS = 10;

const { minutes, targets, keep } = readWords();
requireTools();
for (const target of targets) {
  const grown = join(GROWN, target);
  const committed = join(CORPORA, target);
  mkdirSync(join(root, grown), { recursive: true });
  const seconds = Math.max(1, Math.round((minutes * 60) / targets.length));
  const limits = [`-max_len=${LONGEST_BYTES}`, `-timeout=${PATIENCE_SECONDS}`];
  fuzz(target, [grown, committed], [...limits, `-max_total_time=${seconds}`]);
  if (keep) fuzz(target, [committed, grown], [...limits, "-merge=1"]);
  console.log(
    `fuzz: ${target}: ${count(grown)} inputs in ${grown}, ${count(committed)} committed.`,
  );
}

/**
 * @param {string} target
 * @param {readonly string[]} folders the first is added to
 * @param {readonly string[]} options of libFuzzer
 */
function fuzz(target, folders, options) {
  const words = [...CARGO_FUZZ, target, ...folders, "--", ...options];
  if (announce("fuzz", find("cargo") ?? "cargo", words, { cwd: root }) === 0) return;
  stop(
    `fuzz: ${target} failed, see above: mend it, and copy the input to ${CORPORA}/${target} under a name that says what it is.`,
  );
}

function readWords() {
  const all = readdirSync(join(root, CRATE, "fuzz_targets")).map((file) =>
    file.replace(/\.rs$/, ""),
  );
  const { values, positionals } = parse();
  if (values.help) {
    console.log(`${HELP}\n\nTargets: ${all.join(", ")}`);
    process.exit(0);
  }
  const [minutes = "", ...some] = positionals;
  if (!/^\d+(\.\d+)?$/.test(minutes) || Number(minutes) === 0) {
    stop(`fuzz: takes a number of minutes, and not "${minutes}"; --help tells more.`, 2);
  }
  const stranger = some.find((target) => !all.includes(target));
  if (stranger !== undefined) {
    stop(`fuzz: takes some of ${all.join(", ")}, and not "${stranger}".`, 2);
  }
  const targets = some.length > 0 ? some : all;
  return { minutes: Number(minutes), targets, keep: values.keep === true };
}

function parse() {
  try {
    return parseArgs({
      options: { keep: { type: "boolean" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch {
    return stop("fuzz: takes --keep, MINUTES and names of targets, and nothing else.", 2);
  }
}

function requireTools() {
  if (output("cargo", ["+nightly", "fuzz", "--version"]) !== undefined) return;
  const nightly = output("cargo", ["+nightly", "--version"]) === undefined;
  const needs = [
    ...(nightly ? ["rustup toolchain install nightly"] : []),
    "cargo install --locked cargo-fuzz",
  ];
  stop(`fuzz: needs a nightly Rust and cargo-fuzz: run ${needs.join(" && ")}.`, 5);
}

/** @param {string} folder */
function count(folder) {
  return readdirSync(join(root, folder)).length;
}
