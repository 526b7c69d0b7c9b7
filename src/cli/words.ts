// The words of a command line made safe for cac, which would turn the key 0011223344 into a number.
//
// Each option is written as `--name` or `--name=VALUE` before cac sees it, and values and words
// begin with a mark that no number, option or command begins with. It is taken off afterwards.

import { closestMatch } from "leven";
import { Failure } from "../failure.js";
import type { CommandSpec, OptionSpec } from "./command.js";

const MARK = "\u0001";

export function unmark(text: string): string {
  return text.startsWith(MARK) ? text.slice(MARK.length) : text;
}

export interface CommandTable {
  readonly commands: readonly CommandSpec[];
  /** Meant where no command is named. */
  readonly defaultCommand: CommandSpec;
  /** Options that every command has. */
  readonly globalOptions: readonly OptionSpec[];
}

export interface SafeWords {
  readonly command: CommandSpec;
  /** What cac reads as it stands. */
  readonly words: readonly string[];
  /** What came after `--`, where the command has a use for it. */
  readonly rest: readonly string[];
}

/**
 * Finds the command and spells out its options.
 *
 * @param argv the words after the program's name
 * @throws Failure `usage` if an option is unknown, lacks its value, or has one too many
 */
export function safeWords(argv: readonly string[], table: CommandTable): SafeWords {
  const { commands, defaultCommand, globalOptions } = table;
  // The command's own word may come after options. To find it, all commands' options will do: one
  // of one name or letter takes a value in every command or in none. But for --stats: without its
  // value, the worst that comes of it is a number that is no command.
  const everyOption = [...globalOptions, ...commands.flatMap(({ options }) => options)].sort(
    (one, other) => Number(one.value !== undefined) - Number(other.value !== undefined),
  );
  const [first] = read(argv, everyOption, () => []).words;
  const named = commands.find(({ name }) => name === first);
  const command = named ?? defaultCommand;
  const own = [...globalOptions, ...command.options];
  const { uses, words, rest } = read(argv, [...own, ...everyOption], (written, why) => {
    throw why ? new Failure("usage", `${written} ${why}`) : unknown(written, own);
  });
  const foreign = uses.find(({ option }) => !own.includes(option));
  if (foreign) {
    throw new Failure(
      "usage",
      `${foreign.written} is no option of "${command.name}": see ${command.name} --help`,
    );
  }
  const plain = [...words.slice(named ? 1 : 0), ...(command.rest ? [] : rest)];
  return {
    command,
    words: [
      ...(named ? [named.name] : []),
      // cac takes a switch with a dash in its name for an option that takes the next word.
      ...uses.map(
        ({ option, value }) =>
          `--${nameForCac(option)}=${value === undefined ? true : MARK + value}`,
      ),
      ...plain.map((word) => MARK + word),
    ],
    rest: command.rest ? rest : [],
  };
}

/** cac takes `--no-x` for the contrary of an option `--x`, which ours are not. */
export function nameForCac({ name }: OptionSpec): string {
  return name.replace(/^no-/, "without-");
}

/** What to do about an option that is unknown, or wrong for the reason given. */
type OnWrong = (written: string, why?: string) => Use[];

/** Words that are options, words that are not, and what comes after `--`. */
function read(argv: readonly string[], options: readonly OptionSpec[], onWrong: OnWrong) {
  const uses: Use[] = [];
  const words: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") break;
    if (!word.startsWith("-") || word === "-") words.push(word);
    else uses.push(...readOptions(word, rest, options, onWrong));
  }
  return { uses, words, rest };
}

/** An option as it was used. */
interface Use {
  readonly option: OptionSpec;
  /** How it was written, without its value. */
  readonly written: string;
  readonly value?: string;
}

/** Reads one word that begins with a dash, and takes a value that follows it off `rest`. */
function readOptions(
  word: string,
  rest: string[],
  options: readonly OptionSpec[],
  onWrong: OnWrong,
): Use[] {
  if (word.startsWith("--")) {
    const [written = "", ...parts] = word.split("=");
    const option = options.find(({ name }) => `--${name}` === written);
    if (option === undefined) return onWrong(written);
    const attached = parts.length > 0 ? parts.join("=") : undefined;
    return finish(option, written, attached, rest, onWrong);
  }
  const uses: Use[] = [];
  const letters = [...word].slice(1);
  for (const [i, letter] of letters.entries()) {
    const written = `-${letter}`;
    const option = options.find(({ short }) => short === letter);
    if (option === undefined) return [...uses, ...onWrong(written)];
    // What follows the letter of an option with a value is the value: -kHEX.
    const value = option.value === undefined ? "" : letters.slice(i + 1).join("");
    uses.push(...finish(option, written, value === "" ? undefined : value, rest, onWrong));
    if (option.value !== undefined) break;
  }
  return uses;
}

function finish(
  option: OptionSpec,
  written: string,
  attached: string | undefined,
  rest: string[],
  onWrong: OnWrong,
): Use[] {
  if (option.value === undefined) {
    return attached === undefined ? [{ option, written }] : onWrong(written, "takes no value");
  }
  const value = attached ?? rest.shift();
  if (value === undefined) return onWrong(written, `needs a value: ${written} ${option.value}`);
  return [{ option, written, value }];
}

function unknown(written: string, options: readonly OptionSpec[]): Failure {
  const names = options.map(({ name }) => `--${name}`);
  const near =
    written.length > 3 &&
    (names.find((name) => name.startsWith(written)) ??
      names.find((name) => name.includes(written.slice(2))) ??
      closestMatch(written, names, { maxDistance: 3 }));
  const advice = near ? `did you mean ${near}?` : "see --help";
  const shown = written.length > 40 ? `${written.slice(0, 40)}…` : written;
  return new Failure("usage", `unknown option ${shown}: ${advice}`);
}
