// Datagrams that the core makes, as a tunnel at its start would.

import type { PacketName } from "../../src/core/core.js";
import { loadCore } from "../../src/core/wasm.js";

const core = await loadCore();

/** Encapsulates packets one after the other, with values given as `--set` takes them. */
export function encode(
  format: string,
  set: readonly string[],
  kind: PacketName,
  packets: readonly Uint8Array[],
): Uint8Array[] {
  const tunnel = core.openTunnel({
    format: core.format(format).with(set),
    packet: kind,
    key: new Uint8Array(),
    seed: new Uint8Array(32),
    slots: 1,
  });
  try {
    return packets.map((packet) => {
      tunnel.packetRoom(0).set(packet);
      const result = tunnel.encapsulate(0, packet.length);
      if (result < 0) throw new Error(`${format}: dropped as ${tunnel.reasonOf(result)}`);
      return tunnel.placed(0, result).slice();
    });
  } finally {
    tunnel.free();
  }
}
