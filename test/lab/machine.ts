// The machine as tests see it: its processes, and ordinary users on it.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Processes in these network namespaces. */
export function processesIn(namespaces: readonly string[]): string[] {
  return processes((id) => namespaces.includes(readlinkSync(`/proc/${id}/ns/net`)));
}

/** Processes that were started with this text in their environment. */
export function processesMarked(mark: string): string[] {
  return processes((id) => readFileSync(`/proc/${id}/environ`, "latin1").includes(mark));
}

/** The words that a process was started with. */
export function commandLine(id: string): string[] {
  return readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0").slice(0, -1);
}

function processes(fits: (id: string) => boolean): string[] {
  return readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && fits(id);
    } catch {
      return false;
    }
  });
}

/** Waits for a condition, at most five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Words before a command that make an ordinary user run it. The user needs a TUN that is open to
 * all, as distributions have it: one of our own, which only the command sees.
 *
 * @param folder where the TUN's node is made
 * @param mode the node's, such as "0666"
 * @param before shell commands that root runs first
 */
export function ordinary(folder: string, mode: string, before = ":"): string[] {
  const node = `${folder}/tun-${mode}`;
  const prepare =
    `[ -e ${node} ] || mknod -m ${mode} ${node} c 10 200; ` +
    `mount --bind ${node} /dev/net/tun; ${before}; ` +
    'exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"';
  return ["unshare", "--mount", "--", "sh", "-ec", prepare, "sh"];
}
