// Runs the native cargo with the arguments given: it may be installed and yet not be in PATH.
import { environment, run, stop } from "./programs.mjs";
import { nativeToolchain, oldestRust } from "./rust.mjs";

const toolchain = nativeToolchain();
if (!toolchain)
  stop(`No cargo of Rust ${oldestRust} or newer is here: run npm run setup -- --test.`, 5);
process.exitCode = run(toolchain.cargo, process.argv.slice(2), {
  env: environment(toolchain.folder),
});
