// What hosts say to each other through a tunnel: small programs, run by Node on a host.

import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../../src/lab/host.js";
import { Running, residentMb, until } from "./ends.js";

/** Bytes that look random and are the same everywhere. */
const DATA = `
import { createCipheriv, createHash } from "node:crypto";
const key = Buffer.alloc(16, 7);
const data = (bytes) => createCipheriv("aes-128-ctr", key, key).update(Buffer.alloc(bytes));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
`;

const HTTP_SERVER = `${DATA}
import { createServer } from "node:http";
const server = createServer((request, response) => {
  if (request.method === "GET") return response.end(data(Number(request.url.slice(1))));
  const hash = createHash("sha256");
  request.on("data", (part) => hash.update(part)).on("end", () => response.end(hash.digest("hex")));
});
server.listen(8080, "::", () => console.log("ready"));
`;

const HTTP_CLIENT = `${DATA}
const [host, count] = process.argv.slice(1);
const sent = data(Number(count));
const got = await fetch(\`http://\${host}:8080/\${count}\`);
const put = await fetch(\`http://\${host}:8080/\`, { method: "PUT", body: sent });
const told = { sent: sha256(sent), got: sha256(Buffer.from(await got.arrayBuffer())) };
console.log(JSON.stringify({ ...told, put: await put.text() }));
`;

const UDP_ECHO = `
import { createSocket } from "node:dgram";
const socket = createSocket("udp6");
socket.on("message", (bytes, { address, port }) => socket.send(bytes, port, address));
socket.bind(7777, "::", () => console.log("ready"));
`;

/** Sends a datagram of each length and waits for the same bytes; a lost one is sent again. */
const UDP_CLIENT = `${DATA}
import { createSocket } from "node:dgram";
import { once } from "node:events";
const [host, lengths] = process.argv.slice(1);
const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
const wrong = [];
for (const length of JSON.parse(lengths)) {
  const sent = data(length);
  let answer;
  for (let i = 0; i < 5 && !answer?.equals(sent); i++) {
    socket.send(sent, 7777, host);
    const signal = AbortSignal.timeout(1000);
    [answer] = await once(socket, "message", { signal }).catch(() => []);
  }
  if (!answer?.equals(sent)) wrong.push(length);
}
console.log(JSON.stringify(wrong));
socket.close();
`;

/** Runs a script that is not seen on the command line, where errors would repeat it. */
const RUN_SCRIPT = 'await import("data:text/javascript;base64," + process.env.SCRIPT)';

function node(script: string, words: readonly string[]) {
  const env = { ...process.env, SCRIPT: Buffer.from(script).toString("base64") };
  return { args: ["--input-type=module", "-e", RUN_SCRIPT, ...words], env };
}

/** Starts a script that serves as long as its lab is there. */
async function serve(host: Host, script: string): Promise<void> {
  const { args, env } = node(script, []);
  const server = new Running(host.spawn(process.execPath, args, { env }));
  await server.said("stdout", "ready");
}

/** Runs a script to its end, and reads what it tells. */
async function ask(
  host: Host,
  script: string,
  words: readonly (string | number)[],
  { input = "", timeoutMs = 60_000 } = {},
) {
  const { args, env } = node(script, words.map(String));
  const { stdout } = await host.execOrThrow(process.execPath, args, { env, input, timeoutMs });
  return JSON.parse(stdout);
}

/** A host that serves bytes by HTTP, and tells the hash of what is put. Ends with its lab. */
export function serveHttp(host: Host): Promise<void> {
  return serve(host, HTTP_SERVER);
}

/** Hashes of so many bytes: as they are, as they were got, and as the server got them. */
export function exchangeHttp(
  host: Host,
  to: string,
  bytes: number,
): Promise<{ sent: string; got: string; put: string }> {
  return ask(host, HTTP_CLIENT, [to.includes(":") ? `[${to}]` : to, bytes]);
}

/** A host that sends every datagram back. Ends with its lab. */
export function echoUdp(host: Host): Promise<void> {
  return serve(host, UDP_ECHO);
}

/** Those lengths of datagrams that did not come back as they were sent. */
export function lostUdp(host: Host, to: string, lengths: readonly number[]): Promise<number[]> {
  return ask(host, UDP_CLIENT, [to, JSON.stringify(lengths)]);
}

