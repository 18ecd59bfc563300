import { budgetOf, type CountOptions } from '../budgets/count.js';
import { localGlobalPredictor } from '../criteria/local-global-predictor.js';
import { readInteger, readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { prune } from '../strategies/prune.js';
import { type Method, type MethodOptions, readMethodOptions, roundingDown, tokensLeftBy } from './method.js';

/**
 * Options of {@link dynamicVit}: how many of the tokens beside the class token stay, by one of `keep` (0.7, 0.49 and
 * 0.343 at layers 3, 6 and 9 in the paper), `ratio` and `count`.
 */
export type DynamicVitOptions = MethodOptions &
  CountOptions & {
    /**
     * How many tokens there were beside the class token before the first layer, such as 196, of which `keep` and
     * `ratio` are the fraction, as in the paper; by default as many as come in.
     */
    readonly initial?: number;
  };

/**
 * DynamicViT: Rao et al., "DynamicViT: Efficient Vision Transformers with Dynamic Token Sparsification", NeurIPS 2021,
 * arXiv 2106.02034.
 *
 * A small learned network says for each token beside the class token, the first of each row, the log-probability that
 * it is kept: `[local, global]`, GELU of a linear layer on the normalized token of which the second half is averaged
 * over the row's free tokens, goes through three linear layers to two logits. The `floor(initial * keep)` tokens of
 * greatest probability stay. Apply it before a block. Reads `predictor`, the weights of that layer's network, or
 * `scores` in place of what it would say.
 *
 * Tokens stay in place; `reference: 'authors'` lists them by falling probability behind the class token, and rounds
 * down what floating point makes of the product, as their code does: 0.29 of 100 tokens are 28.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dynamicVit(options: DynamicVitOptions): Sieve {
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: localGlobalPredictor(),
    budget: budgetFor(options),
    strategy: prune({ order: isAuthors ? 'score' : 'index' }),
    protect: { first: 1 },
    positions,
  });
}

function budgetFor(options: DynamicVitOptions) {
  const { initial } = readOptions(options);
  if (initial !== undefined) readInteger('options.initial', initial, 0);
  return budgetOf(options, { rounding: roundingDown(options), of: initial ?? 'free' });
}

export const method: Method<DynamicVitOptions> = {
  name: 'dynamicVit',
  group: 'vision transformers',
  title: 'DynamicViT: Efficient Vision Transformers with Dynamic Token Sparsification',
  authors: 'Rao et al.',
  year: 2021,
  arxiv: '2106.02034',
  licence: 'MIT',
  summary: 'keeps what a small learned network says is worth it',
  over: 'image',
  classToken: true,
  needs: ['predictor'],
  trainingFree: false,
  defaults: { keep: 0.7 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(budgetFor(options), row),
  create: dynamicVit,
};
