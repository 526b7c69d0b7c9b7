#!/usr/bin/env node
// The program: finds the command, runs it, and turns what goes wrong into one sentence and a code.

import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { cac } from "cac";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { commands, defaultCommand, globalOptions, PROGRAM } from "./commands.js";
import { exitCodes } from "./exit.js";
import { harmless, styleText } from "./text.js";
import { nameForCac, safeWords, unmark } from "./words.js";

const argv = process.argv.slice(2);

/** How long we wait for a slow reader at the end. */
const FLUSH_MS = 1000;

// A reader that has enough, such as `head`, closes its end: then nobody listens any more.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  fail(new Failure("system", `cannot write the output: ${error.code}`));
});
process.stderr.on("error", () => {});
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

try {
  const code = await main();
  await written();
  process.exit(code);
} catch (error) {
  fail(error);
}

async function main(): Promise<number> {
  const { command, words, rest } = safeWords(argv, { commands, defaultCommand, globalOptions });
  const cli = cac(PROGRAM);
  for (const { name, usage, about, options } of commands) {
    const registered = cli.command(`${name} [...words]`, about).usage(usage);
    if (name === defaultCommand.name) registered.alias("!");
    for (const option of [...globalOptions, ...options]) {
      registered.option(
        `--${nameForCac(option)}${option.value ? ` <${option.value}>` : ""}`,
        option.about,
      );
    }
    registered.action(() => {});
  }
  // cac is given whole words only, so its own way with --version, -v and numbers has no say.
  const { args, options } = cli.parse(["", "", ...words], { run: false });
  cli.runMatchedCommand();
  if (options.version) {
    process.stdout.write(`${PROGRAM} ${packageVersion()}\n`);
    return exitCodes.ok;
  }
  if (options.help) {
    const { helpSections, renderSections } = await import("./help.js");
    const named = words[0] === command.name ? command : undefined;
    process.stdout.write(`${renderSections(helpSections(named))}\n`);
    return exitCodes.ok;
  }
  return command.run(parsed(command, args, rest, options));
}

/** Waits until our reader has what we wrote, but not for ever. */
async function written(): Promise<void> {
  const done = new Promise((resolve) => process.stdout.write("", resolve));
  await Promise.race([done, setTimeout(FLUSH_MS)]);
}

function parsed(
  command: Parsed["command"],
  args: readonly string[],
  rest: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Parsed {
  const values: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  const switches: Record<string, number> = {};
  for (const option of [...globalOptions, ...command.options]) {
    const { name, value, many } = option;
    const camelCase = nameForCac(option).replace(/-([a-z])/g, (_, letter: string) =>
      letter.toUpperCase(),
    );
    const given = [options[camelCase] ?? []].flat();
    if (given.length === 0) continue;
    if (value === undefined) switches[name] = given.length;
    else if (many) lists[name] = given.map((text) => unmark(String(text)));
    else values[name] = unmark(String(given.at(-1)));
  }
  return { command, words: args.map(unmark), rest, values, lists, switches };
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Says what went wrong, and ends the program. */
function fail(error: unknown): never {
  const known = error instanceof Failure;
  const message = error instanceof Error ? error.message : String(error);
  const sentence = known
    ? message
    : `our own fault: ${message} (please report it; -vv shows where)`;
  const lines = [
    `${styleText("red", `${PROGRAM}:`, process.stderr)} ${harmless(sentence)}`,
    ...(known ? error.hints.map((hint) => `  ${harmless(hint)}`) : []),
  ];
  const own = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const letters = own.filter((word) => /^-[a-z]+$/.test(word)).join("");
  const verbosity =
    letters.split("v").length - 1 + own.filter((word) => word === "--verbose").length;
  if (verbosity >= 2 && error instanceof Error) {
    lines.push(harmless(error.stack ?? ""));
  }
  process.stderr.write(`${lines.join("\n")}\n`);
  process.exit(known ? exitCodes[error.kind] : exitCodes.fault);
}
