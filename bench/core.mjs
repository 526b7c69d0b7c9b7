// `npm run bench:core`: the kernels of the core against a plain copy, and how fast the program starts.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { stop } from "../scripts/programs.mjs";
import { batchKernels, SUPER_PACKET_BYTES } from "./batch.mjs";
import { asJson, jsonFile } from "./json.mjs";
import { nativeKernels } from "./native.mjs";
import { loadCoreModule, program } from "./project.mjs";
import { describeRun, headline } from "./report.mjs";
import { ratio, spread } from "./statistics.mjs";
import { spreadCell, table } from "./table.mjs";

/**
 * @import { Core } from "../src/core/core.js"
 * @import { Summary } from "./statistics.mjs"
 */

/**
 * One thing that is repeated and timed.
 * @typedef {object} Kernel
 * @property {string} name
 * @property {number} packetBytes
 * @property {number} [keyBytes]
 * @property {(times: number) => void} run
 */

/**
 * What was measured of it.
 * @typedef {object} Timed
 * @property {string} name
 * @property {number} packetBytes
 * @property {number | null} keyBytes
 * @property {number[]} nsPerPacket a number for each round
 */

const HELP = `Usage: npm run bench:core -- [OPTIONS]

Times the core's kernels in wasm and native, and the program's start.

  --quick      Few rounds, for a look, and no native kernels, which must be compiled: its figures are rough
  --json FILE  Write figures and all samples to FILE; - prints them instead of tables
  --help       Show this help`;

const PACKET_BYTES = [64, 1400];
const KEY_BYTES = [1, 4, 5, 16, 24, 1000];
const BATCH_KEY_BYTES = [4, 24];
/** How long a kernel is repeated in each round: many times what the clock resolves. */
const BLOCK_MS = 2;
const SLOT = 0;

const options = readOptions();
const asText = options.json !== "-";
const save = jsonFile(asText ? options.json : undefined);
const rounds = options.quick ? 5 : 51;
const run = describeRun();
const core = await (await loadCoreModule()).loadCore();
const copies = [...PACKET_BYTES, SUPER_PACKET_BYTES].map((bytes) => copyKernel(bytes));
const kernels = PACKET_BYTES.flatMap((bytes) =>
  KEY_BYTES.flatMap((keyBytes) => tunnelKernels(core, bytes, keyBytes)),
);
const batches = await batchKernels(BATCH_KEY_BYTES);
const kernelRows = summariseKernels(timeKernels([...copies, ...kernels, ...batches]), "wasm");
const native = options.quick ? { why: "left out by --quick" } : nativeKernels(rounds);
if (native.timed) kernelRows.push(...summariseKernels(native.timed, "native"));
const startUp = timeStart(options.quick ? 3 : 21);
const data = { ...run, rounds, kernels: kernelRows, native: native.why ?? "measured", startUp };
if (asText) print();
else console.log(asJson(data));
save(data);

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    return values;
  } catch {
    return stop("bench:core takes --quick, --json FILE and --help, and nothing else.", 2);
  }
}

/**
 * What the bytes cost when nothing is done to them.
 * @param {number} packetBytes
 * @returns {Kernel}
 */
function copyKernel(packetBytes) {
  const [from, to] = [new Uint8Array(packetBytes).fill(1), new Uint8Array(packetBytes)];
  return {
    name: "copy",
    packetBytes,
    run: (times) => {
      for (let i = 0; i < times; i++) to.set(from);
    },
  };
}

/**
 * Both directions of a tunnel. The core works in place, so the same slot is used again and again: a key whose bytes
 * are zero where a packet holds its version and its length leaves a good packet whatever it is applied to.
 * @param {Core} core
 * @param {number} packetBytes
 * @param {number} keyBytes
 * @returns {Kernel[]}
 */
function tunnelKernels(core, packetBytes, keyBytes) {
  const key = Uint8Array.from({ length: keyBytes }, (_, i) => i * 37 + 11);
  for (const place of [0, 2, 3]) key[place % keyBytes] = 0;
  const packet = new Uint8Array(packetBytes);
  new DataView(packet.buffer).setUint32(0, (0x4500 << 16) | packetBytes);
  const [format, seed] = [core.format("crapvpn"), new Uint8Array(32)];
  const tunnel = () => core.openTunnel({ format, key, seed, slots: 1 });

  const out = tunnel();
  out.packetRoom(SLOT).set(packet);
  const back = tunnel();
  back.packetRoom(SLOT).set(packet);
  const datagram = back.placed(SLOT, back.encapsulate(SLOT, packetBytes)).slice();
  back.datagramRoom(SLOT).set(datagram);
  return [
    {
      ...{ name: "encapsulate", packetBytes, keyBytes },
      run: (times) => repeat(times, () => out.encapsulate(SLOT, packetBytes)),
    },
    {
      ...{ name: "decapsulate", packetBytes, keyBytes },
      run: (times) => repeat(times, () => back.decapsulate(SLOT, datagram.length)),
    },
  ];
}

