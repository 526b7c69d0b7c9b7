// Holds the Rust sources against rustfmt, clippy and rustdoc; shows what each of them finds.
import { environment, run, stop } from "./programs.mjs";
import { nativeToolchain, oldestRust } from "./rust.mjs";
import { root } from "./wasm.mjs";

const CHECKS = [
  ["fmt", "--all", "--check"],
  ["fmt", "--manifest-path", "crates/fuzz/Cargo.toml", "--check"],
  ["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
  ["doc", "--quiet", "--workspace", "--no-deps", "--locked"],
];

const toolchain = nativeToolchain();
if (!toolchain)
  stop(`No cargo of Rust ${oldestRust} or newer is here: run npm run setup -- --test.`, 5);

const env = { ...environment(toolchain.folder), RUSTDOCFLAGS: "-D warnings" };
for (const args of CHECKS) {
  if (run(toolchain.cargo, args, { cwd: root, env }) === 0) continue;
  console.error(`check:rust: cargo ${args[0]} found the above.`);
  process.exitCode = 1;
}
