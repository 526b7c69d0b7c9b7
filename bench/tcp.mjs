// Tunnels over TCP: ours, OpenVPN, and the Python peer of our tests.
import { join } from "node:path";
import { find } from "../scripts/programs.mjs";
import { CIPHER, startOpenVpn } from "./openvpn.mjs";
import { program, root } from "./project.mjs";

/** @import { Candidate } from "./candidates.mjs" */

const KEY = "1234abcd1234abcd1234abcd1234abcd";
const peerProgram = join(root, "test", "peer", "tcp_peer.py");

/** @type {readonly Candidate[]} */
export const overTcp = [
  {
    name: "crapvpn-tcp",
    about: "our event engine over TCP",
    cipher: "xor",
    integrity: false,
    missing: () => undefined,
    start: (way) =>
      way.start(
        ({ host, local, peer, local6, peer6, outerPeer }) => ({
          command: process.execPath,
          args: [
            ...[program, "run", "--quiet", "--tcp"],
            ...(host === way.a ? ["--listen", "1337"] : ["-p", outerPeer]),
            ...[local, peer, local6, peer6],
          ],
          env: { CRAPVPN_KEY: KEY },
        }),
        { ipv6: true },
      ),
  },
  {
    name: "openvpn-tcp",
    about: "OpenVPN over TCP, its data channel in user space",
    cipher: CIPHER.toLowerCase(),
    integrity: true,
    missing: () =>
      find("openvpn") && find("openssl") ? undefined : "apt-get install openvpn openssl",
    start: (way) => startOpenVpn(way, "tcp"),
  },
  {
    name: "python-peer-tcp",
    about: "the Python peer of our tests over TCP",
    cipher: "xor",
    integrity: false,
    missing: () => (find("python3") ? undefined : "apt-get install python3"),
    start: (way) =>
      way.start(({ host, local, peer, outerPeer }) => ({
        command: "python3",
        args: [
          ...[peerProgram, "-k", KEY],
          ...(host === way.a ? [] : ["-p", outerPeer]),
          ...[local, peer],
        ],
      })),
  },
];
