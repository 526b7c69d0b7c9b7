// The signals that ask to stop.

import { constants } from "node:os";
import { Failure } from "../failure.js";
import { exitCodes } from "./exit.js";

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** SIGPIPE stands for a reader of our output that has enough, such as `head`. */
export type StopSignal = (typeof stopSignals)[number] | "SIGPIPE";

export interface Signals {
  /** The first signal that asks to stop. */
  readonly first: Promise<StopSignal>;
  /** While nothing is set up that must be taken down: a signal ends the program there and then. */
  atOnce: boolean;
  /** Leave SIGINT to the command in the foreground, which gets it from the terminal as we do. */
  leaveInterrupt: boolean;
  /** What SIGUSR2 asks for. */
  onStats: () => void;
}

/** From now on, signals are ours to handle. */
export function catchSignals(): Signals {
  let resolve: (signal: StopSignal) => void = () => {};
  const first = new Promise<StopSignal>((resolveFirst) => {
    resolve = resolveFirst;
  });
  const signals: Signals = { first, atOnce: true, leaveInterrupt: false, onStats: () => {} };
  const stop = (signal: StopSignal) => {
    if (signal === "SIGINT" && signals.leaveInterrupt) return;
    if (signals.atOnce) process.exit(exitCodeOf(signal));
    resolve(signal);
  };
  for (const signal of stopSignals) process.on(signal, stop);
  process.on("SIGUSR2", () => signals.onStats());
  process.stdout.removeAllListeners("error").on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE")
      throw new Failure("system", `cannot write the output: ${error.code}`);
    stop("SIGPIPE");
  });
  return signals;
}

/** 128 + the signal's number, as shells have it; 0 if only our reader had enough. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return signal === "SIGPIPE" ? exitCodes.ok : 128 + constants.signals[signal];
}
