// Holders: processes that keep namespaces alive exactly as long as we live and want them.
//
// A holder is a shell that waits for its standard input to end. We alone hold the other end of that
// pipe. When we close it, or die in whatever way, the holder ends every process in its namespace,
// then itself, and the kernel takes the devices away. There is no other way of taking down, so that
// a crash leaves no more behind than an orderly end.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync, readlinkSync } from "node:fs";
import type { Socket } from "node:net";
import { delimiter, join } from "node:path";
import { Failure } from "../failure.js";

/** What went wrong; codes are only ever added. */
export type LabErrorCode =
  /** A program that a lab runs is not installed. */
  | "ENOTOOL"
  /** The system does not let us make namespaces. */
  | "EPERM"
  /** Not Linux. */
  | "ENOTSUP"
  /** A host that does not exist, two of one name, an address without prefix. */
  | "EINVAL"
  /** The lab, or one of its hosts, is no more. */
  | "ECLOSED"
  /** A command did not end in its time. */
  | "ETIMEDOUT"
  /** A command failed. */
  | "EFAILED";

/** A lab, or something on its hosts, that cannot be done. */
export class LabError extends Failure {
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, hints: readonly string[] = []) {
    super(code === "EINVAL" ? "usage" : "system", message, hints);
    this.code = code;
  }
}

/** Waits for the end of its input in a user namespace of its own. */
const HOLD_USER = `
trap '' HUP INT QUIT TERM PIPE
echo ready
while read -r line; do :; done
`;

/**
 * The same in a network namespace of its own, whose processes it kills at the end. So it makes sure
 * first that this is not the machine's ($1), and that /proc numbers processes as `kill` does.
 * Signals that a terminal sends to all must not keep it from its work. It ends when it has looked
 * twice and found nobody, since a process may just be entering.
 */
const HOLD_NET = `
trap '' HUP INT QUIT TERM PIPE
if [ "$(readlink /proc/self/ns/net)" = "$1" ]; then
  echo "the network namespace is still the machine's own" >&2
  exit 1
fi
if ! [ /proc/$$ -ef /proc/self ]; then
  echo "/proc shows the processes of another namespace" >&2
  exit 1
fi
"$2" link set dev lo up || exit 1
echo ready
while read -r line; do :; done
exec 2>/dev/null
calm=0
rounds=0
while [ $calm -lt 2 ] && [ $rounds -lt 250 ]; do
  [ $rounds -eq 0 ] || sleep 0.02
  rounds=$((rounds + 1))
  calm=$((calm + 1))
  for process in /proc/[0-9]*; do
    if [ "$process" != /proc/$$ ] && [ "$process/ns/net" -ef /proc/self/ns/net ]; then
      kill -KILL "\${process#/proc/}"
      calm=0
    fi
  done
done
`;

/** Longer than a holder takes for its rounds. */
const RELEASE_MS = 10_000;

export class Holder {
  readonly pid: number;
  /** Options of `nsenter` that lead to where it is. */
  readonly entry: readonly string[];
  readonly #child: ChildProcessWithoutNullStreams;

  private constructor(
    pid: number,
    entry: readonly string[],
    child: ChildProcessWithoutNullStreams,
  ) {
    this.pid = pid;
    this.entry = ["-t", String(pid), ...entry];
    this.#child = child;
  }

  /** Makes a user namespace in which we are root. */
  static holdUser(tools: Tools): Promise<Holder> {
    const command = [tools.unshare, "--user", "--map-root-user", "--", tools.sh, "-c", HOLD_USER];
    // Our ids are those that became root in there; to ask for them once more is not allowed.
    return Holder.#start("a user namespace", ["--user", "--preserve-credentials"], command);
  }

  /** Makes a network namespace with its loopback up, inside of a user namespace if one is given. */
  static holdNet(tools: Tools, name: string, user?: Holder): Promise<Holder> {
    const machine = readlinkSync("/proc/self/ns/net");
    const within = user === undefined ? [] : [tools.nsenter, ...user.entry, "--"];
    const shell = [tools.sh, "-c", HOLD_NET, `lab host ${name}`, machine, tools.ip];
    const command = [...within, tools.unshare, "--net", "--", ...shell];
    const entry = user === undefined ? [] : ["--user", "--preserve-credentials"];
    return Holder.#start("a network namespace", [...entry, "--net"], command);
  }

  static async #start(
    what: string,
    entry: readonly string[],
    [command = "", ...args]: readonly string[],
  ): Promise<Holder> {
    // In a session of its own: Ctrl-C is for us, and we then close the lab in our own time.
    const child = spawn(command, args, { detached: true });
    child.stdin.on("error", () => {});
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ready = await new Promise<boolean>((resolve, reject) => {
      child.stdout.once("data", () => resolve(true));
      child.once("close", () => resolve(false));
      child.once("error", reject);
    });
    if (!ready || child.pid === undefined) throw refused(what, stderr.trim());
    child.stdout.destroy();
    child.stderr.destroy();
    // A lab that nobody closed must not keep its program from ending.
    child.unref();
    (child.stdin as Socket).unref();
    return new Holder(child.pid, entry, child);
  }

  /** Whether its namespaces are there, and not about to go. */
  get alive(): boolean {
    return !this.#ended && !this.#child.stdin.writableEnded;
  }

  /** Ends everything in its namespaces, and it. */
  async release(): Promise<void> {
    this.#child.stdin.end();
    if (this.#ended) return;
    this.#child.ref();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), RELEASE_MS);
    await once(this.#child, "exit");
    clearTimeout(late);
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** Paths of the programs that a lab runs. */
export type Tools = Readonly<Record<keyof typeof PACKAGES, string>>;

const PACKAGES = {
  ip: "iproute2",
  nsenter: "util-linux",
  sh: "dash",
  unshare: "util-linux",
};

/** Looks for them in PATH. */
export function findTools(): Tools {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const find = (name: keyof Tools): string => {
    const path = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (path === undefined) {
      throw new LabError(
        "ENOTOOL",
        `a lab needs the program ${name}, which is not in PATH: install ${PACKAGES[name]}`,
        [`sudo apt-get install ${PACKAGES[name]}`],
      );
    }
    return path;
  };
  return { ip: find("ip"), nsenter: find("nsenter"), sh: find("sh"), unshare: find("unshare") };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether we may make network namespaces and devices without a user namespace. */
export function mayMakeNamespaces(): boolean {
  // linux/capability.h: CAP_NET_ADMIN, CAP_SYS_ADMIN
  const needed = (1n << 12n) | (1n << 21n);
  const status = readFileSync("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (effective & needed) === needed;
}

/** The error for a holder that did not get what it was to hold. */
function refused(what: string, said: string): LabError {
  const settings = [
    { name: "kernel.apparmor_restrict_unprivileged_userns", closed: "1", open: "0" },
    { name: "kernel.unprivileged_userns_clone", closed: "0", open: "1" },
    { name: "user.max_user_namespaces", closed: "0", open: "10000" },
    { name: "user.max_net_namespaces", closed: "0", open: "10000" },
  ].filter(({ name, closed }) => sysctl(name) === closed);
  const reasons = settings.map(({ name, closed }) => `${name} is ${closed}`);
  const why = reasons.length > 0 ? reasons : [said || "the process that holds it ended at once"];
  return new LabError(
    "EPERM",
    `the system does not let us make ${what} (${why.join(", ")}): run as root, and in a ` +
      "container with CAP_SYS_ADMIN and CAP_NET_ADMIN",
    settings.map(({ name, open }) => `sudo sysctl -w ${name}=${open}`),
  );
}

function sysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    return undefined;
  }
}
