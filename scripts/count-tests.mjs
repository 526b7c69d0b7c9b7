// Sums what cargo test and vitest said in the files given, and prints it as one line.
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

const counts = { passed: 0, failed: 0, skipped: 0 };
const text = process.argv
  .slice(2)
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");
for (const line of stripVTControlCharacters(text).split("\n")) {
  // "test result: ok. 5 passed; 0 failed; 1 ignored; …" and "      Tests  1 failed | 2 passed | 1 skipped (4)".
  if (!/^test result: |^ +Tests {2}/.test(line)) continue;
  counts.passed += count(line, "passed");
  counts.failed += count(line, "failed");
  counts.skipped += count(line, "ignored") + count(line, "skipped") + count(line, "todo");
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);

/**
 * @param {string} line
 * @param {string} outcome
 */
function count(line, outcome) {
  return Number(new RegExp(`(\\d+) ${outcome}`).exec(line)?.[1] ?? 0);
}
