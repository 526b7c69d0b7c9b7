// What happens to the device: set down, deleted, taken already, or not to be had.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  cleanUp,
  cpuMs,
  deviceState,
  hasDevice,
  INNER,
  join,
  launch,
  OUTER,
  pings,
  reaches,
  silentHosts,
  start,
  twoHosts,
  wordsFor,
} from "./ends.js";
import { lostPings, push } from "./scripts.js";

afterEach(cleanUp);

const IPV4 = ["-k", "00", "-p", OUTER.b, INNER.a, INNER.b];

describe("the device is set down", () => {
  test("packets are dropped as such, and a warning says what to do; it goes on when it is up", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    await hosts.a.execOrThrow("ip", ["link", "set", "dev", "tun0", "down"]);
    await push(hosts.b, INNER.a, 20);
    await left.counters(({ in: { drops } }) => (drops.device_down ?? 0) >= 20, "drops");
    const warnings = left.events("warning", { code: "device_down" });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain("tun0 is down");
    // The kernel has taken the IPv6 address away: the second line brings it back.
    const hints = warnings[0]?.hints as string[];
    expect(hints).toEqual([
      "sudo ip link set dev tun0 up",
      "sudo ip addr add fd00:8::1 peer fd00:8::2/128 dev tun0",
    ]);
    for (const line of hints) await hosts.a.execOrThrow("sh", ["-c", line.replace("sudo ", "")]);
    await reaches(hosts.b, INNER.a);
    await reaches(hosts.a, INNER.b);
    await reaches(hosts.a, INNER.b6);
  });

  test("it costs no time meanwhile, and a signal ends it as ever", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    await hosts.a.execOrThrow("ip", ["link", "set", "dev", "tun0", "down"]);
    const before = cpuMs(left.pid);
    await hosts.a.execOrThrow("sleep", ["1"]);
    expect(cpuMs(left.pid) - before).toBeLessThan(100);
    expect((await left.stop()).code).toBe(143);
    expect(await hasDevice(hosts.a)).toBe(false);
  });
});

describe("the device is deleted", () => {
  test.each([
    ["at rest", false],
    ["under traffic", true],
  ])("%s: it ends with 5 and a sentence", async (_, traffic) => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    if (traffic) hosts.b.spawn("ping", ["-n", "-q", "-i", "0.002", "-s", "1400", INNER.a]);
    await hosts.a.execOrThrow("ip", ["link", "del", "dev", "tun0"]);
    const { code, stderr } = await left.ended;
    expect(code).toBe(5);
    expect(stderr).toBe("crapvpn: tun0 was deleted by somebody else\n");
  });
});

describe("the device is renamed, or gets another MTU", () => {
  test("packets above the old MTU travel in fragments; too long ones are dropped", async () => {
    const hosts = await twoHosts();
    const [left, right] = await join(hosts);
    await reaches(hosts.a, INNER.b);
    const set = (mtu: number) =>
      hosts.a.execOrThrow("ip", ["link", "set", "dev", "tun0", "mtu", String(mtu)]);
    await set(9000);
    // Longer than the other end's MTU: it is taken all the same.
    const whole = ["-M", "do"];
    expect(await pings(hosts.a, INNER.b, { size: 8972, more: whole })).toBe(true);
    await set(65_535);
    expect(await pings(hosts.a, INNER.b, { size: 65_499 - 28, more: whole })).toBe(true);
    expect(await pings(hosts.a, INNER.b, { size: 65_507, more: [...whole, "-W", "0.1"] })).toBe(
      false,
    );
    const { out } = await left.counters((stats) => stats.out.drops.too_long === 1, "one drop");
    expect(out.drops).toEqual({ too_long: 1 });
    expect(left.drops("too_long")[0]).toMatchObject({ length: 65_535, expected: "65499" });
    expect(await lostPings(hosts.a, INNER.b, [56, 1436])).toEqual([]);
    expect((await right.stats()).in.drops).toEqual({});
  });

  test("it goes on under its new name, and takes the device along", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    await hosts.a.execOrThrow("ip", ["link", "set", "dev", "tun0", "name", "other"]);
    await reaches(hosts.a, INNER.b);
    expect((await left.stop()).code).toBe(143);
    expect(await hasDevice(hosts.a, "other")).toBe(false);
  });
});

