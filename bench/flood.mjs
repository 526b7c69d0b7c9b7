// A process that sends small UDP datagrams as fast as it can, or counts those that arrive. Run by measures.mjs:
//   node bench/flood.mjs receive ADDRESS PORT BYTES SECONDS
//   node bench/flood.mjs send ADDRESS PORT BYTES SECONDS [FLOWS]
//
// Sender and receiver go through sendmmsg(2) and recvmmsg(2), 64 datagrams a call, so that they cost less than what
// they measure.
import { endianness } from "node:os";
import koffi from "koffi";

/** linux/socket.h, asm-generic/socket.h */
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const MSG_WAITFORONE = 0x10000;
/** Where pointers have 8 bytes: `struct iovec`, and `struct mmsghdr` with its iovec's place and number. */
const IOVEC_BYTES = 16;
const MMSGHDR_BYTES = 64;
const MMSGHDR_IOV = 16;
const MMSGHDR_IOVLEN = 24;

const BATCH = 64;
/** The beginning is not counted: code is cold and queues are empty. */
const WARM_UP_MS = 200;
const FIRST_DATAGRAM_SECONDS = 5;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

const libc = koffi.load(null);
const socketCall = libc.func("int socket(int family, int type, int protocol)");
const bind = libc.func("int bind(int fd, const void *address, uint32_t length)");
const connect = libc.func("int connect(int fd, const void *address, uint32_t length)");
const setsockopt = libc.func(
  "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
);
const sendmmsg = libc.func("int sendmmsg(int fd, void *messages, unsigned int count, int flags)");
const recvmmsg = libc.func(
  "int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)",
);

const [role, address = "", port, bytes, seconds, flows = "1"] = process.argv.slice(2);
if (endianness() !== "LE") throw new Error("flood.mjs writes its structures for little endian");
const fd = socketCall(AF_INET, SOCK_DGRAM, 0);
const messages = makeMessages(Number(bytes));
console.log(JSON.stringify(role === "send" ? send() : receive()));

/** Sends for the warm-up and the seconds asked for, a few of each flow in turn. */
function send() {
  const fds = Array.from({ length: Number(flows) }, (_, flow) =>
    flow === 0 ? fd : socketCall(AF_INET, SOCK_DGRAM, 0),
  );
  for (const fd of fds) must(connect(fd, socketAddress(), 16), "connect");
  const each = Math.floor(BATCH / fds.length);
  const start = performance.now();
  const end = start + WARM_UP_MS + Number(seconds) * 1000;
  let datagrams = 0;
  let now = start;
  while (now < end) {
    for (const fd of fds) datagrams += Math.max(0, sendmmsg(fd, messages.headers, each, 0));
    now = performance.now();
  }
  return { datagrams, seconds: (now - start) / 1000 };
}

/** Counts from the end of the warm-up, which begins with the first datagram. */
function receive() {
  setOption(SO_RCVBUF, int32(RECEIVE_BUFFER_BYTES));
  setOption(SO_RCVBUFFORCE, int32(RECEIVE_BUFFER_BYTES));
  must(bind(fd, socketAddress(), 16), "bind");
  setReceiveTimeout(FIRST_DATAGRAM_SECONDS);
  console.log("ready");
  let datagrams = 0;
  if (receiveSome() === 0) return { datagrams, seconds: Number(seconds) };
  // One that stalls is measured too.
  setReceiveTimeout(0.05);
  const warm = performance.now() + WARM_UP_MS;
  while (performance.now() < warm) receiveSome();
  const start = performance.now();
  const end = start + Number(seconds) * 1000;
  let now = start;
  while (now < end) {
    datagrams += receiveSome();
    now = performance.now();
  }
  return { datagrams, seconds: (now - start) / 1000 };
}

function receiveSome() {
  return Math.max(0, recvmmsg(fd, messages.headers, BATCH, MSG_WAITFORONE, null));
}

/**
 * An array of `struct mmsghdr`, each with a place of its own for its bytes.
 * @param {number} size of a datagram
 */
function makeMessages(size) {
  const payload = Buffer.alloc(BATCH * size);
  const vectors = Buffer.alloc(BATCH * IOVEC_BYTES);
  const headers = Buffer.alloc(BATCH * MMSGHDR_BYTES);
  for (let i = 0; i < BATCH; i++) {
    const vector = i * IOVEC_BYTES;
    vectors.writeBigUInt64LE(koffi.address(payload) + BigInt(i * size), vector);
    vectors.writeBigUInt64LE(BigInt(size), vector + 8);
    const header = i * MMSGHDR_BYTES;
    headers.writeBigUInt64LE(koffi.address(vectors) + BigInt(vector), header + MMSGHDR_IOV);
    headers.writeBigUInt64LE(1n, header + MMSGHDR_IOVLEN);
  }
  // All three: they hold each other's addresses, which keeps nothing alive.
  return { headers, vectors, payload };
}

/** `struct sockaddr_in` (ip(7)). */
function socketAddress() {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(Number(port), 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/** @param {number} wait seconds */
function setReceiveTimeout(wait) {
  const timeval = Buffer.alloc(16);
  timeval.writeBigInt64LE(BigInt(Math.floor(wait)), 0);
  timeval.writeBigInt64LE(BigInt(Math.round((wait % 1) * 1e6)), 8);
  setOption(SO_RCVTIMEO, timeval);
}

/** @param {number} number */
function int32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(number);
  return bytes;
}

/**
 * Failing is no matter: the buffer is as large as the machine allows.
 * @param {number} name
 * @param {Buffer} value
 */
function setOption(name, value) {
  setsockopt(fd, SOL_SOCKET, name, value, value.length);
}

/**
 * @param {number} result
 * @param {string} call
 */
function must(result, call) {
  if (result < 0) throw new Error(`${call} failed: errno ${koffi.errno()}`);
}
