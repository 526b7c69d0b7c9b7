// The Rust toolchains of this machine: which one tests natively, which one makes wasm, and how.
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { cargoHome, environment, find, findAll, output, stop } from "./programs.mjs";
import { root } from "./wasm.mjs";

/**
 * @typedef {object} Toolchain
 * @property {string} folder where its cargo and rustc are
 * @property {string} cargo
 * @property {string} rustc
 * @property {string} release such as 1.95.0
 * @property {string} version what `rustc -V` says, and the host
 * @property {string} sysroot
 * @property {string} sources where its std's sources are, if they are installed
 * @property {string} sourcesName what the sources' folder is called in what it compiles
 * @property {string | undefined} linker for wasm; nothing when it brings its own
 */

export const WASM_TARGET = "wasm32-unknown-unknown";
/** The oldest that is known to give what build:wasm expects. */
export const WASM_PACK_VERSION = "0.15.1";
/** wasm-ld-19 is what Debian's lld-19 calls it. */
const LINKERS = ["wasm-ld-19", "wasm-ld", "rust-lld"];

/** The oldest Rust that the sources take, from Cargo.toml. */
export const oldestRust =
  /^rust-version = "(.+)"/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1] ??
  stop("Cargo.toml names no rust-version: put it under [workspace.package].");

/** @type {Toolchain[] | undefined} */
let known;

/** All toolchains that are new enough, in the order of the search path. */
export function toolchains() {
  const folders = () => new Set(findAll("rustc").map((rustc) => realpathSync(dirname(rustc))));
  known ??= [...folders()].flatMap((folder) => describe(folder) ?? []);
  return known;
}

/** Forgets the toolchains found, since something was installed. */
export function lookAgain() {
  known = undefined;
}

/** The toolchain for everything native: tests, lints, benchmarks. */
export function nativeToolchain() {
  return toolchains()[0];
}

/** The toolchain that makes wasm: the first one that has a std for it. */
export function wasmToolchain() {
  return toolchains().find(hasWasmStd);
}

/**
 * @param {string} folder
 * @returns {Toolchain | undefined}
 */
function describe(folder) {
  const cargo = join(folder, "cargo");
  const rustc = join(folder, "rustc");
  const about = output(rustc, ["-vV"]);
  const sysroot = output(rustc, ["--print", "sysroot"]);
  if (!existsSync(cargo) || !about || !sysroot) return undefined;

  const release = value(about, "release");
  if (!isAtLeast(release, oldestRust)) return undefined;

  const host = value(about, "host");
  const bringsLinker = existsSync(join(sysroot, "lib/rustlib", host, "bin/rust-lld"));
  return {
    folder,
    cargo,
    rustc,
    release,
    version: `${about.split("\n")[0]} on ${host}`,
    sysroot,
    sources: join(sysroot, "lib/rustlib/src/rust"),
    sourcesName: `/rustc/${value(about, "commit-hash")}`,
    linker: bringsLinker ? undefined : LINKERS.find(find),
  };
}

/**
 * Whether a std for wasm is there, loads, and carries no path of this machine into the wasm.
 * @param {Toolchain} toolchain
 */
function hasWasmStd(toolchain) {
  const folder = wasmStdFolder(toolchain);
  // The second is a crate of a registry: a std of our building has it from cargo's home.
  const libraries = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => /^lib(std|dlmalloc)-.*\.rlib$/.test(name))
    .map((name) => readFileSync(join(folder, name)));
  const paths = ["/registry/src/", ...sourcePaths(toolchain)];
  if (libraries.some((library) => paths.some((path) => library.includes(path)))) return false;
  // A std that another version of rustc compiled lies there just as well, but does not load.
  const probe = ["--target", WASM_TARGET, "--crate-type=lib", "--emit=metadata", "-o", "-", "-"];
  const input = "pub fn probe() -> String { String::new() }";
  return libraries.length > 0 && output(toolchain.rustc, probe, { input }) !== undefined;
}

/** @param {Toolchain} toolchain */
export function wasmStdFolder(toolchain) {
  return join(toolchain.sysroot, "lib/rustlib", WASM_TARGET, "lib");
}

/**
 * The names that std's sources have on this machine.
 * @param {Toolchain} toolchain
 */
export function sourcePaths({ sources }) {
  return existsSync(sources) ? [...new Set([sources, realpathSync(sources)])] : [];
}

/**
 * Flags of rustc that write other paths into the output than this machine's: equal sources then
 * give equal bytes everywhere. Cargo must have fetched the crates before: each registry, or mirror
 * of one, has a folder of its own.
 * @param {Toolchain} toolchain
 */
export function remapFlags(toolchain) {
  const registries = join(cargoHome, "registry/src");
  const folders = existsSync(registries) ? readdirSync(registries) : [];
  // Of several that fit, rustc takes the last.
  const names = [
    [root, "/crapvpn"],
    [cargoHome, "/cargo"],
    ...folders.map((folder) => [join(registries, folder), "/cargo"]),
    ...sourcePaths(toolchain).map((path) => [path, toolchain.sourcesName]),
  ];
  return names.map(([path, name]) => `--remap-path-prefix=${path}=${name}`);
}

/**
 * The environment in which cargo and wasm-pack use this toolchain and compile for wasm.
 * @param {Toolchain} toolchain
 */
export function wasmEnvironment({ folder, linker }) {
  const env = environment(folder, join(cargoHome, "bin"));
  // Flags of the caller would replace those of .cargo/config.toml, and change the bytes.
  for (const name of ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"]) delete env[name];
  if (linker) env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER = linker;
  return env;
}

/** The version of wasm-bindgen in Cargo.lock: the command line tool must be of exactly this one. */
export function wasmBindgenVersion() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  return (
    /^name = "wasm-bindgen"\nversion = "(.+)"/m.exec(lock)?.[1] ??
    stop("Cargo.lock names no wasm-bindgen: run cargo generate-lockfile.")
  );
}

/**
 * The version that a tool from `cargo install` gives itself.
 * @param {string} tool
 */
export function toolVersion(tool) {
  return output(tool, ["--version"], { env: environment(join(cargoHome, "bin")) })?.split(" ")[1];
}

/**
 * Whether one version, such as 1.95.0, is not older than another.
 * @param {string} version
 * @param {string} oldest
 */
export function isAtLeast(version, oldest) {
  return version.localeCompare(oldest, "en", { numeric: true }) >= 0;
}

/**
 * @param {string} lines of the form `name: value`
 * @param {string} name
 */
function value(lines, name) {
  return new RegExp(`^${name}: (.*)$`, "m").exec(lines)?.[1] ?? "";
}
