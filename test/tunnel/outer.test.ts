// The way outside: IPv4 and IPv6 hosts, names, ports, and where the key comes from.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  cleanUp,
  deviceState,
  INNER,
  lab,
  launch,
  OUTER,
  pings,
  reaches,
  start,
  twoHosts,
  until,
} from "./ends.js";
import { Capture, exchangeHttp, serveHttp } from "./scripts.js";

afterEach(cleanUp);

const ONE = [INNER.a, INNER.b, INNER.a6, INNER.b6];
const OTHER = [INNER.b, INNER.a, INNER.b6, INNER.a6];

describe("over IPv6", () => {
  test("both families travel, with 20 bytes less room", async () => {
    const hosts = await twoHosts();
    const [left] = await Promise.all([
      start(hosts.a, ["-k", "00ff", "-p", OUTER.b6, ...ONE]),
      start(hosts.b, ["-k", "00ff", "-p", `[${OUTER.a6}]`, ...OTHER]),
    ]);
    expect(left.events("start")[0]).toMatchObject({
      mtu: 1444,
      local: { address: "::", port: 1337 },
      peer: { address: OUTER.b6, port: 1337 },
    });
    const whole = await Capture.start(hosts.b, "eth0", "ip6 and udp and greater 1514");
    for (const [to, size] of [
      [INNER.b, 1444 - 28],
      [INNER.b6, 1444 - 48],
    ] as const) {
      expect(await pings(hosts.a, to)).toBe(true);
      expect(await pings(hosts.a, to, { size, more: ["-M", "do"] })).toBe(true);
    }
    expect((await whole.atLeast(4)).map((packet) => packet.length)).toEqual([
      1500, 1500, 1500, 1500,
    ]);
    await serveHttp(hosts.b);
    const { sent, got, put } = await exchangeHttp(hosts.a, INNER.b, 1_000_000);
    expect({ got, put }).toEqual({ got: sent, put: sent });
    expect((await left.event("heard")).source).toEqual({ address: OUTER.b6, port: 1337 });
  });

  test("with ports of one's own", async () => {
    const hosts = await twoHosts();
    const [left] = await Promise.all([
      start(hosts.a, ["-k", "00", "-p", `[${OUTER.b6}]:1500`, "--listen", "1400", ...ONE]),
      start(hosts.b, [
        ...["-k", "00", "-p", `[2001:DB8:0:0::1]:1400`, "--listen", `[${OUTER.b6}]:1500`],
        ...OTHER,
      ]),
    ]);
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    expect(await pings(hosts.b, INNER.a6)).toBe(true);
    expect((await left.event("heard")).source).toEqual({ address: OUTER.b6, port: 1500 });
  });

  test("with link-local addresses and their %scope", async () => {
    const hosts = await twoHosts();
    /** Once the kernel has seen that nobody else has it. */
    const linkLocal = async (name: "a" | "b") => {
      const found = await until(async () => {
        const { addr_info: addresses } = await deviceState(hosts[name], "eth0");
        return addresses.find(({ scope, tentative }) => scope === "link" && !tentative);
      }, "a link-local address");
      return `${found.local}%eth0`;
    };
    const [ownA, ownB] = [await linkLocal("a"), await linkLocal("b")];
    const [left, right] = await Promise.all([
      start(hosts.a, ["-k", "00", "-p", ownB, "--only-peer", ...ONE]),
      start(hosts.b, ["-k", "00", "-p", `[${ownA}]:1337`, "--listen", `[${ownB}]:1337`, ...OTHER]),
    ]);
    expect(left.events("start")[0]).toMatchObject({ mtu: 1444, device: "tun0" });
    await reaches(hosts.a, INNER.b);
    await reaches(hosts.b, INNER.a6);
    for (const end of [left, right]) expect((await end.stats()).in.drops).toEqual({});
  });
});

describe("ports", () => {
  test("of one's own, and one address to listen on", async () => {
    const hosts = await twoHosts();
    const listen = ["--listen", `${OUTER.a}:1400`, "--only-peer"];
    const [left, right] = await Promise.all([
      start(hosts.a, ["-k", "00", "-p", `${OUTER.b}:65535`, ...listen, ...ONE]),
      start(hosts.b, ["-k", "00", "-p", `${OUTER.a}:1400`, "--listen", "65535", ...OTHER]),
    ]);
    expect(left.events("start")[0]).toMatchObject({ local: { address: OUTER.a, port: 1400 } });
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    expect(await pings(hosts.b, INNER.a6)).toBe(true);
    expect((await right.event("heard")).source).toEqual({ address: OUTER.a, port: 1400 });
  });

  test("the system chooses one for --listen 0, and it is told", async () => {
    const hosts = await twoHosts();
    const right = await start(hosts.b, ["-k", "00", "-p", OUTER.a, "--listen", "0", ...OTHER]);
    const { port } = (await right.event("start")).local as { port: number };
    expect(port).toBeGreaterThan(1023);
    await start(hosts.a, ["-k", "00", "-p", `${OUTER.b}:${port}`, ...ONE]);
    // The other end sends to 1337, where ours listens.
    expect(await pings(hosts.a, INNER.b)).toBe(true);
  });

  test("one that is taken ends it with 5 and a sentence", async () => {
    const { a } = await twoHosts();
    const first = await start(a, ["-k", "00", "-p", OUTER.b, ...ONE]);
    const second = ["-k", "00", "-p", OUTER.b, "--device", "tun1", "10.9.0.1", "10.9.0.2"];
    const { code, stderr } = await launch(a, second).ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/^crapvpn: UDP 0\.0\.0\.0:1337 is taken by another program.*--listen/);
    const other = await start(a, [...second, "--listen", "1338"]);
    expect([first.isRunning, other.isRunning]).toEqual([true, true]);
  });

  test("an address that is not ours ends it with 5 and a sentence", async () => {
    const { a } = await twoHosts();
    for (const [peer, listen] of [
      [OUTER.b, `${OUTER.b}:1337`],
      [OUTER.b6, `[${OUTER.b6}]:1337`],
    ] as const) {
      const { code, stderr } = await launch(a, ["-k", "00", "-p", peer, "--listen", listen, ...ONE])
        .ended;
      expect(code).toBe(5);
      expect(stderr).toMatch(/^crapvpn: \S+ is not an address of this machine: --listen .*\n$/);
    }
  });
});

