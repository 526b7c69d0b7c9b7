// Which engine the words and the variable ask for.

import { describe, expect, test } from "vitest";
import { chooseEngine, readEngine } from "../../src/cli/engine.js";

const read = (variable: string | undefined, engine?: string, switches = {}) =>
  readEngine(
    { values: engine === undefined ? {} : { engine }, switches },
    variable === undefined ? {} : { CRAPVPN_ENGINE: variable },
  );

const ALL = { noTunOffload: false, noUdpSegment: false, noUdpGro: false };

describe("the engine and its offloads", () => {
  test.each([
    [undefined, undefined, {}, { wanted: "auto", ...ALL }],
    ["", undefined, {}, { wanted: "auto", ...ALL }],
    ["event", undefined, {}, { wanted: "event", ...ALL }],
    ["event", "batch", {}, { wanted: "batch", ...ALL }],
    ["batch, no-udp-gro", undefined, {}, { wanted: "batch", ...ALL, noUdpGro: true }],
    ["no-tun-offload", "auto", {}, { wanted: "auto", ...ALL, noTunOffload: true }],
    [undefined, undefined, { "no-udp-segment": 1 }, { wanted: "auto", ...ALL, noUdpSegment: true }],
  ])("by variable %j and word %j", (variable, word, switches, choice) => {
    expect(read(variable, word, switches)).toEqual(choice);
  });

  test("that are not known end in a sentence", () => {
    expect(() => read("fast")).toThrow(/^CRAPVPN_ENGINE: "fast" is not one of auto, batch, event,/);
    expect(() => read(undefined, "fast")).toThrow(/^--engine: "fast" is not one of auto, batch/);
  });
});

describe("the choice", () => {
  test("is the event engine where it is asked for", async () => {
    expect(await chooseEngine("event")).toEqual({ name: "event", why: "as you asked" });
  });

  test.runIf(process.platform === "linux")("is the batch engine where it can run", async () => {
    expect((await chooseEngine("auto")).name).toBe("batch");
    expect(await chooseEngine("batch")).toEqual({ name: "batch", why: "as you asked" });
  });
});
