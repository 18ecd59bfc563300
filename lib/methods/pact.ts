import type { Budget } from '../budgets/budget.js';
import { budgetOf, type CountOptions } from '../budgets/count.js';
import { readSchedule, type Schedule } from '../budgets/schedule.js';
import { meanQueryAttention } from '../criteria/mean-query-attention.js';
import { rangeError, typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { type DbdpcOptions, dbdpc } from '../strategies/dbdpc.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/**
 * Options of {@link pact}: how many of the picture's tokens go into clustering, by one of `count`, `keep`, `ratio` and
 * `alpha`, and how they are clustered.
 */
export type PactOptions = MethodOptions &
  Partial<Pick<DbdpcOptions, 'cutoff' | 'coefPruned'>> &
  (
    | (CountOptions & { readonly alpha?: undefined })
    | {
        /** Tokens go in whose score is above `Q1 + alpha (Q3 - Q1)` of the row's. */
        readonly alpha: Schedule;
        readonly count?: undefined;
        readonly keep?: undefined;
        readonly ratio?: undefined;
      }
  );

/**
 * PACT, pruning and clustering-based token reduction: Dhouib et al., "PACT: Pruning and Clustering-Based Token
 * Reduction for Faster Visual Language Models", CVPR 2025, arXiv 2504.08966.
 *
 * Of a prompt whose picture is the free tokens and whose text is masked 1: unimportant tokens are told by the
 * attention of the mean query times the norm of the hidden state (`criteria.meanQueryAttention`), `floor(L keep)` of
 * the picture's L tokens or those above `alpha` are clustered by distance-bounded density peaks (`strategies.dbdpc`),
 * and the others join a cluster whose centre is within `coefPruned` cutoffs (1.5 by default) or are dropped. A
 * cluster becomes the mean of its tokens, weighted by size, in its centre's place and at its position;
 * `positions: 'mean'` is the authors' other choice. Hand log(sizes) to the next attention as its bias: proportional
 * attention is a part of the method. The authors apply it at layer 4, with `keep` 0.55 and `cutoff` 0.21, the
 * default, for LLaVA-OneVision 7B.
 *
 * Reads q and k, and `metric` in place of k to measure distances. The authors take queries and keys before rotary
 * embeddings for importance, and keys after for distances: hand those over as `metric`, heads side by side.
 * `reference: 'authors'` changes nothing: equal scores and densities rank by index, where their sort leaves it open.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function pact(options: PactOptions): Sieve {
  const { cutoff = 0.21, coefPruned = 1.5 } = readOptions(options);
  const { positions } = readMethodOptions(options, 'centre');
  return createSieve({
    criterion: meanQueryAttention(),
    budget: pictureBudget(options),
    strategy: dbdpc({ cutoff, coefPruned }),
    positions,
  });
}

function pictureBudget(options: PactOptions): Budget {
  const { alpha, ...counted } = options;
  if (alpha === undefined) return budgetOf(counted as CountOptions, { of: 'free' });
  for (const way of ['count', 'keep', 'ratio'] as const)
    if (options[way] !== undefined)
      throw typeError(`options.${way}`, 'left out beside options.alpha', options[way]);
  const alphaAt = readSchedule('options.alpha', alpha, (path, value) => {
    if (!Number.isFinite(value)) throw rangeError(path, 'a finite number', value);
  });
  return (layer) => {
    const value = alphaAt(layer);
    // Q1 + alpha IQR is Q3 + (alpha - 1) IQR.
    return value === undefined ? undefined : { rule: { iqr: value - 1 }, min: 1 };
  };
}

export const method: Method<PactOptions> = {
  name: 'pact',
  group: 'vision-language',
  title: 'PACT: Pruning and Clustering-Based Token Reduction for Faster Visual Language Models',
  authors: 'Dhouib et al.',
  year: 2025,
  arxiv: '2504.08966',
  licence: 'MIT',
  summary: 'drops what the mean query passes over, merges the rest within a distance',
  over: 'prompt',
  classToken: false,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { keep: 0.55 },
  order: 'place',
  tokensLeft: () => undefined,
  create: pact,
};
