// Keys: read exactly, refused clearly, never repeated.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseHex, readKey } from "../../src/cli/key.js";
import { crapvpn } from "./program.js";

const folder = mkdtempSync(join(tmpdir(), "crapvpn-key-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => [...parseHex(text, "-k", "usage")];

test("pairs of hex digits in either case, white space between them", () => {
  expect(bytes("00")).toEqual([0]);
  expect(bytes("0011223344")).toEqual([0, 0x11, 0x22, 0x33, 0x44]);
  expect(bytes("12e4")).toEqual([0x12, 0xe4]);
  expect(bytes("1234ABCD")).toEqual(bytes("1234abcd"));
  expect(bytes(" 12 34\tAB\nCD\n")).toEqual([0x12, 0x34, 0xab, 0xcd]);
});

test("what is no key is refused without being repeated", () => {
  const wrong = (text: string) => {
    try {
      parseHex(text, "-k", "usage");
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(wrong("")).toBe("-k: the key is empty: give at least two hex digits");
  expect(wrong(" ")).toContain("empty");
  expect(wrong("123")).toBe("-k: 3 hex digits with one left over: two make a byte");
  expect(wrong("1 2 34")).toContain("two make a byte");
  expect(wrong("12xy")).toContain("character 3 is not a hex digit");
  expect(wrong("0x12")).toContain("character 2 is not a hex digit");
  for (const text of ["1234567", "secretsecret", "12 3"]) expect(wrong(text)).not.toContain(text);
});

describe("where a key may come from", () => {
  test("the command line goes before the environment", async () => {
    const environment = { CRAPVPN_KEY: "ff" };
    expect(await readKey("12e4", environment)).toEqual({
      bytes: Uint8Array.of(0x12, 0xe4),
      onCommandLine: true,
    });
    expect(await readKey(undefined, environment)).toEqual({
      bytes: Uint8Array.of(0xff),
      onCommandLine: false,
    });
  });

  test("a file", async () => {
    const path = join(folder, "key");
    writeFileSync(path, "0011223344\n");
    expect((await readKey(`@${path}`, {})).bytes).toEqual(parseHex("0011223344", "", "input"));
  });

  test("nowhere", async () => {
    await expect(readKey(undefined, {})).rejects.toThrow("no key: give -k HEX");
  });
});

describe("exit codes", () => {
  const rest = ["-p", "192.0.2.1", "10.8.0.1", "10.8.0.2"];
  const file = (text: string | Buffer) => {
    const path = join(folder, "bad");
    writeFileSync(path, text);
    return `@${path}`;
  };
  test.each([
    ["empty on the command line", 2, ["-k", ""]],
    ["odd on the command line", 2, ["-k123"]],
    ["not hex", 2, ["--hex-key=hello"]],
    ["a file that is not there", 3, ["-k", "@/nonexistent/key"]],
    ["a folder", 3, ["-k", `@${tmpdir()}`]],
    ["an empty file", 3, ["-k", file("")]],
    ["a file without end", 3, ["-k", "@/dev/zero"]],
  ])("%s: %i", (_what, code, words) => {
    const ended = crapvpn([...words, ...rest]);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toMatch(/^crapvpn: .*\n$/);
  });

  test("standard input", () => {
    expect(crapvpn(["-k", "-", ...rest], { input: "xyz" })).toMatchObject({ code: 3 });
    expect(crapvpn(["-k-", ...rest], { input: "" }).stderr).toContain("the key is empty");
  });

  test("the environment", () => {
    const ended = crapvpn(rest, { env: { CRAPVPN_KEY: "0" } });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("CRAPVPN_KEY");
  });
});
