// Tunnels over TCP: between two of ours, and with a peer in Python that cuts its stream anywhere.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Host } from "../../src/lab/host.js";
import { hasTshark } from "../formats/wireshark.js";
import {
  cleanUp,
  deviceState,
  type End,
  hasDevice,
  INNER,
  KEY,
  launch,
  OUTER,
  pings,
  Running,
  reaches,
  residentMb,
  start,
  startPython,
  traces,
  twoHosts,
  until,
} from "./ends.js";
import { exchangeHttp, lostPings, serveHttp } from "./scripts.js";

afterEach(cleanUp);

const inner = (name: "a" | "b") => {
  const other = name === "a" ? "b" : "a";
  return [INNER[name], INNER[other], INNER[`${name}6`], INNER[`${other}6`]];
};
/** Host a is connected to, and host b connects. */
const server = (...more: string[]) => [
  "--tcp",
  "-k",
  KEY,
  "--listen",
  "1337",
  ...inner("a"),
  ...more,
];
const client = (peer: string = OUTER.a) => ["--tcp", "-k", KEY, "-p", peer, ...inner("b")];

async function expectWhole(from: Host, to: string, bytes: number): Promise<void> {
  const { sent, got, put } = await exchangeHttp(from, to, bytes);
  expect({ got, put }).toEqual({ got: sent, put: sent });
}

describe("two of ours", () => {
  test("start in any order, and carry all, both ways", async () => {
    const { a, b } = await twoHosts();
    const right = await start(b, client());
    await right.event("reconnecting", { why: "nobody listens there" });
    expect((await right.stats()).out.drops.no_buffers).toBeUndefined();
    const left = await start(a, server());
    const { peer } = (await left.event("connected")) as unknown as { peer: { address: string } };
    expect(peer.address).toBe(OUTER.b);
    expect((await right.event("connected")).peer).toEqual({ address: OUTER.a, port: 1337 });
    expect((await right.event("start")) as object).toMatchObject({
      ...{ carrier: "tcp", format: "crapvpn-tcp", engine: "event", mtu: 1500 },
      peer: { address: OUTER.a, port: 1337 },
    });
    expect(await right.event("start")).not.toHaveProperty("local");
    expect((await left.event("start")) as object).toMatchObject({
      local: { address: "::", port: 1337 },
    });
    expect((await right.event("engine")).why).toBe("over TCP there is no other");
    expect((await deviceState(a)).mtu).toBe(1500);
    const sizes = [0, 1, 56, 1472, 1473, 9000];
    expect(await lostPings(a, INNER.b, sizes)).toEqual([]);
    expect(await lostPings(b, INNER.a6, sizes)).toEqual([]);
    await Promise.all([serveHttp(a), serveHttp(b)]);
    await expectWhole(b, INNER.a, 10_000_000);
    await expectWhole(a, INNER.b6, 1_000_000);
    const stats = await left.stats();
    expect(stats.in.drops).toEqual({});
  });

  test("over IPv6, with packets of 65,535 bytes", async () => {
    const { a, b } = await twoHosts();
    const mtu = ["--mtu", "65535"];
    const [left] = await Promise.all([
      start(a, [...server(), ...mtu]),
      start(b, [...client(`[${OUTER.a6}]:1337`), ...mtu]),
    ]);
    expect((await left.event("connected")) as object).toMatchObject({
      peer: { address: OUTER.b6 },
    });
    await reaches(b, INNER.a);
    expect(await lostPings(b, INNER.a, [0, 60_000, 65_507])).toEqual([]);
    await serveHttp(a);
    await expectWhole(b, INNER.a6, 1_000_000);
  });

  test("end by a signal, connected or not, and leave nothing", async () => {
    const { a, b } = await twoHosts();
    const before = await traces(b);
    const [left, right] = await Promise.all([start(a, server()), start(b, client())]);
    await reaches(b, INNER.a);
    expect((await left.stop()).code).toBe(143);
    await right.event("reconnecting", { why: "the other end closed it" });
    expect(await hasDevice(b)).toBe(true);
    await b.exec("ping", ["-n", "-q", "-c", "2", "-i", "0.01", "-W", "0.1", INNER.a]);
    await right.counters(({ out }) => (out.drops.unreachable ?? 0) >= 2, "drops are counted");
    expect(await right.stop("SIGINT")).toMatchObject({ code: 130, stderr: "" });
    expect(await traces(b)).toEqual(before);
    // The port is free at once.
    await start(a, server());
  });
});

