import { rangeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Tensor } from '../tensor.js';
import { summaryMap } from './maps.js';
import { type KeptOrder, ordered, readOrder, requiredScores, selectTokens } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link pruneAndFuse}. */
export interface FuseOptions {
  /** What each dropped token counts for: its score, the default, or all the same. */
  readonly weights?: 'score' | 'uniform';
  /** `'mean'`, the default, divides by the sum of the weights (and sizes); `'sum'` does not. */
  readonly reduce?: 'mean' | 'sum';
  /** Of the kept tokens; `'index'` by default. The summary token comes last. */
  readonly order?: KeptOrder;
}

/**
 * Soft pruning: as `prune`, but the dropped tokens of a row are fused into one summary token behind the
 * kept ones, `sum of s_j x_j / sum of s_j`; restoring gives it back to each of them. A row that drops nothing
 * gets none. Where all dropped scores are 0, the mean weights them the same.
 *
 * Scores that weight must be finite and not negative: `ERR_TOKENSIEVE_RANGE`.
 */
export function pruneAndFuse(options: FuseOptions = {}): Strategy {
  const { weights = 'score', reduce = 'mean' } = readOptions(options);
  const order = readOrder(options);
  readWord('options.weights', weights, ['score', 'uniform']);
  readWord('options.reduce', reduce, ['mean', 'sum']);
  return function* (decision) {
    const { tokens } = decision;
    const scores = requiredScores(decision);
    const kept = yield* selectTokens(decision);
    const indices = ordered(kept, order, tokens, scores);
    const weightOf = weights === 'score' ? scoreWeights(tokens, scores, kept, reduce) : undefined;
    const map = summaryMap(tokens, indices, kept.offsets, weightOf);
    return reduce === 'sum' ? { map, merge: { reduce } } : { map };
  };
}

/**
 * What each token that is not among those kept weighs by its score, by its place in `[B * N]`; for a mean, all the same
 * where all dropped scores of a row are 0.
 */
export function scoreWeights(
  { length, mask }: Tokens,
  { data }: Tensor<'float32'>,
  { indices, offsets }: Ragged,
  reduce: 'mean' | 'sum',
): (place: number) => number {
  const isKept = new Uint8Array(data.length);
  const weightSums = new Float64Array(offsets.length - 1);
  for (let row = 0; row + 1 < offsets.length; row++) {
    for (let i = offsets[row]; i < offsets[row + 1]; i++) isKept[row * length + indices.data[i]] = 1;
    for (let place = row * length; place < (row + 1) * length; place++) {
      if (isKept[place] === 1 || mask?.[place] === 2) continue;
      weightSums[row] += weightAt(data, place, length);
    }
  }
  return (place) => (reduce === 'mean' && weightSums[Math.floor(place / length)] === 0 ? 1 : data[place]);
}

/** The score of a token, as a weight. */
export function weightAt(scores: Float32Array, place: number, length: number): number {
  if (scores[place] >= 0 && scores[place] < Number.POSITIVE_INFINITY) return scores[place];
  const expected = 'a finite number from 0 to weight a fused token by';
  throw rangeError(`scores[${Math.floor(place / length)},${place % length}]`, expected, scores[place]);
}
