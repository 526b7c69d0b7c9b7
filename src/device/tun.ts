// TUN and TAP on Linux: network devices whose other end is a file (Documentation/networking/tuntap.rst).

import { closeSync, constants, openSync } from "node:fs";
import { errnoOf, Failure } from "../failure.js";
import { type Device, deviceKinds, type Layer } from "./device.js";
import * as libc from "./libc.js";

const TUN_PATH = "/dev/net/tun";

/** linux/if_tun.h: `_IOW('T', 202, int)`, on all but the alpha, mips, powerpc and sparc machines. */
const TUNSETIFF = 0x400454ca;
/** linux/if_tun.h: `_IOR('T', 210, unsigned int)`. */
const TUNGETIFF = 0x800454d2;
/** linux/if_tun.h: IP packets, not Ethernet frames. */
const IFF_TUN = 0x0001;
/** linux/if_tun.h: Ethernet frames. */
const IFF_TAP = 0x0002;
/** linux/if_tun.h: packets come without the `tun_pi` header. */
const IFF_NO_PI = 0x1000;
/** linux/if_tun.h: a `struct virtio_net_hdr` goes before each packet, read or written. */
const IFF_VNET_HDR = 0x4000;
/** linux/if_tun.h: the device stays when nobody has it open. */
const IFF_PERSIST = 0x0800;
/** linux/if.h: bytes of a device's name with its closing zero. */
const IFNAMSIZ = 16;
/** linux/if.h: bytes of `struct ifreq` where pointers have 8. */
const IFREQ_BYTES = 40;

/** linux/if_tun.h: `_IOW('T', 208, unsigned int)`. */
const TUNSETOFFLOAD = 0x400454d0;
/** linux/if_tun.h: `_IOW('T', 216, int)`. */
const TUNSETVNETHDRSZ = 0x400454d8;
/** linux/virtio_net.h: bytes of a `struct virtio_net_hdr`. */
export const VIRTIO_HEADER_BYTES = 10;

/** A TUN or TAP device as the kernel gives it. */
export interface TunFile {
  readonly fd: number;
  readonly name: string;
  readonly persistent: boolean;
}

/**
 * Opens a device, which exists as long as it is open, or attaches to a persistent one.
 *
 * @param name at most 15 bytes; `%d` in it stands for the first free number
 * @param layer a TUN for 3, a TAP for 2
 * @throws Failure `system` if there is no such device, no right to it, or the name is taken
 */
export function openTun(name: string, layer: Layer): Device {
  const { fd, name: given, persistent } = openTunFile(name, layer, { virtioHeader: false });
  return new Tun(fd, given, persistent);
}

/**
 * The same, without waiting in reads and writes, and for the caller to close.
 *
 * @param virtioHeader whether a `struct virtio_net_hdr` goes before each packet
 */
