// The decoder in a real Chromium, on a bare page: the same wasm, the same text as in Node.

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { find } from "../../scripts/programs.mjs";
import type * as wasm from "../../src/core/wasm.js";
import { loadCore } from "../../src/core/wasm.js";
import { BarePage } from "./page.js";

const FOLDER = "test/captures";
const files = readdirSync(FOLDER).filter((name) => /\.pcap(ng)?(\.\w+)?$/.test(name));
const chromium = find("chromium");
const KEY = [0x12, 0x34, 0xab, 0xcd];

let bare: BarePage;
beforeAll(async () => {
  if (chromium) bare = await BarePage.open(chromium);
}, 60_000);
afterAll(() => bare?.close());

/** Text of a capture, and what was said at its end. Runs here and there, so it knows nothing but its words. */
const decode = (
  core: Awaited<ReturnType<typeof wasm.loadCore>>,
  file: Uint8Array,
  key: number[],
) => {
  const formats = core.formats.map((name) => ({
    format: core.format(name),
    key: new Uint8Array(key),
  }));
  const decoder = core.openCapture({ formats, output: "json", inner: true });
  let text = "";
  let inner = 0;
  const run = () => {
    let state: string;
    do {
      state = decoder.run();
      text += new TextDecoder().decode(decoder.takeText().slice());
      inner += decoder.takeInner().length;
    } while (state === "output");
  };
  for (let at = 0; at < file.length; at += 1000) {
    const chunk = file.subarray(at, at + 1000);
    decoder.space(chunk.length).set(chunk);
    decoder.filled(chunk.length);
    run();
  }
  decoder.finish();
  run();
  const end = { text, inner, fault: decoder.fault?.code, summary: decoder.summary() };
  decoder.free();
  return end;
};

test.skipIf(!chromium).each(files)("%s (skipped where chromium is absent)", async (name) => {
  const here = decode(await loadCore(), readFileSync(`${FOLDER}/${name}`), KEY);
  // As text: what the test runner makes of functions is not known to the page.
  const there = await bare.page.evaluate(`(async () => {
    const { loadCore } = await import("/dist/core/wasm.js");
    const file = await (await fetch(${JSON.stringify(`/${FOLDER}/${name}`)})).arrayBuffer();
    const decode = ${decode};
    return decode(await loadCore(), new Uint8Array(file), ${JSON.stringify(KEY)});
  })()`);
  expect(there).toEqual(JSON.parse(JSON.stringify(here)));
  expect(bare.complaints).toEqual([]);
});

test("there are captures to decode", () => {
  expect(files.length).toBeGreaterThan(10);
});
