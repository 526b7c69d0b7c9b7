// What is measured on a way, one function each: TCP with ping and CPU beside it, small UDP packets, ping alone, memory.
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/**
 * @import { ChildProcessWithoutNullStreams } from "node:child_process"
 * @import { Sample } from "./statistics.mjs"
 * @import { Way } from "./way.mjs"
 */

/**
 * How long each takes.
 * @typedef {object} Settings
 * @property {number} tcpSeconds whole ones, as iperf3 wants them
 * @property {number} udpSeconds
 * @property {number} idlePings
 */

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {(way: Way, settings: Settings) => Promise<Record<string, Sample>>} run gives samples by column
 */

/**
 * @typedef {object} Column
 * @property {string} key of its samples
 * @property {string} title
 * @property {string} unit
 * @property {number} digits after the point
 */

/** In this order: a flood leaves full queues behind, which ping would wait in. @type {readonly Measure[]} */
export const measures = [
  { name: "ping", run: pingIdle },
  { name: "tcp", run: tcp },
  { name: "udp", run: udp64 },
  { name: "memory", run: memory },
];

/** What tables show; samples without a column are in the JSON alone. @type {readonly Column[]} */
export const columns = [
  { key: "tcpMbps", title: "TCP", unit: "Mbit/s", digits: 0 },
  { key: "udp64Kpps", title: "UDP 64 B", unit: "kpps", digits: 1 },
  { key: "pingIdleMs", title: "ping idle", unit: "ms", digits: 3 },
  { key: "pingLoadedMs", title: "ping loaded", unit: "ms", digits: 2 },
  { key: "cpuUsPer64KiB", title: "CPU", unit: "µs/64 KiB", digits: 0 },
  { key: "memoryMiB", title: "memory", unit: "MiB", digits: 0 },
];

const IPERF_PORT = 5201;
const FLOOD_PORT = 5301;
/** Long enough for everything to fall asleep in between. */
const IDLE_PING_SECONDS = 0.05;
const LOADED_PING_SECONDS = 0.02;
/** Until a TCP stream is up to speed. */
const SLOW_START_MS = 400;
/** What a run may take longer than it should, before it is given up. */
const PATIENCE_MS = 15_000;
const floodProgram = fileURLToPath(new URL("flood.mjs", import.meta.url));

/**
 * @param {Way} way
 * @param {Settings} settings
 */
async function pingIdle(way, { idlePings }) {
  const { times, lost } = await ping(way, idlePings, IDLE_PING_SECONDS);
  return { pingIdleMs: times, pingIdleLost: lost };
}

/**
 * One stream from a to b; under its load, ping; and what the tunnel spends on it in the midst, where it runs steadily.
 * @param {Way} way
 * @param {Settings} settings
 */
async function tcp(way, { tcpSeconds }) {
  const port = ["-p", `${IPERF_PORT}`];
  const server = await startServer(
    way.b.spawn("iperf3", ["-s", "-1", "--forceflush", ...port]),
    "Server listening",
  );
  try {
    const windowMs = tcpSeconds * 950 - SLOW_START_MS;
    const pings = Math.floor(windowMs / 1000 / LOADED_PING_SECONDS);
    const steady = setTimeout(SLOW_START_MS);
    const [client, { times, lost }, cpuUs] = await Promise.all([
      way.a.exec("iperf3", ["-c", way.address, ...port, "-t", `${tcpSeconds}`, "-J"], {
        timeoutMs: tcpSeconds * 1000 + PATIENCE_MS,
      }),
      steady.then(() => ping(way, pings, LOADED_PING_SECONDS)),
      steady.then(() => cpuUsPerSecond(way, windowMs)),
    ]);
    const report = JSON.parse(client.stdout || "{}");
    const bytesPerSecond = report.end?.sum_received?.bits_per_second / 8;
    if (!(bytesPerSecond > 0)) {
      throw new Error(`iperf3: ${report.error ?? (client.stderr.trim() || "nothing arrived")}`);
    }
    const cpu = way.processes.length > 0 && { cpuUsPer64KiB: (cpuUs / bytesPerSecond) * 65_536 };
    return {
      ...{ tcpMbps: (bytesPerSecond * 8) / 1e6, pingLoadedMs: times, pingLoadedLost: lost },
      ...cpu,
    };
  } finally {
    await server.end();
  }
}

/**
 * How many datagrams of 64 bytes a second arrive when more are sent than can.
 * @param {Way} way
 * @param {Settings} settings
 */
