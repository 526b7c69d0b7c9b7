// Installs what this machine lacks: to run, with --test also what tests need, with --bench what measuring needs.
import { parseArgs } from "node:util";
import { installPeers } from "../bench/peers.mjs";
import { announce, environment, find, stop } from "./programs.mjs";
import { lookAgain, nativeToolchain, oldestRust, WASM_TARGET } from "./rust.mjs";
import {
  addByRustup,
  buildWasmStd,
  installCargoTools,
  missingRustPackages,
} from "./setup-rust.mjs";

/** Programs or files, and the Debian packages that bring them. */
const RUN = {
  ip: ["iproute2"],
  ping: ["iputils-ping"],
  unshare: ["util-linux"],
  nsenter: ["util-linux"],
};
const RUST = {
  // The C compiler links; its start files are only recommended by gcc.
  cc: ["gcc", "libc6-dev"],
  "/etc/ssl/certs/ca-certificates.crt": ["ca-certificates"],
};
const BENCH = {
  ethtool: ["ethtool"],
  iperf3: ["iperf3"],
  python3: ["python3"],
};
/** A tunnel to measure against, and what makes its certificates. */
const RIVAL = { openvpn: ["openvpn"], openssl: ["openssl"] };
const TEST = {
  ...BENCH,
  ...RUST,
  // What the author's program needs, where it is given.
  "/usr/lib/python3/dist-packages/click": ["python3-click"],
  // What makes the vectors of formats with an AEAD.
  "/usr/lib/python3/dist-packages/cryptography": ["python3-cryptography"],
  busybox: ["busybox"],
  capsh: ["libcap2-bin"],
  chromium: ["chromium"],
  dnsmasq: ["dnsmasq-base"],
  ps: ["procps"],
  fish: ["fish"],
  groff: ["groff-base"],
  man: ["man-db"],
  mandoc: ["mandoc"],
  tcpdump: ["tcpdump"],
  tshark: ["tshark"],
  zsh: ["zsh"],
};

const { test = false, bench = false } = readOptions();
const programs = { ...RUN, ...(bench ? { ...BENCH, ...RIVAL } : {}), ...(test ? TEST : {}) };

if (test) addByRustup();
installPackages(missingPackages());
if (test) {
  buildWasmStd();
  installCargoTools();
}
for (const lack of bench ? installPeers() : [])
  console.log(`setup: ${lack}: the bench goes without.`);
const rust = test ? ` and Rust ${nativeToolchain()?.release}` : "";
console.log(
  `setup: all is here, ${Object.keys(programs)
    .filter((name) => !name.startsWith("/"))
    .join(", ")}${rust}.`,
);

function readOptions() {
  try {
    return parseArgs({ options: { test: { type: "boolean" }, bench: { type: "boolean" } } }).values;
  } catch {
    return stop("setup takes --test and --bench and nothing else.", 2);
  }
}

function missingPackages() {
  const packages = Object.entries(programs).flatMap(([program, from]) =>
    find(program) ? [] : from,
  );
  if (test) packages.push(...missingRustPackages());
  return [...new Set(packages)];
}

/** @param {readonly string[]} packages */
function installPackages(packages) {
  if (packages.length === 0) return;
  const list = packages.join(" ");
  const rustByHand = packages.some((name) => /rust/.test(name))
    ? ` (for Rust, ${oldestRust} or newer from rustup with the target ${WASM_TARGET} does as well)`
    : "";
  const aptGet = find("apt-get");
  if (!aptGet)
    stop(
      `setup: this system lacks, by the names of Debian's packages, ${list}: install them by its own means${rustByHand}.`,
      5,
    );
  if (process.getuid?.() !== 0)
    stop(`setup: this system lacks ${list}: as root, run apt-get install ${list}${rustByHand}.`, 5);

  // tshark asks who may capture: noninteractive takes the default. Nothing of this machine is removed for us.
  const env = { ...environment(), DEBIAN_FRONTEND: "noninteractive" };
  const options = ["--quiet", "--yes", "--no-install-recommends", "--no-remove"];
  announce("setup", aptGet, ["--quiet", "update"], { env });
  if (announce("setup", aptGet, ["install", ...options, ...packages], { env }) !== 0) {
    stop(`setup: apt-get did not install ${list}, see above${rustByHand}.`, 5);
  }
  lookAgain();
  const missing = missingPackages();
  if (missing.length > 0)
    stop(`setup: apt-get brought too old or broken ${missing.join(" ")}${rustByHand}.`, 5);
}