describe("the device's name", () => {
  test("is tun0, or what --device says, or the first free number", async () => {
    const { a } = await twoHosts();
    const names: unknown[] = [];
    for (const [port, device] of [
      ["1", []],
      ["2", ["--device", "näme+1.x"]],
      ["3", ["--device", "tun%d"]],
      ["4", ["--device", "fifteen-bytes-x"]],
    ] as const) {
      const words = ["-k", "00", "-p", OUTER.b, "--listen", port, ...device];
      const end = await start(a, [...words, `10.8.${port}.1`, `10.8.${port}.2`]);
      names.push((await end.event("start")).device);
    }
    expect(names).toEqual(["tun0", "näme+1.x", "tun1", "fifteen-bytes-x"]);
    for (const name of names) expect(await hasDevice(a, String(name))).toBe(true);
  });

  test("is taken by another of ours: it ends with 5 and a sentence", async () => {
    const hosts = await twoHosts();
    const [left] = await join(hosts);
    const words = [...IPV4, "--listen", "1400"];
    const { code, stderr } = await launch(hosts.a, words).ended;
    expect(code).toBe(5);
    expect(stderr).toBe("crapvpn: tun0 is in use by another program: choose another --device\n");
    await reaches(hosts.a, INNER.b);
    expect(left.isRunning).toBe(true);
  });

  test.each([
    ["a cable", ["link", "add", "tun0", "type", "veth", "peer", "name", "tun1"]],
    ["a bridge", ["link", "add", "tun0", "type", "bridge"]],
    ["a TAP", ["tuntap", "add", "dev", "tun0", "mode", "tap"]],
  ])("is that of %s: it ends with 5 and a sentence, and leaves that alone", async (_, words) => {
    const { a } = await twoHosts();
    await a.execOrThrow("ip", words);
    const { code, stderr } = await launch(a, IPV4).ended;
    expect(code).toBe(5);
    expect(stderr).toBe(
      "crapvpn: tun0 is no name for a TUN device, or another kind of device has it: choose another --device\n",
    );
    expect((await deviceState(a)).addr_info).toEqual([]);
  });

  test("is that of a TUN with several queues: it ends with 5 and a sentence", async () => {
    const { a } = await twoHosts();
    await a.execOrThrow("ip", ["tuntap", "add", "dev", "tun0", "mode", "tun", "multi_queue"]);
    const { code, stderr } = await launch(a, IPV4).ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/^crapvpn: tun0 .*choose another --device\n$/);
  });
});

describe("what the system lacks", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(joinPath(tmpdir(), "crapvpn-device-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs what follows, having run commands, in a mount namespace that only it sees. */
  const having = (script: string) => [
    ...["unshare", "--mount", "--", "sh", "-ec"],
    ...[`cd ${folder}; ${script}; exec "$@"`, "sh"],
  ];

  test("/dev/net/tun: it ends with 5, a sentence and what to do", async () => {
    const { a } = await twoHosts();
    const by = having("mount -t tmpfs none /dev/net");
    const { code, stderr } = await launch(a, IPV4, { by }).ended;
    expect(code).toBe(5);
    expect(stderr).toBe(
      "crapvpn: /dev/net/tun does not exist: this kernel has no TUN loaded\n  sudo modprobe tun\n",
    );
  });

  test("a TUN behind /dev/net/tun: it ends with 5, a sentence and what to do", async () => {
    const { a } = await twoHosts();
    // Numbers that no driver has.
    const node = "rm -f tun; mknod tun c 10 254; mount --bind tun /dev/net/tun";
    const { code, stderr } = await launch(a, IPV4, { by: having(node) }).ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/^crapvpn: \/dev\/net\/tun is there, but .*\n {2}sudo modprobe tun\n$/);
  });

  test("/dev/net/tun is some other file: it ends with 5 and a sentence", async () => {
    const { a } = await twoHosts();
    const file = "echo > file; mount --bind file /dev/net/tun";
    const { code, stderr } = await launch(a, IPV4, { by: having(file) }).ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(/^crapvpn: \/dev\/net\/tun is something else .*\n {2}sudo rm .*\n$/);
  });

  test("the program ip: it ends with 5, a sentence and what to do", async () => {
    const { a } = await twoHosts();
    const { code, stderr } = await launch(a, IPV4, { env: { PATH: folder } }).ended;
    expect(code).toBe(5);
    expect(stderr).toBe(
      "crapvpn: the program `ip` is missing: install iproute2\n  sudo apt-get install iproute2\n",
    );
    expect(await hasDevice(a)).toBe(false);
  });

  test("IPv6: a pair of it ends it with 5 and a sentence, and IPv4 alone runs", async () => {
    const hosts = await silentHosts();
    const { code, stderr } = await launch(hosts.a, wordsFor("a")).ended;
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^crapvpn: tun0 could not be set up as wanted .*\n {2}sudo ip addr add /,
    );
    expect(await hasDevice(hosts.a)).toBe(false);
    await start(hosts.a, IPV4);
  });
});
