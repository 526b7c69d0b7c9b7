// How much may wait in a connection: as many bytes as leave it within a tenth of a second.
//
// A tunnel over TCP carries TCP, and both send again what is lost. If whatever comes were kept until
// there is room, the inner connections would see no loss, but seconds of delay: they send ever more
// of the same, and a ping in between waits behind it all. So what does not leave soon is dropped at
// once, as a link with a short queue does.
//
// Counted is what was not sent yet. What is on its way and not acknowledged is not: there is as much
// of it as the way is long, and a bound would throttle every way that takes longer than the bound.

/** The time that what waits may take to leave. */
const PATIENCE_MS = 100;
/** The time over which the rate is measured. */
const WINDOW_MS = 100;
/** If nobody looked for so long, nobody knows whether something waited all the time. */
const BLIND_MS = 3 * WINDOW_MS;
/** Ten full packets: fewer cannot be told from one burst. */
const LEAST_BYTES = 16 * 1024;
/** At the beginning, when nothing is known. */
const FIRST_BYTES = 256 * 1024;
/** So that memory is bounded on the fastest way. */
const MOST_BYTES = 4 * 1024 * 1024;

export class Backlog {
  /** What the way takes, as far as is known, in bytes a millisecond. */
  #rate = FIRST_BYTES / PATIENCE_MS;
  /** Since when the rate is measured, what had left until then, and whether something always waited. */
  #window = { beginMs: 0, left: 0, full: false };
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** The most bytes that may wait now. */
  get limit(): number {
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, this.#rate * PATIENCE_MS));
  }

  /**
   * Takes down how things stand.
   *
   * @param nowMs the time
   * @param waiting bytes that were not sent yet
   * @param left bytes that were, since the beginning
   */
  note(nowMs: number, waiting: number, left: number): void {
    const isBlind = nowMs - this.#lookedMs > BLIND_MS;
    this.#lookedMs = nowMs;
    const { beginMs, left: before, full } = this.#window;
    const elapsedMs = nowMs - beginMs;
    if (!isBlind && elapsedMs < WINDOW_MS) {
      this.#window.full &&= waiting > 0;
      return;
    }
    this.#window = { beginMs: nowMs, left, full: waiting > 0 };
    if (isBlind) return;
    const rate = (left - before) / elapsedMs;
    // What was not full could have been more. Down by halves: a loss that is mended after a moment
    // is no slower way.
    if (rate > this.#rate) this.#rate = rate;
    else if (full && waiting > 0) this.#rate = (this.#rate + rate) / 2;
  }
}
