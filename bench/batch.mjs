// Super-packets through the core's batch kernels: split out of a device's read, merged from a carrier's messages.
import * as wasm from "../wasm/crapvpn.js";

/**
 * @import { Kernel } from "./core.mjs"
 */

/** Bytes of the payloads: one TCP super-packet of full segments, as a bulk transfer makes them. */
const SEGMENT_BYTES = 1400;
const SEGMENTS = 46;
export const SUPER_PACKET_BYTES = SEGMENT_BYTES * SEGMENTS;

/** Rooms for messages: the super-packet becomes two sends. */
const MESSAGES = 4;
const VIRTIO_BYTES = 10;
const IP_BYTES = 20;
const TCP_BYTES = 32;
const HEAD_BYTES = VIRTIO_BYTES + IP_BYTES + TCP_BYTES;
const [NEEDS_CSUM, GSO_TCPV4] = [1, 1];
const TCP = 6;
const CHECKSUM_OFFSET = 16;

/**
 * Both directions of a tunnel in batches, for each length of key.
 * @param {readonly number[]} keyBytes
 * @returns {Promise<Kernel[]>}
 */
export async function batchKernels(keyBytes) {
  const { memory } = await wasm.default();
  // All of them first: memory that grows takes the bytes from every view.
  const tunnels = keyBytes.map((bytes) => {
    const key = Uint8Array.from({ length: bytes }, (_, i) => i * 37 + 11);
    const [format, seed] = [wasm.Format.built_in("crapvpn"), new Uint8Array(32)];
    const open = () => new wasm.BatchTunnel(format, "ip", key, seed, undefined, 0, true, MESSAGES);
    return { keyBytes: bytes, out: open(), back: open() };
  });
  return tunnels.flatMap((tunnel) => kernelsOf(memory, tunnel));
}

/**
 * Deciphering works in the messages' rooms, so `merge` fills them anew each time, as the kernel does: its time holds
 * one copy of all bytes more.
 * @param {WebAssembly.Memory} memory
 * @param {{ keyBytes: number, out: wasm.BatchTunnel, back: wasm.BatchTunnel }} tunnel
 * @returns {Kernel[]}
 */
function kernelsOf(memory, { keyBytes, out, back }) {
  /**
   * @param {number} address
   * @param {number} bytes
   */
  const view = (address, bytes) => new Uint8Array(memory.buffer, address, bytes);
  /**
   * @param {number} address
   * @param {number} count
   */
  const table = (address, count) => new Uint32Array(memory.buffer, address, count);

  const read = superPacket();
  view(out.read_address(), read.length).set(read);
  const sends = expectSome(out.split(read.length));
  const send = out.send_words();
  const messages = Array.from({ length: sends }, (_, i) => {
    const [offset = 0, bytes = 0, datagramBytes = 0] = table(
      out.sends_address() + 4 * i * send,
      send,
    );
    const room = view(back.message_address(i), bytes);
    table(back.received_address() + 4 * i * back.received_words(), 3).set([
      i,
      bytes,
      datagramBytes,
    ]);
    return { room, message: view(out.datagrams_address() + offset, bytes).slice() };
  });
  return [
    {
      ...{ name: "split", packetBytes: SUPER_PACKET_BYTES, keyBytes },
      run: (times) => {
        for (let i = 0; i < times; i++) {
          out.sent();
          expectSome(out.split(read.length));
        }
      },
    },
    {
      ...{ name: "merge", packetBytes: SUPER_PACKET_BYTES, keyBytes },
      run: (times) => {
        for (let i = 0; i < times; i++) {
          for (const { room, message } of messages) room.set(message);
          back.receive(sends);
          if (back.merge() !== 1) throw new Error("merge made more than one write of one flow");
          back.merge();
        }
      },
    },
  ];
}

/** @param {number} sends */
function expectSome(sends) {
  if (sends < 1) throw new Error("split made no sends of a super-packet");
  return sends;
}

/** One super-packet of TCP over IPv4 as a device gives it, with timestamps. */
export function superPacket() {
  const bytes = new Uint8Array(HEAD_BYTES + SUPER_PACKET_BYTES).map((_, i) => i * 7);
  const fields = new DataView(bytes.buffer);
  bytes.set([NEEDS_CSUM, GSO_TCPV4]);
  [IP_BYTES + TCP_BYTES, SEGMENT_BYTES, IP_BYTES, CHECKSUM_OFFSET].forEach((number, i) => {
    fields.setUint16(2 + 2 * i, number, true);
  });
  const ip = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
  bytes.set(ip, VIRTIO_BYTES);
  fields.setUint16(VIRTIO_BYTES + 2, IP_BYTES + TCP_BYTES + SUPER_PACKET_BYTES);
  const transport = VIRTIO_BYTES + IP_BYTES;
  const tcp = [
    0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x10, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10,
  ];
  bytes.set(tcp, transport);
  // The addresses, the protocol and the length: what the kernel leaves where the checksum goes.
  const sum = 0x0a00 + 1 + 0x0a00 + 2 + TCP + TCP_BYTES + SUPER_PACKET_BYTES;
  fields.setUint16(transport + CHECKSUM_OFFSET, (sum & 0xffff) + (sum >> 16));
  return bytes;
}
