// The clock of captures.

/** The time of day in milliseconds, with decimals. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
