import { countsOf } from '../budgets/budget.js';
import { typeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import type { Ragged } from '../ragged.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import type { Decision } from './strategy.js';

/** How kept tokens are listed: by place, or by falling score behind the protected ones. */
export type KeptOrder = 'index' | 'score';

/** The scores that a strategy needs. */
export function requiredScores({ scores }: Decision): Tensor<'float32'> {
  if (scores === undefined)
    throw typeError('inputs.scores', 'a tensor, where the sieve has no criterion', scores);
  return scores;
}

/** The tokens that stay, ascending within a row; protected ones are always among them. */
export function* selectTokens(decision: Decision): Steps<Ragged> {
  const { tokens, amount } = decision;
  const scores = requiredScores(decision);
  if (amount === undefined) throw typeError('budget', 'a budget, which pruning goes by', amount);
  if ('rule' in amount) {
    const { rule, ...limits } = amount;
    return yield* step.selectThreshold(scores, rule, {
      ...limits,
      ...(tokens.mask && { mask: tokens.mask }),
    });
  }
  return yield* bestTokens(tokens, scores, countsOf(tokens.rows, amount));
}

/** The tokens of each row that score best, so many as are to stay, ascending. */
export function* bestTokens(
  tokens: Pick<Tokens, 'batch' | 'length' | 'mask'>,
  scores: Tensor<'float32'>,
  counts: readonly number[],
): Steps<Ragged> {
  const offsets = new Int32Array(counts.length + 1);
  counts.forEach((count, row) => {
    offsets[row + 1] = offsets[row] + count;
  });
  const data = yield* bestOfRows(tokens, scores, counts, offsets);
  return { indices: { type: 'int32', data, dims: [data.length] }, offsets };
}

/** One call where all rows keep the same number, else one a row. */
function* bestOfRows(
  { batch, length, mask }: Pick<Tokens, 'batch' | 'length' | 'mask'>,
  scores: Tensor<'float32'>,
  counts: readonly number[],
  offsets: Int32Array,
): Steps<Int32Array> {
  if (counts.every((count) => count === counts[0])) {
    const { indices } = yield* step.topK(scores, counts[0] ?? 0, { ...(mask && { mask }) });
    return indices.data;
  }
  const best = new Int32Array(offsets[batch]);
  for (let row = 0; row < batch; row++) {
    if (counts[row] === 0) continue;
    const [start, end] = [row * length, (row + 1) * length];
    const own: Tensor<'float32'> = {
      type: 'float32',
      data: scores.data.subarray(start, end),
      dims: [length],
    };
    const { indices } = yield* step.topK(own, counts[row], {
      ...(mask && { mask: mask.subarray(start, end) }),
    });
    best.set(indices.data, offsets[row]);
  }
  return best;
}

/** The same tokens in the order asked for. */
export function ordered(
  { indices, offsets }: Ragged,
  order: KeptOrder,
  { length, mask }: Tokens,
  scores: Tensor<'float32'>,
): Int32Array {
  if (order === 'index') return indices.data;
  const list = indices.data.slice();
  for (let row = 0; row + 1 < offsets.length; row++) {
    const compare = byScore(scores.data.subarray(row * length, (row + 1) * length));
    const isFree = (i: number) => Number(mask?.[row * length + i] !== 1);
    list
      .subarray(offsets[row], offsets[row + 1])
      .sort((i, j) => isFree(i) - isFree(j) || (isFree(i) ? compare(i, j) : i - j));
  }
  return list;
}

/** The `order` among a strategy's options. */
export function readOrder(options: { readonly order?: KeptOrder }): KeptOrder {
  const { order = 'index' } = readOptions(options);
  return readWord('options.order', order, ['index', 'score']);
}
