// `crapvpn check`: findings, streams and exit codes.

import { afterAll, describe, expect, test } from "vitest";
import { Folder, SOUND, STEERING, steers, WRONG } from "./descriptions.js";
import { crapvpn } from "./program.js";

const folder = new Folder();
afterAll(() => folder.remove());

const sound = folder.write("sound.toml", SOUND);
const wrong = folder.write("wrong.toml", WRONG);
const warned = folder.write(
  "warned.toml",
  SOUND.replace("mine", "warned").replace('type = "u16", role', 'type = "u8", role'),
);

test("a sound description: nothing but the sum", () => {
  expect(crapvpn(["check", sound])).toEqual({
    code: 0,
    stdout: "",
    stderr: "1 file: nothing found\n",
  });
});

test("all errors of all files at once, in order, with places", () => {
  const { code, stdout, stderr } = crapvpn(["check", wrong, sound, warned]);
  expect({ code, stderr }).toEqual({ code: 3, stderr: "3 files: 2 errors, 1 warning\n" });
  expect(stdout.split("\n").filter((line) => /^\S/.test(line))).toEqual([
    `${wrong}:6:25: error F10: unknown type "uint16"`,
    `${wrong}:7:62: error F22: no field "pakcet" to count`,
    expect.stringMatching(/warned\.toml:7:\d+: warning F23: u8 counts at most 255 × 1 bytes/),
  ]);
  expect(stdout).toContain('  6 |  { name = "id", type = "uint16" },\n');
  expect(stdout).toContain("\n  hint: ");
});

test("a warning alone is no reason to fail", () => {
  const { code, stderr } = crapvpn(["check", warned]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "1 file: 1 warning\n" });
});

test("standard input", () => {
  const { code, stdout, stderr } = crapvpn(["check", "-", sound], { input: WRONG });
  expect({ code, stderr }).toEqual({ code: 3, stderr: "2 files: 2 errors\n" });
  expect(stdout).toMatch(/^standard input:6:25: error F10: /);
  expect(crapvpn(["check", "-"], { input: SOUND }).code).toBe(0);
});

describe("--json", () => {
  test("a finding a line, always with the same keys", () => {
    const { code, stdout, stderr } = crapvpn(["check", "--json", wrong, warned]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: "2 files: 2 errors, 1 warning\n" });
    const found = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const one of found) {
      expect(Object.keys(one)).toEqual([
        "code",
        "severity",
        "file",
        "line",
        "column",
        "end",
        "message",
        "expected",
        "hint",
        "related",
      ]);
    }
    expect(found[0]).toEqual({
      code: "F10",
      severity: "error",
      file: wrong,
      line: 6,
      column: 25,
      end: 33,
      message: 'unknown type "uint16"',
      expected: expect.stringContaining("padding"),
      hint: 'did you mean "u16"?',
      related: [],
    });
    expect(found.map(({ severity }) => severity)).toEqual(["error", "error", "warning"]);
  });

  test("nothing found is nothing said", () => {
    expect(crapvpn(["check", "--json", sound]).stdout).toBe("");
  });
});

describe("a file that cannot be read is told, and the others are checked", () => {
  test.each([
    ["is not there", `${folder.path}/nothing.toml`, "does not exist"],
    ["is a folder", folder.path, "is a directory"],
    [
      "is no text",
      folder.write("latin1.toml", Uint8Array.of(0x23, 0xfc, 0x0a)),
      "is not text in UTF-8, as descriptions are",
    ],
  ])("it %s", (_why, path, sentence) => {
    const { code, stdout, stderr } = crapvpn(["check", path, wrong]);
    expect(code).toBe(3);
    expect(stderr).toBe(`crapvpn: "${path}" ${sentence}\n2 files: 1 unreadable, 2 errors\n`);
    expect(stdout).toContain("error F10");
    expect(crapvpn(["check", path, sound]).code).toBe(3);
  });
});

test.each([
  ["a large file", () => folder.write("large.toml", `${SOUND}#${" ".repeat(70_000)}\n`)],
  ["many bytes for one character", () => folder.write("cut.toml", `#${"€".repeat(30_000)}\n`)],
  ["a file without an end", () => "/dev/zero"],
])("%s is not read whole, and refused", (_what, path) => {
  const { code, stdout } = crapvpn(["check", path()]);
  expect(code).toBe(3);
  expect(stdout).toMatch(/error F07: \d+ bytes, more than 65536/);
});

test("standard input without an end is not read whole", () => {
  const { code, stdout } = crapvpn(["check", "-"], { input: `#${"x".repeat(5_000_000)}` });
  expect(code).toBe(3);
  expect(stdout).toContain("error F07");
});

test("nothing in a file or its name steers a terminal", () => {
  const path = folder.write(
    "steer\u001b[31m\u202e.toml",
    `${SOUND.replace('"id"', `"${STEERING}"`)}\n# \u202e\u009b\ntitle = "\u202e\u009b"\n`,
  );
  const missing = `${folder.path}/\u001b[31m`;
  for (const more of [[], ["--json"]]) {
    const { code, stdout, stderr } = crapvpn(["check", ...more, path, missing]);
    expect(code).toBe(3);
    expect(stdout).toContain("F08");
    expect(stdout + stderr).not.toMatch(steers);
  }
});

test("--schema prints the JSON Schema of descriptions", () => {
  const { code, stdout, stderr } = crapvpn(["check", "--schema"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const schema = JSON.parse(stdout);
  expect(schema.$schema).toMatch(/^https?:\/\/json-schema\.org\//);
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(["name", "fields"]));
});

test.each([
  [[], "nothing to check: give FILE, a description, or - for standard input"],
  [["--schema", sound], "--schema checks nothing: give it no FILE"],
  [[sound, sound], `"${sound}" is given twice`],
])("%j is a wrong command line", (words, sentence) => {
  const ended = crapvpn(["check", ...words]);
  expect(ended).toEqual({ code: 2, stdout: "", stderr: `crapvpn: ${sentence}\n` });
});
