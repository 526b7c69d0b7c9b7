// The end of a tunnel: by a signal, at any time, with nothing left; and what it tells until then.

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import {
  cleanUp,
  hasDevice,
  INNER,
  join,
  joinIpv4,
  launch,
  launchPlain,
  OUTER,
  Running,
  reaches,
  silentHosts,
  start,
  traces,
  twoHosts,
  until,
  wordsFor,
} from "./ends.js";
import { push, sendUdp } from "./scripts.js";

afterEach(cleanUp);

/** It promises one second; what is measured here is a busy machine too. */
const STOP_MS = 3000;

const signals = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

async function stopped(end: Running, signal: NodeJS.Signals): Promise<number> {
  const begin = performance.now();
  const { code } = await end.stop(signal);
  expect(performance.now() - begin).toBeLessThan(STOP_MS);
  return code;
}

describe("a signal", () => {
  test.each(signals)("%s ends it with %d, and nothing is left", async (signal, code) => {
    const hosts = await twoHosts();
    const before = await traces(hosts.a);
    const [left] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    expect(await stopped(left, signal)).toBe(code);
    expect(left.told.at(-1)).toMatchObject({ event: "stop", signal, in: { drops: {} } });
    expect(await traces(hosts.a)).toEqual(before);
    expect(left.stderr).toBe("");
    // Device and port are free again.
    await start(hosts.a, wordsFor("a"));
    await reaches(hosts.a, INNER.b);
  });

  test.each(signals)("%s under full load ends it with %d as quickly", async (signal, code) => {
    const hosts = await twoHosts();
    const before = await traces(hosts.a);
    const [left, right] = await join(hosts);
    const server = new Running(hosts.b.spawn("iperf3", ["-s", "--forceflush"]));
    await server.said("stdout", "listening");
    hosts.a.spawn("iperf3", ["-c", INNER.b, "-t", "30", "--bidir", "-P", "2"]);
    const busy = (end: typeof left) =>
      end.counters(({ in: received }) => received.packets > 5000, "load");
    await Promise.all([busy(left), busy(right)]);
    expect(await Promise.all([stopped(left, signal), stopped(right, signal)])).toEqual([
      code,
      code,
    ]);
    expect(await hasDevice(hosts.a)).toBe(false);
    expect((await traces(hosts.a)).slice(0, 4)).toEqual(before.slice(0, 4));
  });

  test("several at once are as good as one", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    for (const signal of ["SIGTERM", "SIGINT", "SIGTERM", "SIGHUP"] as const) {
      left.child.kill(signal);
    }
    expect([129, 130, 143]).toContain((await left.ended).code);
    expect(left.events("stop")).toHaveLength(1);
    expect(await hasDevice(hosts.a)).toBe(false);
  });

  test("while it starts ends it just so, and nothing is left", async () => {
    const { a } = await twoHosts();
    const before = await traces(a);
    for (const ms of [0, 50, 100, 150, 200, 225, 250, 275, 300, 350]) {
      const end = launch(a, wordsFor("a"));
      await sleep(ms);
      expect(await stopped(end, "SIGTERM")).toBe(143);
      expect(await traces(a)).toEqual(before);
    }
  });

  test("SIGKILL leaves nothing either", async () => {
    const { a } = await twoHosts();
    const before = await traces(a);
    const end = await start(a, wordsFor("a"));
    end.child.kill("SIGKILL");
    await end.ended;
    await until(async () => !(await hasDevice(a)), "the device is gone");
    expect(await traces(a)).toEqual(before);
  });
});

describe("counters", () => {
  test("are told at SIGUSR2, for people and for programs", async () => {
    const hosts = await twoHosts();
    const left = launchPlain(hosts.a, wordsFor("a"));
    const right = await start(hosts.b, wordsFor("b"));
    await reaches(hosts.b, INNER.a);
    await sendUdp(hosts.b, OUTER.a, 1337, [Buffer.from("crap")]);
    left.child.kill("SIGUSR2");
    await left.said("stdout", "in ");
    expect(left.stdout).toMatch(
      /^out {2}\d+ packets, \d+ bytes; nothing dropped\nin {3}\d+ packets, \d+ bytes; 1 dropped: too_short 1\n$/,
    );
    const stats = await right.stats();
    expect(stats.out.packets).toBeGreaterThan(0);
    expect(stats.out.bytes).toBeGreaterThanOrEqual(84);
    expect(stats).toMatchObject({ out: { drops: {} }, in: { drops: {} }, nextDiffers: 0 });
  });

  test("are told every so often with --stats", async () => {
    const { a } = await twoHosts();
    const [plain, json] = [
      launchPlain(a, ["--stats", "0.1", ...wordsFor("a")]),
      launch(a, [
        ...["-k", "00", "-p", OUTER.b, "--stats=0.1", "--device", "tun1", "--listen", "1400"],
        ...["10.9.0.1", "10.9.0.2"],
      ]),
    ];
    await until(() => plain.stdout.split("\n").length > 6, "three times two lines");
    await until(() => json.events("stats").length >= 3, "three events");
    expect(plain.stdout).toMatch(/^(out {2}.*\nin {3}.*\n)+$/);
  });

  test("add up: what one end sent the other got", async () => {
    const hosts = await silentHosts();
    const ends = await joinIpv4(hosts);
    await push(hosts.a, INNER.b, 50);
    const flow = { packets: 50, bytes: 50 * 84, drops: {} };
    for (const end of ends) {
      expect(await end.stats()).toMatchObject({ out: flow, in: flow });
    }
  });
});

