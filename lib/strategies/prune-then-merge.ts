import { readSchedule, type Schedule } from '../budgets/schedule.js';
import { rangeError, typeError } from '../errors.js';
import { type ComparedBy, featuresOf } from '../features.js';
import { readOptions, readWord } from '../options.js';
import type { Ragged } from '../ragged.js';
import type { RowTokens, Tokens } from '../sieve-inputs.js';
import { countsAsked } from './amounts.js';
import { centredMap } from './maps.js';
import { mergeInto } from './merge-into.js';
import { raggedOf } from './nearest.js';
import { bestTokens, type KeptOrder, ordered, readOrder, requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link pruneThenMerge}. */
export interface PruneThenMergeOptions {
  /** How many of the tokens that pruning leaves are merged away, so that one free token at least stays. */
  readonly r: Schedule;
  /** What tokens are compared by where the inputs bring no metric: hidden, the default, or the mean over heads of k. */
  readonly metric?: ComparedBy;
  /** Of the tokens left; `'index'` by default. */
  readonly order?: KeptOrder;
  /**
   * What a token merged away counts for. `'size'`, the default: its size, in the mean and in the size of what it becomes.
   * `'similarity'`: as much as any other in the mean, and its size times its similarity in the size of what it becomes.
   */
  readonly weights?: 'size' | 'similarity';
}

/**
 * The tokens that score worst are dropped, as many as the budget says; of the others the r worst merge, each into the
 * most similar of those that score better than they all, as in DiffRate (Chen et al. 2023, arXiv 2305.17997). Protected
 * tokens take no part in merging.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve, TypeError
 * for a budget that is left out or goes by a rule
 */
export function pruneThenMerge(options: PruneThenMergeOptions): Strategy {
  const { metric = 'hidden', weights = 'size' } = readOptions(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  readWord('options.weights', weights, ['size', 'similarity']);
  const order = readOrder(options);
  const mergedAt = readMerged(options.r);
  return function* (decision) {
    const { tokens } = decision;
    const scores = requiredScores(decision);
    const counts = countsAsked(decision, 'pruneThenMerge');
    if (counts === undefined) throw typeError('budget', 'a budget, which pruneThenMerge goes by', counts);
    const left = counts.map((count, row) => leftOf(count, tokens.rows[row], mergedAt(tokens.layer)));
    const unpruned = yield* bestTokens(tokens, scores, counts);
    const heads = yield* bestTokens(tokens, scores, left);
    const part = new Uint8Array(tokens.batch * tokens.length);
    mark(part, tokens, unpruned, source);
    mark(part, tokens, heads, head);
    const merged = yield* mergeInto(
      yield* featuresOf(tokens, metric, 'pruneThenMerge'),
      { batch: tokens.batch, length: tokens.length, mask: part.map((state) => (state === gone ? 2 : 0)) },
      placesWhere(tokens, (place) => part[place] === source),
      placesWhere(tokens, (place) => part[place] === head && tokens.mask?.[place] !== 1),
    );
    const data = ordered(heads, order, tokens, scores);
    const plan = centredMap(tokens, { ...heads, indices: { ...heads.indices, data } }, merged.into);
    const { sizes } = tokens;
    if (weights === 'size') return { ...plan, merge: { reduce: 'mean', ...(sizes && { weights: sizes }) } };
    const scaled = merged.similarity.map(
      (similarity, place) => (sizes?.data[place] ?? 1) * (part[place] === source ? similarity : 1),
    );
    return { ...plan, merge: { reduce: 'mean' }, sizes: scaled };
  };
}

/** Checks a schedule of tokens to merge away; 0 where it has nothing for a layer. */
export function readMerged(r: Schedule): (layer: number | undefined) => number {
  const at = readSchedule('options.r', r, (path, value) => {
    if (!Number.isSafeInteger(value) || value < 0) throw rangeError(path, 'an integer from 0', value);
  });
  return (layer) => at(layer) ?? 0;
}

/** How many tokens of a row stay when r of those that pruning leaves have been merged away. */
export function leftOf(unpruned: number, { kept }: Pick<RowTokens, 'kept'>, r: number): number {
  return Math.max(unpruned - r, Math.min(unpruned, kept + 1));
}

// The part of a token.
const [gone, source, head] = [0, 1, 2];

function mark(part: Uint8Array, { length }: Tokens, { indices, offsets }: Ragged, state: number): void {
  for (let row = 0; row + 1 < offsets.length; row++)
    for (let at = offsets[row]; at < offsets[row + 1]; at++) part[row * length + indices.data[at]] = state;
}

/** The tokens of each row whose place in `[B * N]` is as asked, ascending. */
function placesWhere({ batch, length }: Tokens, isAsked: (place: number) => boolean): Ragged {
  const all = Int32Array.from({ length }, (_, i) => i);
  return raggedOf(Array.from({ length: batch }, (_, row) => all.filter((i) => isAsked(row * length + i))));
}
