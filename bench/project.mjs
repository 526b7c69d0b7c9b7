// The project as it was built: what plain Node can load, typed by its sources.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stop } from "../scripts/programs.mjs";

/** The folder of the whole project. */
export const root = fileURLToPath(new URL("..", import.meta.url));
/** What `crapvpn` starts. */
export const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** @returns {Promise<typeof import("../src/lab/host.js")>} */
export function loadLab() {
  return load("lab/host.js");
}

/** @returns {Promise<typeof import("../src/core/wasm.js")>} */
export function loadCoreModule() {
  return load("core/wasm.js");
}

/** @param {string} path in dist/ */
function load(path) {
  const url = new URL(`../dist/${path}`, import.meta.url);
  if (!existsSync(url)) stop("bench: the project is not built: run npm run build.", 5);
  return import(url.href);
}
