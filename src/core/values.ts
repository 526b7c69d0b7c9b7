// Plain values out of the objects of the wasm core: counters and errors.

import * as wasm from "../../wasm/crapvpn.js";
import { CoreError, type Counters, type Flow, type Reason, type Secrets } from "./core.js";

/** What has counters: a tunnel of either kind. */
interface Counting {
  flow(outgoing: boolean): wasm.Flow;
  next_differs(): number;
}

/** @param reasons the names of all, by number less one */
export function countersOf(tunnel: Counting, reasons: readonly Reason[]): Counters {
  const flow = (outgoing: boolean): Flow => {
    const { packets, bytes, drops: counts } = tunnel.flow(outgoing);
    const drops: Partial<Record<Reason, number>> = {};
    reasons.forEach((reason, place) => {
      const count = counts[place] ?? 0;
      if (count > 0) drops[reason] = count;
    });
    return { packets, bytes, drops };
  };
  return { out: flow(true), in: flow(false), nextDiffers: tunnel.next_differs() };
}

/** Copies keys into the core, which wipes them once the tunnel that takes them is freed. */
export function secretsOf({ key, receiveKey, end, nowUs = 0, seed }: Secrets): wasm.Secrets {
  return new wasm.Secrets(key, receiveKey, end, nowUs, seed);
}

/** Runs something that throws the core's own error, and throws ours instead. */
export function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof wasm.CoreError)) throw error;
    const { code, message } = error;
    error.free();
    throw new CoreError(code, message);
  }
}
