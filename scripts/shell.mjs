// Writes shell/, what shells and man need, from the table of commands; with --check only compares.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stop } from "./programs.mjs";

const { check = false } = readOptions();
const root = fileURLToPath(new URL("..", import.meta.url));
const { version, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const shellFiles = await loadGenerator();

// The manual carries the day of its last change: as long as nothing changed, that of the file.
const manual = Object.keys(generate("")).find((name) => name.endsWith(".1")) ?? "";
const dated = /^\.TH .*?(\d{4}-\d{2}-\d{2})/m.exec(read(manual) ?? "")?.[1] ?? "";
const changed = differing(dated);

if (changed.length === 0) {
  console.log(`shell: ${Object.keys(generate(dated)).length} files are up to date.`);
} else if (check) {
  const names = changed.map(([name]) => `shell/${name}`).join(", ");
  stop(`check:shell: ${names}: not what the table of commands makes; run npm run build:shell.`);
} else {
  const today = new Date().toISOString().slice(0, 10);
  mkdirSync(join(root, "shell"), { recursive: true });
  for (const [name, text] of differing(changed.some(([name]) => name === manual) ? today : dated)) {
    writeFileSync(join(root, "shell", name), text);
    console.log(`shell: wrote shell/${name}`);
  }
}

function readOptions() {
  try {
    return parseArgs({ options: { check: { type: "boolean" } } }).values;
  } catch {
    return stop("shell takes --check and nothing else.", 2);
  }
}

/** @returns {Promise<typeof import("../src/cli/shell/files.js").shellFiles>} */
async function loadGenerator() {
  try {
    return (await import(new URL("../dist/cli/shell/files.js", import.meta.url).href)).shellFiles;
  } catch (error) {
    return stop(`shell: dist/ cannot be used, run npm run build first: ${error}`);
  }
}

/** @param {string} date */
function generate(date) {
  return shellFiles({ version, description, date });
}

/**
 * The files that are not as they should be.
 * @param {string} date
 */
function differing(date) {
  return Object.entries(generate(date)).filter(([name, text]) => read(name) !== text);
}

/** @param {string} name */
function read(name) {
  try {
    return readFileSync(join(root, "shell", name), "utf8");
  } catch {
    return undefined;
  }
}
