// The captures of made.py: as it makes them, and as tshark reads them.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasTshark } from "../formats/wireshark.js";

interface Frame {
  readonly time: string | null;
  readonly interface: readonly [number, string | null];
  readonly bytes: string;
  readonly length: number;
  readonly comments: readonly string[];
}

interface Made {
  readonly frames: readonly Frame[];
  readonly inner?: readonly string[];
}

const FOLDER = import.meta.dirname;
const MADE = JSON.parse(readFileSync(join(FOLDER, "made.json"), "utf8")) as Record<string, Made>;
const KEY = Buffer.from("0011223344", "hex");

test("are what made.py makes", () => {
  const { status, stderr } = spawnSync("python3", [join(FOLDER, "made.py"), "--check"], {
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

/** The values of fields that tshark reads in a capture, a list for each frame. */
function tshark(name: string, fields: readonly string[]): string[][] {
  const options = ["-n", "-r", join(FOLDER, name), "-o", "frame.generate_md5_hash:TRUE"];
  const form = ["-T", "fields", "-E", "separator=|", "-E", "aggregator=^"];
  const names = fields.flatMap((field) => ["-e", field]);
  const text = execFileSync("tshark", [...options, ...form, ...names], {
    encoding: "utf8",
    stdio: "pipe",
  });
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("|"));
}

/** What tshark says of a frame. */
function said({ bytes, time, length, comments }: Frame): string[] {
  const data = Buffer.from(bytes, "hex");
  const lines = comments.map((text) => text.replaceAll("\r", "\\r").replaceAll("\n", "\\n"));
  const hash = createHash("md5").update(data).digest("hex");
  return [time ?? "", `${data.length}`, `${length}`, hash, lines.join("^")];
}

/** The packet in a datagram, if all of it is there. */
function inside(payload: string | undefined): string | undefined {
  const datagram = Buffer.from(payload ?? "", "hex");
  if (datagram.length <= 8 || datagram.length !== 8 + datagram.readUInt16BE(4)) return undefined;
  const packet = datagram.subarray(8).map((byte, place) => byte ^ (KEY[place % KEY.length] ?? 0));
  return Buffer.from(packet).toString("hex");
}

// Debian's tshark is built without zstd.
const names = Object.keys(MADE).filter((name) => !name.endsWith(".zst"));

describe.skipIf(!hasTshark)("tshark reads what made.json says (needs the program tshark)", () => {
  test.each(names)("%s", (name) => {
    const fields = ["time_epoch", "cap_len", "len", "md5_hash", "comment"];
    const read = tshark(name, [...fields.map((field) => `frame.${field}`), "udp.payload"]);
    if (name === "file_pcapng_resolutions.pcapng") {
      // tshark 4.0 multiplies picoseconds by 10⁹ in 64 bits.
      expect(read[4]?.[0]).toBe("1000000.001291940");
      read[4]?.splice(0, 1, "1000000.333333333");
    }
    const { frames, inner } = MADE[name] as Made;
    expect(read.map((frame) => frame.slice(0, fields.length))).toEqual(frames.map(said));
    // Streams are put together elsewhere.
    const packets = read.map((frame) => inside(frame[fields.length]));
    if (!name.startsWith("stream_")) {
      expect(packets.filter((packet) => packet !== undefined)).toEqual(inner);
    }
  });
});
