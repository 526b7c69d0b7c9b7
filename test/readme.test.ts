// The README's commands, exactly as they stand there, in a fresh clone.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../src/lab/host.js";

const readme = readFileSync("README.md", "utf8");
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, body = ""]) => body.trim());
const [first, lab, hostA, hostB, persistent, ...more] = blocks;
const [tcp, layer2, vxlan, kernelVxlan, testCommand, ...others] = more;

let clone = "";
beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), "crapvpn-readme-"));
  // What is committed, and what is about to be.
  execFileSync("git", ["clone", "--quiet", ".", clone]);
  const files = ["ls-files", "-z", "--modified", "--others", "--exclude-standard"];
  const changed = execFileSync("git", files, { encoding: "utf8" }).split("\0").filter(Boolean);
  if (changed.length > 0) execFileSync("cp", ["--parents", "-t", clone, ...changed]);
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

const sh = (script: string, before: readonly string[] = []) => {
  const [file = "", ...args] = [...before, "sh", "-c", script];
  return spawnSync(file, args, { cwd: clone, encoding: "utf8", timeout: 300_000 });
};

describe("the README's commands", () => {
  test("are those that are tried here", () => {
    expect(first).toBe("npm ci && npm run setup && npx crapvpn lab");
    expect(lab).toMatch(/^npx crapvpn lab -- ping /);
    expect(hostA).toMatch(/^npx crapvpn -k 1234ABCD -p 192\.0\.2\.20 /);
    expect(hostB).toMatch(/^npx crapvpn -k 1234ABCD -p 192\.0\.2\.10 /);
    expect(persistent).toMatch(/^sudo ip tuntap add /);
    expect(tcp).toMatch(
      /^npx crapvpn --tcp .* --listen 1337 .*\nnpx crapvpn --tcp .* -p 192\.0\.2\.10 .*$/,
    );
    expect(layer2?.split("\n")).toHaveLength(2);
    expect(layer2).toMatch(/^(npx crapvpn --layer 2 -k 1234ABCD -p 192\.0\.2\.20 .*\n?){2}$/);
    expect(vxlan).toMatch(/^sudo npx crapvpn --format vxlan .* -p 192\.0\.2\.20 /);
    expect(kernelVxlan).toMatch(/^sudo ip link add vxlan0 type vxlan .* remote 192\.0\.2\.10 /);
    expect(others).toEqual([]);
  });

  test("from a clean clone to the lab", { timeout: 300_000 }, () => {
    const { status, stdout, stderr } = sh(first as string);
    expect({ status, stderr: stderr.replace(/^npm warn .*\n/gm, "") }).toEqual({
      status: 0,
      stderr: "",
    });
    expect(stdout).toContain("All of it worked");
  });

  test("a command in the lab", () => {
    const { status, stdout } = sh(lab as string);
    expect(status).toBe(0);
    expect(stdout).toContain("3 received");
  });

  /** Runs these on the two hosts until the first reaches the second at 10.8.0.2. */
  async function joined(onA = "", onB = ""): Promise<void> {
    const hosts = await Lab.create({ hosts: ["a", "b"] });
    try {
      await hosts.cable("a", ["192.0.2.10/24"], "b", ["192.0.2.20/24"]);
      for (const [name, script] of [
        ["a", onA],
        ["b", onB],
      ] as const) {
        const [file = "", ...words] = hosts.host(name).enterCommand.split(" ");
        const asRoot = `sudo() { "$@"; }; ${script}`;
        spawn(file, [...words, "sh", "-c", asRoot], { cwd: clone, stdio: "ignore" });
      }
      const ping = () => hosts.host("a").exec("ping", ["-n", "-c", "1", "-W", "1", "10.8.0.2"]);
      await expect.poll(async () => (await ping()).code, { timeout: 20_000 }).toBe(0);
    } finally {
      await hosts.close();
    }
  }

  test("two hosts joined", () => joined(hostA, hostB));

  test("two hosts joined over TCP", () => {
    const [waits, connects] = tcp?.split("\n") ?? [];
    return joined(waits, connects);
  });

  test("two hosts that share a network, the second by a bridge", () => {
    const [alone = "", bridged = ""] = layer2?.split("\n") ?? [];
    const bridge =
      "ip link add br0 type bridge; ip addr add 10.8.0.2/24 dev br0; ip link set br0 up";
    return joined(alone, `${bridge}; ${bridged.replace("192.0.2.20", "192.0.2.10")}`);
  });

  test("ours, and the kernel's vxlan", () => joined(vxlan, kernelVxlan));

  test("a device that root makes", async () => {
    const hosts = await Lab.create({ hosts: ["a"] });
    try {
      const { stdout } = await hosts
        .host("a")
        .execOrThrow("sh", ["-c", `sudo() { "$@"; }; ${persistent}; ip -d link show dev tun0`], {
          env: { ...process.env, USER: "root" },
        });
      expect(stdout).toMatch(/tun type tun .* persist on user root/);
    } finally {
      await hosts.close();
    }
  });

  test("the test command is what CI runs", () => {
    const ci = readFileSync(".ci/run", "utf8");
    for (const step of (testCommand as string).split(" && "))
      expect(ci).toContain(`step ${step}\n`);
  });
});
