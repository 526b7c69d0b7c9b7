// The Rust part of the setup: the compiler, its std for wasm, and the tools that make wasm/.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { announce, find, output, stop } from "./programs.mjs";
import {
  isAtLeast,
  nativeToolchain,
  remapFlags,
  sourcePaths,
  toolchains,
  toolVersion,
  WASM_PACK_VERSION,
  WASM_TARGET,
  wasmBindgenVersion,
  wasmEnvironment,
  wasmStdFolder,
  wasmToolchain,
} from "./rust.mjs";
import { root } from "./wasm.mjs";

/** @import { Toolchain } from "./rust.mjs" */

const COMPILER_PACKAGES = ["rustc-web", "cargo-web"];
const LINT_PACKAGES = ["rustfmt-web", "rust-web-clippy"];
/** Debian has no std for wasm, but the sources to build one from. */
const WASM_PACKAGES = [...COMPILER_PACKAGES, "rust-web-src", "lld-19"];

/** Has rustup complete the toolchain that it manages. Where it cannot, Debian's packages will. */
export function addByRustup() {
  const rustup = find("rustup");
  const native = nativeToolchain();
  if (!rustup || !native?.sysroot.includes("/toolchains/")) return;
  // Without a network it may try for long.
  const options = { timeoutSeconds: 180 };
  if (!hasLints(native))
    announce("setup", rustup, ["component", "add", "rustfmt", "clippy"], options);
  if (!wasmToolchain()) announce("setup", rustup, ["target", "add", WASM_TARGET], options);
}

/** The Debian packages that bring what of Rust is not here. */
export function missingRustPackages() {
  const native = nativeToolchain();
  return [
    ...(native ? [] : COMPILER_PACKAGES),
    ...(native && hasLints(native) ? [] : LINT_PACKAGES),
    ...(wasmToolchain() || stdBuilder() ? [] : WASM_PACKAGES),
  ];
}

/** @param {Toolchain} toolchain */
function hasLints({ cargo }) {
  return ["fmt", "clippy"].every((command) => output(cargo, [command, "--version"]));
}

/** The toolchain that can be given a std for wasm: it has std's sources and a linker. */
function stdBuilder() {
  return toolchains().find((toolchain) => toolchain.linker && sourcePaths(toolchain).length > 0);
}

/** Builds the std for wasm, unless it is here, beside an empty crate; puts it where rustc looks for it. */
export function buildWasmStd() {
  if (wasmToolchain()) return;
  const toolchain = stdBuilder() ?? stop("setup: no Rust here can be given a std for wasm.", 5);
  const folder = wasmStdFolder(toolchain);
  if (process.getuid?.() !== 0)
    stop(`setup: run as root, to put a std for wasm into ${folder}.`, 5);

  const crate = mkdtempSync(join(tmpdir(), "crapvpn-std-"));
  process.on("exit", () => rmSync(crate, { recursive: true, force: true }));
  mkdirSync(join(crate, "src"));
  writeFileSync(join(crate, "src/lib.rs"), "");
  const manifest = [
    "[package]",
    'name = "empty"',
    'edition = "2024"',
    "[lib]",
    'crate-type = ["cdylib"]',
  ];
  writeFileSync(join(crate, "Cargo.toml"), manifest.join("\n"));

  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...wasmEnvironment(toolchain),
    // -Zbuild-std belongs to nightly; with this a stable compiler takes it.
    RUSTC_BOOTSTRAP: "1",
    CARGO_TARGET_DIR: join(crate, "target"),
  };
  const std = ["-Zbuild-std=std,panic_abort", "--target", WASM_TARGET];
  console.log("setup: building Rust's std for wasm takes about a minute.");
  const cargoSteps = [
    ["fetch", ...std],
    ["build", "--release", ...std],
  ];
  for (const step of cargoSteps) {
    // Anew for each: the folders that fetch makes are remapped by build.
    env.CARGO_ENCODED_RUSTFLAGS = remapFlags(toolchain).join("\x1f");
    if (announce("setup", toolchain.cargo, step, { cwd: crate, env }) !== 0)
      stop("setup: the std for wasm was not built, see above.", 5);
  }

  const libraries = join(crate, "target", WASM_TARGET, "release/deps");
  // What another version of rustc left there would stand in the way.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(libraries).filter((name) => name.endsWith(".rlib"))) {
    copyFileSync(join(libraries, name), join(folder, name));
  }
  // Cargo does not see that the std has changed under what it built before.
  rmSync(join(root, "target/wasm"), { recursive: true, force: true });
  if (!wasmToolchain()) stop(`setup: the std for wasm in ${folder} does not load.`, 5);
}

/** wasm-pack, and wasm-bindgen of exactly the version that the sources use. */
export function installCargoTools() {
  const bindgen = wasmBindgenVersion();
  const tools = [
    ...(isAtLeast(toolVersion("wasm-pack") ?? "", WASM_PACK_VERSION)
      ? []
      : [`wasm-pack@${WASM_PACK_VERSION}`]),
    ...(toolVersion("wasm-bindgen") === bindgen ? [] : [`wasm-bindgen-cli@${bindgen}`]),
  ];
  if (tools.length === 0) return;
  const { cargo } = nativeToolchain() ?? stop("setup: no cargo is here.", 5);
  console.log("setup: compiling a tool takes two to three minutes.");
  if (announce("setup", cargo, ["install", "--locked", ...tools]) !== 0)
    stop("setup: cargo install failed, see above.", 5);
}
