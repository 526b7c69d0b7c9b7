// What completes a value or a word, as the table of commands says it to every shell.

import type { CommandSpec, OptionSpec } from "../command.js";
import type { CommandTable } from "../words.js";

/**
 * - `file`: a path
 * - `@file`: a path after an `@`, where something else may stand too
 * - `device`: a TUN or TAP device of this machine
 * - `host`: a host that the shell knows
 * - `command`: one of our commands
 * - a list: one of these words
 */
export type Completes = "file" | "@file" | "device" | "host" | "command" | readonly string[];

/** An option that may say what completes its value, or a command for its words. */
interface Hinted {
  readonly completes?: Completes;
}

/** What the shells' files are made from. */
export interface ShellTable extends CommandTable {
  /** What people type. */
  readonly program: string;
}

/** What completes an option's value. One that is called `a|b` says itself what it can be. */
export function valueCompletes(option: OptionSpec & Hinted): Completes | undefined {
  if (option.completes !== undefined) return option.completes;
  return /^[a-z0-9-]+(\|[a-z0-9-]+)+$/.test(option.value ?? "")
    ? option.value?.split("|")
    : undefined;
}

/** What completes a command's words. */
export function wordCompletes(command: CommandSpec & Hinted): Completes | undefined {
  return command.completes;
}

/** The options that may stand in a command line of this command. */
export function optionsOf(table: ShellTable, command: CommandSpec): readonly OptionSpec[] {
  return [...command.options, ...table.globalOptions];
}

/** How an option is written: its letter first, if it has one. */
export function spellings({ name, short }: OptionSpec): string[] {
  return [...(short ? [`-${short}`] : []), `--${name}`];
}

/**
 * The options of all commands that take a value, by their long names and by their letters: the word
 * after one of them is no command.
 */
export function valued(table: ShellTable): { names: string[]; letters: string } {
  const options = [table.globalOptions, ...table.commands.map(({ options }) => options)]
    .flat()
    .filter(({ value }) => value !== undefined);
  return {
    names: [...new Set(options.map(({ name }) => `--${name}`))],
    letters: [...new Set(options.map(({ short }) => short ?? ""))].join(""),
  };
}

/** A text as one line, whatever was in it. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
