import { budgetOf, type CountOptions } from '../budgets/count.js';
import { featuresOf } from '../features.js';
import { createSieve, type Sieve } from '../sieve.js';
import { step } from '../steps.js';
import { freeAlone, freeCounts, withKept } from '../strategies/among-free.js';
import { chosenTokens } from '../strategies/choice.js';
import { prunedMap } from '../strategies/maps.js';
import type { Strategy } from '../strategies/strategy.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link divPrune}: how many free tokens stay, by one of `count`, `keep` and `ratio`. */
export type DivPruneOptions = CountOptions & MethodOptions;

/**
 * DivPrune: Alvar et al., "DivPrune: Diversity-based Visual Token Pruning for Large Multimodal Models", CVPR 2025,
 * arXiv 2503.02175.
 *
 * The tokens that stay are those whose least distance from each other, `1 - cosine` of hidden (or `metric`), is great:
 * first the one whose nearest neighbour is farthest, then, again and again, the one farthest from its nearest among the
 * chosen. `round(keep * L)` of the L free tokens stay, in place; tokens masked 1, such as text, stay without a part in
 * this.
 *
 * No token is chosen twice, as can happen in the authors' code once copies are all that is left; nor is a distance
 * computed more than once, which takes O(M N) products in place of O(M^2 N). `reference: 'authors'` changes nothing.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function divPrune(options: DivPruneOptions): Sieve {
  const { positions } = readMethodOptions(options);
  return createSieve({ budget: budgetFor(options), strategy: farthestFree, positions });
}

const farthestFree: Strategy = function* (decision) {
  const { tokens } = decision;
  const features = yield* featuresOf(tokens, 'hidden', 'divPrune');
  const counts = freeCounts(decision, 'divPrune');
  const chosen = yield* chosenTokens(freeAlone(tokens), features, undefined, counts, (rows) =>
    step.farthestPoint(rows.features, rows.options),
  );
  const { indices, offsets } = withKept(tokens, chosen);
  return { map: prunedMap(tokens, indices.data, offsets) };
};

const budgetFor = (options: CountOptions) => budgetOf(options, { rounding: 'round', of: 'free' });

export const method: Method<DivPruneOptions> = {
  name: 'divPrune',
  group: 'vision-language',
  title: 'DivPrune: Diversity-based Visual Token Pruning for Large Multimodal Models',
  authors: 'Alvar et al.',
  year: 2025,
  arxiv: '2503.02175',
  licence: 'CC-BY-NC-4.0: written from the paper alone',
  summary: 'keeps tokens that are far from each other',
  over: 'image',
  classToken: false,
  needs: [],
  trainingFree: true,
  defaults: { keep: 0.1 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(budgetFor(options), row),
  create: divPrune,
};
