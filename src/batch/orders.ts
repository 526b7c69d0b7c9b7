// What the two threads of the batch engine share: orders to the one that moves packets, seen while
// it is busy and waking it when it sleeps; and how much the other has still to hear.

import * as libc from "../device/libc.js";
import { Failure } from "../failure.js";

/** Bits of a word. */
export const ORDER = { stop: 1, counters: 2 } as const;

/** Events told and not yet heard, above which drops are counted only. */
const MOST_UNHEARD = 1000;

const ORDERS = 0;
const UNHEARD = 1;

/** What both threads are given. */
export interface OrdersPlace {
  readonly words: SharedArrayBuffer;
  /** An eventfd(2). */
  readonly wakeFd: number;
}

export class Orders {
  readonly wakeFd: number;
  readonly place: OrdersPlace;
  readonly #words: Int32Array;

  constructor(place: OrdersPlace) {
    this.place = place;
    this.wakeFd = place.wakeFd;
    this.#words = new Int32Array(place.words);
  }

  /** @throws Failure `system` if no eventfd can be had */
  static create(): Orders {
    const wakeFd = libc.eventfd(0, libc.EFD_CLOEXEC | libc.EFD_NONBLOCK);
    if (wakeFd < 0) throw new Failure("system", `cannot make an eventfd: ${libc.errno()}`);
    return new Orders({ words: new SharedArrayBuffer(8), wakeFd });
  }

  give(order: number): void {
    Atomics.or(this.#words, ORDERS, order);
    // An eventfd is woken by adding a number to it: any 8 bytes but zeros.
    libc.write(this.wakeFd, new Uint8Array(8).fill(1), 8);
  }

  areThere(): boolean {
    return Atomics.load(this.#words, ORDERS) !== 0;
  }

  /** All orders since the last call. */
  take(): number {
    libc.read(this.wakeFd, new Uint8Array(8), 8);
    return Atomics.exchange(this.#words, ORDERS, 0);
  }

  /** Before an event is told. */
  tells(): void {
    Atomics.add(this.#words, UNHEARD, 1);
  }

  /** After it was heard. */
  heard(): void {
    Atomics.sub(this.#words, UNHEARD, 1);
  }

  /** Whether the other thread is too slow to hear of every drop. */
  areManyUnheard(): boolean {
    return Atomics.load(this.#words, UNHEARD) >= MOST_UNHEARD;
  }
}
