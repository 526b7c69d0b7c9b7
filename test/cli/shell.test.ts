// Completion in bash, zsh and fish as a user meets it, with the Tab key; and the manual page.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { CommandSpec } from "../../src/cli/command.js";
import { commands, defaultCommand, globalOptions } from "../../src/cli/commands.js";
import { bashCompletion } from "../../src/cli/shell/bash.js";
import type { Completes, ShellTable } from "../../src/cli/shell/completes.js";
import { fishCompletion } from "../../src/cli/shell/fish.js";
import { manPage } from "../../src/cli/shell/man.js";
import { zshCompletion } from "../../src/cli/shell/zsh.js";
import { crapvpn } from "./program.js";

const has = (program: string) => spawnSync("which", [program]).status === 0;

const folder = mkdtempSync(join(tmpdir(), "crapvpn-shell-"));
const home = join(folder, "home");
const work = join(folder, "work");
const functions = join(folder, "functions");

beforeAll(() => {
  for (const path of [join(home, ".ssh"), functions, join(work, "folder"), join(folder, "bin")]) {
    mkdirSync(path, { recursive: true });
  }
  for (const name of ["file.hex", "odd name's.hex", join("folder", "inner.hex")]) {
    writeFileSync(join(work, name), "00\n");
  }
  writeFileSync(join(folder, "bin", "crapvpn-only-here"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(home, "hosts"), "192.0.2.1 lonely.example\n");
  writeFileSync(join(home, ".ssh", "known_hosts"), "lonely.example ssh-ed25519 AAAA\n");
  for (const [shell, name] of [
    ["bash", "crapvpn.bash"],
    ["zsh", "_crapvpn"],
    ["fish", "crapvpn.fish"],
  ] as const) {
    writeFileSync(join(functions, name), crapvpn(["completions", shell]).stdout);
  }
});
afterEach(() => Terminal.endAll());
afterAll(() => rmSync(folder, { recursive: true }));

/** What is typed before Tab, and what stands there afterwards, without blanks at the end. */
const lines: readonly (readonly [typed: string, line: string])[] = [
  ["crapvpn ru", "crapvpn run"],
  ["crapvpn --hex", "crapvpn --hex-key"],
  ["crapvpn run --dev", "crapvpn run --device"],
  ["crapvpn -v --peer", "crapvpn -v --peer-host"],
  ["crapvpn lab --sh", "crapvpn lab --shell"],
  ["crapvpn doctor --mt", "crapvpn doctor --mt"],
  ["crapvpn help doc", "crapvpn help doctor"],
  ["crapvpn completions f", "crapvpn completions fish"],
  // A value is no command, and after a command stands no other.
  ["crapvpn -k ru", "crapvpn -k ru"],
  ["crapvpn -vk ru", "crapvpn -vk ru"],
  ["crapvpn -k 00 ru", "crapvpn -k 00 run"],
  ["crapvpn -k00 -vp host --mtu 1400 ru", "crapvpn -k00 -vp host --mtu 1400 run"],
  ["crapvpn --hex-key=00 ru", "crapvpn --hex-key=00 run"],
  ["crapvpn run ru", "crapvpn run ru"],
  ["crapvpn 10.8.0.1 ru", "crapvpn 10.8.0.1 ru"],
  // Files, after an @ only.
  ["crapvpn -k fi", "crapvpn -k fi"],
  ["crapvpn -k @fi", "crapvpn -k @file.hex"],
  ["crapvpn -k@fi", "crapvpn -k@file.hex"],
  ["crapvpn -vk@fi", "crapvpn -vk@file.hex"],
  ["crapvpn --hex-key @fi", "crapvpn --hex-key @file.hex"],
  ["crapvpn --hex-key=@fi", "crapvpn --hex-key=@file.hex"],
  ["crapvpn -k @fo", "crapvpn -k @folder/"],
  ["crapvpn -k @folder/", "crapvpn -k @folder/inner.hex"],
  ["crapvpn -k @od", "crapvpn -k @odd\\ name\\'s.hex"],
  ["crapvpn -k @odd\\ na", "crapvpn -k @odd\\ name\\'s.hex"],
  ["crapvpn -k @./fi", "crapvpn -k @./file.hex"],
  ["crapvpn check fi", "crapvpn check file.hex"],
  ["crapvpn --format folder/", "crapvpn --format folder/inner.hex"],
  // An option that may be repeated is offered again.
  ["crapvpn run --expect a=1 --exp", "crapvpn run --expect a=1 --expect"],
  ["crapvpn run -p lonely", "crapvpn run -p lonely.example"],
  ["crapvpn doctor lonely", "crapvpn doctor lonely.example"],
  // Another program's command line.
  ["crapvpn lab -- crapvpn-only", "crapvpn lab -- crapvpn-only-here"],
  ["crapvpn lab --mtu 1400 -- cat fi", "crapvpn lab --mtu 1400 -- cat file.hex"],
  ["crapvpn run -- --hex", "crapvpn run -- --hex"],
];

describe("bash", () => {
  const script = join(functions, "crapvpn.bash");

  test("Tab completes", async () => {
    const terminal = await Terminal.start(bash(script));
    const typed = await terminal.typeAll(lines.map(([line]) => line));
    expect(typed).toEqual(lines.map(([, line]) => line));
  });

  test("Tab completes where @, = and : do not break words", async () => {
    const breaks = `COMP_WORDBREAKS=$' \\t\\n"\\'><;|&('`;
    const terminal = await Terminal.start(bash(script, breaks));
    const typed = await terminal.typeAll(lines.map(([line]) => line));
    expect(typed).toEqual(lines.map(([, line]) => line));
  });

  test("files after a redirection", async () => {
    const terminal = await Terminal.start(bash(script));
    expect(await terminal.typeAll(["crapvpn --help > fi", "crapvpn --help 2>fi"])).toEqual([
      "crapvpn --help > file.hex",
      "crapvpn --help 2>file.hex",
    ]);
  });

  test("whatever an option can be is a word as it stands", async () => {
    const path = join(folder, "hostile.bash");
    writeFileSync(path, bashCompletion(hostile));
    const terminal = await Terminal.start(bash(path));
    expect(await terminal.typeAll(["hostile --fi", "hostile --choice x"])).toEqual([
      "hostile --first",
      "hostile --choice x\\ y",
    ]);
    await terminal.typeAll(["hostile --choice ", "hostile --", "hostile "]);
    expectNothingRan();
  });
});

describe.skipIf(!has("zsh"))("zsh (needs the program zsh)", () => {
  const setup = `
    PS1='ready> '
    bindkey -e
    unsetopt beep list_beep auto_menu
    answer() { print -r -- "$BUFFER" >>"$ANSWERS"; BUFFER=''; }
    zle -N answer
    bindkey '^G' answer
    autoload -Uz compinit
  `;
  // After a long option that takes a value, zsh puts = until a blank is typed.
  const expected = lines.map(([, line]) =>
    line.replace(/ --(hex-key|device|peer-host|shell|expect)$/, "$&="),
  );

  test.each([
    ["found in fpath", () => `fpath=(${functions} $fpath)\ncompinit -u -D`],
    ["sourced", () => `compinit -u -D\nsource ${join(functions, "_crapvpn")}`],
  ])("Tab completes, %s", async (_how, rc) => {
    const terminal = await startZsh(`${setup}\n${rc()}`);
    expect(await terminal.typeAll(lines.map(([line]) => line))).toEqual(expected);
  });

  test("whatever an option is told about is shown as it stands", async () => {
    const path = join(folder, "hostile.zsh");
    writeFileSync(path, zshCompletion(hostile));
    const terminal = await startZsh(`${setup}\ncompinit -u -D\nsource ${path}`);
    expect(await terminal.typeAll(["hostile --fi", "hostile --choice 'x"])).toEqual([
      "hostile --first",
      "hostile --choice 'x y'",
    ]);
    await terminal.typeAll(["hostile --choice ", "hostile --", "hostile "]);
    await terminal.end();
    expect(terminal.screen).toContain(hostileText);
    expectNothingRan();
  });

  function startZsh(text: string): Promise<Terminal> {
    writeFileSync(join(home, ".zshrc"), text);
    return Terminal.start("zsh -d -i");
  }
});

describe.skipIf(!has("fish"))("fish (needs the program fish)", () => {
  test("completes", () => {
    const script = join(functions, "crapvpn.fish");
    const typed = lines.map(([line]) => {
      const [candidate, ...others] = fish(script, line);
      if (candidate === undefined || others.length > 0) return line;
      return line.replace(/(?:\\.|\S)*$/, "") + candidate.split("\t")[0];
    });
    const expected = lines.map(([, line]) => line);
    // It offers each word as it is, and quotes it when it is chosen.
    expect(typed).toEqual(expected.map((line) => line.replaceAll("\\", "")));
  });

  test("tells what options and commands are about", () => {
    const script = join(functions, "crapvpn.fish");
    for (const { name, about } of commands) {
      expect(fish(script, `crapvpn ${name}`)).toContain(`${name}\t${about}`);
    }
    const [option] = defaultCommand.options;
    expect(fish(script, `crapvpn --${option?.name}`)).toEqual([
      `--${option?.name}\t${option?.about}`,
    ]);
  });

  test("whatever an option is told about is shown as it stands", () => {
    const path = join(folder, "hostile.fish");
    writeFileSync(path, fishCompletion(hostile));
    expect(fish(path, "hostile --fi")).toEqual([`--first\t${hostileText}`]);
    expect(fish(path, "hostile od")).toEqual([`odd\t${hostileText}`]);
    expect(fish(path, "hostile --choice ").sort()).toEqual(
      hostileChoices.map((choice) => `${choice}\t${hostileText}`).sort(),
    );
    expectNothingRan();
  });

  function fish(script: string, line: string): string[] {
    const ended = spawnSync(
      "fish",
      ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, line],
      {
        cwd: work,
        encoding: "utf8",
        env: environment(),
      },
    );
    expect(ended.stderr).toBe("");
    return ended.stdout.split("\n").filter((candidate) => candidate !== "");
  }
});

