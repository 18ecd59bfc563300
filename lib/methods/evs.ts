import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { frameChange } from '../criteria/frame-change.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { countsAsked } from '../strategies/amounts.js';
import { prunedMap } from '../strategies/maps.js';
import { bestTokens, requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type Method, type MethodOptions, readMethodOptions, roundingDown, tokensLeftBy } from './method.js';

/** Options of {@link evs}. */
export interface EvsOptions extends MethodOptions {
  /** The fraction of a video's tokens to remove. */
  readonly ratio: Schedule;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * EVS, efficient video sampling: Bagrov et al., "Efficient Video Sampling: Pruning Temporally Redundant Tokens for
 * Faster VLM Inference", 2025, arXiv 2510.14624.
 *
 * A token that looks like the one at the same place of the frame before says nothing new: the dissimilarity of a token
 * is 1 minus the cosine with that one; of the whole video `max(h * w, floor(t * h * w * (1 - ratio)))` tokens stay, the
 * most dissimilar ones, of equal ones the first. The first frame stays whole. Tokens keep their order and positions, so
 * that M-RoPE sees where each one was; the video is the free tokens, text and the like is masked 1. Reads the grid.
 *
 * This is what serving engines run, on the embeddings; the paper compares patches of pixels by their L1 distance and
 * cuts at a percentile. `reference: 'authors'` rounds down what floating point makes of the product, as engines do.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function evs(options: EvsOptions): Sieve {
  const { grid } = readOptions(options);
  const { positions } = readMethodOptions(options);
  const option = readGridOption(grid);
  return createSieve({
    criterion: frameChange({ ...(option && { grid: option }) }),
    budget: budgetFor(options),
    strategy: keepChanged(option),
    positions,
  });
}

const budgetFor = (options: EvsOptions) =>
  countBudget('options.ratio', 'ratio', options.ratio, { rounding: roundingDown(options), of: 'free' });

/** The tokens of a video that changed most, a frame's worth of them at least. */
function keepChanged(grid: readonly number[] | undefined): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const [, height, width] = gridOf(tokens, grid, 3, 'evs');
    const asked = countsAsked(decision, 'evs') ?? tokens.rows.map((row) => row.tokens);
    const counts = tokens.rows.map((row, i) =>
      Math.min(row.tokens, Math.max(asked[i], row.kept + height * width)),
    );
    const best = yield* bestTokens(tokens, requiredScores(decision), counts);
    return { map: prunedMap(tokens, best.indices.data, best.offsets) };
  };
}

export const method: Method<EvsOptions> = {
  name: 'evs',
  group: 'video',
  title: 'Efficient Video Sampling: Pruning Temporally Redundant Tokens for Faster VLM Inference',
  authors: 'Bagrov et al.',
  year: 2025,
  arxiv: '2510.14624',
  licence: 'proprietary: written from the description alone',
  summary: 'keeps the first frame and what changes most from frame to frame',
  over: 'video',
  classToken: false,
  needs: ['grid'],
  trainingFree: true,
  defaults: { ratio: 0.5 },
  order: 'place',
  tokensLeft: (options, row) => {
    const [, height, width] = row.grid ?? options.grid ?? [];
    return Math.min(row.tokens, Math.max(tokensLeftBy(budgetFor(options), row), row.kept + height * width));
  },
  create: evs,
};
