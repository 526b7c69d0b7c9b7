// What wasm/ holds: the generated files, the sources they belong to, and the record of both.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The record that lies beside the generated files as BUILD.json.
 * @typedef {object} BuildRecord
 * @property {string} about
 * @property {string} sources SHA-256 over all that the bytes depend on
 * @property {Record<string, { bytes: number, sha256: string }>} files
 * @property {Record<string, string>} tools versions
 * @property {string[]} imports
 * @property {string[]} exports
 */

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
export const WASM_FILE = "crapvpn_bg.wasm";
export const TYPES_FILE = "crapvpn.d.ts";
export const GENERATED_FILES = ["crapvpn.js", TYPES_FILE, WASM_FILE];
export const RECORD_FILE = "BUILD.json";

const SOURCES = [
  ".cargo/config.toml",
  "Cargo.lock",
  "Cargo.toml",
  "crates/core/Cargo.toml",
  "crates/core/formats",
  "crates/core/src",
  "crates/wasm/Cargo.toml",
  "crates/wasm/src",
  "scripts/build-wasm.mjs",
  "scripts/rust.mjs",
];

/** SHA-256 over path, NUL and content of each source. A length goes first, so that no two runs of files read alike. */
export function hashSources() {
  const hash = createHash("sha256");
  for (const path of SOURCES.flatMap(filesUnder).sort()) {
    const content = readFileSync(join(root, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/**
 * @param {string} path of a file or folder, which may be absent
 * @returns {string[]}
 */
function filesUnder(path) {
  const entry = statSync(join(root, path), { throwIfNoEntry: false });
  if (!entry) return [];
  if (!entry.isDirectory()) return [path];
  // What starts with a dot is an editor's or the system's, not a source.
  const names = readdirSync(join(root, path)).filter((name) => !name.startsWith("."));
  return names.flatMap((name) => filesUnder(`${path}/${name}`));
}

/** @param {Buffer} content */
export function describeFile(content) {
  return { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
}

/**
 * What a module wants and gives, a line each.
 * @param {WebAssembly.Module} module
 */
export function describeInterface(module) {
  const imports = WebAssembly.Module.imports(module);
  const exports = WebAssembly.Module.exports(module);
  return {
    imports: imports.map(({ module, name, kind }) => `${module} ${name}: ${kind}`).sort(),
    exports: exports.map(({ name, kind }) => `${name}: ${kind}`).sort(),
  };
}

/**
 * @param {string} folder
 * @returns {BuildRecord | undefined} nothing when the file is absent or is not the build's
 */
export function readRecord(folder) {
  const path = join(folder, RECORD_FILE);
  if (!existsSync(path)) return undefined;
  try {
    const record = JSON.parse(readFileSync(path, "utf8"));
    return record.files && record.tools && record.imports && record.exports ? record : undefined;
  } catch {
    return undefined;
  }
}