export function openTunFile(
  name: string,
  layer: Layer,
  { virtioHeader }: { virtioHeader: boolean },
): TunFile {
  let fd: number;
  try {
    fd = openSync(TUN_PATH, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw cannotOpen(errnoOf(error), error);
  }
  try {
    const flags = IFF_NO_PI | (virtioHeader ? IFF_VNET_HDR : 0);
    const attached = attach(fd, name, layer, flags);
    // A persistent device keeps what its last user wanted, be it killed or not.
    setOffloads(fd, 0);
    if (virtioHeader) {
      const size = new Uint8Array(Int32Array.of(VIRTIO_HEADER_BYTES).buffer);
      if (libc.ioctl(fd, TUNSETVNETHDRSZ, size) < 0) {
        throw new Failure("system", `cannot set up the device ${name}: ${libc.errno()}`);
      }
    }
    return { fd, ...attached };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function cannotOpen(errno: string | undefined, error: unknown): Error {
  switch (errno) {
    case "EACCES":
    case "EPERM":
      return new NoRight(`no right to open ${TUN_PATH}`, false);
    case "ENOENT":
      return new Failure("system", `${TUN_PATH} does not exist: this kernel has no TUN loaded`, [
        "sudo modprobe tun",
      ]);
    case "ENODEV":
    case "ENXIO":
      return new Failure("system", `${TUN_PATH} is there, but this kernel has no TUN`, [
        "sudo modprobe tun",
      ]);
    default:
      return new Failure("system", `cannot open ${TUN_PATH}: ${errno ?? error}`);
  }
}

/**
 * Says which work we take from the kernel in packets that we read, which are then longer than the
 * MTU or without a checksum. Needs the virtio header.
 *
 * @param flags linux/if_tun.h: `TUN_F_…`
 * @returns whether the kernel took it
 */
export function setOffloads(fd: number, flags: number): boolean {
  return libc.ioctlNumber(fd, TUNSETOFFLOAD, flags) === 0;
}

/** Makes or joins the device; answers with the name that the kernel gave it. */
function attach(
  fd: number,
  name: string,
  layer: Layer,
  flags: number,
): { name: string; persistent: boolean } {
  const request = Buffer.alloc(IFREQ_BYTES);
  // In C: struct ifreq { char ifr_name[IFNAMSIZ]; union { short ifr_flags; … }; }
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  request.write(name, 0, IFNAMSIZ - 1);
  view.setUint16(IFNAMSIZ, flags | (layer === 2 ? IFF_TAP : IFF_TUN), libc.LITTLE_ENDIAN);
  if (libc.ioctl(fd, TUNSETIFF, request) === 0) {
    libc.ioctl(fd, TUNGETIFF, request);
    const flags = view.getUint16(IFNAMSIZ, libc.LITTLE_ENDIAN);
    return {
      name: request.toString("utf8", 0, request.indexOf(0)),
      persistent: (flags & IFF_PERSIST) !== 0,
    };
  }
  const errno = libc.errno();
  switch (errno) {
    case "EPERM":
      throw new NoRight(`no right to make the device ${name}`, true);
    case "EBUSY":
      throw new Failure("system", `${name} is in use by another program: choose another --device`);
    case "EINVAL":
    case "EEXIST":
      throw new Failure(
        "system",
        `${name} is no name for a ${deviceKinds[layer]} device, or another kind of device has it: choose another --device`,
      );
    case "ENOTTY":
      throw new Failure("system", `${TUN_PATH} is something else than the TUN: make it anew`, [
        `sudo rm ${TUN_PATH} && sudo mknod -m 0666 ${TUN_PATH} c 10 200`,
      ]);
    default:
      throw new Failure("system", `cannot make the device ${name}: ${errno}`);
  }
}

/** The device needs a right that this process has not. */
export class NoRight extends Failure {
  /** The TUN itself could be opened: what is missing is the right to make a device of this name. */
  readonly atDevice: boolean;

  constructor(message: string, atDevice: boolean) {
    super("system", message);
    this.atDevice = atDevice;
  }
}

class Tun implements Device {
  readonly name: string;
  readonly persistent: boolean;
  readonly #fd: number;
  /** Wakes `readable` when the device is closed, since a thread in poll(2) stops for nothing else. */
  readonly #wake: number;
  #waiting: Promise<void> | undefined;
  #closed = false;

  constructor(fd: number, name: string, persistent: boolean) {
    this.name = name;
    this.persistent = persistent;
    this.#fd = fd;
    this.#wake = libc.eventfd(0, libc.EFD_CLOEXEC | libc.EFD_NONBLOCK);
    if (this.#wake < 0) throw new Failure("system", `cannot make an eventfd: ${libc.errno()}`);
    process.once("exit", this.#wakeUp);
  }

  read(into: Uint8Array): number {
    if (this.#closed) return 0;
    const length = libc.read(this.#fd, into, into.length);
    if (length >= 0) return length;
    const errno = libc.errno();
    if (errno === "EAGAIN" || errno === "EINTR") return 0;
    // EBADFD: the kernel has taken the device from us.
    throw new Failure(
      "system",
      errno === "EBADFD"
        ? `${this.name} was deleted by somebody else`
        : `cannot read from ${this.name}: ${errno}`,
    );
  }

  write(packet: Uint8Array): string | undefined {
    if (this.#closed) return "EBADF";
    return libc.write(this.#fd, packet, packet.length) < 0 ? libc.errno() : undefined;
  }

  async readable(): Promise<boolean> {
    if (this.#closed) return false;
    this.#waiting = libc.pollReadable([this.#fd, this.#wake]);
    await this.#waiting;
    return !this.#closed;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    process.off("exit", this.#wakeUp);
    this.#wakeUp();
    // Closed only when nobody polls it any more: the number may be another file's at once.
    await this.#waiting;
    closeSync(this.#fd);
    closeSync(this.#wake);
  }

  /** An eventfd is woken by adding a number to it (eventfd(2)): any 8 bytes but zeros. */
  readonly #wakeUp = () => {
    libc.write(this.#wake, new Uint8Array(8).fill(1), 8);
  };
}
