import { budgetOf, type CountOptions } from '../budgets/count.js';
import { attentionReceived } from '../criteria/attention-received.js';
import type { Criterion } from '../criteria/criterion.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { prune } from '../strategies/prune.js';
import type { KeptOrder } from '../strategies/select.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link topKPrune}: how many stay, by one of `count`, `keep` and `ratio`, and which. */
export type TopKPruneOptions = MethodOptions &
  CountOptions & {
    /** Scores the tokens; attention received, averaged over queries and heads, by default. */
    readonly criterion?: Criterion;
    /** Of the kept tokens; `'index'` by default. */
    readonly order?: KeptOrder;
  };

/**
 * Top-K pruning, the prune branch of Algorithm 1 of Kong et al., arXiv 2505.18227:
 * `M = floor(N * (1 - ratio))`, `X' = Gather(X, TopK(E(X), M))`. Reads q and k, or what its criterion reads.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function topKPrune(options: TopKPruneOptions): Sieve {
  const { criterion = attentionReceived(), order = 'index' } = readOptions(options);
  const { positions } = readMethodOptions(options);
  return createSieve({ criterion, budget: budgetOf(options), strategy: prune({ order }), positions });
}

export const method: Method<TopKPruneOptions> = {
  name: 'topKPrune',
  group: 'general',
  title: 'Token Reduction Should Go Beyond Efficiency in Generative Models',
  authors: 'Kong et al.',
  year: 2025,
  arxiv: '2505.18227',
  licence: 'none: an algorithm in the paper',
  summary: 'keeps the best by any criterion',
  over: 'image',
  classToken: false,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { ratio: 0.5 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(budgetOf(options), row),
  create: topKPrune,
};
