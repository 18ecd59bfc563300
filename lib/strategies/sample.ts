import { typeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import { compareScores } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { prunedMap } from './maps.js';
import { raggedOf } from './nearest.js';
import { requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link sample}. */
export interface SampleOptions {
  /** Of the kept tokens: by place, the default, or by rising score behind the protected ones. */
  readonly order?: 'index' | 'rising';
}

/**
 * Adaptive sampling (Fayyaz et al. 2022, arXiv 2111.15667): even points along the cumulative sum of a row's scores pick
 * tokens, so that many stay where scores are spread out and few where they are not. The budget is how many points there
 * are, with the protected tokens, and so the most that stay. Scores must not be negative: `ERR_TOKENSIEVE_RANGE`. See
 * `sampleCdf`.
 */
export function sample(options: SampleOptions = {}): Strategy {
  const { order = 'index' } = readOptions(options);
  readWord('options.order', order, ['index', 'rising']);
  return function* (decision) {
    const { tokens } = decision;
    const counts = countsAsked(decision, 'sample');
    if (counts === undefined) throw typeError('budget', 'a budget, which sample goes by', counts);
    const scores = requiredScores(decision);
    const rows: Int32Array[] = [];
    for (let row = 0; row < tokens.batch; row++) {
      const kept = yield* sampledRow(tokens, scores, row, counts[row]);
      rows.push(order === 'index' ? kept : rising(kept, tokens, scores, row));
    }
    const { indices, offsets } = raggedOf(rows);
    return { map: prunedMap(tokens, indices.data, offsets) };
  };
}

/** The tokens of a row that its points pick, ascending. */
function* sampledRow(
  { length, mask }: Tokens,
  { data }: Tensor<'float32'>,
  row: number,
  count: number,
): Steps<Int32Array> {
  const [start, end] = [row * length, (row + 1) * length];
  const own: Tensor<'float32'> = { type: 'float32', data: data.subarray(start, end), dims: [length] };
  const { indices } = yield* step.sampleCdf(own, count, { ...(mask && { mask: mask.subarray(start, end) }) });
  return indices.data;
}

function rising(
  kept: Int32Array,
  { length, mask }: Tokens,
  { data }: Tensor<'float32'>,
  row: number,
): Int32Array {
  const start = row * length;
  const isFree = (i: number) => Number(mask?.[start + i] !== 1);
  const byRising = (i: number, j: number) => compareScores(data[start + j], data[start + i]) || i - j;
  return kept.slice().sort((i, j) => isFree(i) - isFree(j) || (isFree(i) ? byRising(i, j) : i - j));
}
