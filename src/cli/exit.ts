// Exit codes: one for each kind of end.

/** Stable. Ends by a signal are 128 + its number: 129 SIGHUP, 130 SIGINT, 143 SIGTERM. */
export const exitCodes = {
  ok: 0,
  /** Our own fault. */
  fault: 1,
  /** A wrong word or value on the command line. */
  usage: 2,
  /** Input refused: a file, a capture, a description. */
  input: 3,
  /** Does not match what was asked for. */
  mismatch: 4,
  /** The system refuses or lacks something. */
  system: 5,
} as const;
