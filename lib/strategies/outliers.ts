// How many tokens stand out, where the scores alone are to say it.
import { roundCount } from '../budgets/schedule.js';
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { bestTokens } from './select.js';

/** A score past the third quartile by more than so many times the distance of the first from the third stands out. */
const iqr = 1.5;

/**
 * The tokens whose score stands out among those of their row, ascending; where none does, the best.
 *
 * @param tokens free ones alone
 * @param pooled whether the quartiles are those of all rows together, and each row keeps the fraction of its tokens that
 *   stands out of them all, rounded down
 */
export function* outliers(tokens: Tokens, scores: Tensor<'float32'>, pooled: boolean): Steps<Ragged> {
  const { mask, rows, batch, length } = tokens;
  const masked = mask && { mask };
  if (!pooled) return yield* step.selectThreshold(scores, { iqr }, { min: 1, ...masked });
  const flat = { ...scores, dims: [1, batch * length] };
  const { indices } = yield* step.selectThreshold(flat, { iqr }, { ...masked });
  const all = rows.reduce((sum, row) => sum + row.tokens, 0);
  const fraction = all === 0 ? 0 : indices.data.length / all;
  const counts = rows.map((row) =>
    Math.min(row.tokens, Math.max(1, roundCount(row.tokens * fraction, row.tokens, 'floor'))),
  );
  return yield* bestTokens(tokens, scores, counts);
}
