// The core's kernels as the machine's own code, timed by a program in Rust.
import { spawnSync } from "node:child_process";
import { environment } from "../scripts/programs.mjs";
import { nativeToolchain } from "../scripts/rust.mjs";
import { superPacket } from "./batch.mjs";
import { root } from "./project.mjs";

/** @import { Timed } from "./core.mjs" */

/**
 * @param {number} rounds
 * @returns {{ timed?: Timed[], why?: string }} what was measured, or why nothing was
 */
export function nativeKernels(rounds) {
  const toolchain = nativeToolchain();
  if (!toolchain) return { why: "left out, as no Rust is here: npm run setup -- --test gets it" };
  const words = ["bench", "--quiet", "--locked", "--package", "crapvpn-core", "--bench", "kernels"];
  const { status, stdout, stderr } = spawnSync(toolchain.cargo, [...words, "--", `${rounds}`], {
    cwd: root,
    env: environment(toolchain.folder),
    input: superPacket(),
    encoding: "utf8",
  });
  if (status !== 0) return { why: `left out, as cargo bench failed: ${stderr.trim()}` };
  return { timed: JSON.parse(stdout) };
}
