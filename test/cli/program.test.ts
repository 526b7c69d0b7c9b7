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

test.each(["--only-peer", "--ethertype", "--json", "-v"])(
  "%s leaves the next word alone",
  (word) => {
    const ended = crapvpn([
      "-k",
      "00",
      "-p",
      "192.0.2.1",
      "--mtu",
      "70000",
      word,
      "10.8.0.1",
      "10.8.0.2",
    ]);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("--mtu") });
  },
);

describe("a wrong command line ends with 2 and a sentence", () => {
  test.each([
    [[], "no peer"],
    [["-k", "00"], "no peer"],
    [["-k", "00", "-p", "192.0.2.1"], "LOCAL_IP and PEER_IP are missing"],
    [["-p", "192.0.2.1", "10.8.0.1", "10.8.0.2"], "no key"],
    [["fly", ...good], '"fly" is neither an address nor a command'],
    [["docter"], "did you mean doctor?"],
    [["--peer", "h"], "did you mean --peer-host?"],
    [["--hex", "00"], "did you mean --hex-key?"],
    [["-k", "00", "-p", "0.0.0.0", "10.8.0.1", "10.8.0.2"], "nobody's address"],
    [["-k", "00", "-p", "0x7f000001", "10.8.0.1", "10.8.0.2"], "is not a host"],
    [["-k", "00", "-p", "FD00:0::1", "fd00::1", "fd00::2"], "fd00::1 is LOCAL_IP"],
    [["-k", "00", "-p", "::ffff:10.8.0.2", "10.8.0.1", "10.8.0.2"], "lies inside the tunnel"],
    [["-k", "00", "-p", "fe80::1", "10.8.0.1", "10.8.0.2"], "write fe80::1%DEVICE"],
    [["-k", "00", "-p", "fe80::1%nosuch", "10.8.0.1", "10.8.0.2"], "there is no device nosuch"],
    [["help", "run", "extra"], '"extra" is not expected'],
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

describe("on a terminal", () => {
  // script(1) of bsdutils, which every Debian has, gives a program a terminal.
  const onTerminal = (env: NodeJS.ProcessEnv) => {
    const { NO_COLOR: _, ...rest } = process.env;
    const command = `"${process.execPath}" "${PROGRAM}" --x$(printf '\\033')y`;
    const options = { encoding: "utf8", env: { ...rest, TERM: "xterm", ...env } } as const;
    return spawnSync("script", ["-qec", command, "/dev/null"], options).stdout;
  };

  test("there are colours, and strangers' control characters are still shown as text", () => {
    expect(onTerminal({})).toContain("\u001b[31mcrapvpn:\u001b[39m unknown option --x\\u001by");
  });

  test("NO_COLOR is respected", () => {
    expect(onTerminal({ NO_COLOR: "1" })).toMatch(/^crapvpn: unknown option/);
  });
});
