// `crapvpn decode`: what it prints, writes and answers with.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { crapvpn, PROGRAM } from "./program.js";
import { faults, readSchema } from "./schema.js";

const KEY = "1234abcd";
const OUTER = `test/captures/program_key${KEY}.outer.pcap`;
const INNER = `test/captures/program_key${KEY}.inner.pcap`;
const FIRST_FRAGMENTS = "test/captures/program_key0011223344_first_fragments_only.outer.pcap";
const folder = mkdtempSync(join(tmpdir(), "crapvpn-decode-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const decode = (...words: string[]) => crapvpn(["decode", ...words]);
const lines = (text: string) => text.trimEnd().split("\n");
/** What tshark prints of a capture. */
const tshark = (file: string, ...words: string[]) =>
  spawnSync("tshark", ["-n", "-o", "tcp.relative_sequence_numbers:FALSE", "-r", file, ...words], {
    encoding: "utf8",
  }).stdout;

describe("the list", () => {
  test("a line a frame: the packet inside", () => {
    const { code, stdout, stderr } = decode(OUTER, "-k", KEY);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const shown = lines(stdout);
    expect(shown).toHaveLength(40);
    expect(shown[0]).toMatch(
      /^ {4}1 {3}0\.000000 {2}192\.168\.2\.1 → 192\.168\.2\.2 {2}ICMP \d+ Echo \(ping\) request /,
    );
  });

  test("without a key: what is visible, and no complaint", () => {
    const { code, stdout, stderr } = decode(OUTER);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(lines(stdout)[0]).toMatch(/10\.77\.0\.1 +→ 10\.77\.0\.2 +CRAPVPN /);
  });

  test("-c ends early, and reads no further than it needs", () => {
    const { code, stdout } = decode(OUTER, "-k", KEY, "-c", "3");
    expect(code).toBe(0);
    expect(lines(stdout)).toHaveLength(3);
  });
});

test("the packets inside, as tshark reads the recorded inner side", () => {
  const written = join(folder, "inside.pcapng");
  const { code, stdout } = decode(OUTER, "-k", KEY, "-w", written);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  const fields = [
    "-T",
    "fields",
    ..."ip.src ip.id ip.len ipv6.src tcp.seq udp.srcport icmp.seq"
      .split(" ")
      .flatMap((name) => ["-e", name]),
  ];
  const sorted = (text: string) => lines(text).sort();
  expect(sorted(tshark(written, ...fields))).toEqual(sorted(tshark(INNER, ...fields)));
  const comments = lines(tshark(written, "-T", "fields", "-e", "frame.comment"));
  expect(comments[0]).toBe("outer frame 1");
  const times = lines(tshark(written, "-T", "fields", "-e", "frame.time_epoch"));
  expect(times[0]).toBe(lines(tshark(OUTER, "-T", "fields", "-e", "frame.time_epoch"))[0]);
  // Our own list of what we wrote is our list of the tunnel, as far as it goes.
  expect(lines(decode(written).stdout)).toHaveLength(38);
});

test("-w -: to standard output, for another program", () => {
  const script = `"$0" "$1" decode ${OUTER} -k ${KEY} -w - | tshark -n -r - -T fields -e frame.comment | tail -n 1`;
  const { stdout } = spawnSync("bash", ["-c", script, process.execPath, PROGRAM], {
    encoding: "utf8",
  });
  expect(stdout).toBe("outer frame 40\n");
  expect(decode(OUTER, "-w", "-", "-V").code).toBe(2);
});

test("-w never writes over the capture that is read", () => {
  const copy = join(folder, "copy.pcap");
  cpSync(OUTER, copy);
  const { code, stderr } = decode(copy, "-k", KEY, "-w", copy);
  expect(code).toBe(2);
  expect(stderr).toContain("is the capture that is read");
  expect(readFileSync(copy)).toEqual(readFileSync(OUTER));
  const piped = crapvpn(["decode", "-", "-k", KEY, "-w", join(folder, "from-pipe.pcapng")], {
    input: readFileSync(OUTER, "latin1"),
  });
  expect(piped.code).not.toBe(1);
});

describe("-T fields", () => {
  test("tab between fields, comma between several of one name", () => {
    const names = ["frame.number", "crapvpn.ciphertext_length", "ip.src"];
    const { stdout } = decode(
      OUTER,
      "-k",
      KEY,
      "-c",
      "1",
      "-T",
      "fields",
      ...names.flatMap((name) => ["-e", name]),
    );
    expect(stdout).toBe("1\t84\t10.77.0.1,192.168.2.1\n");
  });

  test("as tshark has them, of what is outside", () => {
    const names = [
      "frame.number",
      "frame.len",
      "eth.src",
      "ip.src",
      "ip.id",
      "ip.ttl",
      "udp.length",
    ];
    const words = ["-T", "fields", ...names.flatMap((name) => ["-e", name])];
    expect(decode(OUTER, ...words).stdout).toBe(tshark(OUTER, ...words));
  });

  test("a field that nothing has", () => {
    const { code, stderr } = decode(OUTER, "-T", "fields", "-e", "no.such");
    expect(code).toBe(2);
    expect(stderr).toContain("no.such");
  });
});

describe("--json", () => {
  const schema = readSchema("docs/decode.schema.json");

  test("every line fits the schema, sums included", () => {
    for (const words of [[OUTER, "-k", KEY], [OUTER], [FIRST_FRAGMENTS, "-k", "00"]]) {
      const { stdout } = decode(...words, "--json", "--stats");
      const objects = lines(stdout).map((line) => JSON.parse(line));
      for (const object of objects) expect(faults(schema, object)).toEqual([]);
      expect(Object.keys(objects.at(-1))).toEqual(["stats"]);
    }
  });

  test("the schema refuses other things", () => {
    const [line = ""] = lines(decode(OUTER, "--json", "-c", "1").stdout);
    const frame = JSON.parse(line);
    expect(faults(schema, { ...frame, number: "1" })).not.toEqual([]);
    expect(faults(schema, { ...frame, more: 1 })).not.toEqual([]);
    expect(faults(schema, { ...frame, drops: [{}] })).not.toEqual([]);
  });

  test("layers, sources, and the bytes that fields lie in", () => {
    const { stdout } = decode(OUTER, "-k", KEY, "--json", "-c", "1");
    const { layers, sources, time } = JSON.parse(stdout);
    expect(layers.map(({ protocol }: { protocol: string }) => protocol)).toEqual([
      "frame",
      "eth",
      "ip",
      "udp",
      "crapvpn",
      "ip",
      "icmp",
      "data",
    ]);
    expect(sources.map(({ kind }: { kind: string }) => kind)).toEqual(["frame", "plaintext"]);
    expect(time).toMatch(/^\d+\.\d{9}$/);
    const magic = layers[4].fields[0];
    expect(magic).toEqual({
      name: "crapvpn.magic",
      label: "Magic Bytes",
      value: "crap",
      offset: 42,
      length: 4,
      in: 0,
    });
    const inner = layers[5].fields.find(({ name }: { name: string }) => name === "ip.src");
    expect(inner).toMatchObject({ value: "192.168.2.1", offset: 12, length: 4, in: 1 });
  });
});

test("-x: bytes with their source named", () => {
  const { stdout } = decode(OUTER, "-k", KEY, "-c", "1", "-x");
  expect(stdout).toMatch(/^Frame \(134 bytes\):\n0000 {2}/m);
  expect(stdout).toMatch(/^Plaintext \(84 bytes\):\n0000 {2}45 00 00 54 /m);
});

describe("--stats", () => {
  test("protocols, overhead, the key", () => {
    const { code, stdout } = decode(OUTER, "-k", KEY, "--stats");
    expect(code).toBe(0);
    expect(stdout).toContain("eth:ip:udp:crapvpn:ip:tcp");
    expect(stdout).toContain("Overhead: 38 packets of 11566 bytes in frames of ");
    expect(stdout).toMatch(/Key: 38 of 38 deciphered datagrams are whole packets/);
    // Two of the 40 frames are first halves of packets that come with the second.
    expect(stdout).toContain("in frames of 13534:");
  });

  test("a key that is too short", () => {
    const { stdout, stderr } = decode(OUTER, "-k", KEY.slice(0, 6), "--stats");
    expect(stdout).toMatch(/version +\d+ of 38/);
    expect(stderr).toMatch(/^crapvpn: warning: \d+ of 38 datagrams are whole packets: /);
  });
});

test("of first fragments alone, what is there is shown, and it is said", () => {
  const { code, stdout, stderr } = decode(FIRST_FRAGMENTS, "-k", "0011223344", "-V");
  expect(code).toBe(0);
  expect(stderr).toMatch(/warning: \d+ packets? lacks? fragments, the first in frame \d+: /);
  expect(stdout).toMatch(/bytes travel in other fragments/);
});

describe("what cannot be read", () => {
  test("a cut file: after what is intact, code 3, with the place", () => {
    const cut = join(folder, "cut.pcap");
    writeFileSync(cut, readFileSync(OUTER).subarray(0, 1000));
    const { code, stdout, stderr } = decode(cut, "-k", KEY);
    expect(code).toBe(3);
    expect(lines(stdout).length).toBeGreaterThan(3);
    expect(stderr).toMatch(/cut\.pcap" at byte \d+: the file ends inside /);
  });

  test.each([
    ["no capture", ["README.md"], 3, "as no capture does"],
    ["no file", ["no-such.pcap"], 3, "does not exist"],
    ["a folder", ["test"], 3, "is a directory"],
    ["no word", [], 2, "give one FILE"],
    ["two files", [OUTER, INNER], 2, "give one FILE"],
    ["a type", [OUTER, "-T", "pdml"], 2, "is not text, fields or json"],
    ["no fields", [OUTER, "-T", "fields"], 2, "needs at least one field"],
    ["a count", [OUTER, "-c", "0"], 2, "not a number of frames"],
    ["a port", [OUTER, "--decode-as", "udp.port=1,vxlan"], 2, "udp.port==PORT,FORMAT"],
    [
      "a setting",
      [OUTER, "--set", "nope=1"],
      2,
      'no format that is looked for has a field or setting "nope"',
    ],
    ["both from standard input", ["-", "-k", "-"], 2, "cannot be both key and capture"],
  ] as const)("%s", (_, words, code, sentence) => {
    const ended = decode(...words);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(sentence);
  });
});

test("--decode-as: a format on another port", () => {
  const { stdout } = decode(OUTER, "--decode-as", "udp.port==1337,bare-ip", "-c", "1");
  expect(stdout).toContain("BARE-IP");
});

describe("the README", () => {
  const readme = readFileSync("README.md", "utf8");
  const blocks = [
    ...readme.matchAll(/^```console\n(\$ npx crapvpn (?:decode|verify) .*?)^```$/gms),
  ];
  const commands = blocks.flatMap(([, block = ""]) => block.trimEnd().split(/^(?=\$ )/m));

  test.each(commands)("%s", (block) => {
    const [command = "", ...shown] = block.trimEnd().split("\n");
    const script = command.replace("$ npx crapvpn", `"${process.execPath}" "${PROGRAM}"`);
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    expect(
      `${stdout}${stderr.replace(/^crapvpn: warning: .*\n/gm, "")}`.trimEnd().split("\n"),
    ).toEqual(shown);
  });

  test("has them", () => {
    expect(commands.length).toBeGreaterThan(3);
  });
});

test("a growing pipe: lines come as frames do", async () => {
  const child = spawn(process.execPath, [PROGRAM, "decode", "-", "-k", KEY]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const file = readFileSync(OUTER);
  child.stdin.write(file.subarray(0, 24 + 16 + 134));
  await expect.poll(() => text, { timeout: 20_000 }).toMatch(/Echo \(ping\) request/);
  expect(lines(text)).toHaveLength(1);
  child.stdin.end(file.subarray(24 + 16 + 134));
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  expect(lines(text)).toHaveLength(40);
});

test("a reader that has enough ends it quietly", () => {
  const many = join(folder, "many.pcap");
  const file = readFileSync(OUTER);
  const records = file.subarray(24);
  writeFileSync(
    many,
    Buffer.concat([file.subarray(0, 24), ...Array.from({ length: 500 }, () => records)]),
  );
  expect(statSync(many).size).toBeGreaterThan(1_000_000);
  const script = `"$0" "$1" decode "$2" -k ${KEY} | head -n 1; exit "\${PIPESTATUS[0]}"`;
  const { status, stdout, stderr } = spawnSync(
    "bash",
    ["-c", script, process.execPath, PROGRAM, many],
    {
      encoding: "utf8",
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(lines(stdout)).toHaveLength(1);
});
