import { budgetOf, type CountOptions } from '../budgets/count.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { readOptions, readWord } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { prune } from '../strategies/prune.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link fastv}: how many of the picture's tokens stay, by one of `count`, `keep` and `ratio`, of which the
 * paper removes half behind layer 2.
 */
export type FastvOptions = CountOptions &
  MethodOptions & {
    /** Whose attention scores the picture: every token's, the default, or the last one's of each row. */
    readonly queries?: 'all' | 'last';
  };

/**
 * FastV: Chen et al., "An Image is Worth 1/2 Tokens After Layer 2: Plug-and-Play Inference Acceleration for Large
 * Vision-Language Models", ECCV 2024, arXiv 2403.06764.
 *
 * Of a prompt whose picture is the free tokens and whose text is masked 1, the picture's tokens that receive most
 * attention stay, averaged over queries and heads of causal attention: `round(L (1 - ratio))` of its L tokens, a half
 * to the even side. All tokens stay in their places, and at their positions. Apply it to the tokens that enter layer K
 * (2 in the paper), with the attention of layer K - 1. Reads q and k; where q has fewer rows than there are tokens,
 * they are the last ones', and one is enough for `queries: 'last'`.
 *
 * `reference: 'authors'` asks the last token alone unless `queries` says otherwise, as their code does, which takes one
 * row of attention. Their paper has the average over all tokens, which is the default here. Unlike their code, every
 * row of a batch keeps tokens of its own.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function fastv(options: FastvOptions): Sieve {
  const { isAuthors, positions } = readMethodOptions(options);
  const { queries = isAuthors ? 'last' : 'all' } = readOptions(options);
  readWord('options.queries', queries, ['all', 'last']);
  return createSieve({
    criterion: attentionReceived({ queries, causal: true }),
    budget: pictureBudget(options),
    strategy: prune(),
    positions,
  });
}

const pictureBudget = (options: CountOptions) => budgetOf(options, { rounding: 'round', of: 'free' });

export const method: Method<FastvOptions> = {
  name: 'fastv',
  group: 'vision-language',
  title:
    'An Image is Worth 1/2 Tokens After Layer 2: Plug-and-Play Inference Acceleration for Large Vision-Language Models',
  authors: 'Chen et al.',
  year: 2024,
  arxiv: '2403.06764',
  licence: 'none: written anew',
  summary: 'keeps the picture tokens that receive most attention in an early layer',
  over: 'prompt',
  classToken: false,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { ratio: 0.5 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(pictureBudget(options), row),
  create: fastv,
};
