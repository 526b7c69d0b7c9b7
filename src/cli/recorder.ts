// `run --capture`: what a tunnel's recorder is made from.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { openOutput } from "../capture/output.js";
import { Recorder } from "../capture/recorder.js";
import { type Endpoint, endpointText } from "../carrier/carrier.js";
import type { Core, RecordingOptions } from "../core/core.js";
import type { Ends } from "./carrier.js";
import type { RunOptions } from "./options.js";
import type { Report } from "./report.js";

/** Opens a recorder, if one is asked for. */
export async function openRecorder(
  core: Core,
  tunnel: Omit<RecordingOptions, "ours" | "peer">,
  ends: Ends,
  { capture, listen, onlyPeer }: RunOptions,
  report: Report,
): Promise<Recorder | undefined> {
  if (capture === undefined || ends.carrier !== "udp") return undefined;
  const { local, peer } = ends;
  const address = listen?.address ?? (await ownAddress(peer));
  const text = (endpoint: Endpoint) => endpointText(endpoint).replace(/%[^\]]*/, "");
  const recording = core.openRecording({
    ...tunnel,
    ours: text({ address, port: local.port }),
    peer: text(peer),
  });
  const onLost = (why: string) =>
    report.warn("capture_ended", `the capture ends here, and the tunnel goes on: ${why}`);
  return new Recorder({ recording, output: openOutput(capture), peer, onlyPeer, onLost });
}

/** Ends a recorder, and tells what became of the capture. */
export async function closeRecorder(
  recorder: Recorder | undefined,
  { capture }: RunOptions,
  report: Report,
): Promise<void> {
  if (recorder === undefined) return;
  const { recorded, lost } = await recorder.close();
  const where = capture === "-" ? "standard output" : capture;
  const line = `captured ${recorded} datagrams to ${where}; ${lost} lost, since the reader was too slow`;
  report.tell("capture", { recorded, lost }, lost > 0 ? line : (line.split(";")[0] ?? line));
}

/** The address that datagrams to a peer have as their source: connecting sends nothing. */
async function ownAddress({ address, port }: Endpoint): Promise<string> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    socket.connect(port, address);
    await once(socket, "connect");
    return socket.address().address;
  } catch {
    // There is no way to it now, and may be one later.
    return address.includes(":") ? "::" : "0.0.0.0";
  } finally {
    socket.close();
  }
}
