// What processes cost, by /proc (proc_pid_stat(5), proc_pid_status(5)).
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ is 100 in the interface of every Linux machine, whatever the kernel's own clock. */
const US_PER_TICK = 10_000;

/**
 * CPU time of a process with all its threads, in user and kernel mode. Steps of 10 ms.
 * @param {number} pid
 */
export function cpuUs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything; state is what follows, then utime and stime are 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * US_PER_TICK;
}

/**
 * The same of the threads that are there, in steps of nanoseconds (Documentation/scheduler/sched-stats.rst).
 * @param {number} pid
 */
export function threadsCpuUs(pid) {
  const times = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  return times.reduce((sum, ns) => sum + ns, 0) / 1000;
}

/**
 * Memory that a process has in RAM now, and had at most.
 * @param {number} pid
 */
export function memoryMiB(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  /** @param {string} name */
  const field = (name) => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]);
  return { now: field("VmRSS") / 1024, most: field("VmHWM") / 1024 };
}
