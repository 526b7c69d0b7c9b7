// What `--more` measures besides: many streams and flows, both ways, IPv6, larger packets, idleness.
import { setTimeout } from "node:timers/promises";
import { flood, tcpMbps } from "./measures.mjs";

/**
 * @import { Column, Measure } from "./measures.mjs"
 * @import { Way } from "./way.mjs"
 */

const STREAMS = 8;
/** Long enough for what wakes up now and then. */
const IDLE_MS = 2000;

/** @type {readonly Measure[]} */
export const moreMeasures = [
  { name: "idle", run: idle },
  tcp("tcpStreamsMbps", ["-P", `${STREAMS}`]),
  tcp("tcpBothMbps", ["--bidir"]),
  {
    name: "tcp6Mbps",
    run: async (way, { tcpSeconds }) =>
      way.address6 === undefined
        ? {}
        : { tcp6Mbps: await tcpMbps(way, way.address6, tcpSeconds, []) },
  },
  udp("udp64x8Kpps", 64, STREAMS),
  udp("udp512Kpps", 512, 1),
  udp("udp512x8Kpps", 512, STREAMS),
];

/** @type {readonly Column[]} */
export const moreColumns = [
  { key: "tcpStreamsMbps", title: "TCP × 8", unit: "Mbit/s", digits: 0 },
  { key: "tcpBothMbps", title: "TCP both ways", unit: "Mbit/s", digits: 0 },
  { key: "tcp6Mbps", title: "TCP IPv6", unit: "Mbit/s", digits: 0 },
  { key: "udp64x8Kpps", title: "UDP 64 B × 8", unit: "kpps", digits: 1 },
  { key: "udp512Kpps", title: "UDP 512 B", unit: "kpps", digits: 1 },
  { key: "udp512x8Kpps", title: "UDP 512 B × 8", unit: "kpps", digits: 1 },
  { key: "idleCpuUs", title: "CPU idle", unit: "µs/s", digits: 0 },
];

/**
 * What both ends of the tunnel spend on nothing.
 * @param {Way} way
 * @returns {Promise<Record<string, number>>}
 */
async function idle(way) {
  if (way.processes.length === 0) return {};
  const before = way.threadsCpuUs();
  await setTimeout(IDLE_MS);
  return { idleCpuUs: ((way.threadsCpuUs() - before) / IDLE_MS) * 1000 };
}

/**
 * @param {string} key
 * @param {readonly string[]} options of iperf3
 * @returns {Measure}
 */
function tcp(key, options) {
  return {
    name: key,
    run: async (way, { tcpSeconds }) => ({
      [key]: await tcpMbps(way, way.address, tcpSeconds, options),
    }),
  };
}

/**
 * @param {string} key
 * @param {number} bytes of a datagram
 * @param {number} flows
 * @returns {Measure}
 */
function udp(key, bytes, flows) {
  return {
    name: key,
    run: async (way, { udpSeconds }) => {
      const { received } = await flood(way, { bytes, seconds: udpSeconds, flows });
      return { [key]: received };
    },
  };
}
