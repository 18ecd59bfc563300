import { type CostOptions, ratioForCost } from '../budgets/cost.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { typeError } from '../errors.js';
import { readGridOption } from '../grid.js';
import { readOptions, readThreshold } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { fuseFrames, goneOf } from '../strategies/fuse-frames.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link frameFusion}. */
export interface FrameFusionOptions extends MethodOptions {
  /**
   * What the model's layers together may cost, as a fraction of their cost with all tokens of the video; 0.3 in the
   * paper.
   */
  readonly cost: number;
  /** How many layers the model has; 28 by default. */
  readonly layers?: number;
  /** The fraction of its tokens that each layer before removed; none by default. */
  readonly removed?: readonly number[];
  /** The cosine with the frame before from which on a token merges; 0.6 by default. */
  readonly threshold?: number;
  /** Prunes what merging leaves down to the cost; true by default. Without it merging alone removes, up to the cost. */
  readonly prune?: boolean;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * FrameFusion: Fu et al., "FrameFusion: Combining Similarity and Importance for Video Token Reduction on Large Vision
 * Language Models", ICCV 2025, arXiv 2501.01986.
 *
 * Of the tokens of the video, `floor(n * p)` go, p by the cost: see `budgets.ratioForCost`. First those that are
 * alike from frame to frame: a token whose cosine with the one at the same place of the frame before is at least the
 * threshold merges into the run that that one is in, the mean weighted by size, at the place of its first token. If
 * more are alike than may go, the most alike merge. What is still too many is pruned by attention received, the mean
 * over heads and (causal) queries; a run counts with the mean of its tokens. Reads the grid, and q and k to prune.
 *
 * The paper merges at the first layers, until hardly any tokens are alike, and prunes at the next. Layer by layer
 * that is `prune: false` with `removed` holding what the layers before removed, and at last a pruning by
 * `budgets.ratio` of `ratioForCost`; here one call does both. `reference: 'authors'` merges by the plain mean: a
 * token that was merged before counts once.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function frameFusion(options: FrameFusionOptions): Sieve {
  const { threshold = 0.6, prune = true, grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const ratio = ratioForCost(costOf(options));
  readThreshold('options.threshold', threshold);
  if (typeof prune !== 'boolean') throw typeError('options.prune', 'true or false', prune);
  return createSieve({
    criterion: prune ? attentionReceived({ causal: true }) : undefined,
    strategy: fuseFrames({ ratio, threshold, prune, isAuthors, grid: readGridOption(grid) }),
    positions,
  });
}

function costOf({ cost, layers = 28, removed }: FrameFusionOptions): CostOptions {
  return { cost, layers, ...(removed && { removed }) };
}

export const method: Method<FrameFusionOptions> = {
  name: 'frameFusion',
  group: 'video',
  title:
    'FrameFusion: Combining Similarity and Importance for Video Token Reduction on Large Vision Language Models',
  authors: 'Fu et al.',
  year: 2025,
  arxiv: '2501.01986',
  licence: 'MIT',
  summary: 'merges what stays alike from frame to frame, prunes the rest by attention down to a cost',
  over: 'video',
  classToken: false,
  needs: ['grid', 'q', 'k'],
  trainingFree: true,
  defaults: { cost: 0.3 },
  order: 'place',
  tokensLeft: (options, row) =>
    options.prune === false ? undefined : row.tokens - goneOf(row, ratioForCost(costOf(options))),
  create: frameFusion,
};
