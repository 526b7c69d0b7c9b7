// Compares a fresh build of the wasm with the committed one: npm run build:wasm -- --out DIR, then this with DIR.
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { stop } from "./programs.mjs";
import { GENERATED_FILES, readRecord, root, WASM_FILE } from "./wasm.mjs";

/** @import { BuildRecord } from "./wasm.mjs" */

/** How far the size may be off when the tools differ. */
const SIZE_TOLERANCE = 0.05;

const [argument, ...more] = process.argv.slice(2);
if (!argument || more.length > 0) stop("compare-wasm takes one folder, that of a fresh build.", 2);
const committed = read(join(root, "wasm"));
const fresh = read(resolve(argument));

const sameTools = isDeepStrictEqual(committed.tools, fresh.tools);
const differences = [
  ...(committed.sources === fresh.sources ? [] : ["the sources differ"]),
  ...(sameTools ? differentBytes() : differentPromises()),
];
for (const difference of differences) {
  console.error(
    `compare-wasm: the fresh build is not the committed one, ${difference}: run npm run build:wasm and commit wasm/.`,
  );
}
if (differences.length > 0) process.exitCode = 1;
else if (sameTools) console.log("compare-wasm: a fresh build gives the committed bytes.");
else
  console.log(
    `compare-wasm: a fresh build by other tools (${otherTools()}) has the same imports, exports and size.`,
  );

/**
 * @param {string} folder
 * @returns {BuildRecord}
 */
function read(folder) {
  return readRecord(folder) ?? stop(`${folder} holds no build: run npm run build:wasm.`, 3);
}

function differentBytes() {
  return GENERATED_FILES.filter(
    (name) => !isDeepStrictEqual(committed.files[name], fresh.files[name]),
  ).map((name) => `${name} has other bytes`);
}

/** What must hold whichever compiler made it. */
function differentPromises() {
  const size = committed.files[WASM_FILE]?.bytes ?? 0;
  const freshSize = fresh.files[WASM_FILE]?.bytes ?? 0;
  return [
    ...(isDeepStrictEqual(unhashed(committed.imports), unhashed(fresh.imports))
      ? []
      : ["the imports differ"]),
    ...(isDeepStrictEqual(committed.exports, fresh.exports) ? [] : ["the exports differ"]),
    ...(Math.abs(freshSize - size) <= size * SIZE_TOLERANCE
      ? []
      : [`${WASM_FILE} has ${freshSize} bytes, not ${size}`]),
  ];
}

/**
 * Import names end in a hash that changes with wasm-bindgen's version.
 * @param {readonly string[]} imports
 */
function unhashed(imports) {
  return imports.map((line) => line.replace(/_[0-9a-f]{16}:/, ":")).sort();
}

function otherTools() {
  return Object.entries(fresh.tools)
    .filter(([name, version]) => committed.tools[name] !== version)
    .map(([name, version]) => `${name}: ${version}`)
    .join(", ");
}