/** Runs both directions of an exchange, and meanwhile something else. */
async function meanwhile(from: Host, to: string, action: () => Promise<void>): Promise<void> {
  let over = false;
  const whole = expectWhole(from, to, 3_000_000).finally(() => {
    over = true;
  });
  await Promise.all([
    whole,
    action().then(() => expect(over, "it was over before all was done").toBe(false)),
  ]);
}

describe("a bad way", () => {
  /** A relay on host a to its port 1337. */
  const relay = (a: Host, ...words: string[]) =>
    startPython(a, "relay.py", ["1400", OUTER.a, "1337", ...words]);

  test("that is slow and stands still: 10 MB arrive, pings in between too", async () => {
    const { a, b } = await twoHosts();
    await relay(a, "--rate", "60e6", "--stall", "0.15", "--stall-every", "2000000", "--seed", "7");
    const [left, right] = await Promise.all([
      start(a, server()),
      start(b, client(`${OUTER.a}:1400`)),
    ]);
    await reaches(b, INNER.a);
    const lost = () => [left, right].flatMap((end) => end.events("reconnecting")).length;
    const before = lost();
    await serveHttp(a);
    const ping = new Running(b.spawn("ping", ["-n", "-i", "0.05", INNER.a]));
    await expectWhole(b, INNER.a, 10_000_000);
    const { stdout } = await ping.stop("SIGINT");
    const times = Array.from(stdout.matchAll(/ time=([0-9.]+) ms$/gm), (match) => Number(match[1]));
    expect(times.length).toBeGreaterThan(10);
    times.sort((one, other) => one - other);
    console.info(
      `ping under load over the bad way: median ${times[times.length >> 1]} ms, most ${times.at(-1)} ms`,
    );
    for (const { in: received } of [await left.stats(), await right.stats()]) {
      expect(received.drops).toEqual({});
    }
    expect(lost()).toBe(before);
  }, 120_000);

  test("both ends are restarted in mid-transfer, and it arrives whole", async () => {
    const { a, b } = await twoHosts();
    await relay(a, "--rate", "15e6");
    let [left, right] = await Promise.all([
      start(a, server()),
      start(b, client(`${OUTER.a}:1400`)),
    ]);
    await reaches(b, INNER.a);
    await serveHttp(a);
    const moves = (end: End) => end.counters(({ out }) => out.packets > 300, "it moves");
    await meanwhile(b, INNER.a, async () => {
      await moves(left);
      left.child.kill("SIGKILL");
      await left.ended;
      left = await start(a, server());
      await moves(left);
      await right.stop();
      right = await start(b, client(`${OUTER.a}:1400`));
      await moves(right);
    });
  }, 60_000);
});

describe("the peer in Python, cutting its stream anywhere,", () => {
  const exchangeAll = async (a: Host, b: Host) => {
    expect(await lostPings(a, INNER.b, [0, 1, 56, 1000, 1472, 9000])).toEqual([]);
    await Promise.all([serveHttp(a), serveHttp(b)]);
    await expectWhole(a, INNER.b, 300_000);
    await expectWhole(b, INNER.a, 300_000);
  };
  const cut = ["--cut", "700", "--seed", "3", "-k", KEY];

  test("connects", async () => {
    const { a, b } = await twoHosts();
    await startPython(b, "tcp_peer.py", [...cut, "-p", OUTER.a, INNER.b, INNER.a]);
    const left = await start(a, server());
    await reaches(a, INNER.b);
    await exchangeAll(a, b);
    expect((await left.stats()).in.drops).toEqual({});
  });

  test("is connected to, goes, and comes again", async () => {
    const { a, b } = await twoHosts();
    const words = [...cut, INNER.a, INNER.b];
    const [peer, right] = await Promise.all([
      startPython(a, "tcp_peer.py", words),
      start(b, ["--tcp", "-k", KEY, "-p", OUTER.a, INNER.b, INNER.a]),
    ]);
    await reaches(a, INNER.b);
    await exchangeAll(a, b);
    expect((await right.stats()).in.drops).toEqual({});
    expect((await peer.stop()).code).toBe(0);
    await right.event("reconnecting");
    await startPython(a, "tcp_peer.py", words);
    await reaches(a, INNER.b);
  });

  test("speaks QEMU's framing, with Ethernet frames", async () => {
    const { a, b } = await twoHosts();
    const words = ["--qemu", "--cut", "700", "--device", "tap0"];
    await startPython(b, "tcp_peer.py", [...words, "-p", OUTER.a, `${INNER.b}/24`, INNER.a]);
    const ours = ["--format", "qemu-socket-tcp", "--listen", "1337", `${INNER.a}/24`];
    const left = await start(a, ours);
    expect((await left.event("start")) as object).toMatchObject({ layer: 2, carrier: "tcp" });
    await reaches(a, INNER.b);
    await exchangeAll(a, b);
    expect((await left.stats()).in.drops).toEqual({});
  });
});

