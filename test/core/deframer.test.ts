// Streams cut into datagrams, over each implementation of the seam: the vectors', and garbage.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Core, CoreError } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";
import { seeded } from "../tunnel/random.js";
import { fromHex } from "./vectors.js";

interface Stream {
  readonly name: string;
  readonly format: string;
  readonly set: Readonly<Record<string, string>>;
  readonly stream: string;
  readonly frames: readonly { readonly offset: number; readonly bytes: number }[];
  /** Bytes at the end that are no whole frame. */
  readonly rest: number;
  /** Where no frame begins any more. */
  readonly lost: number | null;
}

const folder = fileURLToPath(new URL("../vectors/streams/", import.meta.url));
const streams = readdirSync(folder).flatMap(
  (file) => JSON.parse(readFileSync(`${folder}${file}`, "utf8")) as Stream[],
);

const implementations: readonly [string, () => Promise<Core>][] = [["wasm", loadCore]];

describe.each(implementations)("%s", async (_name, load) => {
  const core = await load();

  /** Puts a stream in, in pieces of these lengths, and takes out what comes. */
  function cut(name: string, set: Stream["set"], stream: Uint8Array, length: () => number) {
    const given = Object.entries(set).map((pair) => pair.join("="));
    const deframer = core.openDeframer(core.format(name).with(given));
    const datagrams: Uint8Array[] = [];
    for (let rest = stream; rest.length > 0 && deframer.lost === undefined; ) {
      const room = deframer.room();
      expect(room.length).toBeGreaterThanOrEqual(65_536);
      const piece = rest.subarray(0, Math.min(room.length, length()));
      room.set(piece);
      deframer.filled(piece.length);
      rest = rest.subarray(piece.length);
      for (let next = deframer.next(); next !== undefined; next = deframer.next()) {
        datagrams.push(next.slice());
      }
    }
    const { lost } = deframer;
    deframer.free();
    return { datagrams, lost };
  }

  test.each(["whole", "byte by byte", "at random"])("the streams of the vectors, %s", (how) => {
    const random = seeded(11);
    const lengths = {
      whole: () => Number.POSITIVE_INFINITY,
      "byte by byte": () => 1,
      "at random": () => 1 + random(200),
    };
    expect(streams.length).toBeGreaterThan(20);
    for (const { name, format, set, stream, frames, lost } of streams) {
      const bytes = fromHex(stream);
      const found = cut(format, set, bytes, lengths[how as keyof typeof lengths]);
      const expected = frames.map(({ offset, bytes: length }) =>
        bytes.subarray(offset, offset + length),
      );
      expect(found.datagrams, name).toEqual(expected);
      expect(found.lost !== undefined, name).toBe(lost !== null);
    }
  });

  test("garbage is given up within the longest frame, and says where", () => {
    const random = seeded(23);
    for (const name of ["crapvpn-tcp", "qemu-socket-tcp", "vde-stream"]) {
      for (let round = 0; round < 20; round++) {
        const garbage = Uint8Array.from({ length: 5000 }, () => random(256));
        const { datagrams, lost } = cut(name, {}, garbage, () => 1 + random(999));
        expect(datagrams.every(({ length }) => length <= 65_539)).toBe(true);
        if (name !== "vde-stream") expect(lost).toMatchObject({ reason: "framing_lost" });
      }
    }
    const { lost } = cut("qemu-socket-tcp", {}, fromHex("ffffffff"), () => 1);
    expect(lost).toMatchObject({ field: "qemu_socket_tcp.length", found: "4294967295" });
  });

  test("a format whose frames have no end has none", () => {
    const open = () => core.openDeframer(core.format("vxlan"));
    expect(open).toThrow(CoreError);
    expect(open).toThrow("vxlan: on TCP nothing says where a frame ends");
  });

  test("views stay good while the core's memory grows", () => {
    const deframer = core.openDeframer(core.format("crapvpn-tcp"));
    const more = Array.from({ length: 40 }, () => core.openDeframer(core.format("crapvpn-tcp")));
    const frame = fromHex("637261700003010203");
    deframer.room().set(frame);
    deframer.filled(frame.length);
    expect(deframer.next()).toEqual(frame);
    for (const one of [deframer, ...more]) one.free();
  });
});
