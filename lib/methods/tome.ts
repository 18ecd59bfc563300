import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import { type Method, tokensLeftBy } from './method.js';

/** Options of {@link tome}. */
export interface TomeOptions {
  /** Tokens to remove, at most half of the free ones; over layers a list, or `budgets.inflected(...)`. */
  readonly r: Schedule;
}

/**
 * ToMe, token merging: Bolya et al., "Token Merging: Your ViT But Faster", ICLR 2023, arXiv 2210.09461.
 *
 * Tokens at even places (sources) each find the most similar one at an odd place (destinations), by the cosine
 * of their keys averaged over heads; the r sources most similar to theirs merge into it as the mean weighted by
 * size. Apply it between attention and MLP of every block, handing `sizes` and `mask` on, and log(sizes) to the
 * next attention as its bias. Reads k (or `metric`); mask a class token and a distillation token with 1.
 *
 * As in the authors' code r is limited to `floor((N - kept) / 2)` and survivors come before destinations, in
 * positional order. Unlike it, ties go to the lower index and a zero vector is similar to nothing.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming `options.r`
 */
export function tome(options: TomeOptions): Sieve {
  const { r } = readOptions(options);
  return createSieve({ budget: countBudget('options.r', 'r', r), strategy: bipartiteMerge() });
}

export const method: Method<TomeOptions> = {
  name: 'tome',
  group: 'vision transformers',
  title: 'Token Merging: Your ViT But Faster',
  authors: 'Bolya et al.',
  year: 2023,
  arxiv: '2210.09461',
  licence: 'CC-BY-NC-4.0: written from the paper alone',
  summary: 'merges every second token into its most similar neighbour, r pairs a layer',
  over: 'image',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { r: 8 },
  order: 'bipartite',
  tokensLeft: ({ r }, row) =>
    Math.max(
      tokensLeftBy(countBudget('options.r', 'r', r), row),
      row.tokens - Math.floor((row.tokens - row.kept) / 2),
    ),
  create: tome,
};
