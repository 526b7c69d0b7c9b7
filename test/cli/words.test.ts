// What the words of a command line mean.

import { describe, expect, test } from "vitest";
import type { CommandSpec } from "../../src/cli/command.js";
import { commands, defaultCommand, globalOptions } from "../../src/cli/commands.js";
import { nameForCac, safeWords, unmark } from "../../src/cli/words.js";

const table = { commands, defaultCommand, globalOptions };
const read = (...argv: string[]) => {
  const { command, words } = safeWords(argv, table);
  return { command: command.name, words: words.map((word) => word.replaceAll("\u0001", "")) };
};

describe("values stay as they were written", () => {
  const keys = ["00", "0011223344", "12e4", "1234ABCD", "-", "@key", "", "0x10", "--", "-v", "1=2"];
  test.each(keys)("the key %j", (key) => {
    expect(read("-k", key).words).toEqual([`--hex-key=${key}`]);
    expect(read("--hex-key", key).words).toEqual([`--hex-key=${key}`]);
    expect(read(`--hex-key=${key}`).words).toEqual([`--hex-key=${key}`]);
    if (key !== "") expect(read(`-k${key}`).words).toEqual([`--hex-key=${key}`]);
  });

  test("the mark is taken off again", () => {
    const [word] = safeWords(["10.0.0.1"], table).words;
    expect(word).not.toBe("10.0.0.1");
    expect(unmark(word as string)).toBe("10.0.0.1");
  });
});

test("letters may be bundled", () => {
  expect(read("-vvk00").words).toEqual(["--verbose=true", "--verbose=true", "--hex-key=00"]);
  expect(read("-vk", "00").words).toEqual(["--verbose=true", "--hex-key=00"]);
});

test("options and words may stand in any order", () => {
  const author = ["--hex-key=1234ABCD", "--peer-host=HOST", "10.0.0.1", "10.0.0.2"];
  expect(read("-k", "1234ABCD", "-p", "HOST", "10.0.0.1", "10.0.0.2").words).toEqual(author);
  expect(read("10.0.0.1", "-k", "1234ABCD", "10.0.0.2", "-p", "HOST").words).toEqual(author);
  expect(read("-k1234ABCD", "-pHOST", "--", "10.0.0.1", "10.0.0.2").words).toEqual(author);
});

test("a switch never takes the next word", () => {
  for (const { name, options } of commands) {
    for (const option of options.filter(({ value }) => value === undefined)) {
      expect(read(name, `--${option.name}`, "10.0.0.1").words).toEqual([
        name,
        `--${nameForCac(option)}=true`,
        "10.0.0.1",
      ]);
    }
  }
});

test("an option may be given again and again", () => {
  expect(read("--set", "a=1", "--set=b=2", "--set", "a=--set").words).toEqual([
    "--set=a=1",
    "--set=b=2",
    "--set=a=--set",
  ]);
});

test("the command is the first word that is no option's value", () => {
  expect(read("-k", "run", "10.0.0.1").words).toEqual(["--hex-key=run", "10.0.0.1"]);
  expect(read("-k", "00", "run", "10.0.0.1")).toEqual({
    command: "run",
    words: ["run", "--hex-key=00", "10.0.0.1"],
  });
  expect(read("help", "run")).toEqual({ command: "help", words: ["help", "run"] });
});

test("what is wrong is said", () => {
  expect(() => read("--devise", "tun1")).toThrow("unknown option --devise: did you mean --device?");
  expect(() => read("-y")).toThrow("unknown option -y: see --help");
  expect(() => read("-k")).toThrow("-k needs a value: -k HEX");
  expect(() => read("--ethertype=1")).toThrow("--ethertype takes no value");
  expect(() => read("help", "--mtu", "3")).toThrow('--mtu is no option of "help"');
});

test("an option takes a value in every command or in none, but for --stats", () => {
  expect(read("decode", "--stats", "FILE").words).toEqual(["decode", "--stats=true", "FILE"]);
  expect(read("decode", "FILE", "--stats").words).toEqual(["decode", "--stats=true", "FILE"]);
  expect(read("--stats", "10", "10.0.0.1").words).toEqual(["--stats=10", "10.0.0.1"]);
  expect(read("--stats=10", "10.0.0.1").words).toEqual(["--stats=10", "10.0.0.1"]);
  expect(() => read("decode", "--stats=10")).toThrow("--stats takes no value");
  const arity = new Map<string, boolean>();
  const every = [{ options: globalOptions }, ...commands] satisfies Pick<CommandSpec, "options">[];
  for (const { options } of every) {
    for (const { name, value } of options.filter(({ name }) => name !== "stats")) {
      expect(arity.get(name) ?? value !== undefined, name).toBe(value !== undefined);
      arity.set(name, value !== undefined);
    }
  }
});
