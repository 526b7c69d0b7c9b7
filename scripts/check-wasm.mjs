// Proves in plain Node, without Rust, that wasm/ belongs to the sources and keeps its promises.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import {
  describeFile,
  describeInterface,
  GENERATED_FILES,
  hashSources,
  RECORD_FILE,
  readRecord,
  root,
  TYPES_FILE,
  WASM_FILE,
} from "./wasm.mjs";

/** @import { BuildRecord } from "./wasm.mjs" */

const REBUILD = "run npm run build:wasm";
/** As a server sends it. A page needs neither the batch engine nor AEAD tunnels: it will have a smaller core. */
const MAX_GZIPPED_BYTES = 540_000;
/** All that the wasm may ask of JavaScript: strings, errors and values cross; no clock, no socket, no randomness. */
const ALLOWED_IMPORTS = [
  // What wasm-bindgen itself needs: throw, describe a value, take a number out of one.
  /^__wbg___wbindgen_[a-z0-9_]+_[0-9a-f]{16}$/,
  /^__wbindgen_(cast_[0-9a-f]{16}|init_externref_table|object_clone_ref|object_drop_ref)$/,
  // A struct of crates/wasm becomes an object of its class.
  /^__wbg_[a-z]+_new$/,
  // The constructor of Error.
  /^__wbg_Error_[0-9a-f]{16}$/,
  // Plain values: objects, arrays and what is in them.
  /^__wbg_(new|set|String)_[0-9a-f]{16}$/,
];
/** Globals of wasm-bindgen's panic handling: exported by it, and left out of the types. */
const UNTYPED_EXPORTS = ["__abort_handler", "__instance_terminated"];

const folder = join(root, "wasm");
const record = readRecord(folder);
const failures = record
  ? [...checkSources(record), ...checkFiles(record), ...checkModule(record)]
  : [`wasm/${RECORD_FILE} is absent or not what the build wrote: ${REBUILD}.`];

for (const failure of failures) console.error(`check:wasm: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
else
  console.log(
    `check:wasm: wasm/ belongs to the sources (${record?.files[WASM_FILE]?.bytes} bytes).`,
  );

/**
 * @param {BuildRecord} record
 * @returns {string[]}
 */
function checkSources(record) {
  if (record.sources === hashSources()) return [];
  return [
    `wasm/ was built from other sources than crates/, Cargo.lock and the build scripts hold now: ${REBUILD}.`,
  ];
}

/**
 * @param {BuildRecord} record
 * @returns {string[]}
 */
function checkFiles(record) {
  const known = [...GENERATED_FILES, RECORD_FILE];
  const strangers = readdirSync(folder).filter((name) => !known.includes(name));
  const altered = GENERATED_FILES.filter((name) => {
    const path = join(folder, name);
    return (
      !existsSync(path) || !isDeepStrictEqual(record.files[name], describeFile(readFileSync(path)))
    );
  });
  return [
    ...strangers.map((name) => `wasm/${name} is not part of the build: delete it.`),
    ...altered.map(
      (name) => `wasm/${name} is not what the build wrote, by its SHA-256: ${REBUILD}.`,
    ),
  ];
}

/**
 * @param {BuildRecord} record
 * @returns {string[]}
 */
function checkModule(record) {
  const module = compile();
  if (!module) return [`wasm/${WASM_FILE} is absent or no WebAssembly module: ${REBUILD}.`];
  return [
    ...checkImports(module),
    ...checkExports(module),
    ...checkSize(),
    ...checkInterface(module, record),
  ];
}

function compile() {
  try {
    return new WebAssembly.Module(readFileSync(join(folder, WASM_FILE)));
  } catch {
    return undefined;
  }
}

/** @param {WebAssembly.Module} module */
function checkImports(module) {
  return WebAssembly.Module.imports(module)
    .filter(
      ({ module, name }) =>
        module !== "./crapvpn_bg.js" || !ALLOWED_IMPORTS.some((allowed) => allowed.test(name)),
    )
    .map(
      ({ module, name }) =>
        `wasm/${WASM_FILE} imports ${name} from ${module}: take what needs it out of crates/wasm, or allow it in scripts/check-wasm.mjs.`,
    );
}

/** @param {WebAssembly.Module} module */
function checkExports(module) {
  const types = join(folder, TYPES_FILE);
  const text = existsSync(types) ? readFileSync(types, "utf8") : "";
  const body = /^export interface InitOutput \{$(.*?)^\}$/ms.exec(text)?.[1];
  if (body === undefined) return [`wasm/${TYPES_FILE} has no interface InitOutput: ${REBUILD}.`];

  const typed = new Set(
    Array.from(body.matchAll(/^ *readonly (\w+):/gm), (match) => match[1] ?? ""),
  );
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const untyped = [...exported].filter(
    (name) => !typed.has(name) && !UNTYPED_EXPORTS.includes(name),
  );
  const unexported = [...typed].filter((name) => !exported.has(name));
  return [
    ...untyped.map(
      (name) =>
        `wasm/${WASM_FILE} exports ${name}, which InitOutput in ${TYPES_FILE} does not name: ${REBUILD}.`,
    ),
    ...unexported.map(
      (name) =>
        `wasm/${TYPES_FILE} names ${name} in InitOutput, which ${WASM_FILE} does not export: ${REBUILD}.`,
    ),
  ];
}

function checkSize() {
  const size = gzipSync(readFileSync(join(folder, WASM_FILE)), { level: 9 }).length;
  if (size <= MAX_GZIPPED_BYTES) return [];
  return [
    `wasm/${WASM_FILE} has ${size} bytes gzipped, its budget is ${MAX_GZIPPED_BYTES}: make it smaller, or raise the budget in scripts/check-wasm.mjs and say why.`,
  ];
}

/**
 * @param {WebAssembly.Module} module
 * @param {BuildRecord} record
 */
function checkInterface(module, { imports, exports }) {
  if (isDeepStrictEqual(describeInterface(module), { imports, exports })) return [];
  return [`wasm/${RECORD_FILE} lists other imports or exports than ${WASM_FILE} has: ${REBUILD}.`];
}
