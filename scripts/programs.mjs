// Other programs: finding them, running them, and stopping with one sentence.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, join } from "node:path";

/** Cargo's own folder. `cargo install` puts programs into its bin/, which is often not in PATH. */
export const cargoHome = process.env.CARGO_HOME || join(homedir(), ".cargo");
const cargoBin = join(cargoHome, "bin");
const systemFolders = ["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** PATH, and the folders that a fresh machine's PATH may lack: `ip` hides in /usr/sbin. */
export const searchPath = [
  ...new Set([
    ...(process.env.PATH ?? "").split(delimiter).filter(Boolean),
    cargoBin,
    ...systemFolders,
  ]),
];

/**
 * The environment with the search path as its PATH.
 * @param {...string} first folders that are looked into before all others
 * @returns {NodeJS.ProcessEnv}
 */
export function environment(...first) {
  return { ...process.env, PATH: [...new Set([...first, ...searchPath])].join(delimiter) };
}

/**
 * Where a program is.
 * @param {string} name a program's name, or the absolute path of a file
 * @returns {string | undefined}
 */
export function find(name) {
  return name.startsWith("/") ? existing(name, constants.R_OK) : findAll(name)[0];
}

/**
 * All the places where a program of this name is, in the order of the search path.
 * @param {string} name
 */
export function findAll(name) {
  return searchPath.flatMap((folder) => existing(join(folder, name), constants.X_OK) ?? []);
}

/**
 * @param {string} path
 * @param {number} mode
 */
function existing(path, mode) {
  try {
    accessSync(path, mode);
    return path;
  } catch {
    return undefined;
  }
}

/**
 * Runs a program in front of the reader, without standard input.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutSeconds?: number }} [options]
 * @returns {number} its exit code; 127 when it could not be started, 1 when a signal ended it
 */
export function run(program, args, { cwd, env = environment(), timeoutSeconds = 0 } = {}) {
  const { status, error } = spawnSync(program, args, {
    cwd,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: timeoutSeconds * 1000,
  });
  return status ?? (error ? 127 : 1);
}

/**
 * Says what it is about to run, then runs it.
 * @param {string} who the script that says it
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function announce(who, program, args, options) {
  console.log(`${who}: ${basename(program)} ${args.join(" ")}`);
  return run(program, args, options);
}

/**
 * What a program prints on standard output.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, input?: string }} [options]
 * @returns {string | undefined} nothing when it fails or is not there
 */
export function output(program, args, { env = environment(), input = "" } = {}) {
  const { status, stdout } = spawnSync(program, args, { env, input, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Ends the script with one sentence on standard error.
 * @param {string} sentence
 * @param {number} [exitCode] 1 our fault, 2 usage, 5 the system lacks something
 * @returns {never}
 */
export function stop(sentence, exitCode = 1) {
  console.error(sentence);
  process.exit(exitCode);
}
