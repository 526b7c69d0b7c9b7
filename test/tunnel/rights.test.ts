// Who may not make a device: what is told, and a device that root made for somebody.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { mayMakeNamespaces } from "../../src/lab/holder.js";
import type { Host } from "../../src/lab/host.js";
import {
  cleanUp,
  deviceState,
  type End,
  hasDevice,
  INNER,
  launch,
  OUTER,
  pings,
  reaches,
  type StartOptions,
  start,
  twoHosts,
  wordsFor,
} from "./ends.js";

afterEach(cleanUp);

const USER = "65534";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
/** Node and the program, at paths that every user can read. */
let program: string[];
beforeAll(() => {
  folder = mkdtempSync(joinPath(tmpdir(), "crapvpn-rights-"));
  program = [joinPath(folder, "node"), joinPath(folder, "project/dist/cli/main.js")];
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As an ordinary user, with a TUN of this mode, which nobody else sees. */
function ordinary(mode: "0600" | "0666", ...more: string[]): StartOptions {
  const prepare = `
    cd "$1"; chmod 0755 .; mkdir -p project; touch node
    [ -e tun-${mode} ] || mknod -m ${mode} tun-${mode} c 10 200
    mount --bind tun-${mode} /dev/net/tun
    mount --bind "$2" project; mount --bind "$3" node
    cd /; shift 3; exec "$@"`;
  const user = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", ...more, "--"];
  const places = [folder, ROOT, process.execPath];
  return {
    program,
    by: ["unshare", "--mount", "--", "sh", "-ec", prepare, "sh", ...places, ...user],
  };
}

/** Runs lines that were told to a person who is to type them as root. */
async function asRoot(host: Host, lines: readonly unknown[]): Promise<void> {
  for (const line of lines) {
    expect(line).toMatch(/^sudo ip /);
    await host.execOrThrow("sh", ["-c", String(line).replace("sudo ", "")]);
  }
}

const addresses = async (host: Host, name = "tun0") =>
  (await deviceState(host, name)).addr_info
    .filter(({ scope }) => scope === "global")
    .map(({ local, address, prefixlen }) => `${local} ${address}/${prefixlen}`);

describe.skipIf(!mayMakeNamespaces())("an ordinary user (to become one needs root)", () => {
  const words = ["-k", "12 34", "-p", OUTER.b, INNER.a, INNER.b];
  const quoted = words.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");

  test("who may not make a device is told three ways to one", async () => {
    const { a } = await twoHosts();
    const { code, stderr, stdout } = await launch(a, words, ordinary("0666")).ended;
    expect(code).toBe(5);
    const again = `${program.join(" ")} --json ${quoted}`;
    expect(stderr).toBe(
      [
        "crapvpn: no right to make the device tun0. As root:",
        `  sudo ${again}`,
        "  or let root make the device for you once, and then run the same command again:",
        '  sudo ip tuntap add dev tun0 mode tun user "$(id -un)"',
        "  or, to look around in a network of your own that leads nowhere:",
        `  unshare --user --map-root-user --net ${again}`,
        "",
      ].join("\n"),
    );
    expect(stdout).not.toContain('"start"');
    expect(await hasDevice(a)).toBe(false);
  });

  test("the second way leads there", async () => {
    const hosts = await twoHosts();
    const line = `ip tuntap add dev tun0 mode tun user ${USER}`;
    await hosts.a.execOrThrow("sh", ["-c", line]);
    const end = await start(hosts.a, words, ordinary("0666"));
    const [warning] = end.events("warning", { code: "device_not_set_up" });
    await asRoot(hosts.a, warning?.hints as unknown[]);
    await start(hosts.b, ["-k", "1234", "-p", OUTER.a, INNER.b, INNER.a]);
    await reaches(hosts.a, INNER.b);
  });

  test("the third way leads there, as far as it goes", async () => {
    const { a } = await twoHosts();
    const { program: again = [], by = [] } = ordinary("0666");
    const namespace = ["unshare", "--user", "--map-root-user", "--net"];
    const end = await start(a, words, { program: again, by: [...by, ...namespace] });
    expect(end.events("start")[0]).toMatchObject({ device: "tun0", mtu: 1464 });
    expect(end.events("warning", { code: "no_route" })).toHaveLength(1);
    expect((await end.stop()).code).toBe(143);
  });

  test("who may not open the TUN is told so", async () => {
    const { a } = await twoHosts();
    const { code, stderr } = await launch(a, words, ordinary("0600")).ended;
    expect(code).toBe(5);
    expect(stderr).toBe(
      [
        "crapvpn: no right to open /dev/net/tun. As root:",
        `  sudo ${program.join(" ")} --json ${quoted}`,
        "  or open the TUN to every user, as distributions have it:",
        "  sudo chmod 0666 /dev/net/tun",
        "",
      ].join("\n"),
    );
  });

  test("who was given CAP_NET_ADMIN needs no more", async () => {
    const hosts = await twoHosts();
    const capable = ordinary("0666", "--inh-caps=+net_admin", "--ambient-caps=+net_admin");
    const left = await start(hosts.a, wordsFor("a"), capable);
    await start(hosts.b, wordsFor("b"));
    expect(await pings(hosts.a, INNER.b6)).toBe(true);
    expect((await left.stop("SIGINT")).code).toBe(130);
    expect(await hasDevice(hosts.a)).toBe(false);
  });

  describe("with a device that root made", () => {
    const ours = (name: "a" | "b") => ["--device", "tun5", ...wordsFor(name)];
    const make = async (host: Host, user = USER) => {
      await host.execOrThrow("ip", ["tuntap", "add", "dev", "tun5", "mode", "tun", "user", user]);
    };
    const pair = (own: string, other: string) => [
      "address",
      "add",
      own,
      "peer",
      other,
      "dev",
      "tun5",
    ];
    const all = [`${INNER.a} ${INNER.b}/32`, `${INNER.a6} ${INNER.b6}/128`];

    test("and set up runs at once, and leaves it as it was", async () => {
      const hosts = await twoHosts();
      await make(hosts.a);
      for (const line of [
        ["link", "set", "dev", "tun5", "mtu", "1464", "up"],
        pair(INNER.a, INNER.b),
        pair(INNER.a6, INNER.b6),
      ]) {
        await hosts.a.execOrThrow("ip", line);
      }
      const left = await start(hosts.a, ours("a"), ordinary("0666"));
      expect(left.events("ip")).toEqual([]);
      expect(left.events("warning", { code: "device_not_set_up" })).toEqual([]);
      await start(hosts.b, wordsFor("b"));
      expect(await pings(hosts.a, INNER.b)).toBe(true);
      expect(await pings(hosts.b, INNER.a6)).toBe(true);
      expect((await left.stop()).code).toBe(143);
      expect(await addresses(hosts.a, "tun5")).toEqual(all);
      expect((await deviceState(hosts.a, "tun5")).flags).toContain("UP");
    });

    test("and set up in part runs, and is told the lines for the rest", async () => {
      const hosts = await twoHosts();
      await make(hosts.a);
      await hosts.a.execOrThrow("ip", pair(INNER.a, INNER.b));
      const left = await start(hosts.a, ours("a"), ordinary("0666"));
      const [warning] = left.events("warning", { code: "device_not_set_up" });
      expect(warning).toMatchObject({
        device: "tun5",
        message: "tun5 could not be set up as wanted (Operation not permitted); as root:",
        hints: [
          "sudo ip link set dev tun5 mtu 1464",
          "sudo ip link set dev tun5 up",
          `sudo ip addr add ${INNER.a6} peer ${INNER.b6}/128 dev tun5`,
        ],
      });
      await asRoot(hosts.a, warning?.hints as unknown[]);
      await start(hosts.b, wordsFor("b"));
      await reaches(hosts.a, INNER.b);
      await reaches(hosts.b, INNER.a6);
      expect((await left.stop()).code).toBe(143);
      expect(await addresses(hosts.a, "tun5")).toEqual(all);
    });

    test("for somebody else is told what there is to do", async () => {
      const { a } = await twoHosts();
      await make(a, "65533");
      const { code, stderr } = await launch(a, ours("a"), ordinary("0666")).ended;
      expect(code).toBe(5);
      expect(stderr).toMatch(/^crapvpn: no right to make the device tun5\. As root:\n {2}sudo /);
    });
  });
});

describe("root, with a device that somebody made", () => {
  const make = (host: Host) =>
    host.execOrThrow("ip", ["tuntap", "add", "dev", "tun0", "mode", "tun", "user", "65534"]);

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "takes away at %s the addresses that it added, and nothing else",
    async (signal) => {
      const hosts = await twoHosts();
      await make(hosts.a);
      const before = [`${INNER.a6} ${INNER.b6}/128`, "10.77.0.1 undefined/24"];
      // Set up before: addresses of IPv6 get no route to the other end on a device that is down.
      await hosts.a.execOrThrow("ip", ["link", "set", "dev", "tun0", "up"]);
      for (const words of [[INNER.a6, "peer", INNER.b6], ["10.77.0.1/24"]]) {
        await hosts.a.execOrThrow("ip", ["address", "add", ...words, "dev", "tun0"]);
      }
      const left = await start(hosts.a, wordsFor("a"));
      expect(left.events("ip").map(({ words }) => (words as string[]).join(" "))).toEqual([
        "link set dev tun0 mtu 1464",
        `addr add ${INNER.a} peer ${INNER.b}/32 dev tun0`,
      ]);
      await start(hosts.b, wordsFor("b"));
      await reaches(hosts.a, INNER.b);
      await reaches(hosts.a, INNER.b6);
      expect((await left.stop(signal)).stderr).toBe("");
      expect((await addresses(hosts.a)).sort()).toEqual(before.sort());
    },
  );

  test("that was killed before: finds its addresses there, and leaves them", async () => {
    const hosts = await twoHosts();
    await make(hosts.a);
    const killed = await start(hosts.a, wordsFor("a"));
    await killed.stop("SIGKILL");
    const left = await start(hosts.a, wordsFor("a"));
    expect(left.events("ip")).toEqual([]);
    await start(hosts.b, wordsFor("b"));
    await reaches(hosts.a, INNER.b);
    await left.stop();
    expect(await addresses(hosts.a)).toHaveLength(2);
  });

  test("takes its addresses away when its output is not wanted any more", async () => {
    const { a } = await twoHosts();
    await make(a);
    const end: End = await start(a, ["--stats", "0.1", ...wordsFor("a")]);
    end.child.stdout.destroy();
    expect((await end.ended).code).toBe(0);
    expect(await addresses(a)).toEqual([]);
  });

  test("takes its addresses away when it cannot go on", async () => {
    const { a } = await twoHosts();
    await make(a);
    await a.execOrThrow("ip", ["link", "set", "dev", "tun0", "up"]);
    await a.execOrThrow("ip", ["route", "add", "203.0.113.0/24", "dev", "tun0"]);
    const words = ["-k", "00", "-p", "203.0.113.9", INNER.a, INNER.b];
    expect((await launch(a, words).ended).code).toBe(5);
    expect(await addresses(a)).toEqual([]);
  });
});
