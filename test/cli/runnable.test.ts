// What `crapvpn run` says about a format that cannot run as asked: the sentence and the exit code.

import { afterAll, describe, expect, test } from "vitest";
import { Folder, SOUND } from "./descriptions.js";
import { crapvpn } from "./program.js";

const folder = new Folder();
afterAll(() => folder.remove());

const noPort = folder.write("no-port.toml", SOUND.replace("4000", "[]"));
const noPacket = folder.write(
  "no-packet.toml",
  SOUND.replace('packet   = "ip"\n', "").replace('type = "packet"', 'type = "bytes"'),
);
const enciphered = folder.write(
  "enciphered.toml",
  SOUND.replace('packet   = "ip"', 'packet = "ip"\ncipher = "xor"'),
);

/** The words of a tunnel to nobody: the name has no address, so it ends there if all else is well. */
const rest = ["-p", "nobody.invalid", "10.8.0.1", "10.8.0.2"];
const run = (format: string, ...words: string[]) =>
  crapvpn(["run", "--format", format, ...words, ...rest], { env: { CRAPVPN_KEY: undefined } });
const said = (sentence: string, ...hints: string[]) =>
  `crapvpn: ${[sentence, ...hints.map((hint) => `  ${hint}`)].join("\n")}\n`;

describe("a description that cannot run, whatever is given: 3", () => {
  test.each([
    [
      "wireguard-data",
      "wireguard-data: decode only: keys and indexes come from the Noise handshake",
    ],
    ["esp-udp", "esp-udp: AEAD_AES_128_GCM cannot run yet"],
    [noPacket, 'mine: no field has type "packet": this can only be decoded'],
  ])("%s", (format, sentence) => {
    expect(run(format)).toEqual({ code: 3, stdout: "", stderr: said(sentence) });
  });
});

describe("values that are missing or wrong: 2", () => {
  test.each([
    [["gtpu"], 'gtpu: "teid" must be set: --set teid=0..4294967295'],
    [["gtpu", "--set", "teid"], 'gtpu: "teid" is not NAME=VALUE'],
    [["vxlan"], 'vxlan: "vni" must be set: --set vni=0..16777215'],
    [["gtpu", "--set", "teid=4294967296"], "teid: 4294967296 does not fit u32: 0..4294967295"],
    [["gtpu", "--set", "length=1", "--set", "teid=1"], "length is filled by its role"],
    [["crapvpn", "--set", "magc=1"], 'no field or setting "magc" in "crapvpn": it has magic, et'],
    [["crapvpn", "--expect", "vxlan.magic=x"], 'no field or setting "vxlan.magic" in "crapvpn"'],
    [["gre-udp", "--ethertype"], 'no field or setting "ethertype" in "gre-udp"'],
    [["gtpu", "--set", "teid=1", "--set", "seq_number=1"], '"seq_number" is not there unless'],
  ])("%j", ([format = "", ...words], sentence) => {
    const { code, stdout, stderr } = run(format, ...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("all of them at once", () => {
    const { code, stderr } = run(
      "gtpu",
      "--set",
      "teid=x",
      "--expect",
      "no=1",
      "--set",
      "length=1",
    );
    expect(code).toBe(2);
    const [first, ...hints] = stderr.trimEnd().split("\n");
    expect(first).toBe("crapvpn: gtpu cannot run like this:");
    expect(hints).toEqual([
      expect.stringMatching(/^ {2}teid: /),
      expect.stringMatching(/^ {2}length is filled by its role/),
      expect.stringMatching(/^ {2}no field or setting "no" in "gtpu"/),
    ]);
    expect(run("gtpu", "--set", "teid=1", "--set", "message=1").stderr).toContain(
      '"packet" is there only if message = 255',
    );
  });

  test("each --set counts, and the last of a name holds", () => {
    expect(run("vxlan-gpe", "--set", "vni=x", "--set", "vni=7").code).toBe(2);
    const ended = run("gtpu", "--set", "teid=1", "--set=gtpu.flags.s=1", "--set", "teid=2");
    expect(ended).toMatchObject({ code: 5, stderr: expect.stringContaining("nobody.invalid") });
  });

  test("no port of its own", () => {
    const words = ["--set", "id=1"];
    expect(run(noPort, ...words)).toEqual({
      code: 2,
      stdout: "",
      stderr: said("mine has no port of its own: give -p HOST:PORT and --listen PORT"),
    });
    expect(run(noPort, ...words, "--listen", "5000").stderr).toBe(
      said("mine has no port of its own: give -p HOST:PORT"),
    );
    const both = [...words, "--listen", "5000", "-p", "nobody.invalid:5000", ...rest.slice(2)];
    expect(crapvpn(["--format", noPort, ...both]).code).toBe(5);
  });
});

describe("the key", () => {
  test("is needed if the format has a cipher", () => {
    for (const [format, ...words] of [["crapvpn"], [enciphered, "--set", "id=1"]] as const) {
      const { code, stderr } = run(format, ...words);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: said(
          "no key: give -k HEX, -k @FILE, -k - for standard input, or the environment variable CRAPVPN_KEY",
        ),
      });
    }
  });

  const warnings = (stderr: string) => stderr.match(/(?<=^crapvpn: warning: ).*$/gm) ?? [];

  test("is not asked for if it has none, and that is said", () => {
    const { code, stderr } = run("bare-ip");
    expect(code).toBe(5);
    expect(warnings(stderr)).toEqual([
      "bare-ip enciphers nothing: whoever sees your packets can read and change them.",
    ]);
  });

  test("is ignored with a warning if it has none", () => {
    const { code, stderr } = run("bare-ip", "-k", "1234");
    expect(code).toBe(5);
    expect(warnings(stderr)).toEqual([
      expect.any(String),
      "bare-ip has no cipher: the key of -k is ignored",
    ]);
    // One in the environment may be meant for other tunnels.
    const { stderr: quiet } = crapvpn(["--format", "bare-ip", ...rest], {
      env: { CRAPVPN_KEY: "00" },
    });
    expect(warnings(quiet)).toHaveLength(1);
  });

  test("under XOR protects nothing, and that is said", () => {
    expect(warnings(run("crapvpn", "-k", "00").stderr)[0]).toMatch(/^XOR protects nothing/);
  });
});
