import { budgetOf, type CountOptions } from '../budgets/count.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { clusterMerge } from '../strategies/cluster-merge.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link dpcKnn}: how many clusters the tokens that are not protected make, by one of `keep` (0.25 at each
 * stage in the paper), `ratio` and `count`.
 */
export type DpcKnnOptions = MethodOptions &
  CountOptions & {
    /** Neighbours, itself included, that a token's density is taken from; 5 by default. */
    readonly k?: number;
  };

/**
 * TCFormer's token clustering: Zeng et al., "Not All Tokens Are Equal: Human-centric Visual Analysis via Token
 * Clustering Transformer", CVPR 2022, arXiv 2204.08680.
 *
 * Density peaks by k nearest neighbours: with `d_ij = ||x_i - x_j|| / sqrt(C)`, the density of a token is
 * `exp(-mean of d^2 to its k nearest)`, its separation the least distance to a denser token. The
 * `max(ceil(keep * N), 1)` tokens of greatest density times separation are centres, each token goes to the nearest,
 * and a cluster becomes the mean of its tokens, weighted by `exp(score)` where `scores` are given (the paper's learned
 * importance) and by size. Reads hidden, or `metric` where tokens are to be compared by something else. Restore by the
 * map for the paper's token-to-map step.
 *
 * Clusters stand in the order of their first tokens; with `reference: 'authors'` by falling density times separation,
 * behind the protected tokens. The noise that the authors' code adds to densities, to tell equal ones apart, is not
 * reproduced: equal ones rank by index.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dpcKnn(options: DpcKnnOptions): Sieve {
  const { k = 5 } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const clusters = { method: 'dpc-knn', k, order: isAuthors ? 'score' : 'index' } as const;
  const bySize = clusterMerge(clusters);
  const byScore = clusterMerge({ ...clusters, weights: 'score' });
  return createSieve({
    budget: budgetFor(options),
    strategy: (decision) => (decision.scores ? byScore(decision) : bySize(decision)),
    positions,
  });
}

const budgetFor = (options: DpcKnnOptions) => budgetOf(options, { rounding: 'ceil', of: 'free' });

export const method: Method<DpcKnnOptions> = {
  name: 'dpcKnn',
  group: 'vision transformers',
  title: 'Not All Tokens Are Equal: Human-centric Visual Analysis via Token Clustering Transformer',
  authors: 'Zeng et al.',
  year: 2022,
  arxiv: '2204.08680',
  licence: 'Apache-2.0',
  summary: 'merges clusters around density peaks',
  over: 'image',
  classToken: false,
  needs: [],
  trainingFree: true,
  defaults: { keep: 0.25 },
  order: 'own',
  tokensLeft: (options, row) =>
    Math.min(row.tokens, Math.max(tokensLeftBy(budgetFor(options), row), row.kept + 1)),
  create: dpcKnn,
};