/** Connects to an end as often as it can, and sends what is no frame, half of one, or nothing. */
const ASSAULT = `
import random, socket, sys, time
dice = random.Random(5)
held, end = [], time.monotonic() + float(sys.argv[2])
connections = 0
while time.monotonic() < end:
    s = socket.socket()
    s.settimeout(1)
    try:
        s.connect((sys.argv[1], 1337))
        connections += 1
        s.send([b"", b"crap", b"crap\\xff\\xff", b"GET / HTTP/1.1", dice.randbytes(5000)][dice.randrange(5)])
    except OSError:
        pass
    held.append(s)
    if len(held) > 100:
        held.pop(dice.randrange(100)).close()
print(connections)
`;

test("strangers by the hundreds disturb nobody and cost little", async () => {
  const { a, b } = await twoHosts();
  const [left] = await Promise.all([start(a, server()), start(b, client())]);
  await reaches(b, INNER.a);
  await left.counters(({ in: { packets } }) => packets > 0, "the client was heard");
  const before = residentMb(left.pid);
  const [{ stdout }, ping] = await Promise.all([
    b.execOrThrow("python3", ["-c", ASSAULT, OUTER.a, "2"]),
    b.execOrThrow("ping", ["-n", "-q", "-c", "30", "-i", "0.05", "-W", "5", INNER.a]),
  ]);
  expect(Number(stdout)).toBeGreaterThan(200);
  expect(ping.stdout).toContain(" 0% packet loss");
  const { drops } = (await left.stats()).in;
  expect(drops.framing_lost).toBeGreaterThan(10);
  expect(left.drops("framing_lost")).toHaveLength(1);
  expect(left.drops("framing_lost")[0]).toMatchObject({ field: "crapvpn.magic", layer: "header" });
  expect(left.events("connected")).toHaveLength(1);
  expect(left.events("turned_away").length).toBeLessThan(4);
  expect(residentMb(left.pid) - before).toBeLessThan(30);
  expect(await pings(b, INNER.a)).toBe(true);
});

test.skipIf(!hasTshark)("a capture of it is TCP to tshark, and its stream our frames", async () => {
  const { a, b } = await twoHosts();
  const folder = mkdtempSync(join(tmpdir(), "crapvpn-tcp-"));
  try {
    const file = join(folder, "session.pcap");
    const words = [
      "-U",
      "-Z",
      "root",
      "--immediate-mode",
      "-i",
      "eth0",
      "-w",
      file,
      "tcp port 1337",
    ];
    const capture = new Running(a.spawn("tcpdump", words));
    await capture.said("stderr", "listening on");
    const [left, right] = await Promise.all([start(a, server()), start(b, client())]);
    await reaches(b, INNER.a);
    expect(await lostPings(b, INNER.a, [56, 1000])).toEqual([]);
    await Promise.all([left.stop(), right.stop()]);
    await until(
      () => read(file, ["-Y", "tcp.flags.fin==1", "-T", "fields", "-e", "tcp.port"]) !== "",
      "its end",
    );
    await capture.stop("SIGINT");
    expect(read(file, ["-Y", "_ws.malformed || tcp.checksum.status==0"])).toBe("");
    const payload = read(file, [
      "-Y",
      `tcp.len>0 && ip.src==${OUTER.b}`,
      "-T",
      "fields",
      "-e",
      "tcp.payload",
    ]);
    const stream = Buffer.from(payload.replaceAll("\n", ""), "hex");
    const lengths: number[] = [];
    for (let place = 0; place < stream.length; place += 6 + (lengths.at(-1) ?? 0)) {
      expect(stream.toString("latin1", place, place + 4)).toBe("crap");
      lengths.push(stream.readUInt16BE(place + 4));
    }
    expect(lengths).toEqual(expect.arrayContaining([84, 1028]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function read(file: string, words: readonly string[]): string {
  return execFileSync("tshark", ["-n", "-r", file, ...words], { encoding: "utf8", stdio: "pipe" });
}

test("where there is no way, that is said, and tried again once there is one", async () => {
  const { a, b } = await twoHosts();
  await start(a, server());
  await b.execOrThrow("ip", ["link", "set", "dev", "eth0", "down"]);
  const right = launch(b, client());
  const { why } = await right.event("reconnecting");
  expect(why).toBe("there is no way there");
  await b.execOrThrow("ip", ["link", "set", "dev", "eth0", "up"]);
  await right.event("connected");
  await reaches(b, INNER.a);
});
