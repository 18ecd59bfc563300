import { budgetOf, type CountOptions } from '../budgets/count.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { createSieve, type Sieve } from '../sieve.js';
import { prune } from '../strategies/prune.js';
import { type Method, type MethodOptions, readMethodOptions, roundingDown, tokensLeftBy } from './method.js';

/**
 * Options of {@link pyramidDrop}: how many of the picture's tokens stay, by one of `count`, `keep` and `ratio`, at each
 * layer that it is applied to. `budgets.pyramid([8, 16, 24], [0.5, 0.25, 0.125])` is the `keep` of the paper's LLaVA.
 */
export type PyramidDropOptions = CountOptions & MethodOptions;

/**
 * PyramidDrop: Xing et al., "PyramidDrop: Accelerating Your Large Vision-Language Models via Pyramid Visual Redundancy
 * Reduction", CVPR 2025, arXiv 2410.17247.
 *
 * Of a prompt whose picture is the free tokens and whose text is masked 1, the picture's tokens stay to which the last
 * token attends most, averaged over heads: the fraction `keep` of those that are there, rounded down, again and again
 * over the stages of the model. Score with q and k made, at the layer that follows a stage, of the tokens that enter
 * it. Reads q and k; of q, the last token's row is enough. Tokens stay in their order and are given positions from 0
 * on, as in the authors' code; `positions: 'kept'` leaves them theirs.
 *
 * The authors list fractions of the picture as it came: `budgets.pyramid` takes their list. `reference: 'authors'`
 * rounds down what floating point makes of the product, as their code does: 0.29 of 100 tokens are 28.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function pyramidDrop(options: PyramidDropOptions): Sieve {
  const { positions } = readMethodOptions(options, 'renumbered');
  return createSieve({
    criterion: attentionReceived({ queries: 'last' }),
    budget: pictureBudget(options),
    strategy: prune(),
    positions,
  });
}

const pictureBudget = (options: PyramidDropOptions) =>
  budgetOf(options, { rounding: roundingDown(options), of: 'free' });

export const method: Method<PyramidDropOptions> = {
  name: 'pyramidDrop',
  group: 'vision-language',
  title:
    'PyramidDrop: Accelerating Your Large Vision-Language Models via Pyramid Visual Redundancy Reduction',
  authors: 'Xing et al.',
  year: 2024,
  arxiv: '2410.17247',
  licence: 'MIT',
  summary: 'keeps half of the picture tokens at each of a few stages, by the last token’s attention',
  over: 'prompt',
  classToken: false,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { keep: 0.5 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(pictureBudget(options), row),
  create: pyramidDrop,
};
