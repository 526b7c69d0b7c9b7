// `npm run bench:decode`: how many frames a second decode reads, beside tshark.
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { find, stop } from "../scripts/programs.mjs";
import { asJson, jsonFile } from "./json.mjs";
import { program } from "./project.mjs";
import { describeRun, headline } from "./report.mjs";
import { ratio, spread } from "./statistics.mjs";
import { spreadCell, table } from "./table.mjs";

const HELP = `Usage: npm run bench:decode -- [OPTIONS]

Decodes captures that it makes, of datagrams of 100 and 1400 bytes, with decode -T fields and with tshark, in turns.
Rates are from the difference between n and 10 n frames, so that the start of a program does not count.

  --quick           One round, few frames: its figures are rough
  --dissector FILE  The author's dissector (Lua), to measure tshark with it too
  --json FILE       Write figures and all samples to FILE; - prints them instead of a table
  --help            Show this help`;

const KEY = "1234abcd";
const DATAGRAM_BYTES = [100, 1400];
const WAYS = ["crapvpn decode -T fields", "tshark", "tshark, author's dissector"];

const options = readOptions();
const asText = options.json !== "-";
const save = jsonFile(asText ? options.json : undefined);
const rounds = options.quick ? 1 : 5;
const run = describeRun();
const folder = mkdtempSync(join(tmpdir(), "crapvpn-bench-decode-"));
try {
  const data = {
    ...run,
    rounds,
    rates: DATAGRAM_BYTES.flatMap((bytes) => measure(bytes)),
    startMs: starts(),
  };
  if (asText) print(data);
  else console.log(asJson(data));
  save(data);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean" },
        dissector: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    if (values.dissector !== undefined && !existsSync(values.dissector))
      stop(`bench:decode: there is no ${values.dissector}.`, 2);
    return values;
  } catch {
    return stop(
      "bench:decode takes --quick, --dissector FILE, --json FILE and --help, and nothing else.",
      2,
    );
  }
}

/**
 * Frames a second of every way to decode datagrams of a length.
 * @param {number} bytes
 */
function measure(bytes) {
  const ways = WAYS.filter((way) => arguments_(way, "") !== undefined);
  const rows = ways.map((way) => {
    // What is slower is given fewer frames: each run takes about as long.
    const frames = Math.round(framesOf(way, bytes) / (options.quick ? 5 : 1));
    const files = [frames, 10 * frames].map((count) => makeCapture(count, bytes));
    return { way, frames, files, samples: /** @type {number[]} */ ([]) };
  });
  for (let round = 0; round < rounds; round++) {
    for (const { way, frames, files, samples } of rows) {
      const [few = NaN, many = NaN] = files.map((file) => seconds(way, file));
      samples.push((9 * frames) / (many - few));
    }
  }
  const [ours] = rows;
  return rows.map(({ way, frames, samples }) => ({
    way,
    datagramBytes: bytes,
    frames,
    framesPerSecond: spread(samples),
    samples,
    oursIsTimes: ratio(ours?.samples ?? [], samples),
  }));
}

/**
 * @param {string} way
 * @param {number} bytes
 */
function framesOf(way, bytes) {
  if (way.startsWith("crapvpn")) return bytes > 1000 ? 50_000 : 200_000;
  return way === "tshark" ? 20_000 : 1_000;
}

/** Milliseconds to the first line of a file of one frame. */
function starts() {
  const file = makeCapture(1, 100);
  const ways = WAYS.filter((way) => arguments_(way, file) !== undefined);
  return ways.map((way) => {
    const samples = Array.from({ length: rounds * 2 }, () => seconds(way, file) * 1000);
    return { way, ms: spread(samples), samples };
  });
}

/**
 * @param {string} way
 * @param {string} file
 */
