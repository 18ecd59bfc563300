import { budgetOf, type CountOptions } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { leftOf, pruneThenMerge, readMerged } from '../strategies/prune-then-merge.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link diffrate}: how many of the tokens beside the class token pruning leaves, by one of `keep`,
 * `ratio` and `count`. Where a schedule has nothing for a layer, nothing is removed there.
 */
export type DiffrateOptions = MethodOptions &
  CountOptions & {
    /** How many of those are then merged away, so that one at least stays beside the class token; 0 by default. */
    readonly r?: Schedule;
  };

/**
 * DiffRate: Chen et al., "DiffRate: Differentiable Compression Rate for Efficient Vision Transformers", ICCV 2023,
 * arXiv 2305.17997. It learns two numbers for each layer; here they are given, as schedules over the layers.
 *
 * Tokens rank by the attention of the class token, the first of each row, averaged over heads. The last are pruned; of
 * the others the r last merge, each into the most similar (by the cosine of hidden, or of `metric`) of those that rank
 * before them all, as the mean weighted by size. The class token takes no part in merging. Apply it between attention
 * and MLP, handing `sizes` on. Reads q and k.
 *
 * Tokens left stay in place. `reference: 'authors'` lists them by falling attention, as the authors' code has sorted
 * all tokens; its mean does not weight by size, and a token merged away adds its size times the similarity to the
 * size of what it becomes.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function diffrate(options: DiffrateOptions): Sieve {
  const { r = 0 } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: attentionReceived({ queries: 'first' }),
    budget: budgetOf(options, { of: 'free' }),
    strategy: pruneThenMerge({
      r,
      order: isAuthors ? 'score' : 'index',
      weights: isAuthors ? 'similarity' : 'size',
    }),
    protect: { first: 1 },
    positions,
  });
}

export const method: Method<DiffrateOptions> = {
  name: 'diffrate',
  group: 'vision transformers',
  title: 'DiffRate: Differentiable Compression Rate for Efficient Vision Transformers',
  authors: 'Chen et al.',
  year: 2023,
  arxiv: '2305.17997',
  licence: 'none: written anew',
  summary: 'prunes what the class token does not see, merges what it hardly sees',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: false,
  defaults: { keep: 0.9, r: 8 },
  order: 'place',
  tokensLeft: (options, row) => {
    const budget = budgetOf(options, { of: 'free' });
    const unpruned = tokensLeftBy(budget, row);
    if (budget(row.layer) === undefined) return unpruned;
    return leftOf(unpruned, row, readMerged(options.r ?? 0)(row.layer));
  },
  create: diffrate,
};
