// How much may wait in a TCP connection: the law alone, over ways that are computed and not waited for.

import { describe, expect, test } from "vitest";
import { Backlog } from "../../src/carrier/tcp/backlog.js";
import { Backoff } from "../../src/carrier/tcp/backoff.js";

const STEP_MS = 5;

/** A way that takes so many bytes a millisecond, and a sender that always has more. */
class Way {
  readonly backlog = new Backlog();
  ms = 0;
  waiting = 0;
  left = 0;

  /** Runs for a while. Returns the longest time that what waited took to leave. */
  run(ms: number, bytesPerMs: number, offeredPerMs: number): number {
    let longestMs = 0;
    for (const end = this.ms + ms; this.ms < end; this.ms += STEP_MS) {
      const room = Math.max(0, this.backlog.limit - this.waiting);
      this.waiting += Math.min(room, offeredPerMs * STEP_MS);
      longestMs = Math.max(longestMs, this.waiting / bytesPerMs);
      const leaving = Math.min(this.waiting, bytesPerMs * STEP_MS);
      this.waiting -= leaving;
      this.left += leaving;
      this.backlog.note(this.ms, this.waiting, this.left);
    }
    return longestMs;
  }
}

describe("what waits leaves within a tenth of a second", () => {
  test.each([
    ["1 Mbit/s", 125],
    ["10 Mbit/s", 1250],
    ["100 Mbit/s", 12_500],
    ["1 Gbit/s", 125_000],
  ])("over %s, and the way stays full", (_, bytesPerMs) => {
    const way = new Way();
    way.run(3000, bytesPerMs, 1_000_000);
    const before = way.left;
    const longestMs = way.run(2000, bytesPerMs, 1_000_000);
    // At 1 Mbit/s ten packets take longer, and fewer are no queue.
    expect(longestMs).toBeLessThanOrEqual(Math.max(105, (16 * 1024) / bytesPerMs));
    expect(way.left - before).toBeCloseTo(2000 * bytesPerMs, -4);
  });

  test("also when the way becomes slower, after a moment", () => {
    const way = new Way();
    way.run(2000, 12_500, 1_000_000);
    way.run(3000, 1250, 1_000_000);
    expect(way.run(2000, 1250, 1_000_000)).toBeLessThanOrEqual(115);
  });

  test("and when it becomes faster, it is used", () => {
    const way = new Way();
    way.run(2000, 1250, 1_000_000);
    way.run(2000, 125_000, 1_000_000);
    const before = way.left;
    way.run(1000, 125_000, 1_000_000);
    expect(way.left - before).toBeGreaterThan(0.95 * 1000 * 125_000);
  });

  test("memory is bounded whatever the rate", () => {
    const way = new Way();
    way.run(2000, 10_000_000, 100_000_000);
    expect(way.backlog.limit).toBe(4 * 1024 * 1024);
  });

  test("a moment in which nothing moves does not close it for good", () => {
    const way = new Way();
    way.run(2000, 1250, 1_000_000);
    way.run(1000, 1e-9, 1_000_000);
    expect(way.backlog.limit).toBeGreaterThanOrEqual(16 * 1024);
    way.run(1000, 1250, 1_000_000);
    expect(way.backlog.limit).toBeGreaterThan(100_000);
  });
});

describe("a rate is learned only from a full way", () => {
  test("what is sent at once teaches nothing", () => {
    const way = new Way();
    const { limit } = way.backlog;
    way.run(5000, 12_500, 100);
    expect(way.backlog.limit).toBe(limit);
  });

  test("nor does a time in which nobody looked", () => {
    const backlog = new Backlog();
    const { limit } = backlog;
    backlog.note(0, 5000, 0);
    backlog.note(10_000, 5000, 1);
    backlog.note(10_050, 5000, 1000);
    expect(backlog.limit).toBe(limit);
    backlog.note(10_110, 5000, 2000);
    expect(backlog.limit).toBeLessThan(limit);
  });
});

describe("attempts", () => {
  test("come ever later, up to a cap, and never in step with others", () => {
    const [early, late] = [new Backoff(() => 0), new Backoff(() => 1)];
    const times = (backoff: Backoff) => Array.from({ length: 8 }, () => backoff.next());
    expect(times(late)).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(times(early)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    late.reset();
    expect(late.next()).toBe(200);
  });
});
