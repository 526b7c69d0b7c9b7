// Tunnels of Ethernet frames: our TAP, and VXLAN with ours at both ends, at one, and at none.
import { spawnSync } from "node:child_process";
import { program } from "./project.mjs";

/**
 * @import { Candidate } from "./candidates.mjs"
 * @import { End, Way } from "./way.mjs"
 */

const VNI = 42;
const VXLAN_PORT = 4789;
const KERNEL_DEVICE = "vxlan0";
/** What the kernel's end of a tunnel to ours may send in one piece. */
const MTU = 1450;

const hasVxlan = () => {
  const words = ["--net", "ip", "link", "add", "k", "type", "vxlan", "id", "1", "dstport", "4789"];
  return spawnSync("unshare", words).status === 0;
};

/** @type {readonly Candidate[]} */
export const layer2 = [
  {
    name: "crapvpn-tap",
    about: "our chosen engine with Ethernet frames inside",
    cipher: "xor",
    integrity: false,
    missing: () => undefined,
    start: (way) => way.start((end) => ours(end, ["--layer", "2"]), { ipv6: true }),
  },
  {
    name: "crapvpn-vxlan",
    about: "the same over VXLAN",
    cipher: "none",
    integrity: false,
    missing: () => undefined,
    start: (way) => way.start(oursOverVxlan, { ipv6: true }),
  },
  {
    name: "vxlan-to-kernel",
    about: "ours at host a, the kernel's vxlan at host b, whose CPU time is not counted",
    cipher: "none",
    integrity: false,
    missing: () => (hasVxlan() ? undefined : "a kernel with vxlan"),
    async start(way) {
      const [a, b] = way.ends;
      await kernelEnd(b);
      // Over a cable the kernel leaves the checksums inside unfinished.
      await b.host.execOrThrow("ethtool", ["-K", KERNEL_DEVICE, "tx", "off"]);
      way.start((end) => (end.host === a.host ? oursOverVxlan(end) : undefined), { ipv6: true });
    },
  },
  {
    name: "vxlan-kernel",
    about: "the kernel's vxlan at both ends",
    cipher: "none",
    integrity: false,
    missing: () => (hasVxlan() ? undefined : "a kernel with vxlan"),
    async start(way) {
      await Promise.all(way.ends.map(kernelEnd));
      way.start(() => undefined, { ipv6: true });
    },
  },
];

/**
 * @param {End} end
 * @param {readonly string[]} words that choose what runs
 */
function ours({ local, local6, outerPeer }, words) {
  const inner = [`${local}/24`, `${local6}/64`];
  return {
    command: process.execPath,
    args: [program, "run", "--quiet", ...words, "-p", outerPeer, ...inner],
    env: { CRAPVPN_KEY: "1234abcd1234abcd1234abcd1234abcd" },
  };
}

/** @param {End} end */
function oursOverVxlan(end) {
  return ours(end, ["--format", "vxlan", "--set", `vni=${VNI}`]);
}

/** @param {End} end */
async function kernelEnd({ host, local, local6, outerPeer }) {
  const vxlan = `type vxlan id ${VNI} remote ${outerPeer} dstport ${VXLAN_PORT} dev eth0`;
  const lines = [
    `link add ${KERNEL_DEVICE} mtu ${MTU} ${vxlan}`,
    `address add ${local}/24 dev ${KERNEL_DEVICE}`,
    `address add ${local6}/64 dev ${KERNEL_DEVICE} nodad`,
    `link set ${KERNEL_DEVICE} up`,
  ];
  await host.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
}
