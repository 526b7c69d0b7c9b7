// The vectors of test/vectors/ are what their programs make, and Wireshark reads them alike.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../vectors/", import.meta.url));

function python(...words: string[]) {
  const { status, stdout, stderr, error } = spawnSync("python3", words, {
    cwd: folder,
    encoding: "utf8",
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

const lacksCryptography = python("-c", "import cryptography").status !== 0;
const needs = "needs python3-cryptography";

test("crapvpn.json is what crapvpn.py makes", () => {
  expect(python("crapvpn.py", "--check")).toMatchObject({ status: 0, stderr: "" });
});

test.skipIf(lacksCryptography)(`formats/ and streams/ are what formats.py makes (${needs})`, () => {
  expect(python("formats.py", "--check")).toMatchObject({ status: 0, stderr: "" });
});

test.skipIf(lacksCryptography || spawnSync("tshark", ["--version"]).error)(
  `tshark reads what the vectors say (${needs} and tshark)`,
  () => {
    const { status, stdout, stderr } = python("formats.py", "--confirm");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const read = [...stdout.matchAll(/tshark read (\d+) datagrams/g)].map(([, n]) => Number(n));
    expect(read).toHaveLength(10);
    expect(Math.min(...read)).toBeGreaterThan(0);
  },
  // Wireshark starts some twenty times.
  120_000,
);
