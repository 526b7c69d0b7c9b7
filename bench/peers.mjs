// Tunnels of others to measure against: where they are, and how they are got.
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { announce, environment, find } from "../scripts/programs.mjs";

/** Outside of the project, as building takes long and `npm ci` empties node_modules. */
const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "crapvpn-bench");

/**
 * @typedef {object} Peer
 * @property {string} program what is built, below the cache folder
 * @property {string} tool what builds it
 * @property {string} toolFrom how to get that
 * @property {readonly string[]} args
 * @property {Readonly<Record<string, string>>} env
 */

/** @satisfies {Record<string, Peer>} */
const peers = {
  "wireguard-go": {
    program: "bin/wireguard",
    tool: "go",
    toolFrom: "Go 1.21 or newer",
    args: ["install", "golang.zx2c4.com/wireguard@latest"],
    env: { GOBIN: join(cacheFolder, "bin") },
  },
  "boringtun-cli": fromCrates("boringtun-cli", "boringtun-cli"),
  "gotatun-cli": fromCrates("gotatun-cli", "gotatun"),
};

/** @typedef {keyof typeof peers} PeerName */

/**
 * @param {string} crate
 * @param {string} program that it installs
 * @returns {Peer}
 */
function fromCrates(crate, program) {
  return {
    program: `bin/${program}`,
    tool: "cargo",
    toolFrom: "Rust 1.95 or newer",
    args: ["install", "--locked", "--root", cacheFolder, crate],
    env: {},
  };
}

/**
 * Where a peer's program is.
 * @param {PeerName} name
 * @returns {string | undefined} nothing before it is installed
 */
export function findPeer(name) {
  const path = join(cacheFolder, peers[name].program);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

/**
 * Builds what is not there yet; its newest version comes after deleting it. One that cannot be had is left out of
 * the bench, and no reason to stop.
 * @returns {string[]} what could not be had, a sentence each
 */
export function installPeers() {
  const names = /** @type {PeerName[]} */ (Object.keys(peers));
  return names.flatMap((name) => {
    if (findPeer(name) !== undefined) return [];
    const { tool, toolFrom, args, env } = peers[name];
    const path = find(tool) ?? find(join("/usr/local/go/bin", tool));
    if (path === undefined) return `${name} needs ${toolFrom} to be built`;
    const failed = announce("bench", path, args, { env: { ...environment(), ...env } }) !== 0;
    return failed ? `${name} could not be built, see above` : [];
  });
}
