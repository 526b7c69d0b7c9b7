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
/** Until a rate is known. */
const FIRST_BYTES = 256 * 1024;
/** So that memory is bounded on the fastest way. */
const MOST_BYTES = 4 * 1024 * 1024;

export class Backlog {
  /** In bytes a millisecond; unknown until more waited for a while than could be sent at once. */
  #rate: number | undefined;
  /** Since when something has been waiting all the time, and what had left until then. */
  #since: { readonly ms: number; readonly left: number } | undefined;
  #lookedMs = 0;

  /** The most bytes that may wait now. */
  get limit(): number {
    if (this.#rate === undefined) return FIRST_BYTES;
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
    const blindMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (waiting === 0) {
      // The way could have taken more: this time tells nothing of its rate.
      this.#since = undefined;
      return;
    }
    if (this.#since === undefined || blindMs > BLIND_MS) {
      this.#since = { ms: nowMs, left };
      return;
    }
    const elapsed = nowMs - this.#since.ms;
    if (elapsed < WINDOW_MS) return;
    const rate = (left - this.#since.left) / elapsed;
    // Up at once, down by halves: a loss that is mended after a moment is no slower way.
    this.#rate = this.#rate === undefined || rate > this.#rate ? rate : (this.#rate + rate) / 2;
    this.#since = { ms: nowMs, left };
  }
}
