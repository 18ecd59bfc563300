import { typeError } from '../errors.js';
import { type ComparedBy, featuresOf, tokensFrom } from '../features.js';
import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions, readThreshold, readWord } from '../options.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { readJoin } from './join.js';
import { clusteredMap } from './maps.js';
import { bestTokens } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link mergeRuns}. */
export interface MergeRunsOptions {
  /** The cosine from which on neighbours merge; without it the budget alone decides. */
  readonly threshold?: number;
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, or hidden. */
  readonly metric?: ComparedBy;
  /** How members are joined: `'mean'`, the default, and `'norm'` weight them by size. */
  readonly reduce?: MergeReduce;
}

/**
 * Merging of adjacent tokens (Li et al. 2023, arXiv 2306.16009), for sequences such as speech and video frames:
 * a run of tokens, each as similar to the one before it as the threshold asks, becomes one token. Order is kept,
 * and each slot is a stretch of the sequence. A budget says instead how many runs there are to be: the row is cut
 * between the neighbours that are least alike, of equal ones the first. With both, the budget limits how many may
 * go. Needs no scores.
 *
 * A protected or a dropped token ends the run before it; rows stay as long as that makes them.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * TypeError `ERR_TOKENSIEVE_TYPE` where there is neither a threshold nor a budget
 */
export function mergeRuns(options: MergeRunsOptions = {}): Strategy {
  const { threshold, metric = 'keys', reduce = 'mean' } = readOptions(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  const join = readJoin(reduce);
  if (threshold !== undefined) readThreshold('options.threshold', threshold);
  return function* (decision) {
    const { tokens } = decision;
    const counts = countsAsked(decision, 'mergeRuns');
    if (counts === undefined && threshold === undefined)
      throw typeError('budget', 'a budget, where mergeRuns has no threshold', counts);
    const features = yield* featuresOf(tokens, metric, 'mergeRuns');
    const similarity = yield* toTheOneBefore(features, tokens);
    const starts = runStarts(tokens, similarity, threshold);
    if (counts !== undefined) yield* startMore(starts, similarity, tokens, counts);
    return { map: clusteredMap(tokens, leadersOf(starts, tokens)), merge: join(tokens) };
  };
}

/** `[B * N]`: the cosine of each token with the one before it; that of a row's first means nothing. */
function* toTheOneBefore(features: FloatTensor, { batch, length }: Tokens): Steps<Float32Array> {
  const similarity = new Float32Array(batch * length);
  if (similarity.length < 2) return similarity;
  const count = similarity.length - 1;
  const before = tokensFrom(features, 0, count);
  const { data } = yield* step.pairedSimilarity(before, tokensFrom(features, 1, count), {});
  similarity.set(data, 1);
  return similarity;
}

/** `[B * N]`, as a mask of the tokens that start a run: 1 does, 0 may, 2 is no token. */
function runStarts(
  { batch, length, mask }: Tokens,
  similarity: Float32Array,
  threshold = Number.NEGATIVE_INFINITY,
): Uint8Array {
  const isFree = (place: number) => mask === undefined || mask[place] === 0;
  return Uint8Array.from({ length: batch * length }, (_, place) => {
    if (mask?.[place] === 2) return 2;
    const mayJoin = place % length > 0 && isFree(place) && isFree(place - 1);
    return mayJoin && similarity[place] >= threshold ? 0 : 1;
  });
}

/** Starts further runs, up to the counts, at the tokens least like the one before them. */
function* startMore(
  starts: Uint8Array,
  similarity: Float32Array,
  { batch, length }: Tokens,
  counts: readonly number[],
): Steps<void> {
  const started = counts.map((count, row) => {
    const own = starts.subarray(row * length, (row + 1) * length);
    return Math.max(count, own.filter((state) => state === 1).length);
  });
  const unlike = { type: 'float32', data: similarity.map((s) => -s), dims: [batch, length] } as const;
  const { indices, offsets } = yield* bestTokens({ batch, length, mask: starts }, unlike, started);
  for (let row = 0; row < batch; row++)
    for (let i = offsets[row]; i < offsets[row + 1]; i++) starts[row * length + indices.data[i]] = 1;
}

/** The first token of each one's run. */
function leadersOf(starts: Uint8Array, { length }: Tokens): Int32Array {
  const leaders = new Int32Array(starts.length).fill(-1);
  starts.forEach((state, place) => {
    if (state !== 2) leaders[place] = state === 1 ? place % length : leaders[place - 1];
  });
  return leaders;
}
