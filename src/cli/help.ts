// What help shows: built from the table of commands.

import { Failure } from "../failure.js";
import type { CommandSpec, OptionSpec } from "./command.js";
import { commands, defaultCommand, globalOptions, PROGRAM } from "./commands.js";
import { styleText, wrap } from "./text.js";

/** One block of help: a heading, and lines below it. */
export interface HelpSection {
  readonly title?: string;
  readonly body: string;
}

/** Help of one command, or of the whole program. */
export function helpSections(command: CommandSpec | undefined): HelpSection[] {
  const about = command ?? defaultCommand;
  const others = commands.filter(({ name }) => name !== defaultCommand.name);
  return [
    {
      body: command
        ? `${PROGRAM} ${command.name}: ${command.about}`
        : `${PROGRAM}: a workbench for tunnels. This one joins two hosts, and protects nothing.`,
    },
    { title: "Usage", body: `  ${PROGRAM} ${about.usage}` },
    ...(command
      ? []
      : [
          {
            title: "Commands",
            body: columns([defaultCommand, ...others].map(({ name, about }) => [name, about])),
          },
        ]),
    { title: "Options", body: columns([...about.options, ...globalOptions].map(optionRow)) },
    ...(about.notes ? [{ body: about.notes.join("\n") }] : []),
    {
      title: about.examples.length > 1 ? "Examples" : "Example",
      body: about.examples
        .map((example) => `  ${PROGRAM} ${example.words}\n      ${example.about}`)
        .join("\n"),
    },
    ...(command ? [] : [{ body: `More about a command: ${PROGRAM} COMMAND --help` }]),
  ];
}

export function showHelp(words: readonly string[]): number {
  const [name, extra] = words;
  if (extra !== undefined)
    throw new Failure("usage", `"${extra}" is not expected: name one command`);
  const command = commands.find((command) => command.name === name);
  if (name !== undefined && command === undefined) {
    const known = commands.map(({ name }) => name).join(", ");
    throw new Failure("usage", `there is no command "${name}": the commands are ${known}`);
  }
  process.stdout.write(`${renderSections(helpSections(command))}\n`);
  return 0;
}

export function renderSections(sections: readonly HelpSection[]): string {
  return sections
    .map(({ title, body }) =>
      title ? `${styleText("bold", title, process.stdout)}:\n${body}` : body,
    )
    .join("\n\n");
}

function optionRow({ name, short, value, many, about }: OptionSpec): [string, string] {
  const written = `${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`;
  return [written, many ? `${about} (may be repeated)` : about];
}

/** Two columns, the right one wrapped to the terminal. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  const room = Math.max(30, Math.min(process.stdout.columns ?? 100, 100) - width - 4);
  const indent = " ".repeat(width + 4);
  return rows
    .map(([left, right]) => `  ${left.padEnd(width)}  ${wrap(right, room).join(`\n${indent}`)}`)
    .join("\n");
}