function seconds(way, file) {
  const [command = "", ...words] = arguments_(way, file) ?? [];
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, words, {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) stop(`bench:decode: ${way} ended with ${status}: ${stderr.trim()}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/**
 * The command line of a way; nothing if it is not there.
 * @param {string} way
 * @param {string} file
 * @returns {string[] | undefined}
 */
function arguments_(way, file) {
  const fields = [
    "-T",
    "fields",
    "-e",
    "frame.number",
    "-e",
    "ip.src",
    "-e",
    "ip.dst",
    "-e",
    "udp.length",
  ];
  if (way.startsWith("crapvpn"))
    return [process.execPath, program, "decode", file, "-k", KEY, ...fields];
  const tshark = find("tshark");
  if (tshark === undefined) return undefined;
  if (way === "tshark") return [tshark, "-n", "-r", file, ...fields];
  if (options.dissector === undefined) return undefined;
  const script = ["-X", `lua_script:${options.dissector}`, "-o", `crapvpn_udp.key:${KEY}`];
  return [tshark, "-n", "-r", file, ...script, ...fields];
}

/**
 * A capture of so many datagrams of so many bytes: UDP packets inside, from changing ports.
 * @param {number} frames
 * @param {number} bytes
 */
function makeCapture(frames, bytes) {
  const path = join(folder, `${frames}-${bytes}.pcap`);
  if (existsSync(path)) return path;
  const file = openSync(path, "w");
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(1, 20);
  writeSync(file, header);
  const many = 1000;
  for (let first = 0; first < frames; first += many) {
    const records = Array.from({ length: Math.min(many, frames - first) }, (_, i) =>
      record(first + i, bytes),
    );
    writeSync(file, Buffer.concat(records));
  }
  closeSync(file);
  return path;
}

/**
 * @param {number} number
 * @param {number} bytes of the datagram
 */
function record(number, bytes) {
  const packetBytes = bytes - 8;
  const inner = ip(17, packetBytes, [10, 8, 0, 1], [10, 8, 0, 2], number);
  const udp = Buffer.alloc(packetBytes - 20, number);
  udp.writeUInt16BE(1024 + (number % 50_000), 0);
  udp.writeUInt16BE(9, 2);
  udp.writeUInt16BE(udp.length, 4);
  udp.writeUInt16BE(0, 6);
  const packet = Buffer.concat([inner, udp]);
  const key = Buffer.from(KEY, "hex");
  for (let i = 0; i < packet.length; i++) packet[i] = (packet[i] ?? 0) ^ (key[i % key.length] ?? 0);
  const datagram = Buffer.alloc(8);
  datagram.write("crap");
  datagram.writeUInt16BE(packet.length, 4);
  const outerUdp = Buffer.alloc(8);
  outerUdp.writeUInt16BE(1337, 0);
  outerUdp.writeUInt16BE(1337, 2);
  outerUdp.writeUInt16BE(8 + bytes, 4);
  const outer = ip(17, 28 + bytes, [192, 0, 2, 1], [192, 0, 2, 2], number);
  const ethernet = Buffer.from("020000000002020000000001" + "0800", "hex");
  const frame = [ethernet, outer, outerUdp, datagram, packet];
  const length = frame.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(1_700_000_000 + Math.floor(number / 100_000), 0);
  header.writeUInt32LE((number % 100_000) * 10, 4);
  header.writeUInt32LE(length, 8);
  header.writeUInt32LE(length, 12);
  return Buffer.concat([header, ...frame]);
}

/**
 * An IPv4 header with its checksum.
 * @param {number} protocol
 * @param {number} length
 * @param {readonly number[]} source
 * @param {readonly number[]} destination
 * @param {number} id
 */
function ip(protocol, length, source, destination, id) {
  const header = Buffer.from([
    0x45,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    64,
    protocol,
    0,
    0,
    ...source,
    ...destination,
  ]);
  header.writeUInt16BE(length, 2);
  header.writeUInt16BE(id & 0xffff, 4);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += header.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return header;
}

/** @param {{ rates: ReturnType<typeof measure>, startMs: ReturnType<typeof starts> }} data */
function print({ rates, startMs }) {
  const rows = rates.map(({ way, datagramBytes, framesPerSecond, oursIsTimes }) => [
    way,
    `${datagramBytes}`,
    spreadCell(framesPerSecond, 0),
    spreadCell(oursIsTimes, 1),
  ]);
  console.log(headline(run));
  console.log(`\n${table([["decoded by", "bytes", "frames a second", "ours ×"], ...rows], 1)}`);
  const starting = startMs.map(({ way, ms }) => [way, spreadCell(ms, 0)]);
  console.log(`\n${table([["a file of one frame", "ms"], ...starting], 1)}`);
  console.log("\nMedian (lowest–highest) of the rounds. Each way in turn in each round.");
}