describe("names", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(joinPath(tmpdir(), "crapvpn-names-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs what follows with names of our own, which only it sees. */
  function names(...lines: string[]): string[] {
    const file = joinPath(folder, "hosts");
    writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o644 });
    const script = 'mount --bind "$1" /etc/hosts; shift; exec "$@"';
    return ["unshare", "--mount", "--", "sh", "-ec", script, "sh", file];
  }

  test("are looked up, IPv4 first", async () => {
    const hosts = await twoHosts();
    const by = names(`${OUTER.b6} other-host`, `${OUTER.b} other-host`, `${OUTER.b6} only-six`);
    const left = await start(hosts.a, ["-k", "00", "-p", "other-host", ...ONE], { by });
    expect(left.events("start")[0]).toMatchObject({ peer: { address: OUTER.b, port: 1337 } });
    await left.stop();
    const six = await start(hosts.a, ["-k", "00", "-p", "only-six:1400", ...ONE], { by });
    expect(six.events("start")[0]).toMatchObject({ peer: { address: OUTER.b6, port: 1400 } });
    await six.stop();
    const words = ["-k", "00", "-p", "other-host", "--listen", `[${OUTER.a6}]:1337`, ...ONE];
    const chosen = await start(hosts.a, words, { by });
    expect(chosen.events("start")[0]).toMatchObject({ peer: { address: OUTER.b6 } });
  });

  test("that lead into the tunnel are refused", async () => {
    const hosts = await twoHosts();
    const by = names(`${INNER.b} other-host`);
    const { code, stderr } = await launch(hosts.a, ["-k", "00", "-p", "other-host", ...ONE], { by })
      .ended;
    expect(code).toBe(2);
    expect(stderr).toContain(`${INNER.b} lies inside the tunnel`);
  });

  test("localhost joins two ends on one host", async () => {
    const host = (await lab("a")).host("a");
    const words = (other: number, own: number) => [
      ...["-k", "00", "-p", `localhost:${other}`, "--listen", String(own)],
      ...["--device", `tun${own}`],
    ];
    const [one, other] = await Promise.all([
      start(host, [...words(2, 1), "10.8.0.1", "10.8.0.2"]),
      start(host, [...words(1, 2), "10.9.0.1", "10.9.0.2"]),
    ]);
    expect(one.events("start")[0]).toMatchObject({ mtu: 65_499, peer: { port: 2 } });
    // The system answers for its own address whatever the device: what counts is what passed.
    await host.exec("ping", ["-n", "-c", "1", "-W", "0.1", "10.8.0.2"]);
    await other.counters((stats) => stats.in.packets > 0, "a packet passed");
  });
});

describe("the key", () => {
  const folder = mkdtempSync(joinPath(tmpdir(), "crapvpn-key-"));
  const file = joinPath(folder, "key.hex");
  writeFileSync(file, "00112233\n44\n");
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["in a file", ["-k", `@${file}`], "", {}],
    ["on standard input", ["-k", "-"], "0011223344", {}],
    ["in the environment", [], "", { CRAPVPN_KEY: "0011223344" }],
    ["on the command line, in one word", ["-k0011223344"], "", {}],
    ["on the command line, by its long name", ["--hex-key=00 11 22 33 44"], "", {}],
  ])("%s is the same key", async (where, key, input, env) => {
    const hosts = await twoHosts();
    const left = launch(hosts.a, [...key, "-p", OUTER.b, ...ONE], { env });
    left.child.stdin.end(input);
    const right = await start(hosts.b, ["-k", "0011223344", "-p", OUTER.a, ...OTHER]);
    await left.event("start");
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    expect((await right.stats()).in.drops).toEqual({});
    const warned = left.events("warning", { code: "key_on_command_line" }).length === 1;
    expect(warned).toBe(where.startsWith("on the command line"));
    expect(left.events("warning", { code: "no_protection" })).toHaveLength(1);
  });
});
