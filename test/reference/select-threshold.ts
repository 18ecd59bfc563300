// The tokens whose score passes a rule: a threshold read off the row itself, or a share of its sum. Statistics leave
// NaN out; it passes no rule, and is the last to be added and the first to be dropped.
import { ranking } from './top-k.js';

export type ThresholdRule =
  | { readonly above: number }
  | { readonly quantile: number }
  | { readonly iqr: number }
  | { readonly meanStd: number; readonly ddof?: 0 | 1 }
  | { readonly mass: number };

export interface SelectThresholdOptions {
  readonly mask?: ArrayLike<number>;
  readonly min?: number;
  readonly max?: number;
}

/** numpy's linear quantile of numbers in ascending order. */
export function quantile(ascending: readonly number[], p: number): number {
  const place = p * (ascending.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, ascending.length - 1);
  return ascending[low] + (place - low) * (ascending[high] - ascending[low]);
}

/** The threshold that scores must exceed. */
export function thresholdOf(
  scores: readonly number[],
  rule: Exclude<ThresholdRule, { mass: number }>,
): number {
  if ('above' in rule) return rule.above;
  const ascending = [...scores].sort((a, b) => a - b);
  if ('quantile' in rule) return quantile(ascending, rule.quantile);
  if ('iqr' in rule) {
    const q1 = quantile(ascending, 0.25);
    const q3 = quantile(ascending, 0.75);
    return q3 + rule.iqr * (q3 - q1);
  }
  const mean = scores.reduce((sum, x) => sum + x, 0) / scores.length;
  const squares = scores.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return mean + rule.meanStd * Math.sqrt(squares / (scores.length - (rule.ddof ?? 0)));
}

/** Indices of the selected tokens of a row, ascending. */
export function selectThreshold(
  row: ArrayLike<number>,
  rule: ThresholdRule,
  { mask, min = 0, max = row.length }: SelectThresholdOptions = {},
): number[] {
  const ranked = ranking(row, mask === undefined ? {} : { mask });
  const scores = ranked.map((i) => row[i]).filter((score) => !Number.isNaN(score));
  const passing =
    'mass' in rule ? prefixOfMass(scores, rule.mass) : countAbove(scores, thresholdOf(scores, rule));
  const isKept = (i: number) => mask?.[i] === 1;
  const chosen = new Set(ranked.filter((i, rank) => rank < passing || isKept(i)));
  for (const i of ranked) if (chosen.size < min) chosen.add(i);
  for (const i of [...ranked].reverse()) if (chosen.size > max && !isKept(i)) chosen.delete(i);
  return [...chosen].sort((a, b) => a - b);
}

function countAbove(descending: readonly number[], threshold: number): number {
  return descending.filter((score) => score > threshold).length;
}

function prefixOfMass(descending: readonly number[], share: number): number {
  const total = descending.reduce((sum, x) => sum + x, 0);
  let length = 0;
  for (let sum = 0; sum < share * total && length < descending.length; length++) sum += descending[length];
  return length;
}
