// What is measured: the bare cable, our tunnel by engine, and tunnels of others. A row more is an entry more.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { find } from "../scripts/programs.mjs";
import { layer2 } from "./layer2.mjs";
import { CIPHER, startOpenVpn } from "./openvpn.mjs";
import { findPeer } from "./peers.mjs";
import { program, root } from "./project.mjs";
import { overTcp } from "./tcp.mjs";
import { startWireGuard } from "./wireguard.mjs";

/**
 * @import { PeerName } from "./peers.mjs"
 * @import { Way } from "./way.mjs"
 */

/**
 * @typedef {object} Candidate
 * @property {string} name for --only, tables and JSON
 * @property {string} about
 * @property {string} [cipher] none on the bare cable
 * @property {boolean} [integrity] whether changed datagrams are noticed
 * @property {() => string | undefined} missing how to get it, if it is not there
 * @property {(way: Way) => void | Promise<void>} start the tunnel at both ends
 */

const key = randomBytes(16).toString("hex");
const peerProgram = join(root, "test", "peer", "peer.py");
const authorProgram = process.env.CRAPVPN_AUTHOR_PROGRAM;
const authorPython = process.env.CRAPVPN_AUTHOR_PYTHON || "/usr/bin/python3";

/** They would become the user of a login session, which a bench has not. */
const RUST_WIREGUARD = ["--foreground", "--disable-drop-privileges"];

/** @type {readonly Candidate[]} */
export const candidates = [
  {
    name: "cable",
    about: "the cable without a tunnel",
    missing: () => undefined,
    start: () => {},
  },
  ourEngine("batch", ["--engine", "batch"]),
  ourEngine("event", ["--engine", "event"]),
  ...layer2,
  wireGuard("wireguard-go", "the newest WireGuard in Go", "Go", ["-f"]),
  wireGuard("boringtun-cli", "Cloudflare's WireGuard in Rust", "Rust", RUST_WIREGUARD),
  wireGuard("gotatun-cli", "Mullvad's WireGuard in Rust", "Rust", RUST_WIREGUARD),
  ...overTcp,
  {
    name: "openvpn",
    about: "OpenVPN with its data channel in user space",
    cipher: CIPHER.toLowerCase(),
    integrity: true,
    missing: () =>
      find("openvpn") && find("openssl") ? undefined : "apt-get install openvpn openssl",
    start: (way) => startOpenVpn(way),
  },
  {
    name: "author",
    about: "the author's program",
    cipher: "xor",
    integrity: false,
    missing: () =>
      authorProgram
        ? undefined
        : "CRAPVPN_AUTHOR_PROGRAM names its crapvpn.py, CRAPVPN_AUTHOR_PYTHON a Python that has click",
    start: (way) =>
      way.start(({ local, peer, outerPeer }) => ({
        command: authorPython,
        args: [authorProgram ?? "", "-k", key, "-p", outerPeer, local, peer],
      })),
  },
  {
    name: "python-peer",
    about: "the Python peer of our tests, a faster stand-in for the author's program",
    cipher: "xor",
    integrity: false,
    missing: () => (find("python3") ? undefined : "apt-get install python3"),
    start: (way) =>
      way.start(({ local, peer, outerPeer }) => ({
        command: "python3",
        args: [peerProgram, "-k", key, "-p", outerPeer, local, peer],
      })),
  },
];

/** What the others are given as multiples of, where they are there. */
export const references = ["cable", "wireguard-go", "author"];

/**
 * @param {string} engine
 * @param {readonly string[]} options of `run` that choose it
 * @returns {Candidate}
 */
function ourEngine(engine, options) {
  return {
    name: `crapvpn-${engine}`,
    about: `our ${engine} engine`,
    cipher: "xor",
    integrity: false,
    missing: () => undefined,
    start: (way) =>
      way.start(
        ({ local, peer, local6, peer6, outerPeer }) => ({
          command: process.execPath,
          args: [
            ...[program, "run", "--quiet", ...options, "-p", outerPeer],
            ...[local, peer, local6, peer6],
          ],
          env: { CRAPVPN_KEY: key },
        }),
        { ipv6: true },
      ),
  };
}

/**
 * @param {PeerName} name
 * @param {string} about
 * @param {string} needs to be built
 * @param {readonly string[]} args what stands before the device's name
 * @returns {Candidate}
 */
function wireGuard(name, about, needs, args) {
  return {
    ...{ name, about, cipher: "chacha20-poly1305", integrity: true },
    missing: () =>
      findPeer(name) ? undefined : `npm run setup -- --bench builds it (needs ${needs})`,
    start: (way) => startWireGuard(way, findPeer(name) ?? "", args),
  };
}
