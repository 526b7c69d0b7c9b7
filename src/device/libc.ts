// The system calls that Node does not have, through koffi. Loaded only by who opens a device.

import { endianness } from "node:os";
import koffi from "koffi";

const libc = koffi.load(null);

/** Names of errors by number. EWOULDBLOCK is EAGAIN by another name. */
const errnoNames = new Map(
  Object.entries(koffi.os.errno)
    .filter(([name]) => name !== "EWOULDBLOCK")
    .map(([name, code]) => [code, name]),
);

/** The name of the last system call's error, such as `"EAGAIN"`. */
export function errno(): string {
  const code = koffi.errno();
  return errnoNames.get(code) ?? `errno ${code}`;
}

/** `read(2)` into a view, at most as long as it is. Returns the bytes read, or −1. */
export const read: (fd: number, into: Uint8Array, count: number) => number = libc.func(
  "intptr_t read(int fd, void *into, size_t count)",
);

/** `write(2)` from a view. Returns the bytes written, or −1. */
export const write: (fd: number, from: Uint8Array, count: number) => number = libc.func(
  "intptr_t write(int fd, const void *from, size_t count)",
);

/** `ioctl(2)` with a pointer. Returns −1 on an error. */
export const ioctl: (fd: number, request: number, argument: Uint8Array) => number = libc.func(
  "int ioctl(int fd, unsigned long request, void *argument)",
);

/** `ioctl(2)` with a number. Returns −1 on an error. */
export const ioctlNumber: (fd: number, request: number, argument: number) => number = libc.func(
  "int ioctl(int fd, unsigned long request, unsigned long argument)",
);

/** `setsockopt(2)`. Returns −1 on an error. */
export const setsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Int32Array,
  bytes: number,
) => number = libc.func(
  "int setsockopt(int fd, int level, int option, const void *value, uint32_t bytes)",
);

/** `eventfd(2)`. Returns a descriptor, or −1. */
export const eventfd: (value: number, flags: number) => number = libc.func(
  "int eventfd(unsigned int value, int flags)",
);

const pollFunction = libc.func("int poll(void *fds, unsigned long count, int timeout_ms)");

/** sys/eventfd.h */
export const EFD_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;

/** poll.h: there is something to read. */
const POLLIN = 0x001;
/** poll.h: `struct pollfd { int fd; short events; short revents; }`. */
const POLLFD_BYTES = 8;

export const LITTLE_ENDIAN = endianness() === "LE";

/**
 * `poll(2)` for reading, on a thread of its own, without a time limit.
 *
 * @returns once one of the descriptors can be read or has failed
 */
export function pollReadable(fds: readonly number[]): Promise<void> {
  const pollfds = new DataView(new ArrayBuffer(fds.length * POLLFD_BYTES));
  fds.forEach((fd, i) => {
    pollfds.setInt32(i * POLLFD_BYTES, fd, LITTLE_ENDIAN);
    pollfds.setInt16(i * POLLFD_BYTES + 4, POLLIN, LITTLE_ENDIAN);
  });
  return new Promise((resolve, reject) => {
    const bytes = new Uint8Array(pollfds.buffer);
    pollFunction.async(bytes, fds.length, -1, (error: Error | null) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
