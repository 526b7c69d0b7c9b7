// A UDP port that is taken: by whom, if it is the kernel itself.

import { endpointText } from "../carrier/carrier.js";
import { PortTaken } from "../carrier/listen.js";
import { findKernelTunnel } from "../device/link.js";
import { Failure } from "../failure.js";

/** Waits for something that listens; if a tunnel of the kernel does there already, says so. */
export async function tellTaker<T>(listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (error) {
    if (!(error instanceof PortTaken) || error.transport !== "UDP") throw error;
    const tunnel = await findKernelTunnel(error.local.port);
    if (tunnel === undefined) throw error;
    const { name, kind } = tunnel;
    throw new Failure(
      "system",
      `UDP ${endpointText(error.local)} belongs to ${name}, a ${kind} device of the kernel: delete that, or choose another port with --listen PORT`,
      [`sudo ip link del dev ${name}`],
    );
  }
}
