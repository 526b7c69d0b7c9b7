// Medians, spreads, percentiles and ratios of the bench.

import { describe, expect, test } from "vitest";
import { median, percentile, ratio, spread, summarise } from "../../bench/statistics.mjs";

describe("median", () => {
  test("is the middle one, or lies between the middle two", () => {
    expect(median([7])).toBe(7);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 2, 4, 100])).toBe(7);
  });

  test("sorts by number and leaves what it was given alone", () => {
    const values = [100, 20, 3];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 20, 3]);
  });
});

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);

  test("is one of the values, by the nearest rank", () => {
    expect(percentile(hundred, 99)).toBe(99);
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 100)).toBe(100);
    expect(percentile(hundred, 0.5)).toBe(1);
  });

  test("of few is the largest", () => {
    expect(percentile([3, 1, 2], 99)).toBe(3);
    expect(percentile([5], 1)).toBe(5);
  });
});

describe("a summary", () => {
  test("of nothing is nothing", () => {
    expect(spread([])).toBeUndefined();
    expect(summarise([])).toBeUndefined();
    expect(summarise([undefined, []])).toBeUndefined();
  });

  test("has the median and the spread of the rounds", () => {
    expect(summarise([30, undefined, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
  });

  test("of many values a round has their median and 99th percentile, and the spread of the rounds", () => {
    const rounds = [[1, 2, 90], [], [3, 4, 5, 6]];
    expect(summarise(rounds)).toEqual({ median: 4, min: 2, max: 4.5, p99: 90 });
  });
});

describe("a ratio", () => {
  test("divides each round by the same round", () => {
    // A machine that got ten times slower in the second round.
    expect(ratio([100, 10], [50, 5])).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratio([[3, 4, 5], [8]], [[2], [1, 2, 3]])).toEqual({ median: 3, min: 2, max: 4 });
  });

  test("leaves out rounds in which either was not measured", () => {
    expect(ratio([undefined, 10, 7, 8], [50, 5, [], 0])).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratio([1], [])).toBeUndefined();
  });
});
