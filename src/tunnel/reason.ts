// What an error of the system means for a packet: the reason it is dropped for.

import type { Reason } from "../core/core.js";

const carrierReasons: Readonly<Record<string, Reason>> = {
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  ENOTCONN: "unreachable",
  ECONNREFUSED: "refused",
  ENOBUFS: "no_buffers",
  ENOMEM: "no_buffers",
  EAGAIN: "no_buffers",
  EMSGSIZE: "message_size",
  EPERM: "forbidden",
  EACCES: "forbidden",
};

const deviceReasons: Readonly<Record<string, Reason>> = {
  EIO: "device_down",
  EINVAL: "device_refused",
  ENOBUFS: "no_buffers",
  ENOMEM: "no_buffers",
  EAGAIN: "no_buffers",
};

/** The reason for an error that carrier or device answered with, by the system's name for it. */
export function reasonOf(errno: string, where: "carrier" | "device" = "carrier"): Reason {
  const reasons = where === "carrier" ? carrierReasons : deviceReasons;
  return reasons[errno] ?? "system_error";
}
