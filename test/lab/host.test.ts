// Hosts in network namespaces: they reach each other, keep apart from others, and go without trace.

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { mayMakeNamespaces } from "../../src/lab/holder.js";
import { Lab, LabError } from "../../src/lab/host.js";
import { ordinary, processesIn, until } from "./machine.js";

const labs: Lab[] = [];

/** A lab that is closed after the test, whatever happens. */
async function lab(...hosts: string[]): Promise<Lab> {
  const made = await Lab.create({ hosts });
  labs.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(labs.splice(0).map((made) => made.close()));
});

/** Two hosts with a cable of both families. */
async function pair(mtu?: number): Promise<Lab> {
  const made = await lab("a", "b");
  const options = mtu === undefined ? {} : { mtu };
  await made.cable(
    "a",
    ["192.0.2.1/24", "2001:db8::1/64"],
    "b",
    ["192.0.2.2/24", "2001:db8::2/64"],
    options,
  );
  return made;
}

function ping(made: Lab, to: string, ...more: string[]) {
  return made.host("a").exec("ping", ["-n", "-c", "1", "-W", "1", ...more, to]);
}

async function refusal(promise: Promise<unknown>): Promise<LabError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LabError);
  return error as LabError;
}

describe("a cable", () => {
  test("joins two hosts over IPv4 and IPv6 at once", async () => {
    const made = await pair();
    for (const address of ["192.0.2.2", "2001:db8::2"]) {
      expect(await ping(made, address)).toMatchObject({ code: 0 });
    }
  });

  test("has the MTU that was asked for, on both ends", async () => {
    const made = await pair(1300);
    expect(await ping(made, "192.0.2.2", "-M", "do", "-s", "1272")).toMatchObject({ code: 0 });
    expect(await ping(made, "192.0.2.2", "-M", "do", "-s", "1273", "-W", "0.2")).not.toMatchObject({
      code: 0,
    });
    for (const name of ["a", "b"]) {
      const { stdout } = await made.host(name).execOrThrow("ip", ["link", "show", "eth0"]);
      expect(stdout).toContain(" mtu 1300 ");
    }
  });

  test("is one of several: a host in the middle, names in order", async () => {
    const made = await lab("a", "middle", "b");
    await made.cable("a", ["192.0.2.1/25"], "middle", ["192.0.2.2/25"]);
    const [middle, b] = await made.cable("middle", ["192.0.2.130/25"], "b", ["192.0.2.129/25"]);
    expect([middle.device, b.device]).toEqual(["eth1", "eth0"]);
    await made.host("middle").execOrThrow("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    await made.host("a").execOrThrow("ip", ["route", "add", "default", "via", "192.0.2.2"]);
    await made.host("b").execOrThrow("ip", ["route", "add", "default", "via", "192.0.2.130"]);
    expect(await ping(made, "192.0.2.129")).toMatchObject({ code: 0 });
  });

  test("refuses what would not work", async () => {
    const made = await lab("a", "b");
    const cable = (address: string, mtu?: number) =>
      made.cable("a", [address], "b", [], mtu === undefined ? {} : { mtu });
    expect((await refusal(cable("192.0.2.1"))).code).toBe("EINVAL");
    const error = await refusal(cable("192.0.2.300/24"));
    expect(error.code).toBe("EFAILED");
    expect(error.message).toContain("on host a");
    expect(error.message).toContain("192.0.2.300");
    expect((await refusal(cable("192.0.2.1/24", 7))).code).toBe("EFAILED");
    expect(() => made.host("c")).toThrow('there is no host "c" in this lab, only a, b');
  });
});

describe("a command on a host", () => {
  test("gives its code and output, and takes input, folder and environment", async () => {
    const host = (await lab("a")).host("a");
    const script = 'cat; pwd; echo "$WORD" >&2; exit 7';
    const env = { ...process.env, WORD: "there" };
    const result = await host.exec("sh", ["-c", script], { input: "here\n", cwd: "/usr", env });
    expect(result).toEqual({ code: 7, stdout: "here\n/usr\n", stderr: "there\n" });
    expect(await host.exec("sh", ["-c", "kill -TERM $$"])).toMatchObject({ code: 143 });
    expect(await host.exec("/no-such-program")).toMatchObject({ code: 127 });
    const error = await refusal(host.execOrThrow("ls", ["/no-such-file"]));
    expect(error.code).toBe("EFAILED");
    expect(error.message).toMatch(/^on host a, ls \/no-such-file failed with code 2: .*No such/);
  });

  test("is killed when its time is over", async () => {
    const host = (await lab("a")).host("a");
    const error = await refusal(host.exec("sh", ["-c", "sleep 100 | cat"], { timeoutMs: 100 }));
    expect(error.code).toBe("ETIMEDOUT");
  });

  test("is the process that spawn returns, so that signals reach it", async () => {
    const host = (await lab("a")).host("a");
    const child = host.spawn("sh", [
      "-c",
      'trap "exit 3" TERM; echo $$; while :; do sleep 0.01; done',
    ]);
    const [pid] = await once(child.stdout.setEncoding("utf8"), "data");
    expect(Number(pid)).toBe(child.pid);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([3, null]);
  });

  test("can be entered by a person in the same way", async () => {
    const made = await pair();
    const command = made.host("b").enterCommand.replace(/^sudo /, "");
    const shown = execFileSync("sh", ["-c", `${command} ip -brief address show eth0`]).toString();
    expect(shown).toContain("192.0.2.2/24");
  });
});

describe("two labs at once", () => {
  test("with the same names and addresses do not meet", async () => {
    const [one, two] = await Promise.all([pair(), pair()]);
    await two.host("b").execOrThrow("ip", ["link", "set", "eth0", "down"]);
    expect(await ping(one, "192.0.2.2")).toMatchObject({ code: 0 });
    expect(await ping(two, "192.0.2.2", "-W", "0.2")).not.toMatchObject({ code: 0 });
    await two.close();
    expect(await ping(one, "2001:db8::2")).toMatchObject({ code: 0 });
  });
});

describe("the end of a lab", () => {
  test("takes everything along, and may be asked for twice", async () => {
    const made = await pair();
    const hosts = ["a", "b"].map((name) => made.host(name));
    const namespaces = hosts.map((host) => readlinkSync(`/proc/${host.pid}/ns/net`));
    const child = made.host("a").spawn("sh", ["-c", "setsid sleep 100 & sleep 100"]);
    await until(() => processesIn(namespaces).length === 5, "two holders, a shell and its two");
    await Promise.all([made.close(), made.close()]);
    expect(processesIn(namespaces)).toEqual([]);
    expect(child.signalCode ?? (await once(child, "exit"))[1]).toBe("SIGKILL");
    const error = await refusal(made.host("a").exec("true"));
    expect(error.code).toBe("ECLOSED");
    expect(error.message).toBe("host a is no more: cannot run true there");
  });

  test("comes too when a holder is ended by somebody else", async () => {
    const made = await pair();
    const { pid } = made.host("b");
    process.kill(pid, "SIGTERM");
    expect(await ping(made, "192.0.2.2"), "it does not listen to that").toMatchObject({ code: 0 });
    process.kill(pid, "SIGKILL");
    await until(() => isGone(made, "b"), "the host is no more");
    expect((await refusal(made.host("b").exec("true"))).code).toBe("ECLOSED");
  });

  test("leaves no process when nothing could be made", async () => {
    expect((await refusal(lab("a", "a"))).code).toBe("EINVAL");
    const path = process.env.PATH;
    const folder = mkdtempSync(join(tmpdir(), "crapvpn-lab-"));
    try {
      process.env.PATH = folder;
      const error = await refusal(lab("a"));
      expect(error.code).toBe("ENOTOOL");
      expect(error.message).toBe(
        "a lab needs the program ip, which is not in PATH: install iproute2",
      );
      // One that fails to set the loopback up.
      writeFileSync(join(folder, "ip"), "#!/bin/sh\necho out of order >&2\nexit 1\n", {
        mode: 0o755,
      });
      process.env.PATH = [folder, path].join(delimiter);
      const other = await refusal(lab("a", "b"));
      expect(other.code).toBe("EPERM");
      expect(other.message).toContain("out of order");
    } finally {
      process.env.PATH = path;
      rmSync(folder, { recursive: true });
    }
  });
});

function isGone(made: Lab, name: string): boolean {
  try {
    made.host(name).spawn("true");
    return false;
  } catch {
    return true;
  }
}

/** The lab in a program of its own, since this one cannot be killed. It ends with us at the latest. */
const PROGRAM = `
import { readlinkSync } from "node:fs";
import { Lab } from "./lab/host.js";

const lab = await Lab.create({ hosts: ["a", "b"] });
await lab.cable("a", ["192.0.2.1/24", "2001:db8::1/64"], "b", ["192.0.2.2/24", "2001:db8::2/64"]);
const a = lab.host("a");
const pings = await Promise.all(
  ["192.0.2.2", "2001:db8::2"].map((to) => a.exec("ping", ["-n", "-c", "1", "-W", "1", to])),
);
const tun = await a.exec("ip", ["tuntap", "add", "dev", "tun0", "mode", "tun"]);
const { stdout: here } = await a.exec("pwd");
// A daemon, and a child of a child: what a kill of the direct children would not reach.
if (process.argv[2] !== "end") {
  a.spawn("sh", ["-c", "setsid sleep 100 & sleep 100"]);
  lab.host("b").spawn("sleep", ["100"]);
  await a.execOrThrow("sleep", ["0.1"]);
}
console.log(JSON.stringify({
  inUserNamespace: lab.inUserNamespace,
  namespaces: ["a", "b"].map((name) => readlinkSync(\`/proc/\${lab.host(name).pid}/ns/net\`)),
  pings: pings.map((ping) => ping.code),
  tun: tun.code,
  here: here.trim() === process.cwd(),
  enter: a.enterCommand,
}));
if (process.argv[2] === "close") await lab.close();
else if (process.argv[2] === "throw") throw new Error("a bug");
else if (process.argv[2] === "exit") process.exit(2);
else if (process.argv[2] === "wait") process.stdin.on("end", () => process.exit()).resume();
`;

interface Told {
  inUserNamespace: boolean;
  namespaces: string[];
  pings: number[];
  tun: number;
  here: boolean;
  enter: string;
}

describe("a program with a lab", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  let folder: string;
  let program: string;
  const running: ChildProcessWithoutNullStreams[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "crapvpn-lab-"));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const project = join(folder, "tsconfig.json");
    const compilerOptions = {
      ...{ target: "es2023", module: "nodenext", skipLibCheck: true, noCheck: true },
      ...{ types: [], rootDir: join(root, "src"), outDir: folder },
    };
    const files = [join(root, "src/lab/host.ts")];
    writeFileSync(project, JSON.stringify({ compilerOptions, files }));
    execFileSync(process.execPath, [tsc, "-p", project]);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    program = join(folder, "program.js");
    writeFileSync(program, PROGRAM);
    // An ordinary user must be able to read it.
    execFileSync("chmod", ["-R", "a+rX", folder]);
  });

  afterEach(() => {
    for (const child of running.splice(0)) child.kill("SIGKILL");
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** Starts it and waits until the lab runs. */
  async function start(
    ending: string,
    command: readonly string[] = [],
  ): Promise<[ChildProcessWithoutNullStreams, Told]> {
    const [file = "", ...args] = [...command, process.execPath, program, ending];
    const child = spawn(file, args);
    running.push(child);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const told = once(child.stdout.setEncoding("utf8"), "data");
    const died = once(child, "close").then(() => Promise.reject(new Error(stderr)));
    died.catch(() => {});
    const [line] = await Promise.race([told, died]);
    return [child, JSON.parse(line) as Told];
  }

  const nothingLeft = ({ namespaces }: Told) =>
    until(() => processesIn(namespaces).length === 0, "no process is left in its namespaces");

  test("leaves nothing behind when it is killed", async () => {
    const [child, told] = await start("wait");
    expect(told).toMatchObject({ pings: [0, 0], here: true });
    expect(processesIn(told.namespaces)).toHaveLength(6);
    child.kill("SIGKILL");
    await nothingLeft(told);
  });

  test.each([
    ["closes it", "close", 0],
    ["ends without closing it", "end", 0],
    ["exits", "exit", 2],
    ["throws", "throw", 1],
  ])("leaves nothing behind when it %s", async (_, ending, code) => {
    const [child, told] = await start(ending);
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode).toBe(code);
    await nothingLeft(told);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("leaves nothing after %s", async (signal) => {
    const [child, told] = await start("wait");
    child.kill(signal);
    await nothingLeft(told);
  });

  describe.skipIf(!mayMakeNamespaces())("as an ordinary user (to become one needs root)", () => {
    test("it works in a user namespace, and leaves nothing behind", async () => {
      const [child, told] = await start("wait", ordinary(folder, "0666"));
      expect(told).toMatchObject({ inUserNamespace: true, pings: [0, 0], tun: 0, here: true });
      const entered = [...told.enter.split(" "), "ip", "-brief", "address"];
      const [file = "", ...args] = ["setpriv", "--reuid=65534", "--clear-groups", ...entered];
      expect(execFileSync(file, args).toString()).toContain("192.0.2.1/24");
      expect(processesIn(told.namespaces)).toHaveLength(6);
      child.kill("SIGKILL");
      await nothingLeft(told);
    });

    test("hosts work even where the TUN is closed", async () => {
      const [child, told] = await start("close", ordinary(folder, "0600"));
      expect(told.pings).toEqual([0, 0]);
      expect(told.tun).not.toBe(0);
      if (child.exitCode === null) await once(child, "exit");
      await nothingLeft(told);
    });
  });
});
