// The system calls of the batch engine, their structures and numbers, each with the kernel header
// that says so. Addresses are plain numbers here, so that no object is made for a call.

import { endianness } from "node:os";
import koffi from "koffi";

const libc = koffi.load(null);

/** Where the bytes of a buffer lie in this process. It must not move: wasm memory, or an ArrayBuffer. */
export function addressOf(buffer: ArrayBuffer): number {
  return Number(koffi.address(new Uint8Array(buffer)));
}

const errnoNames = new Map(
  Object.entries(koffi.os.errno)
    .filter(([name]) => name !== "EWOULDBLOCK")
    .map(([name, code]) => [code, name]),
);

/** The number of the last error on this thread. */
export const errno: () => number = koffi.errno;

/** The system's name for an error, such as `"EAGAIN"`. */
export function errnoName(code: number): string {
  return errnoNames.get(code) ?? `errno ${code}`;
}

// asm-generic/errno-base.h and errno.h, as this machine numbers them.
const { errno: numbers } = koffi.os;
export const EAGAIN = numbers.EAGAIN as number;
export const EBADFD = numbers.EBADFD as number;
export const EINTR = numbers.EINTR as number;
export const EINVAL = numbers.EINVAL as number;
export const EIO = numbers.EIO as number;
export const EMSGSIZE = numbers.EMSGSIZE as number;

type Call<Arguments extends readonly unknown[]> = (...args: Arguments) => number;

/** Each returns −1 on an error. */
export const read: Call<[fd: number, into: number, count: number]> = libc.func(
  "intptr_t read(int fd, uintptr_t into, size_t count)",
);
export const write: Call<[fd: number, from: number, count: number]> = libc.func(
  "intptr_t write(int fd, uintptr_t from, size_t count)",
);
export const recvmmsg: Call<
  [fd: number, messages: number, count: number, flags: number, timeout: number]
> = libc.func(
  "int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)",
);
export const sendmmsg: Call<[fd: number, messages: number, count: number, flags: number]> =
  libc.func("int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)");
export const poll: Call<[fds: number, count: number, timeoutMs: number]> = libc.func(
  "int poll(uintptr_t fds, unsigned long count, int timeout_ms)",
);
export const schedYield: Call<[]> = libc.func("int sched_yield()");
export const socket: Call<[domain: number, type: number, protocol: number]> = libc.func(
  "int socket(int domain, int type, int protocol)",
);
/** Node's own would warn: it knows nothing of descriptors that it has not opened. */
export const close: Call<[fd: number]> = libc.func("int close(int fd)");
export const bind: Call<[fd: number, address: Uint8Array, length: number]> = libc.func(
  "int bind(int fd, const void *address, uint32_t length)",
);
export const getsockname: Call<[fd: number, address: Uint8Array, length: Uint32Array]> = libc.func(
  "int getsockname(int fd, void *address, void *length)",
);
export const setsockopt: Call<
  [fd: number, level: number, option: number, value: Int32Array, length: number]
> = libc.func("int setsockopt(int fd, int level, int option, const void *value, uint32_t length)");
export const ifNameToIndex: (name: string) => number = libc.func(
  "unsigned int if_nametoindex(const char *name)",
);
export const ifIndexToName: (index: number, into: Uint8Array) => unknown = libc.func(
  "void *if_indextoname(unsigned int index, void *into)",
);
export const inetPton: (family: number, text: string, into: Uint8Array) => number = libc.func(
  "int inet_pton(int family, const char *text, void *into)",
);
export const inetNtop: (
  family: number,
  bytes: Uint8Array,
  into: Uint8Array,
  size: number,
) => unknown = libc.func(
  "void *inet_ntop(int family, const void *bytes, void *into, uint32_t size)",
);

/** linux/socket.h */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const MSG_DONTWAIT = 0x40;
/** linux/net.h; the flags are those of open(2), asm-generic/fcntl.h. */
export const SOCK_DGRAM = 2;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
/** asm-generic/socket.h */
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
/** linux/in6.h, and ipv6(7) */
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
/** linux/udp.h: options, and the types of their control messages. */
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

/** asm-generic/poll.h */
export const POLLIN = 0x001;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;

/** asm-generic/poll.h: `struct pollfd`. */
export const pollfd = { bytes: 8, fd: 0, events: 4, revents: 6 } as const;

/** linux/uio.h: `struct iovec`. */
export const iovec = { bytes: 16, base: 0, length: 8 } as const;

/** linux/socket.h: `struct mmsghdr`, whose first member is the `struct msghdr`. */
export const mmsghdr = {
  bytes: 64,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  length: 56,
} as const;

/** linux/socket.h: `struct cmsghdr`; its value follows at once, and takes up a multiple of 8. */
export const cmsghdr = { bytes: 16, length: 0, level: 8, type: 12, value: 16 } as const;

/** linux/in.h, linux/in6.h: `struct sockaddr_in`, `sockaddr_in6`; port and address big-endian. */
export const sockaddrIn = { bytes: 16, family: 0, port: 2, address: 4 } as const;
export const sockaddrIn6 = { bytes: 28, family: 0, port: 2, address: 8, scope: 24 } as const;

/** The same structures as C has them, by which koffi knows where each member must lie. */
const declared: readonly [layout: Readonly<Record<string, number>>, members: string[]][] = [
  [pollfd, ["fd: int32", "events: int16", "revents: int16"]],
  [iovec, ["base: void *", "length: size_t"]],
  [
    mmsghdr,
    [
      ...["name: void *", "nameLength: uint32", "iov: void *", "iovCount: size_t"],
      ...["control: void *", "controlLength: size_t", "flags: int32"],
      // The `struct msghdr` ends at a multiple of 8.
      ...["padding: uint32", "length: uint32"],
    ],
  ],
  [cmsghdr, ["length: size_t", "level: int32", "type: int32"]],
  [sockaddrIn, ["family: uint16", "port: uint16", "address: uint32", "zero: uint64"]],
  [
    sockaddrIn6,
    ["family: uint16", "port: uint16", "flow: uint32", "address: uint32[4]", "scope: uint32"],
  ],
];

/**
 * Why these structures cannot be used on this machine, if they cannot: addresses of other than 8
 * bytes, bytes the other way round, members elsewhere.
 */
export function unfitMachine(): string | undefined {
  if (endianness() !== "LE" || koffi.sizeof("void *") !== 8) {
    return `it needs 64 bits and little-endian numbers, which ${process.arch} has not`;
  }
  for (const [layout, members] of declared) {
    const pairs = members.map((member) => member.split(": ") as [string, string]);
    const struct = koffi.struct(Object.fromEntries(pairs));
    const misplaced = pairs.some(
      ([name]) => name in layout && koffi.offsetof(struct, name) !== layout[name],
    );
    if (misplaced || koffi.sizeof(struct) !== layout.bytes) {
      return `its structures lie differently in memory on ${process.arch}`;
    }
  }
  return undefined;
}