async function udp64(way, { udpSeconds }) {
  const { received, sent } = await flood(way, { bytes: 64, seconds: udpSeconds, flows: 1 });
  return { udp64Kpps: received, udp64SentKpps: sent };
}

/**
 * Thousands of datagrams a second, as many as can be sent.
 * @param {Way} way
 * @param {{ bytes: number, seconds: number, flows: number }} what
 */
export async function flood(way, { bytes, seconds, flows }) {
  const words = [way.address, `${FLOOD_PORT}`, `${bytes}`, `${seconds}`];
  const receiver = await startServer(
    way.b.spawn(process.execPath, [floodProgram, "receive", ...words]),
    "ready",
  );
  try {
    const timeoutMs = seconds * 1000 + PATIENCE_MS;
    const command = [floodProgram, "send", ...words, `${flows}`];
    const sender = await way.a.execOrThrow(process.execPath, command, { timeoutMs });
    const received = kpps(await receiver.ended);
    if (received === 0) throw new Error("no datagram arrived");
    return { received, sent: kpps(sender.stdout) };
  } finally {
    await receiver.end();
  }
}

/**
 * Megabits a second that TCP gets through.
 * @param {Way} way
 * @param {string} address of host b
 * @param {number} seconds
 * @param {readonly string[]} options of iperf3
 */
export async function tcpMbps(way, address, seconds, options) {
  const port = ["-p", `${IPERF_PORT}`];
  const server = await startServer(
    way.b.spawn("iperf3", ["-s", "-1", "--forceflush", ...port]),
    "Server listening",
  );
  try {
    const words = ["-c", address, ...port, "-t", `${seconds}`, "-J", ...options];
    const timeoutMs = seconds * 1000 + PATIENCE_MS;
    const { stdout, stderr } = await way.a.exec("iperf3", words, { timeoutMs });
    const report = JSON.parse(stdout || "{}");
    const there = report.end?.sum_received?.bits_per_second;
    if (!(there > 0)) throw new Error(`iperf3: ${report.error ?? stderr.trim()}`);
    return (there + (report.end.sum_received_bidir_reverse?.bits_per_second ?? 0)) / 1e6;
  } finally {
    await server.end();
  }
}

/**
 * What flood.mjs counted, by its last line.
 * @param {string} said
 */
function kpps(said) {
  const { datagrams, seconds } = JSON.parse(said.trim().split("\n").at(-1) ?? "");
  return datagrams / seconds / 1000;
}

/**
 * After all the load.
 * @param {Way} way
 * @returns {Promise<Record<string, Sample>>}
 */
async function memory(way) {
  // What the flood left in queues would otherwise meet the next candidate's turn.
  await way.ready();
  const memory = way.memoryMiB();
  return memory === undefined ? {} : { memoryMiB: memory.most, memoryNowMiB: memory.now };
}

/**
 * @param {Way} way
 * @param {number} count
 * @param {number} intervalSeconds
 */
async function ping(way, count, intervalSeconds) {
  const args = ["-n", "-c", `${count}`, "-i", `${intervalSeconds}`, "-W", "2", way.address];
  const { stdout, stderr } = await way.a.exec("ping", args, {
    timeoutMs: count * intervalSeconds * 1000 + PATIENCE_MS,
  });
  const times = Array.from(stdout.matchAll(/ time=([0-9.]+) ms$/gm), (match) => Number(match[1]));
  if (!stdout.includes(" packets transmitted")) throw new Error(`ping: ${stderr.trim()}`);
  return { times, lost: count - times.length };
}

/**
 * CPU time that both ends of the tunnel take in a second of load.
 * @param {Way} way
 * @param {number} windowMs
 */
async function cpuUsPerSecond(way, windowMs) {
  const [cpuBefore, before] = [way.cpuUs(), performance.now()];
  await setTimeout(windowMs);
  return ((way.cpuUs() - cpuBefore) / (performance.now() - before)) * 1000;
}

/**
 * Waits until a program has said that it is there.
 * @param {ChildProcessWithoutNullStreams} child
 * @param {string} words
 */
async function startServer(child, words) {
  let said = "";
  const ended = once(child, "close").then(() => said);
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        said += text;
        if (said.includes(words)) resolve(undefined);
      });
    }
    ended.then(() => reject(new Error(`${child.spawnargs.join(" ")}: ${said.trim()}`)), reject);
  });
  return {
    /** All that it said, once it is no more. */
    ended,
    end: () => {
      child.kill();
      return ended;
    },
  };
}
