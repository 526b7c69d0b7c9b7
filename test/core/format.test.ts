// Formats at the seam, over each of its implementations: found, read, checked, given values, run.

import { describe, expect, test } from "vitest";
import { type Core, CoreError, type CoreFormat } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";
import { type FormatVector, formatVectors, fromHex, toHex } from "./vectors.js";

const implementations: readonly [string, () => Promise<Core>][] = [["wasm", loadCore]];

const MINE = `language = 1
name = "mine"
carrier = { udp = [] }
packet = "ip"
fields = [
  { name = "id", type = "u16" },
  { name = "packet", type = "packet" },
]
`;

describe.each(implementations)("%s", async (_name, load) => {
  const core = await load();
  const codeOf = (action: () => unknown) => {
    try {
      action();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(CoreError);
      const { code, message } = error as CoreError;
      return { code, message };
    }
  };

  test("every built-in format is found by its name, the program's own first", () => {
    expect(core.formats[0]).toBe("crapvpn");
    for (const name of core.formats) expect(core.format(name).info.name).toBe(name);
    expect(codeOf(() => core.format("nope"))).toEqual({
      code: "unknown_format",
      message: 'there is no format "nope"',
    });
  });

  test("a format says what it is", () => {
    const { title, filter, udp, tcp, packet, cipher, settings, decodeOnly, fields } =
      core.format("crapvpn").info;
    expect({ title, filter, udp, tcp, packet, settings, decodeOnly }).toEqual({
      title: "CrapVPN Protocol",
      filter: "crapvpn",
      udp: [1337],
      tcp: undefined,
      packet: ["ip"],
      settings: [],
      decodeOnly: undefined,
    });
    expect(cipher).toEqual({
      name: "xor",
      integrity: false,
      covers: "ciphertext",
      nonce: "",
      ad: "",
      keys: "given",
    });
    expect(fields.map(({ name, type, enciphered }) => [name, type, enciphered])).toEqual([
      ["magic", "text, 4 bytes", false],
      ["ciphertext_length", "u16", false],
      ["ethertype", "u16", false],
      ["ciphertext", "packet", true],
    ]);
  });

  test("the overhead is told before all values are given, and follows them", () => {
    const gre = core.format("gre-udp");
    expect(core.format("vxlan").overhead).toBe(8);
    expect([gre.overhead, gre.with(["key=7"]).overhead]).toEqual([4, 8]);
  });

  test("values are given to a copy, and what is wrong with them is told at once", () => {
    const gtpu = core.format("gtpu");
    expect(gtpu.runProblems()).toEqual([
      { code: "R01", message: '"teid" must be set', hint: "--set teid=0..4294967295" },
    ]);
    expect(gtpu.with(["gtpu.teid=7"], ["teid=8"]).runProblems("ip")).toEqual([]);
    expect(gtpu.runProblems()).toHaveLength(1);
    expect(codeOf(() => gtpu.with(["teid=-1", "length=3"], ["nothing=1"]))).toEqual({
      code: "cannot_set",
      message: expect.stringMatching(/^teid: .*\nlength .*\nno field or setting "nothing" .*$/),
    });
    expect(codeOf(() => gtpu.with(["teid"]))?.code).toBe("cannot_set");
  });

  test("what keeps a format from running is told", () => {
    const codes = (format: CoreFormat, packet?: "ip" | "ethernet") =>
      format.runProblems(packet).map(({ code }) => code);
    expect(codes(core.format("wireguard-data"))).toEqual(["R02"]);
    expect(codes(core.format("crapvpn"), "ethernet")).toEqual(["R10"]);
    expect(codes(core.format("esp-udp"))).toEqual(["R01", "R05"]);
    expect(codes(core.format("crapvpn-aead"))).toEqual([]);
    const message = core.format("gtpu").with(["message=1", "teid=1", "body=0x00"]);
    expect(codes(message)).toEqual(["R05"]);
  });

  test("a description is read, or refused with all that is wrong", () => {
    expect(core.readFormat({ file: "mine.toml", text: MINE }).info).toMatchObject({
      name: "mine",
      udp: [],
    });
    const text = MINE.replace("u16", "uint16").replace('"ip"', '"ipv4"');
    expect(codeOf(() => core.readFormat({ file: "mine.toml", text }))).toEqual({
      code: "bad_description",
      message: expect.stringMatching(
        /^mine\.toml:4:\d+: error F09: .*\n(?:.*\n)*mine\.toml:6:\d+: error F10: unknown type "uint16"\n/,
      ),
    });
  });

  test("descriptions are checked, each by itself and against the others", () => {
    const other = MINE.replace('"mine"', '"other"').replace(
      'packet = "ip"',
      'packet = "ip"\nfilter = "mine"',
    );
    const checked = core.check([
      { file: "good.toml", text: MINE },
      { file: "bad.toml", text: "language = 1\n" },
      { file: "other.toml", text: other.replace("u16", "u32") },
    ]);
    expect(checked.refused).toBe(2);
    expect(new Set(checked.diagnostics.map(({ file }) => file))).toEqual(
      new Set(["bad.toml", "other.toml"]),
    );
    expect(checked.diagnostics.find(({ file }) => file === "other.toml")).toMatchObject({
      code: "F62",
      severity: "error",
      line: 7,
      related: expect.any(Array),
    });
    expect(checked.text).toContain("other.toml:7:");
    expect(core.check([{ file: "good.toml", text: MINE }])).toEqual({
      diagnostics: [],
      text: "",
      refused: 0,
    });
  });

  test("a format is drawn", () => {
    const crapvpn = core.format("crapvpn");
    expect(crapvpn.diagram("ascii")).toContain("Magic Bytes");
    expect(crapvpn.diagram("svg")).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  });

  test("random fields are made from the seed, and differ from datagram to datagram", () => {
    const text = MINE.replace('type = "u16" }', 'type = "u64", role = "random" }');
    const format = core.readFormat({ file: "mine.toml", text });
    const packet = fromHex("4500001400000000400000000a0000010a000002");
    const datagrams = (seed: number) => {
      const options = { key: new Uint8Array(), seed: new Uint8Array(32).fill(seed), slots: 1 };
      const tunnel = core.openTunnel({ format, ...options });
      const made = [0, 1, 2].map(() => {
        tunnel.packetRoom(0).set(packet);
        return toHex(tunnel.placed(0, tunnel.encapsulate(0, packet.length)));
      });
      tunnel.free();
      return made;
    };
    expect(datagrams(1)).toEqual(datagrams(1));
    expect(new Set([...datagrams(1), ...datagrams(2)])).toHaveLength(6);
  });

  describe.each(formatVectors)("the vectors of %s", (name, cases) => {
    const runnable = cases.filter(({ decapsulate }) => decapsulate !== null);
    const assignments = (values: Readonly<Record<string, string>>) =>
      Object.entries(values).map(([name, value]) => `${name}=${value}`);
    const open = ({ format, set, expect, key, kind }: FormatVector) =>
      core.openTunnel({
        format: core.format(format).with(assignments(set), assignments(expect)),
        packet: kind,
        key: fromHex(key),
        // Where keys are derived, the vectors' sender is end a.
        ...{ end: "b" as const, nowUs: Date.UTC(2026, 10) * 1000 },
        seed: new Uint8Array(32),
        slots: 1,
      });

    if (runnable.length === 0) {
      test("are for taking apart: it does not run", () => {
        expect(core.format(name).runProblems()).not.toEqual([]);
      });
      return;
    }

    test("packets become datagrams", () => {
      for (const vector of runnable.filter(({ encapsulate }) => encapsulate)) {
        const tunnel = open(vector);
        const packet = fromHex(vector.packet as string);
        tunnel.packetRoom(0).set(packet);
        const result = tunnel.encapsulate(0, packet.length);
        expect(result, vector.name).toBeGreaterThan(0);
        const datagram = tunnel.placed(0, result);
        expect(toHex(datagram), vector.name).toBe(vector.datagram);
        expect(datagram.length - packet.length, vector.name).toBeLessThanOrEqual(tunnel.overhead);
        tunnel.free();
      }
    });

    test("datagrams become packets or drops", () => {
      for (const vector of runnable) {
        const tunnel = open(vector);
        const datagram = fromHex(vector.datagram);
        tunnel.datagramRoom(0).set(datagram);
        const result = tunnel.decapsulate(0, datagram.length);
        const expected = vector.decapsulate as NonNullable<FormatVector["decapsulate"]>;
        if ("packet" in expected) {
          expect(result, vector.name).toBeGreaterThan(0);
          expect(toHex(tunnel.placed(0, result)), vector.name).toBe(expected.packet);
        } else {
          const { drop: reason, layer, field, offset } = expected;
          expect(result, vector.name).toBeLessThan(0);
          expect(tunnel.reasonOf(result), vector.name).toBe(reason);
          expect(tunnel.lastDrop(), vector.name).toMatchObject({ reason, layer, field, offset });
          expect(tunnel.counters().in.drops, vector.name).toEqual({ [reason]: 1 });
        }
        tunnel.free();
      }
    });
  });
});
