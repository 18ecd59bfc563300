import type { ThresholdRule } from '../ops/select-threshold.js';
import type { RowTokens } from '../sieve-inputs.js';

/**
 * How many tokens stay: a number for each row, or a rule that the scores decide by. A number is brought to
 * what a row can give: at least 1, at least its kept tokens, at most its tokens.
 */
export type Amount =
  | { readonly count: (row: RowTokens) => number }
  | { readonly rule: ThresholdRule; readonly min: number; readonly max?: number };

/** The amount at a layer; undefined where nothing is to be removed there. */
export type Budget = (layer: number | undefined) => Amount | undefined;

/** The tokens of each row that stay. */
export function countsOf(
  rows: readonly RowTokens[],
  { count }: Extract<Amount, { count: unknown }>,
): number[] {
  return rows.map((row) => Math.min(row.tokens, Math.max(1, row.kept, count(row))));
}
