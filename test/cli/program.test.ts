// What the program promises: exit codes, streams, help, one-sentence errors.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.js";
import { crapvpn, PROGRAM } from "./program.js";

const good = ["-k", "00", "-p", "192.0.2.1", "10.8.0.1", "10.8.0.2"];

test("the version", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(crapvpn(["--version"])).toEqual({ code: 0, stdout: `crapvpn ${version}\n`, stderr: "" });
});

describe("help", () => {
  test("of the program names every command", () => {
    const { code, stdout, stderr } = crapvpn(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name, about } of commands)
      expect(stdout).toMatch(new RegExp(`^  ${name} +${about.replace(/[()]/g, "\\$&")}$`, "m"));
    expect(crapvpn(["-h"]).stdout).toBe(stdout);
    expect(crapvpn(["help"]).stdout).toBe(stdout);
  });

  test.each(commands.map(({ name }) => name))("of %s has its options and an example", (name) => {
    const { code, stdout } = crapvpn([name, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nExamples?:\n {2}crapvpn /);
    const command = commands.find((command) => command.name === name);
    for (const option of command?.options ?? []) expect(stdout).toContain(`--${option.name}`);
    expect(crapvpn(["help", name]).stdout).toBe(stdout);
  });

  test("of a command that there is not", () => {
    const names = commands.map(({ name }) => name).join(", ");
    expect(crapvpn(["help", "fly"])).toMatchObject({
      code: 2,
      stderr: `crapvpn: there is no command "fly": the commands are ${names}\n`,
    });
  });

  test("has no colours where nobody sees them", () => {
    expect(crapvpn(["--help"]).stdout).not.toContain("\u001b");
  });
});

describe("a wrong command line ends with 2 and a sentence", () => {
  test.each([
    [[], "no peer"],
    [["-k", "00"], "no peer"],
    [["-k", "00", "-p", "192.0.2.1"], "LOCAL_IP and PEER_IP are missing"],
    [["-p", "192.0.2.1", "10.8.0.1", "10.8.0.2"], "no key"],
    [["fly", ...good], '"fly" is not an IP address'],
    [["--fly", ...good], "unknown option --fly"],
    [["-v", "-q", ...good], "-v and -q contradict each other"],
    [["--mtu", "abc", ...good], "--mtu"],
    [["--mtu", "67", ...good], "--mtu"],
    [["--mtu", "65500", ...good], "a datagram of 65507 bytes carries 65499"],
    [["--mtu", "1279", ...good, "fd00::1", "fd00::2"], "IPv6 needs 1280"],
    [["--device", "a/b", ...good], "--device"],
    [["--device", "sixteen-bytes-xx", ...good], "--device"],
    [["--stats", "0", ...good], "--stats"],
    [["--listen", "[::1]:5", ...good], "both need one family"],
    [["-k", "00", "-p", "10.8.0.2", "10.8.0.1", "10.8.0.2"], "lies inside the tunnel"],
  ])("%j", (words, sentence) => {
    const { code, stdout, stderr } = crapvpn(words, { env: { CRAPVPN_KEY: undefined } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain("    at ");
  });

  test("control characters do not reach the terminal", () => {
    const { stderr } = crapvpn(["--\u001b[31mred\u202e"]);
    expect(stderr).toContain("\\u001b[31mred\\u202e");
  });

  test("-vv adds the trace", () => {
    expect(crapvpn(["-vv", "-x"]).stderr).toContain("    at ");
  });
});

test("a name that nobody knows ends with 5", () => {
  const words = ["-k", "00", "-p", "nobody.invalid", "10.8.0.1", "10.8.0.2"];
  const { code, stderr } = crapvpn(words);
  expect(code).toBe(5);
  expect(stderr).toContain('"nobody.invalid"');
});

test("what opens no device does not load koffi", () => {
  const script = `
    process.argv.splice(1, 1, ...JSON.parse(process.env.WORDS));
    process.on("exit", () => {
      const loaded = process.report.getReport().sharedObjects.some((path) => path.includes("koffi"));
      process.stderr.write(loaded ? "koffi" : "none");
    });
    await import(process.env.PROGRAM);
  `;
  for (const words of [["--version"], ["--help"], ["-k", "", "-p", "x", "10.8.0.1", "10.8.0.2"]]) {
    const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      env: { ...process.env, WORDS: JSON.stringify([PROGRAM, ...words]), PROGRAM },
    });
    expect(stderr).toMatch(/none$/);
  }
});

test("a reader that has enough is no fault", () => {
  const { status, stderr } = spawnSync(
    "sh",
    ["-c", `"${process.execPath}" "${PROGRAM}" --help | true; exit "$?"`],
    { encoding: "utf8" },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});
