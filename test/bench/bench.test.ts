// The bench: it runs, says what it found as data, refuses what makes no sense, and goes without trace.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { columns } from "../../bench/measures.mjs";
import type { describeRun, Section } from "../../bench/report.mjs";
import { ratio, summarise } from "../../bench/statistics.mjs";
import { find } from "../../scripts/programs.mjs";
import { mayMakeNamespaces } from "../../src/lab/holder.js";

const RUN = fileURLToPath(new URL("../../bench/run.mjs", import.meta.url));
const CORE = fileURLToPath(new URL("../../bench/core.mjs", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `--json` holds. */
type Report = ReturnType<typeof describeRun> & {
  candidates: { name: string; cipher: string | null; integrity: boolean | null }[];
  skipped: { name: string; why: string }[];
  sections: Section[];
};

function start(words: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, words, { env: { ...process.env, ...env } });
}

async function run(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  const child = start(words, env);
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, ...said };
}

const missing = ["iperf3", "ethtool", "ping"].filter((tool) => find(tool) === undefined);
const cannot = !mayMakeNamespaces() || missing.length > 0;
const needs = missing.length > 0 ? ` (needs ${missing.join(", ")})` : " (needs root)";

describe.skipIf(cannot)(`a run${cannot ? needs : ""}`, () => {
  test("measures the cable and the event engine, with and without segmentation", async () => {
    const words = ["--quick", "--only", "cable,crapvpn-event", "--json", "-"];
    const { code, stdout, stderr } = await run([RUN, ...words]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("round 1 of 1") });
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      kernel: expect.stringMatching(/^Linux \d/),
      cpu: expect.any(String),
      cores: expect.any(Number),
      node: process.version,
      candidates: [
        { name: "cable", cipher: null, integrity: null },
        { name: "crapvpn-event", cipher: "xor", integrity: false },
      ],
      skipped: [],
    });
    expect(report.sections.map(({ segmentation }) => segmentation)).toEqual(["on", "off"]);
    for (const { rows, problems } of report.sections) {
      expect(problems).toEqual([]);
      expect(rows.map(({ name }) => name)).toEqual(["cable", "crapvpn-event"]);
      for (const { name, rounds, summary, ratios } of rows) {
        const measured = columns.filter(
          ({ key }) => name !== "cable" || !/^(cpu|memory)/.test(key),
        );
        expect(Object.keys(summary)).toEqual(measured.map(({ key }) => key));
        for (const { key } of measured) {
          const samples = rounds.map((round) => round[key]);
          expect(summary[key], `${name} ${key}`).toEqual(summarise(samples));
          expect(summary[key]?.min).toBeGreaterThan(0);
        }
        expect(summary.pingIdleMs?.p99).toBeGreaterThanOrEqual(summary.pingIdleMs?.median ?? NaN);
        expect(rounds[0]?.pingIdleMs).toHaveLength(20);
        expect(Object.keys(ratios)).toEqual(["cable"]);
        const speed = (row = rows[0]) => row?.rounds.map((round) => round.tcpMbps) ?? [];
        expect(ratios.cable?.tcpMbps).toEqual(
          ratio(speed({ name, rounds, summary, ratios }), speed()),
        );
      }
    }
  }, 60_000);

  test("ends at once on a signal, with all that it started", async () => {
    const mark = `CRAPVPN_BENCH_TEST=${process.pid}`;
    const [name = "", value = ""] = mark.split("=");
    const child = start([RUN, "--quick", "--only", "crapvpn-event"], { [name]: value });
    for await (const text of child.stderr ?? []) if (/round 1 of 1/.test(text)) break;
    expect(processesWith(mark).length).toBeGreaterThan(3);
    const before = performance.now();
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    expect(code).toBe(143);
    expect(processesWith(mark)).toEqual([]);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});

describe("words that make no sense", () => {
  test.each([
    [["--fast"], "unknown option '--fast'"],
    [["soon"], "unexpected argument 'soon'"],
    [["--rounds", "0"], '--rounds takes a whole number from 1 to 9999, and not "0"'],
    [["--seconds", "1.5"], "--seconds takes a whole number"],
    [["--segmentation", "maybe"], '--segmentation takes on or off, and not "maybe"'],
    [["--only", "cable,nobody"], 'and not "nobody"'],
    [["--only", ""], "--only takes some of cable, crapvpn-batch, crapvpn-event"],
  ])("%j end in a sentence", async (words, sentence) => {
    const { code, stdout, stderr } = await run([RUN, ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/^bench: .*\.\n$/);
  });

  test("are refused by bench:core, too", async () => {
    expect(await run([CORE, "--slow"])).toEqual({
      code: 2,
      stdout: "",
      stderr: "bench:core takes --quick, --json FILE and --help, and nothing else.\n",
    });
  });
});

test.skipIf(missing.length > 0)("where nothing is there, it says how to get it", async () => {
  const nowhere = { XDG_CACHE_HOME: "/nonexistent", CRAPVPN_AUTHOR_PROGRAM: "" };
  const words = ["--only", "wireguard-go,gotatun-cli,author"];
  const { code, stdout, stderr } = await run([RUN, ...words], nowhere);
  expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
  expect(stderr).toMatch(/^bench: nothing is there to measure \(.*npm run setup.*\)\.\n$/);
  expect(stderr).toContain("CRAPVPN_AUTHOR_PROGRAM");
});

test.skipIf(missing.length > 0)("a file that cannot be written is told at once", async () => {
  const { code, stdout, stderr } = await run([RUN, "--json", "/nonexistent/figures.json"]);
  expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
  expect(stderr).toMatch(/^bench: \/nonexistent\/figures.json cannot be written \(.*\)\.\n$/);
});

test("bench:core times kernels and the start", async () => {
  const { code, stdout } = await run([CORE, "--quick", "--json", "-"]);
  expect(code).toBe(0);
  const { kernels, startUp } = JSON.parse(stdout);
  const names = kernels.map((row: { name: string }) => row.name);
  expect(names.filter((name: string) => name === "encapsulate")).toHaveLength(12);
  expect(names.filter((name: string) => name === "decapsulate")).toHaveLength(12);
  for (const { ns, gigabytesPerSecond, ofCopy, packetBytes } of kernels) {
    expect(ns.min).toBeGreaterThan(1);
    expect(gigabytesPerSecond.max).toBeCloseTo(packetBytes / ns.min);
    expect(ofCopy.median).toBeGreaterThan(0);
  }
  expect(startUp.ofNode.median).toBeGreaterThan(0.2);
});

/** Numbers of the processes that were started with this in their environment. */
function processesWith(mark: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, "utf8").includes(mark);
    } catch {
      return false;
    }
  });
}
