import { readSchedule, type Schedule } from '../budgets/schedule.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { rangeError } from '../errors.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import { identityMap } from '../strategies/maps.js';
import { prunedSlots } from '../strategies/prune-slots.js';
import { requiredScores } from '../strategies/select.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link ltmp}, the thresholds that were learnt: a number, or over layers a list. */
export interface LtmpOptions extends MethodOptions {
  /** What a token's cosine has to be above to merge; training starts at 1. Left out, nothing merges. */
  readonly mergeThreshold?: Schedule;
  /** What a token's mean attention has to be above to stay; training starts at 0. Left out, nothing is pruned. */
  readonly pruneThreshold?: Schedule;
}

/**
 * LTMP, learned thresholds for merging and pruning: Bonnaerens and Dambre, "Learned Thresholds Token Merging and
 * Pruning for Vision Transformers", TMLR 2023, arXiv 2307.10780.
 *
 * First every token at an even place merges into the most similar one at an odd place, by the cosine of keys averaged
 * over heads, where that is above the threshold, as the mean weighted by size. Then tokens go whose importance is not
 * above the other threshold: the mean over heads and queries of the attention that they receive, proportional to
 * `sizes`; what was merged is as important as its most important member. The class token, the first of each row,
 * always stays. Apply it between attention and MLP, handing `sizes` and `mask` on, and `proportionalBias(sizes)` to
 * the next attention. Reads q and k.
 *
 * How many stay, each picture decides: `lengths` says where rows differ. The authors' inference takes a batch of one.
 * `reference` changes nothing: the order, survivors and then destinations by place, is theirs too.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function ltmp(options: LtmpOptions): Sieve {
  const { mergeThreshold, pruneThreshold } = readOptions(options);
  const { positions } = readMethodOptions(options);
  const mergeAbove = readThreshold('options.mergeThreshold', mergeThreshold);
  const pruneTo = readThreshold('options.pruneThreshold', pruneThreshold);
  return createSieve({
    criterion: attentionReceived({ proportional: true }),
    strategy: function* (decision) {
      const { tokens } = decision;
      const threshold = mergeAbove(tokens.layer);
      const above = pruneTo(tokens.layer);
      const merged =
        threshold === undefined
          ? { map: identityMap(tokens) }
          : yield* bipartiteMerge({ threshold: leastAbove(threshold) })({ ...decision, amount: undefined });
      return above === undefined
        ? merged
        : yield* prunedSlots(tokens, merged, requiredScores(decision), above);
    },
    protect: { first: 1 },
    positions,
  });
}

function readThreshold(
  path: string,
  threshold: Schedule | undefined,
): (layer: number | undefined) => number | undefined {
  if (threshold === undefined) return () => undefined;
  return readSchedule(path, threshold, (at, value) => {
    if (!Number.isFinite(value)) throw rangeError(at, 'a finite number', value);
  });
}

/** The least float32 above a number: similarities are float32, and pairs merge from a threshold on. */
function leastAbove(threshold: number): number {
  const least = Float32Array.of(threshold);
  if (least[0] > threshold) return least[0];
  if (least[0] === 0) return 2 ** -149;
  new Int32Array(least.buffer)[0] += Math.sign(least[0]);
  return least[0];
}

export const method: Method<LtmpOptions> = {
  name: 'ltmp',
  group: 'vision transformers',
  title: 'Learned Thresholds Token Merging and Pruning for Vision Transformers',
  authors: 'Bonnaerens and Dambre',
  year: 2023,
  arxiv: '2307.10780',
  licence: 'none: written anew',
  summary: 'merges by a learnt similarity, then prunes by a learnt attention, as many as each picture has',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: false,
  defaults: { mergeThreshold: 0.8, pruneThreshold: 0.002 },
  order: 'bipartite',
  tokensLeft: () => undefined,
  create: ltmp,
};
