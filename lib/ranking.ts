/**
 * Orders the indices of scores best first: higher value, then lower index; -0 equals +0, and NaN ranks below
 * everything. For `indices.sort(byScore(scores))`.
 */
export function byScore(scores: ArrayLike<number>): (i: number, j: number) => number {
  return (i, j) => compareScores(scores[i], scores[j]) || i - j;
}

/** Negative where `a` ranks higher, 0 where they tie. */
export function compareScores(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === b) return 0;
  return a > b ? -1 : 1;
}
