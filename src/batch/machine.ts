// Whether this machine can run the batch engine.

import { closeSync, constants, openSync } from "node:fs";

/** linux/if_tun.h: `_IOR('T', 207, unsigned int)`. */
const TUNGETFEATURES = 0x800454cf;
/** linux/if_tun.h */
const IFF_VNET_HDR = 0x4000;

/** Why not, in words that go on after "since"; or nothing. */
export async function whyNoBatch(): Promise<string | undefined> {
  if (process.platform !== "linux") return `it needs Linux, and this is ${process.platform}`;
  const { unfitMachine } = await import("./syscalls.js");
  return unfitMachine() ?? (await unfitTun());
}

/** A TUN without virtio headers. One that cannot be opened is told of when the device is. */
async function unfitTun(): Promise<string | undefined> {
  const libc = await import("../device/libc.js");
  let fd: number;
  try {
    fd = openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const features = new Uint32Array(1);
    const asked = libc.ioctl(fd, TUNGETFEATURES, new Uint8Array(features.buffer));
    const has = asked < 0 || ((features[0] ?? 0) & IFF_VNET_HDR) !== 0;
    return has ? undefined : "this kernel's TUN knows no virtio headers";
  } finally {
    closeSync(fd);
  }
}
