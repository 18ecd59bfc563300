import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { required } from '../sieve-inputs.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';
import { halfOfFree, leftOfMatch } from './tome.js';

/** Options of {@link dtem}. */
export interface DtemOptions extends MethodOptions {
  /** Tokens to remove, at most half of the free ones. */
  readonly r: Schedule;
}

/**
 * DTEM, decoupled token embedding for merging: Lee and Hong, "Learning to Merge Tokens via Decoupled Embedding for
 * Efficient Vision Transformers", NeurIPS 2024, arXiv 2412.10569.
 *
 * ToMe by features that were learnt for merging alone, not by the keys: hand the output of that embedding in as
 * `metric`, which is read, with the class token's place masked 1. As with ToMe, hand `sizes` and `mask` on, and
 * `proportionalBias(sizes)` to the next attention. The relaxed merging of its training is not here.
 *
 * `reference: 'authors'` lists survivors as it does in `tome`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dtem(options: DtemOptions): Sieve {
  const { r } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const merge = bipartiteMerge({ order: isAuthors ? 'authors' : 'index' });
  return createSieve({
    budget: countBudget('options.r', 'r', r),
    strategy: (decision) => {
      required(decision.tokens, 'metric', 'dtem');
      return merge(decision);
    },
    positions,
  });
}

export const method: Method<DtemOptions> = {
  name: 'dtem',
  group: 'vision transformers',
  title: 'Learning to Merge Tokens via Decoupled Embedding for Efficient Vision Transformers',
  authors: 'Lee and Hong',
  year: 2024,
  arxiv: '2412.10569',
  licence: 'none: written anew',
  summary: 'merges as ToMe, by features learnt for merging',
  over: 'image',
  classToken: false,
  needs: ['metric'],
  trainingFree: false,
  defaults: { r: 8 },
  order: 'bipartite',
  tokensLeft: ({ r }, row) => leftOfMatch(r, row, halfOfFree(row)),
  create: dtem,
};