describe.skipIf(!has("unshare") || process.getuid?.() !== 0)("TUN devices (needs root)", () => {
  // A /sys of its own shows the devices of this network namespace.
  const inNamespace = (command: string) =>
    `unshare --net --mount sh -c "mount -t sysfs sysfs /sys && ip tuntap add dev lone7 mode tun && exec ${command}"`;

  test("bash", async () => {
    const command = bash(join(functions, "crapvpn.bash"));
    const terminal = await Terminal.start(inNamespace(command));
    expect(await terminal.typeAll(["crapvpn --device l"])).toEqual(["crapvpn --device lone7"]);
  });

  test.skipIf(!has("fish"))("fish (needs the program fish)", () => {
    const command = `fish --no-config -c 'source ${join(functions, "crapvpn.fish")}; complete -C \\"crapvpn --device \\"'`;
    const { stdout } = spawnSync("sh", ["-c", inNamespace(command)], { encoding: "utf8" });
    expect(stdout.split("\t")[0]?.trim()).toBe("lone7");
  });
});

describe("the manual", () => {
  const page = readFileSync("shell/crapvpn.1", "utf8");
  const hostilePage = () =>
    manPage({ ...hostile, version: "0", description: "data", date: "2000-01-01" });

  test("has its sections, and every command, option and exit code", () => {
    const sections = Array.from(page.matchAll(/^\.SH (.*)$/gm), ([, title]) => title);
    expect(sections).toEqual([
      "NAME",
      "SYNOPSIS",
      "COMMANDS",
      "OPTIONS",
      "EXIT STATUS",
      "ENVIRONMENT",
      "EXAMPLES",
      "SEE ALSO",
    ]);
    const plain = page.replaceAll("\\", "").replaceAll(/f[BIR]/g, "");
    for (const { name, options } of [...commands, { name: "run", options: globalOptions }]) {
      expect(plain).toContain(`.SS "crapvpn ${name}"`);
      for (const option of options) expect(plain).toContain(`--${option.name}`);
    }
    for (const code of ["0", "1", "2", "3", "4", "5", "129, 130, 143"]) {
      expect(plain).toContain(`\n${code}\n`);
    }
    for (const variable of ["CRAPVPN_KEY", "NO_COLOR"]) expect(plain).toContain(`\n${variable}\n`);
  });

  test.skipIf(!has("mandoc"))("mandoc finds no fault (needs the program mandoc)", () => {
    for (const input of [page, hostilePage()]) {
      const { stdout } = spawnSync("mandoc", ["-Tlint", "-Wall"], { input, encoding: "utf8" });
      expect(stdout).toBe("");
    }
  });

  test.skipIf(!has("man") || !has("groff"))("nor does man (needs the programs man, groff)", () => {
    for (const input of [page, hostilePage()]) {
      const { status, stdout, stderr } = spawnSync("man", ["--warnings", "--local-file", "-"], {
        input,
        encoding: "utf8",
        env: { ...process.env, LC_ALL: "C.UTF-8", MANPAGER: "cat", MANWIDTH: "300" },
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      if (input !== page) expect(stdout).toContain(hostileText.replace("…", "..."));
    }
  });
});

test("a shell that there is not", () => {
  expect(crapvpn(["completions"]).stderr).toBe("crapvpn: no shell: give bash, zsh, fish\n");
  expect(crapvpn(["completions", "csh"])).toMatchObject({ code: 2, stdout: "" });
  expect(crapvpn(["completions", "bash", "zsh"])).toMatchObject({ code: 2, stdout: "" });
});

test("generated files say so", () => {
  for (const name of ["crapvpn.bash", "crapvpn.fish", "crapvpn.1"]) {
    expect(readFileSync(join("shell", name), "utf8")).toMatch(/^.*Generated by .*: do not edit/);
  }
  // compinit reads the first line of its files.
  expect(readFileSync("shell/_crapvpn", "utf8")).toMatch(/^#compdef crapvpn\n# Generated by /);
});

/** A text that would do harm in one shell or another if it were more than a text. */
const hostileText =
  ".say 'it' \"it\" `touch ran` $(touch ran) (touch ran) $HOME \\n \\fB [a:b] ]: {c,d} %F{red} * ~ ! # ; | & <e> ü …\\";
const hostileChoices = ["x y", "$(touch ran)", "(touch ran)", "`touch ran`", "a:b", "\\"];

const hostileOptions = [
  { name: "first", short: "f", about: hostileText },
  { name: "choice", value: hostileText, about: hostileText, completes: hostileChoices },
];

const hostileCommand: CommandSpec & { completes: Completes } = {
  name: "odd",
  usage: `odd ${hostileText}`,
  about: hostileText,
  notes: [hostileText, `  ${hostileText}`],
  completes: hostileChoices,
  options: hostileOptions,
  examples: [{ words: hostileText, about: hostileText }],
  run: async () => 0,
};

const hostile: ShellTable = {
  program: "hostile",
  commands: [hostileCommand],
  defaultCommand: hostileCommand,
  globalOptions,
};

/** The command that starts bash, ready to complete by this script. */
function bash(script: string, more = ""): string {
  const path = join(folder, "bashrc");
  writeFileSync(
    path,
    `PS1='ready> '
    source ${script}
    answer() { printf '%s\\n' "$READLINE_LINE" >>"$ANSWERS"; READLINE_LINE=''; READLINE_POINT=0; }
    bind -x '"\\C-g": answer'
    ${more}`,
  );
  return `bash --noprofile --rcfile ${path} -i`;
}

function expectNothingRan(): void {
  for (const path of [folder, home, work]) expect(existsSync(join(path, "ran"))).toBe(false);
}

function environment(): NodeJS.ProcessEnv {
  return {
    ANSWERS: join(folder, "answers"),
    HOME: home,
    HOSTFILE: join(home, "hosts"),
    LC_ALL: "C.UTF-8",
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    TERM: "xterm",
    ZDOTDIR: home,
  };
}

/** An interactive shell on a terminal of its own. Ctrl-G has it write its line to a file and clear it. */
class Terminal {
  static readonly #open: Terminal[] = [];

  /** Everything that the shell showed. */
  screen = "";
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: string;

  private constructor(command: string) {
    const env = environment();
    this.#answers = env.ANSWERS as string;
    rmSync(this.#answers, { force: true });
    const wide = `stty cols 1000 rows 50; ${command}`;
    this.#child = spawn("script", ["-qec", wide, "/dev/null"], { cwd: work, env });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.screen += text;
    });
  }

  static async start(command: string): Promise<Terminal> {
    const terminal = new Terminal(command);
    Terminal.#open.push(terminal);
    await terminal.#until(() => terminal.screen.includes("ready> "));
    return terminal;
  }

  static async endAll(): Promise<void> {
    await Promise.all(Terminal.#open.splice(0).map((terminal) => terminal.end()));
  }

  /** Types each line and Tab, and answers with what then stands there. */
  async typeAll(typed: readonly string[]): Promise<string[]> {
    const before = this.#answered().length;
    for (const [i, line] of typed.entries()) {
      this.#child.stdin.write(`${line}\t\u0007`);
      await this.#until(() => this.#answered().length > before + i);
    }
    return this.#answered()
      .slice(before)
      .map((line) => line.trimEnd());
  }

  /** Hangs up, once all that the shell has to show is here. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.stdin.end("exit\n");
    await closed;
  }

  #answered(): string[] {
    return existsSync(this.#answers)
      ? readFileSync(this.#answers, "utf8").split("\n").slice(0, -1)
      : [];
  }

  async #until(done: () => boolean): Promise<void> {
    for (const end = Date.now() + 10_000; !done(); await sleep(5)) {
      if (Date.now() > end)
        throw new Error(`the shell does not answer; it showed:\n${this.screen}`);
    }
  }
}
