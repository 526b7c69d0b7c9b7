// `crapvpn verify`: the author's own captures, and what differs from them.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { crapvpn } from "./program.js";

const KEY = "1234abcd";
const OUTER = `test/captures/program_key${KEY}.outer.pcap`;
const PUBLISHED = "../shared/captures/crapvpn_key0011223344.pcapng";
/** Where the first datagram begins in the file: behind its header, the record's, and those of the frame. */
const DATAGRAM = 24 + 16 + 14 + 20 + 8;
const folder = mkdtempSync(join(tmpdir(), "crapvpn-verify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const verify = (...words: string[]) => crapvpn(["verify", ...words]);

/** The capture with a byte of its first datagram changed. */
function changed(offset: number, bits: number): string {
  const file = readFileSync(OUTER);
  file[DATAGRAM + offset] = (file[DATAGRAM + offset] ?? 0) ^ bits;
  const path = join(folder, `changed-${offset}.pcap`);
  writeFileSync(path, file);
  return path;
}

test("the author's own program is as described", () => {
  expect(verify(OUTER, "-k", KEY)).toEqual({
    code: 0,
    stdout: "",
    stderr: "38 datagrams: all as described\n",
  });
});

test.skipIf(!existsSync(PUBLISHED))(
  `the published capture (skipped where ${PUBLISHED} is absent)`,
  () => {
    expect(verify(PUBLISHED, "-k", "0011223344")).toEqual({
      code: 0,
      stdout: "",
      stderr: "6 datagrams: all as described\n",
    });
  },
);

describe("a difference is told with frame, field, offset, described and captured", () => {
  test.each([
    [
      "the magic word",
      3,
      0x20,
      "frame 1: crapvpn.magic at byte 0: described 63 72 61 70, captured 63 72 61 50",
    ],
    [
      "the length",
      5,
      1,
      "frame 1: length: crapvpn.ciphertext_length at byte 4: described 84, captured 85",
    ],
    ["the time to live", 8 + 8, 1, "frame 1: ip.checksum at byte 18: described "],
    ["the payload", 8 + 40, 1, "frame 1: icmp.checksum at byte 30: described "],
  ])("%s", (name, offset, bits, line) => {
    const { code, stdout, stderr } = verify(changed(offset, bits), "-k", KEY);
    // Without its magic word a datagram is of another protocol, unless somebody says so.
    if (name === "the magic word") {
      expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: "",
        stderr: "37 datagrams: all as described\n",
      });
      const said = verify(
        changed(offset, bits),
        "-k",
        KEY,
        "--decode-as",
        "udp.port==1337,crapvpn",
      );
      expect(said.stdout).toContain(line);
      expect(said.code).toBe(4);
      return;
    }
    expect(stdout).toContain(line);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^38 datagrams: 37 as described, 1 /);
  });
});

test("with another key the same bytes come back, and yet nothing matches", () => {
  const { code, stderr } = verify(OUTER, "-k", "ffff");
  expect(code).toBe(4);
  expect(stderr).toContain("38 datagrams: 0 as described, 38 not\n");
});

test("--json: an object a difference, then the sums", () => {
  const { code, stdout } = verify(changed(8 + 8, 1), "-k", KEY, "--json");
  expect(code).toBe(4);
  const [difference, sums] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(difference).toMatchObject({ frame: 1, what: "differs", field: "ip.checksum", offset: 18 });
  expect(sums.verified).toMatchObject({ datagrams: 38, same: 37, differ: 1, matches: false });
});

test("nothing to verify is no success", () => {
  const { code, stderr } = verify(`test/captures/program_key${KEY}.inner.pcap`, "-k", KEY);
  expect(code).toBe(4);
  expect(stderr).toContain("no datagram of a format that is looked for");
});

test("a packet that lacks its fragments could not be compared", () => {
  const file = "test/captures/program_key0011223344_first_fragments_only.outer.pcap";
  const { code, stderr } = verify(file, "-k", "0011223344");
  expect(code).toBe(4);
  expect(stderr).toMatch(/packets? lacks? fragments/);
});

test("a cut file is 3, after what is intact", () => {
  const cut = join(folder, "cut.pcap");
  writeFileSync(cut, readFileSync(OUTER).subarray(0, 1000));
  const { code, stderr } = verify(cut, "-k", KEY);
  expect(code).toBe(3);
  expect(stderr).toMatch(/datagrams: all as described\n.*the file ends inside/s);
});

test("without a key there is nothing to say", () => {
  const { code, stderr } = verify(OUTER);
  expect(code).toBe(2);
  expect(stderr).toContain("no key: crapvpn is enciphered");
});
