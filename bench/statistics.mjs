// Medians, spreads and percentiles of samples, and ratios of samples that were taken in the same round.

/** One round's sample: a number, or many of the same kind, such as the times of single pings. */
/** @typedef {number | readonly number[]} Sample */

/**
 * @typedef {object} Summary
 * @property {number} median of all that was measured
 * @property {number} min of the rounds
 * @property {number} max of the rounds
 * @property {number} [p99] the 99th percentile, where a round has many values
 */

/**
 * @param {readonly number[]} values at least one
 */
export function median(values) {
  const sorted = sort(values);
  const half = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[half]];
  return (low + high) / 2;
}

/**
 * The smallest value that at least so many percent of the values do not exceed (nearest rank).
 * @param {readonly number[]} values at least one
 * @param {number} percent above 0, at most 100
 */
export function percentile(values, percent) {
  const sorted = sort(values);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? NaN;
}

/**
 * Median and spread.
 * @param {readonly number[]} values
 * @returns {Summary | undefined} nothing of nothing
 */
export function spread(values) {
  if (values.length === 0) return undefined;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * What the rounds gave, in short. A round that gave nothing is left out.
 * @param {readonly (Sample | undefined)[]} rounds
 * @returns {Summary | undefined}
 */
export function summarise(rounds) {
  const whole = spread(rounds.flatMap((sample) => ofRound(sample) ?? []));
  const pooled = rounds.flatMap((sample) => (Array.isArray(sample) ? sample : []));
  if (whole === undefined || pooled.length === 0) return whole;
  return { ...whole, median: median(pooled), p99: percentile(pooled, 99) };
}

/**
 * One candidate as a multiple of another. The machine's mood changes between rounds more than in
 * one, so each round is divided by itself.
 * @param {readonly (Sample | undefined)[]} rounds
 * @param {readonly (Sample | undefined)[]} reference
 * @returns {Summary | undefined}
 */
export function ratio(rounds, reference) {
  const quotients = rounds.flatMap((sample, round) => {
    const [ours, theirs] = [ofRound(sample), ofRound(reference[round])];
    return ours === undefined || !theirs ? [] : ours / theirs;
  });
  return spread(quotients);
}

/**
 * @param {Sample | undefined} sample
 * @returns {number | undefined}
 */
function ofRound(sample) {
  if (sample === undefined || typeof sample === "number") return sample;
  return sample.length === 0 ? undefined : median(sample);
}

/** @param {readonly number[]} values */
function sort(values) {
  return values.toSorted((a, b) => a - b);
}
