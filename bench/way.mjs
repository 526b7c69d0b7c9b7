// The way from host a to host b: two hosts joined by a cable, and a tunnel over it.
import { setTimeout } from "node:timers/promises";
import { cpuUs, memoryMiB, threadsCpuUs } from "./processes.mjs";
import { loadLab } from "./project.mjs";

/**
 * @import { ChildProcess } from "node:child_process"
 * @import { Host, Lab } from "../src/lab/host.js"
 */

/**
 * What a tunnel program is told at one end.
 * @typedef {object} End
 * @property {Host} host
 * @property {string} local our address inside of the tunnel
 * @property {string} peer the peer's
 * @property {string} local6 the same of IPv6
 * @property {string} peer6
 * @property {string} outerPeer the peer's address on the cable
 */

/**
 * @typedef {object} Command
 * @property {string} command
 * @property {readonly string[]} args
 * @property {Readonly<Record<string, string>>} [env] beside ours
 */

/** For documentation (RFC 5737), and what the author's articles use inside. */
const OUTER = { a: "192.0.2.1", b: "192.0.2.2" };
const INNER = { a: "10.8.0.1", b: "10.8.0.2" };
const OUTER6 = { a: "2001:db8::1", b: "2001:db8::2" };
const INNER6 = { a: "fd00:8::1", b: "fd00:8::2" };
const READY_MS = 8000;
/** Enough to say why a program ended. */
const KEPT_CHARACTERS = 4000;

const { Lab: LabClass } = await loadLab();

export class Way {
  /** Where host b is reached: on the cable, or inside of the tunnel once there is one. */
  address = OUTER.b;
  /** The same of IPv6, if it goes that way too. @type {string | undefined} */
  address6 = OUTER6.b;
  /** Of the tunnel, at a and b; none on the bare cable. @type {ChildProcess[]} */
  processes = [];
  /** @type {(string | undefined)[]} */
  #ends = [];
  #lab;

  /** @param {Lab} lab */
  constructor(lab) {
    this.#lab = lab;
  }

  /**
   * Two new hosts and a cable.
   * @param {boolean} segmentation whether the cable carries UDP super-packets whole
   */
  static async create(segmentation) {
    const lab = await LabClass.create({ hosts: ["a", "b"] });
    try {
      const addresses = (/** @type {"a" | "b"} */ end) => [`${OUTER[end]}/24`, `${OUTER6[end]}/64`];
      await lab.cable("a", addresses("a"), "b", addresses("b"));
      if (!segmentation) await Promise.all([lab.host("a"), lab.host("b")].map(segmentInSoftware));
      return new Way(lab);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get a() {
    return this.#lab.host("a");
  }

  get b() {
    return this.#lab.host("b");
  }

  /**
   * Both ends of a tunnel, as its program is told.
   * @returns {readonly [End, End]}
   */
  get ends() {
    return [
      {
        ...{ host: this.a, local: INNER.a, peer: INNER.b, outerPeer: OUTER.b },
        ...{ local6: INNER6.a, peer6: INNER6.b },
      },
      {
        ...{ host: this.b, local: INNER.b, peer: INNER.a, outerPeer: OUTER.a },
        ...{ local6: INNER6.b, peer6: INNER6.a },
      },
    ];
  }

  /**
   * Starts a tunnel program at both ends, or where there is one.
   * @param {(end: End) => Command | undefined} commandOf
   * @param {{ ipv6?: boolean }} [options] whether it carries IPv6 too
   */
  start(commandOf, { ipv6 = false } = {}) {
    for (const end of this.ends) {
      const program = commandOf(end);
      if (program === undefined) continue;
      const { command, args, env } = program;
      const child = end.host.spawn(command, args, {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, ...env },
      });
      const place = this.processes.push(child) - 1;
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text) => {
        said = (said + text).slice(-KEPT_CHARACTERS);
      });
      const ended = (/** @type {string} */ how) => {
        const lastLine = said.trim().split("\n").at(-1);
        this.#ends[place] = `${command} at host ${end.host.name} ${how}: ${lastLine || "silent"}`;
      };
      child.once("error", (error) => ended(`could not be started (${error.message})`));
      child.once("close", (code, signal) => ended(`ended with ${signal ?? `code ${code}`}`));
    }
    this.address = INNER.b;
    this.address6 = ipv6 ? INNER6.b : undefined;
  }

  /** Why the tunnel no longer runs, if it does not. */
  get fault() {
    return this.#ends.find((end) => end !== undefined);
  }

  /** Waits until host b answers, which also means that queues before have drained. */
  async ready() {
    const end = Date.now() + READY_MS;
    for (;;) {
      const ping = ["-n", "-q", "-c", "1", "-W", "1", this.address];
      const { code, stderr } = await this.a.exec("ping", ping);
      if (code === 0) return;
      if (this.fault !== undefined) throw new Error(this.fault);
      if (Date.now() > end) {
        const why = stderr.trim() === "" ? "" : `: ${stderr.trim()}`;
        throw new Error(`host b did not answer at ${this.address} within ${READY_MS} ms${why}`);
      }
      await setTimeout(20);
    }
  }

  /** CPU time of both ends together. */
  cpuUs() {
    return this.#pids.reduce((sum, pid) => sum + cpuUs(pid), 0);
  }

  /** The same as finely as the kernel counts, of the threads that are there. */
  threadsCpuUs() {
    return this.#pids.reduce((sum, pid) => sum + threadsCpuUs(pid), 0);
  }

  /** Memory of the larger end; nothing on the bare cable. */
  memoryMiB() {
    const ends = this.#pids.map(memoryMiB);
    if (ends.length === 0) return undefined;
    return {
      now: Math.max(...ends.map(({ now }) => now)),
      most: Math.max(...ends.map(({ most }) => most)),
    };
  }

  /** Ends everything. */
  close() {
    return this.#lab.close();
  }

  get #pids() {
    return this.processes.flatMap(({ pid }) => pid ?? []);
  }
}

/**
 * Makes a host cut UDP super-packets before they enter the cable, as most network cards ask for.
 * Switching `gso` off as well would change nothing for a program that uses UDP_SEGMENT (tried).
 * @param {Host} host
 */
async function segmentInSoftware(host) {
  await host.execOrThrow("ethtool", ["-K", "eth0", "tx-udp-segmentation", "off"]);
  const { stdout } = await host.execOrThrow("ethtool", ["-k", "eth0"]);
  if (!/^tx-udp-segmentation: off/m.test(stdout)) {
    throw new Error("this kernel does not let the cable's UDP segmentation be switched off");
  }
}
