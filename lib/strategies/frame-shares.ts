// How many of its tokens each frame of a video keeps: the more, the less it is like the video (VidCom2).
import { roundCount } from '../budgets/schedule.js';

const temperature = 0.01;

/** The fraction of its tokens that each frame keeps: more where it is less like the video. NaN is like it. */
export function sharesOf(likeness: readonly number[], base: number): number[] {
  const least = Math.min(...likeness.filter((value) => !Number.isNaN(value)));
  const weights = likeness.map((value) =>
    Number.isNaN(value) ? 0 : Math.exp((least - value) / temperature),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const mean = sum === 0 ? 0 : 1 / weights.length;
  return weights.map((weight) => Math.min(1, base * (1 + (sum === 0 ? 0 : weight / sum) - mean)));
}

/** Whole numbers from 1 to `cells`, each the nearest to its share. */
export function rounded(shares: readonly number[], cells: number): number[] {
  return shares.map((share) => Math.max(1, Math.min(cells, roundCount(share, cells, 'round'))));
}

/** Whole numbers from 1 to `cells` that add up to `total`, each as near its share as can be. */
export function roundedTo(total: number, shares: readonly number[], cells: number): number[] {
  const counts = rounded(shares, cells);
  let over = counts.reduce((sum, count) => sum + count, 0) - total;
  while (over !== 0) {
    const sign = Math.sign(over);
    let best = -1;
    counts.forEach((count, frame) => {
      if (count === (sign > 0 ? 1 : cells)) return;
      if (best === -1 || sign * (count - shares[frame]) > sign * (counts[best] - shares[best])) best = frame;
    });
    counts[best] -= sign;
    over -= sign;
  }
  return counts;
}
