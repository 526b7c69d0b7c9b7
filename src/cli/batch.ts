// How the batch engine's tunnel is made.

import { BatchEngine, BatchTun } from "../batch/engine.js";
import { RingReader } from "../batch/ring-reader.js";
import { openSocket } from "../batch/socket.js";
import type { UdpOptions } from "../carrier/udp.js";
import type { TunnelMaker } from "./tunnel.js";

export function batchTunnel(udp: UdpOptions): TunnelMaker<BatchTun> {
  return {
    openDevice: async (name, layer) => BatchTun.open(name, layer),
    async start({ tunnel, device, options, recorder, notify }) {
      const taps = recorder && new RingReader(recorder);
      const socket = openSocket(udp);
      const engine = new BatchEngine({
        ...{ tunnel, device, socket, notify },
        switches: options.engine,
        onlyPeer: options.onlyPeer,
        everyDrop: options.verbosity >= 2,
        ring: taps?.ring.buffer,
      });
      try {
        const offloads = await engine.start();
        return {
          ...{ local: socket.local, offloads },
          run: () => engine.run(),
          counters: () => engine.counters(),
          stop: async () => {
            await engine.stop();
            taps?.stop();
          },
        };
      } catch (error) {
        await engine.stop();
        taps?.stop();
        throw error;
      }
    },
  };
}
