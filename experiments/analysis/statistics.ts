/** An estimate with its 95 % confidence interval. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantile of the normal distribution. */
const z = 1.959963984540054;

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/**
 * A proportion with Wilson's score interval (1927).
 *
 * @param successes 0 or 1 a trial
 */
export function proportion(successes: ArrayLike<number>): Interval {
  const n = successes.length;
  const p = mean(successes);
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { estimate: p, low: centre - half, high: centre + half };
}

/**
 * The mean difference of two results on the same items. Both saw the same items, so only those on which
 * they differ count: the interval of Bonett and Price (2012) for paired proportions, which adds one item
 * won and one lost and so keeps a width when no item differs. Differences may be fractions, as when one
 * result is an average over seeds.
 *
 * @param a values in [0, 1], one an item
 * @param b the result compared with, on the same items
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>): Interval {
  if (a.length !== b.length) throw new Error(`paired results differ in length: ${a.length} and ${b.length}`);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i] - b[i];
    sum += difference;
    squares += difference * difference;
  }
  const n = a.length + 2;
  const centre = sum / n;
  const half = z * Math.sqrt(((squares + 2) / n - centre * centre) / n);
  return { estimate: sum / a.length, low: Math.max(-1, centre - half), high: Math.min(1, centre + half) };
}
