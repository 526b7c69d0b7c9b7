// The README's commands, exactly as they stand there, in a fresh clone.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../src/lab/host.js";

const readme = readFileSync("README.md", "utf8");
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, body = ""]) => body.trim());
const [first, lab, hostA, hostB, persistent, encrypted, testCommand, ...others] = blocks;

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
    expect(encrypted).toMatch(
      /^npx crapvpn keygen > key\nnpx crapvpn --format crapvpn-aead -k @key /,
    );
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

  // The other end of the second one has the same key, and the addresses turned round.
  const [makeKey, enciphered] = (encrypted as string).split("\n");
  const turned = enciphered?.replace(
    "192.0.2.20 10.8.0.1 10.8.0.2",
    "192.0.2.10 10.8.0.2 10.8.0.1",
  );
  test.each([
    ["joined", "true", hostA, hostB],
    ["with a key of their own", makeKey, enciphered, turned],
  ])("two hosts %s", async (_, before, onA, onB) => {
    expect(sh(before as string).status).toBe(0);
    const hosts = await Lab.create({ hosts: ["a", "b"] });
    try {
      await hosts.cable("a", ["192.0.2.10/24"], "b", ["192.0.2.20/24"]);
      const ends = [
        ["a", onA],
        ["b", onB],
      ] as const;
      for (const [name, command] of ends) {
        const [file = "", ...words] = hosts.host(name).enterCommand.split(" ");
        spawn(file, [...words, "sh", "-c", command as string], { cwd: clone, stdio: "ignore" });
      }
      const ping = () => hosts.host("a").exec("ping", ["-n", "-c", "1", "-W", "1", "10.8.0.2"]);
      await expect.poll(async () => (await ping()).code, { timeout: 20_000 }).toBe(0);
    } finally {
      await hosts.close();
    }
  });

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
