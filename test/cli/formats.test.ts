// `crapvpn formats` and `crapvpn diagram`: the list, one in detail, drawn.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { loadCore } from "../../src/core/wasm.js";
import { Folder, SOUND, STEERING, steers, WRONG } from "./descriptions.js";
import { crapvpn } from "./program.js";

const core = await loadCore();
const folder = new Folder();
afterAll(() => folder.remove());
const mine = folder.write("mine.toml", SOUND);

const steering = folder.write(
  "steering.toml",
  SOUND.replace('"mine"', `"mine"\ntitle = "T${STEERING}\\nX"\ndoc = "D${STEERING}"`)
    .replace('name = "id",', `name = "id", title = "F${STEERING}", names = { 1 = "N${STEERING}" },`)
    .replace('packet   = "ip"', `packet = "ip"\ndecode_only = "R${STEERING}"`),
);

describe("the list", () => {
  const { code, stdout, stderr } = crapvpn(["formats"]);
  const [heading = "", ...rows] = stdout.trimEnd().split("\n");
  const row = (name: string) => rows.find((row) => row.startsWith(`${name} `)) ?? "";

  test("has every built-in format, the program's own first, in columns", () => {
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(rows.map((row) => row.split(" ")[0])).toEqual(core.formats);
    for (const [column, word] of [
      ["carrier", "UDP 1337"],
      ["packet", "ip "],
      ["cipher", "xor"],
      ["overhead", "8 "],
      ["title", "CrapVPN Protocol"],
    ] as const) {
      expect(row("crapvpn").slice(heading.indexOf(column)), column).toMatch(new RegExp(`^${word}`));
    }
  });

  test("says what it takes to run each, or why it does not run", () => {
    const needs = (name: string) => row(name).slice(heading.indexOf("to run it"));
    expect(needs("crapvpn ")).toMatch(/^-k {2}/);
    expect(needs("gtpu")).toMatch(/^--set teid /);
    expect(needs("bare-ip")).toMatch(/^ /);
    expect(needs("crapvpn-tcp")).toMatch(/^-k {2}/);
    expect(needs("vxlan ")).toMatch(/^--set vni /);
    expect(needs("crapvpn-ethernet")).toMatch(/^-k {2}/);
    expect(needs("esp-udp")).toMatch(/^not yet: cipher /);
    expect(needs("wireguard-data")).toMatch(/^decode only /);
  });

  test("as JSON is an array", () => {
    const told = JSON.parse(crapvpn(["formats", "--json"]).stdout);
    expect(told.map(({ name }: { name: string }) => name)).toEqual(core.formats);
    expect(told[0]).toMatchObject({ udp: [1337], overhead: 8, mustBeSet: [], cannotRun: [] });
  });
});

