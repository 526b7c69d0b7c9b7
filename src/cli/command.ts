// The shape of a command: from this one table come the parser, the help, and what else tells of it.

import type { Completes } from "./shell/completes.js";

/** An option as people write it. */
export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  /** Letter without dash. */
  readonly short?: string;
  /** What its value is called; an option without is a switch. */
  readonly value?: string;
  /** What completes its value, for shells. */
  readonly completes?: Completes;
  /** It may be given again and again, and each of its values counts. */
  readonly many?: boolean;
  readonly about: string;
}

/**
 * What the command line said: the last value of each option, every value of those that may be given
 * again and again, and how often each switch came.
 */
export interface Parsed {
  readonly command: CommandSpec;
  readonly words: readonly string[];
  /** What came after `--`, where the command has a use for it. */
  readonly rest: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly switches: Readonly<Record<string, number>>;
}

export interface CommandSpec {
  /** The word that chooses it. */
  readonly name: string;
  /** Its words as help shows them. */
  readonly usage: string;
  readonly about: string;
  /** What the words after `--` are called, if it has a use for them. */
  readonly rest?: string;
  /** What completes its words, for shells. */
  readonly completes?: Completes;
  /** Lines of text that help shows below the options. */
  readonly notes?: readonly string[];
  readonly options: readonly OptionSpec[];
  /** Command lines with what they do, without the program's name. */
  readonly examples: readonly { readonly words: string; readonly about: string }[];
  /** Does it, and answers with the exit code. Loaded when it is run, so that `--help` is quick. */
  readonly run: (parsed: Parsed) => Promise<number>;
}
