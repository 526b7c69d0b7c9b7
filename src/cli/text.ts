// Text for terminals: colours where they belong, and strangers' words made harmless.

import { styleText as style } from "node:util";

/** Colours and weights that messages use. */
export type Style = "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

/** Colours a text if it goes to a terminal that shows colours, and nobody said NO_COLOR. */
export function styleText(name: Style, text: string, stream: NodeJS.WriteStream): string {
  const { NO_COLOR: noColor, TERM: term } = process.env;
  const plain = !stream.isTTY || (noColor !== undefined && noColor !== "") || term === "dumb";
  return plain ? text : style(name, text, { validateStream: false });
}

/**
 * Text from packets, files and the command line with its control characters escaped, and those that
 * turn the direction of writing, so that it cannot steer a terminal.
 */
export function harmless(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Harmless text in one line, whatever it held. */
export function harmlessLine(text: string): string {
  return harmless(text.replace(/\s+/g, " ").trim());
}

/** Lines of at most so many characters, if no word is longer. */
export function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Rows with their cells below each other; the last of a row may be of any length. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Words as a shell reads them back. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
