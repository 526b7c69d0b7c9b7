// The batch kernels as they are in wasm, whose vectors no Rust test sees, against a definition of their own.
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import wasmReady, { BatchTunnel, Format, Secrets } from "../../wasm/crapvpn.js";

const WASM = new URL("../../wasm/crapvpn_bg.wasm", import.meta.url);
const VIRTIO_BYTES = 10;
const [IP_BYTES, UDP_BYTES, HEADER_BYTES] = [20, 8, 8];
const [NEEDS_CSUM, GSO_NONE, GSO_UDP_L4] = [1, 0, 5];
const UDP = 17;
const MOST_BYTES = 65_507;

let memory: WebAssembly.Memory;
beforeAll(async () => {
  ({ memory } = await wasmReady({ module_or_path: readFileSync(WASM) }));
});

/** RFC 1071 by definition. */
function sum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 ? (bytes[i] ?? 0) : (bytes[i] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** A packet of UDP; `asDevice`: its checksum unfinished, as a device gives it. */
function packet(id: number, payload: Uint8Array, asDevice = false): Uint8Array {
  const bytes = new Uint8Array(IP_BYTES + UDP_BYTES + payload.length);
  const fields = new DataView(bytes.buffer);
  bytes.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
  fields.setUint16(2, bytes.length);
  fields.setUint16(4, id);
  fields.setUint16(10, ~sum(bytes.subarray(0, IP_BYTES)));
  const length = UDP_BYTES + payload.length;
  [4000, 53, length].forEach((number, i) => {
    fields.setUint16(IP_BYTES + 2 * i, number);
  });
  bytes.set(payload, IP_BYTES + UDP_BYTES);
  const pseudo = new Uint8Array([...bytes.subarray(12, 20), 0, UDP, length >> 8, length]);
  const whole = new Uint8Array([...pseudo, ...bytes.subarray(IP_BYTES)]);
  fields.setUint16(IP_BYTES + 6, asDevice ? sum(pseudo) : ~sum(whole) & 0xffff || 0xffff);
  return bytes;
}

function datagram(packet: Uint8Array, key: Uint8Array): Uint8Array {
  const text = packet.map((byte, i) => byte ^ (key[i % key.length] ?? 0));
  const length = [packet.length >> 8, packet.length & 0xff];
  return new Uint8Array([...Buffer.from("crap"), ...length, 0, 0, ...text]);
}

function open(key: Uint8Array): BatchTunnel {
  const secrets = new Secrets(key, undefined, undefined, 0, new Uint8Array(32));
  return new BatchTunnel(Format.built_in("crapvpn"), "ip", secrets, undefined, 0, true, 1);
}

function split(tunnel: BatchTunnel, read: Uint8Array): Uint8Array[] {
  new Uint8Array(memory.buffer).set(read, tunnel.read_address());
  const sends = tunnel.split(read.length);
  const table = new Uint32Array(memory.buffer, tunnel.sends_address(), 5 * sends);
  const datagrams = Array.from({ length: sends }, (_, send) => {
    const [offset = 0, bytes = 0, size = 0, count = 0] = table.subarray(5 * send);
    return Array.from({ length: count }, (_, i) => {
      const start = tunnel.datagrams_address() + offset + i * size;
      return new Uint8Array(memory.buffer, start, Math.min(size, bytes - i * size)).slice();
    });
  }).flat();
  tunnel.sent();
  return datagrams;
}

/** What one message becomes: bytes for the device, and how many packets are in them. */
function merge(tunnel: BatchTunnel, datagrams: Uint8Array[]) {
  const message = Buffer.concat(datagrams);
  new Uint8Array(memory.buffer).set(message, tunnel.message_address(0));
  const entry = [0, message.length, datagrams[0]?.length ?? 0];
  new Uint32Array(memory.buffer, tunnel.received_address(), 3).set(entry);
  tunnel.receive(1);
  const writes = tunnel.merge();
  const table = new Uint32Array(memory.buffer, tunnel.writes_address(), 4 * writes);
  return Array.from({ length: writes }, (_, write) => {
    const [offset = 0, bytes = 0, packets = 0] = table.subarray(4 * write);
    const start = tunnel.packets_address() + offset;
    return { packets, bytes: new Uint8Array(memory.buffer, start, bytes).slice() };
  });
}

const LENGTHS = [
  ...Array.from({ length: 70 }, (_, i) => i),
  ...[127, 128, 129, 536, 1399, 1400, 1448, 1449, 8960, 8961, 21_000, 32_767, 65_470, 65_471],
];

test.each([1, 3, 4, 16, 24, 1000])("a key of %i bytes, payloads of all lengths", (keyBytes) => {
  const key = Uint8Array.from({ length: keyBytes }, (_, i) => i * 37 + 11);
  const [here, there] = [open(key), open(key)];
  for (const length of LENGTHS) {
    const each = HEADER_BYTES + IP_BYTES + UDP_BYTES + length;
    const count = length > 0 && 3 * each <= MOST_BYTES ? 3 : 1;
    const payload = Uint8Array.from({ length: length * count }, (_, i) => i * 7 + (i >> 8));
    const isSuper = count > 1;
    const header = new Uint8Array(VIRTIO_BYTES);
    header.set([NEEDS_CSUM, isSuper ? GSO_UDP_L4 : GSO_NONE]);
    new Uint16Array(header.buffer).set([28, isSuper ? length : 0, 20, 6], 1);

    const packets = Array.from({ length: count }, (_, i) =>
      packet(i, payload.subarray(i * length, (i + 1) * length)),
    );
    const sent = split(here, Buffer.concat([header, packet(0, payload, true)]));
    const expected = packets.map((packet) => datagram(packet, key));
    expect(sent.map((bytes) => Buffer.compare(bytes, expected.shift() ?? bytes))).toEqual(
      packets.map(() => 0),
    );

    const [write, ...others] = merge(there, sent);
    expect([write?.packets, others]).toEqual([count, []]);
    const whole = isSuper ? packet(0, payload, true) : packets[0];
    const headerBack = isSuper ? header : new Uint8Array(VIRTIO_BYTES);
    const expectedWrite = Buffer.concat([headerBack, whole ?? header]);
    expect(Buffer.compare(write?.bytes ?? header, expectedWrite), `${length} bytes`).toBe(0);
  }
  here.free();
  there.free();
});

test("a super-packet with one wrong bit is not merged there", () => {
  const key = Uint8Array.of(1, 2, 3);
  const tunnel = open(key);
  for (let place = 0; place < 1400; place += 97) {
    const packets = Array.from({ length: 4 }, (_, i) => packet(i, new Uint8Array(1400).fill(i)));
    const wrong = packets[2] ?? new Uint8Array();
    wrong[IP_BYTES + UDP_BYTES + place] = 0xff;
    const writes = merge(
      tunnel,
      packets.map((packet) => datagram(packet, key)),
    );
    expect(writes.map(({ packets }) => packets)).toEqual([2, 1, 1]);
    expect(writes[1]?.bytes.slice(VIRTIO_BYTES)).toEqual(wrong);
  }
  tunnel.free();
});
