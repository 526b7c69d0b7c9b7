// docs/describe-your-protocol.md: every command on it, in its order, gives the output that it shows.
// `npx vitest run test/docs.test.ts -u` writes the outputs of commands that end by themselves anew.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Host, Lab } from "../src/lab/host.js";
import { PROGRAM } from "./cli/program.js";

const PAGE = resolve("docs/describe-your-protocol.md");
/** What stands for output that the page leaves out. */
const LEFT_OUT = "…";
const WAIT = { timeout: 20_000 };

/** A fenced block: its info string and what is in it. */
const fence = /^```(.+)\n((?:.*\n)*?)```$/gm;
const page = readFileSync(PAGE, "utf8");
const blocks = [...page.matchAll(fence)].map(([, info = "", body = ""]) => ({ info, body }));

/** An end of a tunnel that runs until it is stopped. */
class End {
  output = "";
  readonly #process: ChildProcess;

  constructor(file: string, words: readonly string[]) {
    this.#process = spawn(file, words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
  }

  /** Waits until all lines have been printed, whatever else was. */
  async prints(lines: readonly string[]): Promise<void> {
    for (const line of lines)
      await expect.poll(() => steady(this.output), WAIT).toContain(steady(line));
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "close");
    this.#process.kill("SIGINT");
    await ended;
  }
}

let folder = "";
let lab: Lab;
const ends = new Map<string, End>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "crapvpn-docs-"));
  cpSync("docs/mole", folder, { recursive: true });
  lab = await Lab.create({ hosts: ["a", "b"] });
  await lab.cable("a", ["192.0.2.1/24"], "b", ["192.0.2.2/24"]);
});
afterAll(async () => {
  await Promise.all([...ends.values()].map((end) => end.stop()));
  await lab?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the session in Python", () => {
  const sessions = blocks.filter(({ info }) => info === "pycon").map(({ body }) => body);
  expect(sessions.length).toBeGreaterThan(0);
  writeFileSync(join(folder, "session.txt"), sessions.join("\n"));
  const words = ["-m", "doctest", "session.txt"];
  const { status, stdout } = spawnSync("python3", words, { cwd: folder, encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
});

test("the commands, from the check to the broken tunnel", { timeout: 180_000 }, async () => {
  const bodies: string[] = [];
  for (const { info, body } of blocks) {
    const [language, host = "", when] = info.split(" ");
    if (language === "console") {
      bodies.push(await replay(body));
      continue;
    }
    if (language === "text") {
      const end = ends.get(host) as End;
      expect(body).not.toBe("");
      if (when === "ended") await end.stop();
      await end.prints(body.trimEnd().split("\n"));
    }
    bodies.push(body);
  }
  const replayed = page.replace(fence, (_, info) => `\`\`\`${info}\n${bodies.shift()}\`\`\``);
  await expect(replayed).toMatchFileSnapshot(PAGE);
});

/** Runs the commands of a block. Returns the block with their outputs. */
async function replay(body: string): Promise<string> {
  const entries = [...body.matchAll(/^([ab]?)\$ (.*)\n((?:(?![ab]?\$ ).*\n)*)/gm)];
  expect(entries.map(([entry]) => entry).join("")).toBe(body);
  let replayed = "";
  for (const [, host = "", command = "", shown = ""] of entries) {
    const lines = shown.split("\n").filter((line) => line !== "" && line !== LEFT_OUT);
    const words = command.replace(/\bnpx crapvpn\b/, `${process.execPath} ${PROGRAM}`);
    const [file = "", ...before] = host ? hostOf(host).enterCommand.split(" ") : ["env"];
    replayed += `${host}$ ${command}\n`;
    if (host && words !== command) {
      await ends.get(host)?.stop();
      const end = new End(file, [...before, "sh", "-c", `exec ${words.replace(/ &$/, "")}`]);
      ends.set(host, end);
      await end.prints([" joins ", ...lines]);
      replayed += shown;
    } else {
      const script = ["sh", "-c", `exec 2>&1; ${words}`];
      const { stdout } = spawnSync(file, [...before, ...script], { cwd: folder, encoding: "utf8" });
      replayed += steady(stdout) === steady(shown) ? shown : `${stdout.trimEnd()}\n`;
    }
  }
  return replayed;
}

function hostOf(name: string): Host {
  return lab.host(name as "a" | "b");
}

/** Output without what differs from run to run. */
function steady(output: string): string {
  return output
    .replace(/\btime[= ]?[\d.]+ ?ms/g, "time")
    .replace(/^rtt .*$/gm, "rtt")
    .trimEnd()
    .replace(/\b\d+ bytes: /g, "bytes: ");
}
