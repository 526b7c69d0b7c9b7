// The package as strangers get it: packed, installed into an empty folder, run, imported, bundled.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayMakeNamespaces } from "../../src/lab/holder.js";

/** What a download may cost. Raise it for something worth it. */
/** The core has 540 kB of it at most (scripts/check-wasm.mjs). */
const MAX_PACKED_BYTES = 750_000;
const SETUP_MS = 120_000;

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const folder = mkdtempSync(join(tmpdir(), "crapvpn-package-"));
let tarball = "";
let packed: { filename: string; size: number; unpackedSize: number; files: { path: string }[] };

beforeAll(() => {
  // As it was built for all tests: to build again would take dist/ away from under them.
  const words = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const told: unknown = JSON.parse(run("npm", words, { cwd: "." }).stdout);
  // npm 12 answers with an object by name.
  [packed] = Object.values(told as object);
  tarball = join(folder, packed.filename);
  write("package.json", JSON.stringify({ name: "empty", private: true, type: "module" }));
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball]);
}, SETUP_MS);
afterAll(() => rmSync(folder, { recursive: true }));

describe("what is in it", () => {
  test("the program, the core, the shells' files, and what a reader looks for", () => {
    const files = packed.files.map(({ path }) => path).sort();
    const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) => [".js", ".d.ts"].map((end) => `dist/${path.replace(/\.ts$/, end)}`));
    const built = files.filter((path) => path.startsWith("dist/"));
    expect(built, "dist/ against src/: remove dist/ and build again").toEqual(sources.sort());
    expect(files.filter((path) => !path.startsWith("dist/"))).toEqual(
      [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "package.json",
        ...["_crapvpn", "crapvpn.1", "crapvpn.bash", "crapvpn.fish"].map((name) => `shell/${name}`),
        ...["BUILD.json", "crapvpn.d.ts", "crapvpn.js", "crapvpn_bg.wasm"].map(
          (name) => `wasm/${name}`,
        ),
      ].sort(),
    );
  });

  test("is small", () => {
    expect(packed.size).toBeLessThan(MAX_PACKED_BYTES);
  });

  test("names no path of the machine that built it", () => {
    const found = packed.files.filter(({ path }) =>
      readFileSync(path, "latin1").includes(resolve(".")),
    );
    expect(found).toEqual([]);
  });

  test("publint finds nothing", () => {
    expect(run(tool("publint"), ["run", tarball, "--strict"]).stdout).toContain("All good!");
  });

  test("the types are found wherever modules are", () => {
    // TypeScript does not look for types of a wasm file.
    const others = ["--exclude-entrypoints", "wasm/crapvpn_bg.wasm"];
    const { stdout } = run(tool("attw"), [
      tarball,
      ...["--profile", "esm-only", "--format", "json"],
      ...others,
    ]);
    expect(stdout).toContain('"crapvpn"');
  });
});

describe("the program", () => {
  test("tells its version", () => {
    expect(run("npx", ["--no", "--", "crapvpn", "--version"]).stdout).toBe(
      `crapvpn ${manifest.version}\n`,
    );
  });

  test("completes", () => {
    expect(run("npx", ["--no", "--", "crapvpn", "completions", "bash"]).stdout).toBe(
      readFileSync("shell/crapvpn.bash", "utf8"),
    );
  });

  test("doctor", () => {
    const ended = spawn("npx", ["--no", "--", "crapvpn", "doctor", "--json"]);
    expect([0, 5]).toContain(ended.status);
    expect(() => JSON.parse(ended.stdout)).not.toThrow();
  });

  test.skipIf(!mayMakeNamespaces())("lab (needs root)", () => {
    const { stdout } = run("npx", ["--no", "--", "crapvpn", "lab", "--json"]);
    const events = stdout.trim().split("\n");
    expect(events.map((line) => JSON.parse(line).event)).toContain("packet");
  });
});

