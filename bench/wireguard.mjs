// WireGuard programs that keep to wireguard-go's interface: told their peer over a socket (wireguard.com/xplatform).
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";

/** @import { End, Way } from "./way.mjs" */

const DEVICE = "wg-bench";
const SOCKET = `/run/wireguard/${DEVICE}.sock`;
const PORT = 51820;
const READY_MS = 5000;

/** The socket's folder is one of the machine's: each end gets a /run of its own, so that nothing is met or left. */
const OWN_RUN = 'mount -t tmpfs tmpfs /run && exec "$@"';

/**
 * Starts such a program at both ends, and joins them.
 * @param {Way} way
 * @param {string} command
 * @param {readonly string[]} args what stands before the device's name
 */
export async function startWireGuard(way, command, args) {
  const commandOf = () => ({
    command: "unshare",
    args: ["--mount", "sh", "-c", OWN_RUN, "sh", command, ...args, DEVICE],
  });
  way.start(commandOf, { ipv6: true });
  const [keysA, keysB] = [makeKeys(), makeKeys()];
  const [a, b] = way.ends;
  await configure(way, 0, a, keysA.private, keysB.public);
  await configure(way, 1, b, keysB.private, keysA.public);
}

/**
 * @param {Way} way
 * @param {number} place of the process
 * @param {End} end
 * @param {string} privateKey
 * @param {string} peersPublicKey
 */
async function configure(way, place, end, privateKey, peersPublicKey) {
  const { host, local, peer, local6, peer6, outerPeer } = end;
  const socket = `/proc/${way.processes[place]?.pid}/root${SOCKET}`;
  const late = Date.now() + READY_MS;
  while (!existsSync(socket)) {
    if (way.fault !== undefined) throw new Error(way.fault);
    if (Date.now() > late) throw new Error(`${SOCKET} did not appear within ${READY_MS} ms`);
    await setTimeout(10);
  }
  const answer = await ask(socket, [
    "set=1",
    `private_key=${privateKey}`,
    `listen_port=${PORT}`,
    `public_key=${peersPublicKey}`,
    `endpoint=${outerPeer}:${PORT}`,
    "allowed_ip=0.0.0.0/0",
    "allowed_ip=::/0",
  ]);
  if (!answer.includes("errno=0\n")) throw new Error(`WireGuard refused its keys: ${answer}`);
  const lines = [
    `address add ${local} peer ${peer} dev ${DEVICE}`,
    `link set dev ${DEVICE} up`,
    // On a device that is down, IPv6 gets no route to the peer.
    `address add ${local6} peer ${peer6} dev ${DEVICE}`,
  ];
  await host.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/**
 * @param {string} path
 * @param {readonly string[]} lines
 * @returns {Promise<string>}
 */
function ask(path, lines) {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(path, () => socket.write(`${lines.join("\n")}\n\n`));
    socket.once("error", reject);
    socket.setEncoding("utf8").on("data", (text) => {
      answer += text;
      if (answer.endsWith("\n\n")) socket.end();
    });
    socket.once("close", () => resolve(answer));
  });
}

/** A pair of X25519 keys, in hex. */
function makeKeys() {
  const { d = "", x = "" } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const hex = (/** @type {string} */ text) => Buffer.from(text, "base64url").toString("hex");
  return { private: hex(d), public: hex(x) };
}
