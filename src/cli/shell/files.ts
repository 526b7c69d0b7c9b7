// The files in shell/, made from the table of commands.

import { commands, defaultCommand, globalOptions, PROGRAM } from "../commands.js";
import { bashCompletion } from "./bash.js";
import { fishCompletion } from "./fish.js";
import { type ManPage, manPage } from "./man.js";
import { zshCompletion } from "./zsh.js";

/** Their names, as the shells look for them, and their texts. */
export function shellFiles(
  about: Pick<ManPage, "version" | "description" | "date">,
): Readonly<Record<string, string>> {
  const table = { program: PROGRAM, commands, defaultCommand, globalOptions };
  return {
    [`${PROGRAM}.bash`]: bashCompletion(table),
    [`_${PROGRAM}`]: zshCompletion(table),
    [`${PROGRAM}.fish`]: fishCompletion(table),
    [`${PROGRAM}.1`]: manPage({ ...table, ...about }),
  };
}
