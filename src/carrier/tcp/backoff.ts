// How long to wait before trying again: ever longer, and never as long as others do.

const FIRST_MS = 200;
const MOST_MS = 10_000;

export class Backoff {
  readonly #random: () => number;
  #nextMs = FIRST_MS;

  /** @param random gives numbers from 0 to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next time to wait, in milliseconds: from half of what doubles each time to all of it. */
  next(): number {
    const ms = this.#nextMs * (0.5 + this.#random() / 2);
    this.#nextMs = Math.min(MOST_MS, this.#nextMs * 2);
    return ms;
  }

  /** It has worked: begins anew. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
