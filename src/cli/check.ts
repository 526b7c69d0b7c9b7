// `crapvpn check`: what is wrong with descriptions.

import type { Description, Diagnostic } from "../core/core.js";
import { loadCore } from "../core/wasm.js";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { readDescription } from "./description.js";
import { exitCodes } from "./exit.js";
import { harmless, type Style, styleText } from "./text.js";

/** Returns 0 if all of them can be used, and else 3. */
export async function check({ words, switches }: Parsed): Promise<number> {
  const core = await loadCore();
  if (switches.schema) {
    if (words.length > 0) throw new Failure("usage", "--schema checks nothing: give it no FILE");
    process.stdout.write(`${core.schema.trimEnd()}\n`);
    return exitCodes.ok;
  }
  if (words.length === 0) {
    throw new Failure(
      "usage",
      "nothing to check: give FILE, a description, or - for standard input",
    );
  }
  const twice = words.find((word, i) => words.indexOf(word) < i);
  if (twice !== undefined) throw new Failure("usage", `"${twice}" is given twice`);

  const { descriptions, unreadable } = await readAll(words);
  const { diagnostics, text, refused } = core.check(descriptions);
  process.stdout.write(switches.json ? diagnostics.map(jsonOf).join("") : coloured(harmless(text)));
  process.stderr.write(`${sum(words.length, unreadable, diagnostics)}\n`);
  return refused > 0 || unreadable > 0 ? exitCodes.input : exitCodes.ok;
}

/** All that can be read; about the others a sentence is said at once. */
async function readAll(
  paths: readonly string[],
): Promise<{ descriptions: Description[]; unreadable: number }> {
  const descriptions: Description[] = [];
  for (const path of paths) {
    try {
      descriptions.push(await readDescription(path));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const name = styleText("red", "crapvpn:", process.stderr);
      process.stderr.write(`${name} ${harmless(error.message)}\n`);
    }
  }
  return { descriptions, unreadable: paths.length - descriptions.length };
}

/** One line, with every key whatever was found. */
function jsonOf(found: Diagnostic): string {
  const { code, severity, file, line, column, end, message, related } = found;
  const { expected = null, hint = null } = found;
  const told = { code, severity, file, line, column, end, message, expected, hint, related };
  return `${harmless(JSON.stringify(told))}\n`;
}

/** How grave each finding is, in colours. Lines of a file that are shown begin with a blank. */
function coloured(text: string): string {
  const styles: Readonly<Record<string, Style>> = { error: "red", warning: "yellow", note: "cyan" };
  return text.replace(
    /^(?! )(.*?: )(error|warning|note)(?= F\d+: )/gm,
    (_, before: string, severity: string) =>
      before + styleText(styles[severity] ?? "bold", severity, process.stdout),
  );
}

/** `2 files: 3 errors, 1 warning`. */
function sum(files: number, unreadable: number, diagnostics: readonly Diagnostic[]): string {
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const found = (["error", "warning", "note"] as const).flatMap((severity) => {
    const number = diagnostics.filter((found) => found.severity === severity).length;
    return number > 0 ? [count(number, severity)] : [];
  });
  const parts = [...(unreadable > 0 ? [`${unreadable} unreadable`] : []), ...found];
  return `${count(files, "file")}: ${parts.join(", ") || "nothing found"}`;
}
