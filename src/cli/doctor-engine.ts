// What `crapvpn doctor` finds about the engines: which one runs here, and what each offload does.

import { loadCore } from "../core/wasm.js";
import type { Finding } from "./doctor.js";
import { chooseEngine } from "./engine.js";

/** What each offload is good for. */
const uses = {
  tun_tcp: "super-packets of TCP from and to the device",
  tun_udp: "the same of UDP",
  udp_segment: "many datagrams sent as one message",
  udp_gro: "many datagrams received as one message",
} as const;

/** The engine that `--engine auto` takes, and what its offloads answer. */
export async function engineFindings(): Promise<Finding[]> {
  const { name: engine, why } = await chooseEngine("auto");
  if (engine === "event") {
    const text = `the event engine, packet by packet: ${why}`;
    return [{ name: "engine", grade: "lacking", text, data: { engine, why } }];
  }
  const text = "the batch engine, many packets at a time";
  const found: Finding = { name: "engine", grade: "ok", text, data: { engine, why } };
  const states = await offloadStates();
  const offloads = states === undefined ? [] : Object.entries(states);
  return [
    found,
    ...offloads.map(([name, state]): Finding => {
      const use = uses[name as keyof typeof uses];
      if (state === "on") return { name, grade: "ok", text: use };
      return { name, grade: "lacking", text: `${use}: ${state}; it goes slower without` };
    }),
  ];
}

/** Tries a device and a socket; nothing where no device can be had. */
async function offloadStates(): Promise<Readonly<Record<string, string>> | undefined> {
  const { BatchTun } = await import("../batch/engine.js");
  const { openSocket } = await import("../batch/socket.js");
  const { MESSAGES } = await import("../batch/messages.js");
  const { Offloads } = await import("../batch/offloads.js");
  let device: InstanceType<typeof BatchTun>;
  try {
    device = BatchTun.open("crapdoctor%d", 3);
  } catch {
    // What is wrong with the device has been found already.
    return undefined;
  }
  const nobody = { address: "127.0.0.1", port: 0 };
  const socket = openSocket({ local: nobody, peer: nobody });
  try {
    const core = await loadCore();
    const format = core.format("crapvpn");
    const tunnel = core.openBatchTunnel({
      ...{ format, key: Uint8Array.of(0), seed: new Uint8Array(32), messages: MESSAGES },
    });
    const switches = { noTunOffload: false, noUdpSegment: false, noUdpGro: false };
    const places = { device: device.fd, socket: socket.fd };
    return new Offloads({ tunnel, ...places, switches, notify: () => {} }).states;
  } finally {
    await Promise.all([device.close(), socket.close()]);
  }
}
