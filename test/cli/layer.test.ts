// --layer and --bridge, as far as it goes without asking the system.

import { describe, expect, test } from "vitest";
import { defaultCommand } from "../../src/cli/commands.js";
import { formatWord, layerFor, readLayer } from "../../src/cli/layer.js";
import { readOptions } from "../../src/cli/options.js";
import { loadCore } from "../../src/core/wasm.js";
import { crapvpn } from "./program.js";

const core = await loadCore();
const info = (name: string) => core.format(name).info;
const layer = (format: string, wanted?: 2 | 3) => layerFor(info(format), wanted);

test("alone, it says which of our formats is meant", () => {
  expect(formatWord({ values: {}, switches: {} })).toBe("crapvpn");
  expect(formatWord({ values: { layer: "3" }, switches: {} })).toBe("crapvpn");
  expect(formatWord({ values: { layer: "2" }, switches: {} })).toBe("crapvpn-ethernet");
  expect(formatWord({ values: { layer: "2", format: "geneve" }, switches: {} })).toBe("geneve");
  expect(formatWord({ values: { layer: "3" }, switches: { tcp: 1 } })).toBe("crapvpn-tcp");
  expect(core.formats).toEqual(expect.arrayContaining(["crapvpn-ethernet", "crapvpn-tcp"]));
});

test("is the format's first kind of packet, unless another of its kinds is wanted", () => {
  expect([layer("crapvpn"), layer("vxlan"), layer("geneve"), layer("gre-udp")]).toEqual([
    3, 2, 2, 3,
  ]);
  expect([layer("geneve", 3), layer("gre-udp", 2), layer("vxlan", 2)]).toEqual([3, 2, 2]);
  expect(() => layer("vxlan", 3)).toThrow("vxlan carries Ethernet frames alone: leave --layer 3");
  expect(() => layer("gtpu", 2)).toThrow("gtpu carries IP packets alone: leave --layer 2");
});

test.each(["1", "4", "", "two"])("%j is none", (text) => {
  expect(() => readLayer({ values: { layer: text } })).toThrow(`"${text}" is not a layer`);
});

describe("options", () => {
  const read = (values: Record<string, string>, words: string[], wanted: 2 | 3 = 2) => {
    const parsed = { command: defaultCommand, words, rest: [], lists: {}, switches: {} };
    const format = info(wanted === 2 ? "crapvpn-ethernet" : "crapvpn");
    return readOptions(
      { ...parsed, values: { "peer-host": "192.0.2.2", ...values } },
      format,
      wanted,
      "udp",
    );
  };

  test("a TAP is called tap0 and needs no address", () => {
    expect(read({}, [])).toMatchObject({ device: "tap0", pairs: [], bridge: undefined, layer: 2 });
    expect(read({ bridge: "br0" }, [])).toMatchObject({ device: "tap0", bridge: "br0" });
    expect(read({}, ["10.8.0.1", "10.8.0.2"], 3)).toMatchObject({ device: "tun0", layer: 3 });
  });

  test("--bridge needs layer 2, a name, and no addresses", () => {
    expect(() => read({ bridge: "br0" }, ["10.8.0.1", "10.8.0.2"], 3)).toThrow("give --layer 2");
    expect(() => read({ bridge: "a/b" }, [])).toThrow('--bridge: "a/b" is not a device name');
    expect(() => read({ bridge: "br0" }, ["10.8.0.1/24"])).toThrow("belong to the bridge itself");
  });
});

test("a wrong one ends the program with 2", () => {
  const words = ["-p", "nobody.invalid", "10.8.0.1", "10.8.0.2"];
  const { code, stderr } = crapvpn([
    "--layer",
    "3",
    "--format",
    "vxlan",
    "--set",
    "vni=1",
    ...words,
  ]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      "crapvpn: vxlan carries Ethernet frames alone: leave --layer 3, or choose another --format\n",
  });
});
