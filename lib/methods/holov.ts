import { budgetOf, type CountOptions } from '../budgets/count.js';
import { rangeError, typeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { readInteger, readOptions } from '../options.js';
import { byScore } from '../ranking.js';
import { createSieve, type Sieve } from '../sieve.js';
import { freeCounts, keptTokens, withKept } from '../strategies/among-free.js';
import { type CropScoring, cosineVariance, cropsOf, cropWeights } from '../strategies/crops.js';
import { prunedMap } from '../strategies/maps.js';
import { raggedOf } from '../strategies/nearest.js';
import { shareOut, shareOutOnce } from '../strategies/quotas.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link holov}: how many tokens stay beside the class token, by one of `count`, `keep` and `ratio`. */
export type HolovOptions = CountOptions &
  EncoderAttentionOptions &
  MethodOptions & {
    /** Parts that the picture is cut into, line by line; 16 by default. */
    readonly crops?: number;
    /** How much attention counts for a part; 1 by default. */
    readonly alpha?: number;
    /** How much it counts that a part's tokens are like each other in different ways; 0.09 by default. */
    readonly beta?: number;
  };

/**
 * HoloV: Zou et al., "Don't Just Chase 'Highlighted Tokens' in MLLMs: Revisiting Visual Holistic Context Retention",
 * NeurIPS 2025, arXiv 2510.02912.
 *
 * The free tokens are cut into contiguous crops. A token's score is alpha times the attention of the class token,
 * averaged over heads, plus beta times the variance of its cosines (of hidden, or `metric`) with the others of its
 * crop, on the scale of attention; a crop's is the mean of its tokens'. Crops share the `floor(L keep)` tokens that
 * stay by score, and each keeps those of greatest attention. Where a crop has fewer tokens than its share, the others
 * get what is over, so that the number is exact. Tokens stay in place. Reads q and k; encoders without a class token
 * need `queries: 'all'`.
 *
 * Variances are brought to attention's scale over the row. `reference: 'authors'` does so in each crop for itself, as
 * their code does, after which every crop counts as its attention alone does; it counts a cosine of 0 with itself
 * among the squares, lists crop after crop by falling attention, and keeps fewer tokens where a share is more than a
 * crop has, where their code fills up with zero vectors.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function holov(options: HolovOptions): Sieve {
  const { crops = 16, alpha = 1, beta = 0.09 } = readOptions(options);
  for (const [name, value] of Object.entries({ crops, alpha, beta })) {
    if (typeof value !== 'number') throw typeError(`options.${name}`, 'a number', value);
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw rangeError(`options.${name}`, 'a finite number from 0', value);
  }
  readInteger('options.crops', crops, 1);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    ...encoderAttention(options),
    budget: budgetFor(options),
    strategy: byCrops(crops, { alpha, beta, isAuthors }),
    positions,
  });
}

const budgetFor = (options: CountOptions) => budgetOf(options, { of: 'free' });

function byCrops(most: number, scoring: CropScoring): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const scores = requiredScores(decision);
    const counts = freeCounts(decision, 'holov');
    const crops = tokens.rows.map((_, row) => cropsOf(tokens, row, most));
    const features = yield* featuresOf(tokens, 'hidden', 'holov');
    const variances = yield* cosineVariance(features, crops, scoring.isAuthors);
    const chosen = crops.map((own, row) => {
      const attention = scores.data.subarray(row * tokens.length, (row + 1) * tokens.length);
      const weights = cropWeights(own, attention, variances[row], scoring);
      const room = own.map((crop) => crop.length);
      const shares = scoring.isAuthors
        ? shareOutOnce(weights, room, counts[row])
        : shareOut(weights, room, counts[row]);
      return own.flatMap((crop, at) =>
        Array.from(crop.slice().sort(byScore(attention)).subarray(0, shares[at])),
      );
    });
    const { indices, offsets } = scoring.isAuthors
      ? raggedOf(chosen.map((list, row) => [...keptTokens(tokens, row), ...list]))
      : withKept(tokens, raggedOf(chosen));
    return { map: prunedMap(tokens, indices.data, offsets) };
  };
}

export const method: Method<HolovOptions> = {
  name: 'holov',
  group: 'vision-language',
  title: "Don't Just Chase 'Highlighted Tokens' in MLLMs: Revisiting Visual Holistic Context Retention",
  authors: 'Zou et al.',
  year: 2025,
  arxiv: '2510.02912',
  licence: 'Apache-2.0',
  summary: 'keeps of each part of the picture its share of what the class token attends to',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { keep: 0.5 },
  order: 'place',
  tokensLeft: (options, row) =>
    options.reference === 'authors' ? undefined : tokensLeftBy(budgetFor(options), row),
  create: holov,
};
