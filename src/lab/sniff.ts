// Runs on a host of the lab: prints what passes a device, each packet as a line of hex, from its IP
// header on, or with "frames" whole Ethernet frames.
//
//     node sniff.js IFINDEX [frames]

import { closeSync } from "node:fs";
import koffi from "koffi";
import { pollReadable, read } from "../device/libc.js";

/** bits/socket.h, linux/if_packet.h, linux/if_ether.h */
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
/** linux/if_packet.h: `struct sockaddr_ll`. */
const SOCKADDR_LL_BYTES = 20;
/** Network byte order, whatever the machine's. */
const htons = (number: number) =>
  new Uint16Array(Uint8Array.of(number >> 8, number & 0xff).buffer)[0] as number;

const libc = koffi.load(null);
const socket = libc.func("int socket(int domain, int type, int protocol)");
const bind = libc.func("int bind(int fd, const void *address, unsigned int length)");

const [ifindex, what] = process.argv.slice(2);
const fd = socket(AF_PACKET, what === "frames" ? SOCK_RAW : SOCK_DGRAM, htons(ETH_P_ALL));
const address = new Uint8Array(SOCKADDR_LL_BYTES);
new Uint16Array(address.buffer, 0, 2).set([AF_PACKET, htons(ETH_P_ALL)]);
new Int32Array(address.buffer, 4, 1)[0] = Number(ifindex);
if (fd < 0 || bind(fd, address, address.length) !== 0) {
  process.stderr.write(`cannot listen to device ${ifindex}: errno ${koffi.errno()}\n`);
  process.exit(5);
}
process.once("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
const packet = new Uint8Array(65_536);
for (;;) {
  await pollReadable([fd]);
  const length = read(fd, packet, packet.length);
  if (length < 0) break;
  process.stdout.write(`${Buffer.from(packet.buffer, 0, length).toString("hex")}\n`);
}
closeSync(fd);
