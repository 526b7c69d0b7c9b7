// What an AEAD costs a packet: sealed by one end and opened by the other, through wasm and by node:crypto.
import { createCipheriv, createDecipheriv } from "node:crypto";

/**
 * @import { Core } from "../src/core/core.js"
 * @import { Kernel } from "./core.mjs"
 */

const KEY = new Uint8Array(32).fill(7);
const HEADER_BYTES = 18;
const TAG_BYTES = 16;
const SLOT = 0;

/**
 * A packet there and back, and the same work by Node's OpenSSL. A counter is opened once, so neither can be timed
 * alone.
 * @param {Core} core
 * @param {number} packetBytes
 * @returns {Kernel[]}
 */
export function aeadKernels(core, packetBytes) {
  const packet = new Uint8Array(packetBytes);
  new DataView(packet.buffer).setUint32(0, (0x4500 << 16) | packetBytes);
  const format = core.format("crapvpn-aead");
  const shared = { format, key: KEY, nowUs: Date.now() * 1000, seed: KEY, slots: 1 };
  const a = core.openTunnel({ ...shared, end: "a" });
  const b = core.openTunnel({ ...shared, end: "b" });
  const name = "aead, there and back";
  return [
    {
      ...{ name, packetBytes },
      run: (times) => {
        for (let i = 0; i < times; i++) {
          a.packetRoom(SLOT).set(packet);
          const sealed = a.encapsulate(SLOT, packetBytes);
          const datagram = a.placed(SLOT, sealed);
          b.datagramRoom(SLOT).set(datagram);
          if (b.decapsulate(SLOT, datagram.length) < 0) throw new Error("a datagram was dropped");
        }
      },
    },
    { name: "the same by node:crypto", packetBytes, run: byNode(packet) },
  ];
}

/**
 * @param {Uint8Array} packet
 * @returns {(times: number) => void}
 */
function byNode(packet) {
  const header = Buffer.alloc(HEADER_BYTES);
  const options = { authTagLength: TAG_BYTES };
  let counter = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      header.writeUIntBE(counter++, 12, 6);
      const nonce = header.subarray(6);
      const cipher = createCipheriv("chacha20-poly1305", KEY, nonce, options);
      cipher.setAAD(header, { plaintextLength: packet.length });
      const sealed = cipher.update(packet);
      cipher.final();
      const decipher = createDecipheriv("chacha20-poly1305", KEY, nonce, options);
      decipher.setAAD(header, { plaintextLength: packet.length });
      decipher.setAuthTag(cipher.getAuthTag());
      decipher.update(sealed);
      decipher.final();
    }
  };
}