/** Those payload sizes of ping that did not come back. */
export async function lostPings(
  host: Host,
  to: string,
  sizes: readonly number[],
): Promise<number[]> {
  const script = 'for s in $2; do ping -n -q -c 1 -W 5 -s "$s" "$1" >/dev/null || echo "$s"; done';
  const { stdout } = await host.exec("sh", ["-c", script, "sh", to, sizes.join(" ")]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** Puts a few packets into a tunnel, whether they are answered or not. */
export async function push(host: Host, to: string, count = 5, size = 56): Promise<void> {
  const words = ["-c", count, "-s", size, "-i", 0.01, "-W", 0.1].map(String);
  await host.exec("ping", ["-n", "-q", ...words, to]);
}

const SEND = `
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
const [host, port, perSecond, seconds] = process.argv.slice(1);
const datagrams = [];
for await (const line of createInterface(process.stdin)) datagrams.push(Buffer.from(line, "hex"));
const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4", sendBufferSize: 4 << 20 });
const all = seconds === undefined ? datagrams.length : perSecond * seconds;
const begin = performance.now();
let sent = 0;
let failed = 0;
const send = (bytes) => new Promise((done) => {
  socket.send(bytes, Number(port), host, (error) => {
    if (error) failed++;
    done();
  });
});
while (sent < all) {
  const due = Math.min(all, ((performance.now() - begin) / 1000) * perSecond);
  const burst = [];
  for (; sent < due && burst.length < 1000; sent++) {
    burst.push(send(datagrams[sent % datagrams.length]));
  }
  await Promise.all(burst);
  await sleep(1);
}
console.log(sent - failed);
socket.close();
`;

const lines = (payloads: readonly Uint8Array[]) =>
  payloads.map((bytes) => `${Buffer.from(bytes).toString("hex")}\n`).join("");

/** Sends UDP payloads from a host, each once, slowly enough for who takes them. */
export async function sendUdp(
  host: Host,
  to: string,
  port: number,
  payloads: readonly Uint8Array[],
): Promise<void> {
  const sent = await ask(host, SEND, [to, port, 5000], { input: lines(payloads) });
  if (sent !== payloads.length) throw new Error(`sent ${sent} of ${payloads.length} datagrams`);
}

/** Sends these in turn, so many a second. Returns how many were sent. */
export async function floodUdp(
  host: Host,
  to: string,
  port: number,
  payloads: readonly Uint8Array[],
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<number> {
  const options = { input: lines(payloads), timeoutMs: seconds * 1000 + 60_000 };
  return ask(host, SEND, [to, port, perSecond, seconds], options);
}

/** What an IP packet says of its own length. */
function ipLength(packet: Buffer): number {
  if (packet.length < 6) return Number.POSITIVE_INFINITY;
  return packet.readUInt8(0) >> 4 === 4 ? packet.readUInt16BE(2) : 40 + packet.readUInt16BE(4);
}

/** What passes a device, read by tcpdump: each packet from its IP header on. */
export class Capture {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** @param filter what to keep, as tcpdump wants it */
  static async start(host: Host, device: string, filter: string): Promise<Capture> {
    const words = ["-n", "-l", "-x", "-Z", "root", "--immediate-mode", "-i", device, filter];
    const running = new Running(host.spawn("tcpdump", words));
    await running.said("stderr", "listening on");
    return new Capture(running);
  }

  get packets(): Buffer[] {
    const packets: Buffer[] = [];
    for (const line of this.#running.stdout.split("\n")) {
      const hex = /^\t0x([0-9a-f]+): {2}([0-9a-f ]+)/.exec(line);
      if (hex === null) continue;
      const bytes = Buffer.from(hex[2]?.replaceAll(" ", "") ?? "", "hex");
      const before = Number.parseInt(hex[1] ?? "", 16) === 0 ? Buffer.alloc(0) : packets.pop();
      packets.push(Buffer.concat([before ?? Buffer.alloc(0), bytes]));
    }
    // The last one may have been told in part.
    const last = packets.at(-1);
    if (last !== undefined && last.length < ipLength(last)) packets.pop();
    return packets;
  }

  /** Waits until there are as many packets that fit. */
  async atLeast(count: number, fits: (packet: Buffer) => boolean = () => true): Promise<Buffer[]> {
    return until(() => {
      const found = this.packets.filter(fits);
      return found.length >= count ? found : undefined;
    }, `${count} packets captured, of ${this.packets.length}`);
  }
}

/** Load by iperf3 from host a to host b, with these options. Returns what the client told. */
export async function iperf(
  { a, b }: { a: Host; b: Host },
  to: string,
  options: readonly string[],
): Promise<IperfSums> {
  const server = new Running(b.spawn("iperf3", ["-s", "-1", "--forceflush"]));
  await server.said("stdout", "listening");
  try {
    const { stdout } = await a.execOrThrow("iperf3", ["-c", to, "-J", ...options]);
    return JSON.parse(stdout).end;
  } finally {
    // The next one listens on the same port, and this one may not have left it yet.
    await server.stop("SIGKILL");
  }
}

/** The part of iperf3's report that is looked at. */
export interface IperfSums {
  readonly sum_sent?: { readonly bytes: number };
  readonly sum_received?: { readonly bytes: number };
  readonly sum?: { readonly packets: number };
}

/** The most that any of these has in memory while something goes on. */
export async function mostResidentMb(
  ends: readonly Running[],
  meanwhile: Promise<unknown>,
): Promise<number> {
  let over = false;
  const finished = meanwhile.finally(() => {
    over = true;
  });
  let most = 0;
  while (!over) {
    most = Math.max(most, ...ends.map(({ pid }) => residentMb(pid)));
    await sleep(50);
  }
  await finished;
  return most;
}

/** Sends bytes that the kernel is to cut into datagrams (UDP_SEGMENT), as QUIC programs do. */
const SEGMENTS = `
import json, socket, sys
role, host, size, segment = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = bytes(i * 7 % 251 for i in range(size))
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
if role == "send":
    s.setsockopt(socket.IPPROTO_UDP, 103, segment)
    s.sendto(data, (host, 7788))
else:
    s.bind((host, 7788))
    s.settimeout(5)
    print("ready", flush=True)
    got = []
    while sum(map(len, got)) < size:
        try:
            got.append(s.recv(65535))
        except TimeoutError:
            break
    print(json.dumps({"lengths": [len(part) for part in got], "same": b"".join(got) == data}))
`;

/** What host b got of bytes that an application on host a had cut into datagrams, in order. */
export async function sendSegments(
  { a, b }: { a: Host; b: Host },
  to: string,
  bytes: number,
  segmentBytes: number,
): Promise<{ lengths: number[]; same: boolean }> {
  const words = (role: string) => ["-c", SEGMENTS, role, to, String(bytes), String(segmentBytes)];
  const receiver = new Running(b.spawn("python3", words("receive")));
  await receiver.said("stdout", "ready");
  await a.execOrThrow("python3", words("send"));
  const { stdout } = await receiver.ended;
  return JSON.parse(stdout.replace("ready\n", ""));
}
