import { budgetOf, type CountOptions } from '../budgets/count.js';
import type { Criterion } from '../criteria/criterion.js';
import { scoresOf } from '../criteria/criterion.js';
import { type TextRelevanceOptions, textSimilarity } from '../criteria/text-relevance.js';
import { rangeError, typeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { step } from '../steps.js';
import { freeAlone, freeCounts, withKept } from '../strategies/among-free.js';
import { chosenTokens } from '../strategies/choice.js';
import { prunedMap } from '../strategies/maps.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link cdPruner}: how many free tokens stay, by one of `count`, `keep` and `ratio`. */
export type CdPrunerOptions = CountOptions &
  TextRelevanceOptions &
  MethodOptions & {
    /** How much relevance counts beside diversity, from 0 to below 1; by default relevance is taken as it is. */
    readonly theta?: number;
  };

/**
 * CDPruner: Zhang et al., "Beyond Attention or Similarity: Maximizing Conditional Diversity for Token Pruning in
 * MLLMs", NeurIPS 2025, arXiv 2506.10967.
 *
 * The relevance of a token is minus its mean cosine with the text, both as projected by CLIP, whose patches are the
 * less like a text the more they show of it (`sign: 1` for an encoder where they are the more like it), brought to
 * 0..1 over the free tokens of its row; with theta it becomes `exp(theta / (2 (1 - theta)) relevance)`, divided by
 * the greatest that can be where theta is nearly 1. The tokens that stay are chosen one after another for what each
 * adds to the determinant of `diag(relevance) cosines diag(relevance)`, cosines of hidden (or `metric`): relevant
 * ones, unlike each other; see `dppGreedy`. `floor(L keep)` of the L free ones stay, in place; tokens masked 1 stay
 * without a part in this. Reads imageEmbeds and textEmbeds.
 *
 * `reference: 'authors'` brings relevance to one scale over the whole batch, by `(r - min + 1e-6) / (max - min)`. Where
 * all are equally relevant, for which their code divides by zero, all count 1.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function cdPruner(options: CdPrunerOptions): Sieve {
  const { theta, sign } = readOptions(options);
  if (theta !== undefined && typeof theta !== 'number') throw typeError('options.theta', 'a number', theta);
  if (theta !== undefined && !(theta >= 0 && theta < 1))
    throw rangeError('options.theta', 'a number from 0, below 1', theta);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: relevance(textSimilarity({ ...(sign !== undefined && { sign }) }), theta, isAuthors),
    budget: budgetFor(options),
    strategy: diverseFree,
    positions,
  });
}

const budgetFor = (options: CountOptions) => budgetOf(options, { of: 'free' });

/** Similarity with the text on a scale from 0 to 1, or what theta makes of it. */
function relevance(similarity: Criterion, theta: number | undefined, isAuthors: boolean): Criterion {
  return function* (tokens) {
    const { batch, length, mask } = tokens;
    const scores = yield* scoresOf(similarity, tokens);
    const isFree = (i: number) => mask === undefined || mask[i] === 0;
    const height = isAuthors ? batch : 1;
    for (let row = 0; row < batch; row += height) {
      const [start, end] = [row * length, (row + height) * length];
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (let i = start; i < end; i++) {
        if (!isFree(i)) continue;
        low = Math.min(low, scores.data[i]);
        high = Math.max(high, scores.data[i]);
      }
      const onScale = (score: number) =>
        high > low ? (score - low + (isAuthors ? 1e-6 : 0)) / (high - low) : 1;
      for (let i = start; i < end; i++) scores.data[i] = isFree(i) ? onScale(scores.data[i]) : 0;
    }
    if (theta === undefined) return scores;
    const factor = theta / (2 * (1 - theta));
    // Squares of weights past this would leave float32; a factor that all share changes nothing.
    const most = factor > 40 ? 1 : 0;
    return {
      ...scores,
      data: scores.data.map((score, i) => (isFree(i) ? Math.exp(factor * (score - most)) : 0)),
    };
  };
}

const diverseFree: Strategy = function* (decision) {
  const { tokens } = decision;
  const scores = requiredScores(decision);
  const features = yield* featuresOf(tokens, 'hidden', 'cdPruner');
  const counts = freeCounts(decision, 'cdPruner');
  const chosen = yield* chosenTokens(freeAlone(tokens), features, scores, counts, (rows) =>
    step.dppGreedy(rows.features, rows.scores ?? scores, rows.options),
  );
  const { indices, offsets } = withKept(tokens, chosen);
  return { map: prunedMap(tokens, indices.data, offsets) };
};

export const method: Method<CdPrunerOptions> = {
  name: 'cdPruner',
  group: 'vision-language',
  title: 'Beyond Attention or Similarity: Maximizing Conditional Diversity for Token Pruning in MLLMs',
  authors: 'Zhang et al.',
  year: 2025,
  arxiv: '2506.10967',
  licence: 'Apache-2.0',
  summary: 'keeps tokens that the text is about and that are unlike each other',
  over: 'image',
  classToken: false,
  needs: ['imageEmbeds', 'textEmbeds'],
  trainingFree: true,
  defaults: { keep: 0.1 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(budgetFor(options), row),
  create: cdPruner,
};
