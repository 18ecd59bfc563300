// How many tokens each part of a picture may keep.
import { roundCount } from '../budgets/schedule.js';
import { byScore } from '../ranking.js';

/**
 * Shares of a total by weight, rounded down; what that leaves goes one by one to the parts of greatest weight, the first
 * of equal ones first. A part gets no more than it has room for: what is over goes on in the same way, so that the
 * shares add up to the total, as far as there is room. Weights that add up to nothing count as equal.
 *
 * @param weights not negative
 */
export function shareOut(weights: readonly number[], room: readonly number[], total: number): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const fraction = (weight: number) =>
    sum > 0 && sum < Number.POSITIVE_INFINITY ? weight / sum : 1 / weights.length;
  const shares = weights.map((weight, part) =>
    Math.min(room[part], roundCount(fraction(weight) * total, total, 'floor')),
  );
  let left = total - shares.reduce((all, share) => all + share, 0);
  let open = Array.from(weights.keys()).sort(byScore(weights));
  while (left > 0) {
    open = open.filter((part) => shares[part] < room[part]);
    if (open.length === 0) break;
    for (const part of open.slice(0, left)) shares[part]++;
    left -= Math.min(left, open.length);
  }
  return shares;
}

/** Shares rounded down, and one more for those of greatest weight: never two, and no more than there is room for. */
export function shareOutOnce(weights: readonly number[], room: readonly number[], total: number): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0) + 1e-6;
  const shares = weights.map((weight) => Math.floor((weight / sum) * total));
  const left = total - shares.reduce((all, share) => all + share, 0);
  const order = Array.from(weights.keys()).sort(byScore(weights));
  for (const part of order.slice(0, left)) shares[part]++;
  return shares.map((share, part) => Math.min(share, room[part]));
}