describe("what it tells", () => {
  test("goes to standard error in lines for people, and nothing to standard output", async () => {
    const { a } = await twoHosts();
    const end = launchPlain(a, wordsFor("a"));
    await end.said("stderr", "listening on");
    const { stdout, stderr } = await end.stop();
    expect(stdout).toBe("");
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !/^(crapvpn: | {2})\S/.test(line))).toEqual([]);
    expect(lines[0]).toBe(
      "crapvpn: warning: XOR protects nothing: whoever sees your packets can read and change them. It is for learning.",
    );
    expect(lines.filter((line) => line.includes("XOR protects nothing"))).toHaveLength(1);
    expect(
      lines.filter((line) => line.includes("the key stands on the command line")),
    ).toHaveLength(1);
    expect(lines).toContain("crapvpn: MTU 1464 (1500 − 20 IPv4 − 8 UDP − 8 crapvpn; eth0)");
    expect(stderr).toContain(`tun0 joins ${INNER.a} → ${INNER.b}, ${INNER.a6} → ${INNER.b6}; `);
    expect(stderr).toContain("listening on 0.0.0.0:1337, sending to 192.0.2.2:1337\n");
    expect(stderr).toContain("stopped by SIGTERM\n");
  });

  test("is more with -v, and more still with -vv", async () => {
    const hosts = await twoHosts();
    const dropped = async (...more: string[]) => {
      const end = launchPlain(hosts.a, [...more, ...wordsFor("a")]);
      await end.said("stderr", "listening on");
      await sendUdp(
        hosts.b,
        OUTER.a,
        1337,
        ["crap", "CRAP....", "crap"].map((it) => Buffer.from(it)),
      );
      end.child.kill("SIGUSR2");
      await end.said("stdout", "3 dropped");
      const { stderr } = await end.stop();
      const lines = stderr.split("\n").filter((line) => line.includes("dropped a datagram"));
      return lines.map((line) => line.replace(/(192\.0\.2\.2):\d+/, "$1:PORT"));
    };
    expect(await dropped()).toEqual([]);
    const tooShort =
      "crapvpn: dropped a datagram from 192.0.2.2:PORT, 4 bytes: too_short at byte 4: expected 8, found 4";
    const notOurs =
      "crapvpn: dropped a datagram from 192.0.2.2:PORT, 8 bytes: not_ours at byte 0 (crapvpn.magic): expected 63 72 61 70, found 43 52 41 50";
    expect(await dropped("-v")).toEqual([tooShort, notOurs]);
    expect(await dropped("-vv")).toEqual([tooShort, notOurs, tooShort]);
  });

  test("is nothing with -q, whatever happens, but why it could not go on", async () => {
    const hosts = await twoHosts();
    const end = launchPlain(hosts.a, ["-q", ...wordsFor("a", "FF")]);
    await start(hosts.b, wordsFor("b"));
    await until(() => hasDevice(hosts.a), "its device");
    await push(hosts.b, INNER.a, 20);
    await push(hosts.a, INNER.b, 20);
    expect(end.stdout + end.stderr).toBe("");
    await hosts.a.execOrThrow("ip", ["link", "del", "dev", "tun0"]);
    expect(await end.ended).toMatchObject({
      ...{ code: 5, stdout: "" },
      stderr: "crapvpn: tun0 was deleted by somebody else\n",
    });
    const other = launchPlain(hosts.a, ["-q", ...wordsFor("a")]);
    await until(() => hasDevice(hosts.a), "its device");
    expect(await other.stop()).toEqual({ code: 143, stdout: "", stderr: "" });
  });

  test("has no colours where nobody sees them, nor control characters of strangers", async () => {
    const { a } = await twoHosts();
    const end = launchPlain(a, ["--device", "tu\u001bn", ...wordsFor("a")]);
    const { code, stderr } = await end.ended;
    expect(code).toBe(2);
    expect(stderr).not.toContain("\u001b");
  });
});
