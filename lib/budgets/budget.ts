import { typeError } from '../errors.js';
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

/** Checks what a budget says, which may be anyone's. */
export function readAmount(value: unknown): Amount | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null) {
    const { count, rule } = value as { count?: unknown; rule?: unknown };
    if (typeof count === 'function' || (typeof rule === 'object' && rule !== null)) return value as Amount;
  }
  throw typeError('budget', 'a budget, which gives { count } or { rule }', value);
}

/** The tokens of each row that stay. */
export function countsOf(
  rows: readonly RowTokens[],
  { count }: Extract<Amount, { count: unknown }>,
): number[] {
  return rows.map((row) => Math.min(row.tokens, Math.max(1, row.kept, count(row))));
}
