import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import type { ComparedBy } from '../features.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { completeMerge } from '../strategies/complete-merge.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';
import { halfOfFree, leftOfMatch } from './tome.js';

/** Options of {@link crossget}. */
export interface CrossgetOptions extends MethodOptions {
  /** Tokens to remove, at most half of the free ones. */
  readonly r: Schedule;
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, the default, or hidden. */
  readonly metric?: ComparedBy;
}

/**
 * CrossGET: Shi et al., "CrossGET: Cross-Guided Ensemble of Tokens for Accelerating Vision-Language Transformers",
 * ICML 2024, arXiv 2305.17455.
 *
 * Complete-graph soft matching: tokens stand in the order of their greatest cosine with another, each may merge into
 * one that stands behind it, which rules out circles, and the r whose best such cosine is greatest are taken out;
 * each of them merges into the most similar of all that are left. Reads k (or `metric`); mask class and other special
 * tokens with 1.
 *
 * Cross guidance: where `scores` bring the importance of each token, its key's cosine with the cross token of the
 * other modality, they count against being taken out, and tokens become the mean weighted by the softmax of their
 * importance, as in the paper, and by size. Without scores sizes alone weight.
 *
 * Tokens stay in place. With scores, `reference: 'authors'` weights as their code does: each source and its
 * destination by their softmax, twice over, added up and divided by the sum of sizes, which is a mean only for equal
 * sizes.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function crossget(options: CrossgetOptions): Sieve {
  const { r, metric = 'keys' } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    budget: countBudget('options.r', 'r', r),
    strategy: completeMerge({ metric, weights: isAuthors ? 'pair' : 'slot' }),
    positions,
  });
}

export const method: Method<CrossgetOptions> = {
  name: 'crossget',
  group: 'vision transformers',
  title: 'CrossGET: Cross-Guided Ensemble of Tokens for Accelerating Vision-Language Transformers',
  authors: 'Shi et al.',
  year: 2024,
  arxiv: '2305.17455',
  licence: 'BSD-3-Clause',
  summary: 'merges any token into any other, r of the pairs most alike, guided by the other modality',
  over: 'image',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { r: 8 },
  order: 'place',
  tokensLeft: ({ r }, row) => leftOfMatch(r, row, halfOfFree(row)),
  create: crossget,
};
