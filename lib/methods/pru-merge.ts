import { headsAsOne } from '../criteria/heads-as-one.js';
import { readInteger, readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { mergeAroundOutliers } from '../strategies/standing-out.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link pruMerge} and `pruMergePlus`. */
export interface PruMergeOptions extends MethodOptions, EncoderAttentionOptions {
  /** How many tokens each that stays takes up; 32 by default. */
  readonly k?: number;
}

/**
 * PruMerge: Shang et al., "LLaVA-PruMerge: Adaptive Token Reduction for Efficient Large Multimodal Models", ICCV 2025,
 * arXiv 2403.15388.
 *
 * The attention of the class token, all heads taken as one, scores the others; those past `Q3 + 1.5 (Q3 - Q1)` stay, at
 * least one. Each takes up the 32 tokens whose keys are most like its own (cosine, heads as one), whether they stay or
 * not, so that a token may be in several: the mean of itself, at weight 1, and of them, each weighted by its score. The
 * class token and the others stand in place; last comes the mean of all tokens that do not stay, weighted by score.
 * Score with the last layer but one of the encoder. Reads q and k (`metric`, where it is given, is compared in place of
 * keys); encoders without a class token need `queries: 'all'`. A token that does not stay is restored from the one most
 * like it of those that took it up, or else from the last. Positions are those of the tokens that stay.
 *
 * `reference: 'authors'` takes the quartiles over the whole batch, of which each row keeps the same fraction, lists
 * what stays by falling score, and does not divide by the sums of weights: a token becomes itself plus
 * `sum of s_j x_j`, and the last one `sum of s_j x_j`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * RangeError `ERR_TOKENSIEVE_RANGE` for a score that is no weight
 */
export function pruMerge(options: PruMergeOptions): Sieve {
  return aroundOutliers(options, false);
}

/** The sieve of both methods. */
export function aroundOutliers(options: PruMergeOptions, isPlus: boolean): Sieve {
  const { k = 32 } = readOptions(options);
  readInteger('options.k', k, 1);
  const { isAuthors, positions } = readMethodOptions(options, 'centre');
  const { criterion, protect } = encoderAttention(options);
  return createSieve({
    criterion: headsAsOne(criterion),
    strategy: mergeAroundOutliers({ k, isPlus, isAuthors }),
    protect,
    positions,
  });
}

export const method: Method<PruMergeOptions> = {
  name: 'pruMerge',
  group: 'vision-language',
  title: 'LLaVA-PruMerge: Adaptive Token Reduction for Efficient Large Multimodal Models',
  authors: 'Shang et al.',
  year: 2024,
  arxiv: '2403.15388',
  licence: 'Apache-2.0',
  summary: 'keeps what stands out to the class token, with the tokens most like it, and one of the rest',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { k: 32 },
  order: 'own',
  tokensLeft: () => undefined,
  create: pruMerge,
};