describe("the library", () => {
  const program = `import { loadCore } from "crapvpn";
    const core = await loadCore();
    const { udp } = core.format("crapvpn").info;
    console.log(core.version, udp?.[0]);\n`;
  const says = `${manifest.version} 1337\n`;

  test("in Node", () => {
    write("program.js", program);
    expect(run(process.execPath, ["program.js"]).stdout).toBe(says);
  });

  test("in Node, with the wasm from where the program says", () => {
    write(
      "elsewhere.js",
      `import { readFile } from "node:fs/promises";
      import { loadCore } from "crapvpn";
      const url = import.meta.resolve("crapvpn/wasm/crapvpn_bg.wasm");
      console.log((await loadCore(await readFile(new URL(url)))).version);`,
    );
    expect(run(process.execPath, ["elsewhere.js"]).stdout).toBe(`${manifest.version}\n`);
  });

  test("what is not promised cannot be imported", () => {
    write("inner.js", 'await import("crapvpn/dist/cli/main.js");');
    expect(spawn(process.execPath, ["inner.js"]).stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  test("its types stand on their own", () => {
    write(
      "program.ts",
      `import type { Checked, Core, CoreFormat, Description, FormatInfo, Reason } from "crapvpn";
      import { CoreError, Failure, loadCore } from "crapvpn";
      const core: Core = await loadCore();
      const description: Description = { file: "mine.toml", text: "" };
      const { diagnostics }: Checked = core.check([description]);
      const format: CoreFormat = core.format("gtpu").with(["teid=7"]);
      const { fields }: FormatInfo = format.info;
      const [key, seed] = [new Uint8Array(), new Uint8Array(32)];
      const tunnel = core.openTunnel({ format, key, seed, slots: 2 });
      const reasons: readonly Reason[] = core.reasons;
      // @ts-expect-error: it is a number
      const wrong: string = tunnel.overhead;
      console.log(reasons, wrong, CoreError, Failure, diagnostics, fields);`,
    );
    const compilerOptions = {
      ...{ target: "es2023", lib: ["es2023", "dom"], module: "nodenext", noEmit: true },
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
      ...{ typeRoots: [resolve("node_modules/@types")], types: ["node"] },
    };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    expect(spawn(tool("tsc"), ["-p", "."]).stdout).toBe("");
  });

  test("in a bundle: the wasm goes with it", () => {
    write("program.js", program);
    write(
      "vite.config.js",
      `export default {
        base: "./",
        build: { modulePreload: { polyfill: false }, rollupOptions: { input: "program.js" } },
      };`,
    );
    const { stdout, stderr } = run(tool("vite"), ["build", "--outDir", "bundle"]);
    // A module of Node's in the way, for one.
    expect(`${stdout}${stderr}`).not.toMatch(/warn|external/i);
    const assets = readdirSync(join(folder, "bundle", "assets")).sort();
    expect(assets).toEqual([
      expect.stringMatching(/^crapvpn_bg-.*\.wasm$/),
      expect.stringMatching(/^program-.*\.js$/),
    ]);
    // Where nothing else is, as on a server.
    const server = mkdtempSync(join(tmpdir(), "crapvpn-bundle-"));
    try {
      cpSync(join(folder, "bundle"), server, { recursive: true });
      const bundle = join(server, "assets", assets[1] as string);
      expect(run(process.execPath, [bundle]).stdout).toBe(says);
    } finally {
      rmSync(server, { recursive: true });
    }
  });
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function tool(name: string): string {
  return resolve("node_modules", ".bin", name);
}

function spawn(program: string, words: readonly string[], { cwd = folder } = {}) {
  return spawnSync(program, words, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: SETUP_MS,
  });
}

/** Runs a program that has to succeed. */
function run(program: string, words: readonly string[], options?: { cwd?: string }) {
  const ended = spawn(program, words, options);
  if (ended.status !== 0) {
    throw new Error(`${program} ${words.join(" ")}: ${ended.stdout}${ended.stderr}`);
  }
  return ended;
}
