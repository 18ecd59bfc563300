// How many tokens stand out, where the scores alone are to say it.
import { roundCount } from '../budgets/schedule.js';
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { bestTokens } from './select.js';

/** A score past the third quartile by more than so many times the distance of the first from the third stands out. */
const iqr = 1.5;

/** Tokens that stand out, and the fraction of the tokens that they are, of each row. */
export interface Outliers {
  readonly chosen: Ragged;
  readonly fractions: readonly number[];
}

/**
 * The tokens whose score stands out among those of their row, ascending; where none does, the best.
 *
 * @param tokens free ones alone
 * @param pooled whether the quartiles are those of all rows together, and each row keeps the fraction of its tokens that
 *   stands out of them all, rounded down
 */
export function* outliers(tokens: Tokens, scores: Tensor<'float32'>, pooled: boolean): Steps<Outliers> {
  const { mask, rows, batch, length } = tokens;
  const masked = mask && { mask };
  if (!pooled) {
    const chosen = yield* step.selectThreshold(scores, { iqr }, { min: 1, ...masked });
    const countOf = (row: number) => chosen.offsets[row + 1] - chosen.offsets[row];
    return { chosen, fractions: rows.map((own, row) => countOf(row) / Math.max(1, own.tokens)) };
  }
  const flat = { ...scores, dims: [1, batch * length] };
  const { indices } = yield* step.selectThreshold(flat, { iqr }, { min: 1, ...masked });
  const all = rows.reduce((sum, row) => sum + row.tokens, 0);
  const fraction = indices.data.length / Math.max(1, all);
  const counts = rows.map((row) =>
    Math.min(row.tokens, Math.max(1, roundCount(row.tokens * fraction, row.tokens, 'floor'))),
  );
  return { chosen: yield* bestTokens(tokens, scores, counts), fractions: rows.map(() => fraction) };
}