/**
 * @param {number} times
 * @param {() => number} action answers with something negative when it fails
 */
function repeat(times, action) {
  let failures = 0;
  for (let i = 0; i < times; i++) failures += action() >>> 31;
  if (failures > 0) throw new Error("a kernel dropped the packet that it was to be timed with");
}

/**
 * Nanoseconds a packet, round by round in turns.
 * @param {readonly Kernel[]} kernels
 * @returns {Timed[]}
 */
function timeKernels(kernels) {
  const timed = kernels.map((kernel) => ({
    kernel,
    times: timesFor(kernel),
    nsPerPacket: /** @type {number[]} */ ([]),
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { kernel, times, nsPerPacket } of timed) {
      nsPerPacket.push((time(() => kernel.run(times)) * 1e6) / times);
    }
  }
  return timed.map(({ kernel: { name, packetBytes, keyBytes = null }, nsPerPacket }) => {
    return { name, packetBytes, keyBytes, nsPerPacket };
  });
}

/**
 * How often a kernel must be repeated to fill a block; by then it is compiled, too.
 * @param {Kernel} kernel
 */
function timesFor(kernel) {
  for (let times = 256; ; times *= 2) {
    const ms = time(() => kernel.run(times));
    if (ms >= BLOCK_MS) return Math.ceil((times * BLOCK_MS) / ms);
  }
}

/**
 * @param {readonly Timed[]} timed
 * @param {"wasm" | "native"} side
 */
function summariseKernels(timed, side) {
  return timed.map(({ name, packetBytes, keyBytes, nsPerPacket }) => {
    const copy = timed.find((other) => other.name === "copy" && other.packetBytes === packetBytes);
    return {
      ...{ side, name, packetBytes, keyBytes, nsPerPacket },
      ns: spread(nsPerPacket),
      gigabytesPerSecond: spread(nsPerPacket.map((ns) => packetBytes / ns)),
      ofCopy: ratio(nsPerPacket, copy?.nsPerPacket ?? []),
    };
  });
}

/**
 * The program's start against Node's own, in turns.
 * @param {number} starts
 */
function timeStart(starts) {
  const ours = [];
  const node = [];
  // The first of each fills the disk's cache.
  for (let i = 0; i <= starts; i++) {
    ours.push(time(() => start([program, "--version"])));
    node.push(time(() => start(["-e", "0"])));
  }
  const [oursMs, nodeMs] = [ours.slice(1), node.slice(1)];
  return {
    ...{ oursMs, nodeMs, ours: spread(oursMs), node: spread(nodeMs) },
    ofNode: ratio(oursMs, nodeMs),
  };
}

/** @param {readonly string[]} args */
function start(args) {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} failed: ${stderr}`);
}

/**
 * Milliseconds that something takes.
 * @param {() => void} action
 */
function time(action) {
  const start = performance.now();
  action();
  return performance.now() - start;
}

function print() {
  console.log(`${headline(run)}\n\nKernels, ${rounds} rounds: median (min–max)\n`);
  const lines = kernelRows.map(
    ({ side, name, packetBytes, keyBytes, ns, gigabytesPerSecond, ofCopy }) => [
      ...[side, name, `${packetBytes}`, keyBytes === null ? "–" : `${keyBytes}`],
      ...[spreadCell(ns, 0), spreadCell(gigabytesPerSecond, 2), spreadCell(ofCopy)],
    ],
  );
  const heading = ["side", "kernel", "packet bytes", "key bytes", "ns/packet", "GB/s"];
  console.log(table([[...heading, "time × copy"], ...lines], 2));
  if (native.why) console.log(`\nNative: ${native.why}`);
  console.log("\nStart, in ms\n");
  const { ours, node, ofNode } = startUp;
  const rows = [
    ["crapvpn --version", spreadCell(ours, 1)],
    ["node -e 0", spreadCell(node, 1)],
    ["ratio (aim: at most 1.5)", spreadCell(ofNode)],
  ];
  console.log(table(rows, 1));
}