describe("one in detail", () => {
  test.each(core.formats)("%s: its title, every field, every setting, its diagram", (name) => {
    const { code, stdout, stderr } = crapvpn(["formats", name]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { title, fields, settings } = core.format(name).info;
    expect(stdout).toMatch(new RegExp(`^${name}: ${title}\n`));
    for (const field of fields) expect(stdout).toContain(`\n  ${field.name} `);
    for (const setting of settings) expect(stdout).toContain(`\n  ${setting.name} `);
    for (const line of core.format(name).diagram("ascii").trimEnd().split("\n")) {
      expect(stdout).toContain(line.trimEnd());
    }
  });

  test("overhead and the longest packet inside, for each kind of packet", () => {
    const { stdout } = crapvpn(["formats", "geneve"]);
    expect(stdout).toContain("\nOverhead   8 bytes a packet\n");
    expect(stdout).toContain("\nPackets    Ethernet frames (--layer 2), IP packets (--layer 3)\n");
    expect(stdout).toContain("\nInner MTU  1450 over IPv4, 1430 over IPv6, on Ethernet, for Eth");
    expect(stdout).toContain("\nInner MTU  1464 over IPv4, 1444 over IPv6, on Ethernet, for IP ");
    expect(crapvpn(["formats", "esp-udp"]).stdout).toContain("at most 37 bytes a packet");
  });

  test("what must be set, ready to be copied, and what it cannot do", () => {
    const gtpu = crapvpn(["formats", "gtpu"]).stdout;
    expect(gtpu).toContain("\nMust be set\n  --set teid=0..4294967295\n");
    expect(gtpu).not.toContain("Cannot run");
    expect(crapvpn(["formats", "qemu-socket-tcp"]).stdout).not.toContain("Cannot run");
    expect(crapvpn(["formats", "nebula"]).stdout).toContain(
      "\nCannot run\n  nebula: decode only: keys and indexes come from the Noise handshake\n",
    );
  });

  test("a table of fields, the elements of a list below it", () => {
    const { stdout } = crapvpn(["formats", "gtpu"]);
    expect(stdout).toMatch(/\n {2}teid +u32 +given: --set teid\n/);
    expect(stdout).toMatch(
      /\n {2}seq_number +u16 +counter from 0 +flags\.e or flags\.s or flags\.pn\n/,
    );
    expect(stdout).toMatch(/\n {2}ext_hdr +list .*\n {4}length +u8 +length of \.\. \/ 4/);
  });

  test("of a file", () => {
    const { code, stdout } = crapvpn(["formats", mine]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mine: mine\n\nCarrier {4}UDP 4000\n/i);
    expect(stdout).toContain("\n  --set id=0..65535\n");
  });

  test("as JSON", () => {
    expect(JSON.parse(crapvpn(["formats", "--json", mine]).stdout)).toMatchObject({
      name: "mine",
      udp: [4000],
      packet: ["ip"],
      overhead: 4,
      mustBeSet: ["--set id=0..65535"],
      cannotRun: [],
      fields: [{ name: "id", type: "u16" }, { name: "length" }, { name: "packet" }],
    });
  });
});

describe("the diagram", () => {
  test.each(core.formats)("of %s", (name) => {
    const ascii = core.format(name).diagram("ascii");
    const drawn = crapvpn(["diagram", name]);
    expect(drawn).toEqual({ code: 0, stdout: `${ascii.trimEnd()}\n`, stderr: "" });
    const svg = crapvpn(["diagram", name, "--svg"]);
    expect(svg).toEqual({
      code: 0,
      stdout: `${core.format(name).diagram("svg").trimEnd()}\n`,
      stderr: "",
    });
    expect(svg.stdout).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  test("of a file", () => {
    expect(crapvpn(["diagram", mine]).stdout).toMatch(/\| +Id +\| +Length +\|\n/);
  });

  test.each([
    [["diagram"], "no format: give a NAME that crapvpn formats lists, or a FILE"],
    [["diagram", "vxlan", "geneve"], '"geneve" is not expected: one format at a time'],
    [["formats", "vxlan", "geneve"], '"geneve" is not expected: one format at a time'],
  ])("%j is a wrong command line", (words, sentence) => {
    expect(crapvpn(words)).toEqual({ code: 2, stdout: "", stderr: `crapvpn: ${sentence}\n` });
  });
});

test.each([["formats"], ["formats", "--json"], ["diagram"], ["diagram", "--svg"]])(
  "nothing in a description steers a terminal: %s %s",
  (...words) => {
    const { code, stdout, stderr } = crapvpn([...words.filter(Boolean), steering]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).not.toMatch(steers);
  },
);

test("JSON keeps what a description says, escaped", () => {
  const { title } = JSON.parse(crapvpn(["formats", "--json", steering]).stdout);
  expect(title).toBe(JSON.parse(`"T${STEERING}\\nX"`));
});

describe("a format is found by its name, or by its file", () => {
  const missing = `${folder.path}/missing.toml`;
  test.each([
    ["vxlna", 2, 'there is no format "vxlna": did you mean vxlan?'],
    ["something", 2, 'there is no format "something": crapvpn formats lists them'],
    ["", 2, 'there is no format "": crapvpn formats lists them'],
    ["LICENSE", 2, '"LICENSE" is no built-in format; for the file, write ./LICENSE'],
    [missing, 3, `"${missing}" does not exist`],
    ["./src", 3, '"./src" is a directory'],
  ])("%j", (word, code, sentence) => {
    for (const command of [["formats"], ["diagram"], ["run", "--format"]]) {
      const ended = crapvpn([...command, word]);
      expect(ended).toEqual({ code, stdout: "", stderr: `crapvpn: ${sentence}\n` });
    }
  });

  test("a file with errors is refused with all of them", () => {
    const wrong = folder.write("wrong.toml", WRONG);
    for (const command of [["formats"], ["diagram"], ["run", "--format"]]) {
      const { code, stdout, stderr } = crapvpn([...command, wrong]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(stderr).toMatch(new RegExp(`^crapvpn: the description ${wrong} cannot be used:\n`));
      expect(stderr).toContain(`  ${wrong}:6:25: error F10: unknown type "uint16"\n`);
      expect(stderr).toContain(`  ${wrong}:7:62: error F22: no field "pakcet" to count\n`);
    }
  });
});

test("the built-in files are what is built in", () => {
  for (const name of core.formats) {
    const path = `crates/core/formats/${name}.toml`;
    expect(crapvpn(["formats", "--json", path])).toEqual(crapvpn(["formats", "--json", name]));
    expect(readFileSync(path, "utf8")).toContain(`"${name}"`);
  }
});
