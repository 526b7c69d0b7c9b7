// What is tried over the tunnel of a lab, and what comes of it.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Failure } from "../failure.js";
import type { Host } from "./host.js";
import { type JoinedHosts, places } from "./joined.js";

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

const HTTP_PORT = 8080;
const HTTP_BYTES = 10 * 1024 * 1024;
const HTTP_MS = 30_000;
const PINGS = 3;
/** What a ping carries in the packet that is shown: readable where nothing hides it. */
const PAYLOAD = "crapvpn, naked! ";

export interface PingResult {
  readonly address: string;
  readonly sent: number;
  readonly received: number;
  /** Least round-trip time, in milliseconds. */
  readonly minMs: number | undefined;
}

/** Pings host b through the tunnel. */
export async function ping({ a }: JoinedHosts, address: string): Promise<PingResult> {
  const words = ["-n", "-c", String(PINGS), "-i", "0.2", "-W", "2", address];
  const { code, stdout, stderr } = await a.host.exec("ping", words, { timeoutMs: 15_000 });
  if (code === 127 || /No such file/.test(stderr)) throw noPing();
  const received = Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  const minMs = /= ([\d.]+)\//.exec(stdout)?.[1];
  return { address, sent: PINGS, received, minMs: minMs === undefined ? undefined : Number(minMs) };
}

function noPing(): Failure {
  return new Failure("system", "the program `ping` is missing: install iputils-ping", [
    "sudo apt-get install iputils-ping",
  ]);
}

export interface TransferResult {
  readonly url: string;
  readonly bytes: number;
  readonly seconds: number;
  /** Hashes at the two ends, SHA-256 in hex. */
  readonly served: string;
  readonly fetched: string;
}

/** Fetches 10 MiB over HTTP from host b through the tunnel. */
export async function transfer({ a, b }: JoinedHosts): Promise<TransferResult> {
  const address = places.b.inner;
  const words = [script("http"), "serve", address, String(HTTP_PORT), String(HTTP_BYTES)];
  const server = b.host.spawn(process.execPath, words);
  try {
    const [line] = await once(createInterface({ input: server.stdout }), "line");
    const { sha256: served } = JSON.parse(line as string);
    const url = `http://${address}:${HTTP_PORT}/`;
    const { stdout } = await a.host.execOrThrow(process.execPath, [script("http"), "fetch", url], {
      timeoutMs: HTTP_MS,
    });
    const { bytes, seconds, sha256: fetched } = JSON.parse(stdout);
    return { url, bytes, seconds, served, fetched };
  } finally {
    server.kill("SIGKILL");
  }
}

/** One packet at the steps of its way. */
export interface PacketWay {
  /** As it leaves the device: an IP packet, or at layer 2 an Ethernet frame. */
  readonly packet: Uint8Array;
  /** As it leaves the cable's device: the UDP payload. */
  readonly datagram: Uint8Array;
}

/** Sends one echo request, and listens to it on the tunnel's device and on the cable. */
export async function watchPacket({ a }: JoinedHosts): Promise<PacketWay> {
  const { device, layer, overhead, peer } = a.started;
  const inside = await listen(a.host, device, layer === 2 ? ["frames"] : []);
  const outside = await listen(a.host, a.cable.device);
  try {
    const pattern = Buffer.from(PAYLOAD).toString("hex");
    await a.host.exec(
      "ping",
      ["-n", "-c", "1", "-W", "2", "-s", "32", "-p", pattern, places.b.inner],
      { timeoutMs: 10_000 },
    );
    const marked = Buffer.from(PAYLOAD);
    const packet = await inside.find((bytes) => bytes.includes(marked));
    const outer = await outside.find((bytes) => {
      const length = bytes.length - UDP_PAYLOAD;
      return isUdpTo(bytes, peer) && length >= packet.length && length <= packet.length + overhead;
    });
    return { packet, datagram: outer.subarray(UDP_PAYLOAD) };
  } finally {
    inside.stop();
    outside.stop();
  }
}

/** Where the payload of UDP begins behind an IPv4 header without options. */
const UDP_PAYLOAD = 28;

/** Such a header, and UDP in it to an end. */
function isUdpTo(bytes: Buffer, { address, port }: { address: string; port: number }): boolean {
  return (
    bytes[0] === 0x45 &&
    bytes[9] === 17 &&
    bytes.subarray(16, 20).join(".") === address &&
    bytes.readUInt16BE(22) === port
  );
}

interface Listener {
  /** The first packet heard, or yet to be heard, that fits. */
  find(fits: (bytes: Buffer) => boolean): Promise<Buffer>;
  stop(): void;
}

async function listen(host: Host, device: string, what: readonly string[] = []): Promise<Listener> {
  const { stdout } = await host.execOrThrow("ip", ["-j", "link", "show", "dev", device]);
  const [{ ifindex }] = JSON.parse(stdout);
  const child = host.spawn(process.execPath, [script("sniff"), String(ifindex), ...what]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.value !== "ready") throw new Failure("system", `cannot listen to ${device}`);
  return {
    async find(fits) {
      const late = setTimeout(() => child.kill("SIGKILL"), 5000);
      try {
        for (;;) {
          const { value, done } = await lines.next();
          if (done) throw new Failure("system", `no packet was seen on ${device}`);
          const bytes = Buffer.from(value, "hex");
          if (fits(bytes)) return bytes;
        }
      } finally {
        clearTimeout(late);
      }
    },
    stop: () => void child.kill("SIGKILL"),
  };
}
