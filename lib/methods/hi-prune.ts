import { budgetOf, type CountOptions } from '../budgets/count.js';
import { roundCount } from '../budgets/schedule.js';
import { type Criterion, scoresOf } from '../criteria/criterion.js';
import { ofShallowLayer } from '../criteria/shallow-layer.js';
import { rangeError, typeError } from '../errors.js';
import { freeTokens, gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { freeCounts, rankedFree, withKept } from '../strategies/among-free.js';
import { prunedMap } from '../strategies/maps.js';
import { raggedOf } from '../strategies/nearest.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link hiPrune}: how many free tokens stay, by one of `count`, `keep` and `ratio`. */
export type HiPruneOptions = CountOptions &
  MethodOptions & {
    /** Whose attention counts: that of all tokens, the default, or the class token's, which then always stays. */
    readonly queries?: EncoderAttentionOptions['queries'];
    /** The part of them that goes to anchors and their neighbours, from 0 to 1; 0.1 by default. */
    readonly alpha?: number;
    /** `[h,w]`, where the inputs bring no grid. */
    readonly grid?: readonly [number, number];
  };

/**
 * HiPrune: Liu et al., "HiPrune: Training-Free Visual Token Pruning via Hierarchical Attention in Vision-Language
 * Models", arXiv 2508.00553.
 *
 * Of the M tokens that stay, `round(M alpha / 5)` are anchors, which the attention of a middle layer of the vision
 * encoder turns to most; buffers are the anchors' neighbours on the left and right, above and below; registers are
 * those of the others that the attention of the last layer turns to most, as many as make M in all, exactly. M is
 * `round(L keep)` of the L free tokens, at least one; they stay in place. Where anchors and buffers are more than M,
 * the neighbours of the best anchors come first. Reads q and k of the last layer, shallowQ and shallowK of the middle
 * one, and the grid. The attention is the mean over all queries, unless `queries: 'class'` asks the class token's.
 *
 * `reference: 'authors'` takes for neighbours the tokens one and w places before and behind, and the first or last
 * token for one that is past the picture's end, so that at an edge it takes a token of the next line, or of a far
 * corner.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE` for the grid
 */
export function hiPrune(options: HiPruneOptions): Sieve {
  const { alpha = 0.1, grid } = readOptions(options);
  if (typeof alpha !== 'number') throw typeError('options.alpha', 'a number', alpha);
  if (!(alpha >= 0 && alpha <= 1)) throw rangeError('options.alpha', 'a number from 0 to 1', alpha);
  const { isAuthors, positions } = readMethodOptions(options);
  const { criterion, protect } = encoderAttention({ queries: options.queries ?? 'all' });
  const neighboursOf = isAuthors ? clampedNeighbours : gridNeighbours;
  return createSieve({
    criterion,
    budget: budgetFor(options),
    strategy: hierarchical(criterion, alpha, readGridOption(grid), neighboursOf),
    protect,
    positions,
  });
}

const budgetFor = (options: CountOptions) => budgetOf(options, { rounding: 'round', of: 'free' });

function hierarchical(
  criterion: Criterion,
  alpha: number,
  grid: readonly number[] | undefined,
  neighboursOf: typeof gridNeighbours,
): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const deep = requiredScores(decision);
    const shallow = yield* scoresOf(ofShallowLayer(criterion, 'hiPrune'), tokens);
    const [, width] = gridOf(tokens, grid, 2, 'hiPrune');
    const counts = freeCounts(decision, 'hiPrune');
    const cellOf = new Int32Array(tokens.length);
    const chosen = counts.map((count, row) => {
      const free = freeTokens(tokens, row);
      free.forEach((token, cell) => {
        cellOf[token] = cell;
      });
      const budget = Math.max(1, count);
      const most = roundCount((budget * alpha) / 5, budget, 'round');
      const anchors = rankedFree(tokens, row, shallow).subarray(0, most);
      const first = new Set(anchors);
      for (const token of anchors)
        for (const cell of neighboursOf(cellOf[token], free.length, width)) first.add(free[cell]);
      for (const token of rankedFree(tokens, row, deep)) {
        if (first.size >= budget) break;
        first.add(token);
      }
      return [...first].slice(0, budget);
    });
    const { indices, offsets } = withKept(tokens, raggedOf(chosen));
    return { map: prunedMap(tokens, indices.data, offsets) };
  };
}

/** The cells beside, above and below one. */
function gridNeighbours(cell: number, cells: number, width: number): number[] {
  const x = cell % width;
  return [
    ...(x > 0 ? [cell - 1] : []),
    ...(x + 1 < width ? [cell + 1] : []),
    ...(cell >= width ? [cell - width] : []),
    ...(cell + width < cells ? [cell + width] : []),
  ];
}

function clampedNeighbours(cell: number, cells: number, width: number): number[] {
  return [cell - 1, cell + 1, cell - width, cell + width].map((at) => Math.min(cells - 1, Math.max(0, at)));
}

export const method: Method<HiPruneOptions> = {
  name: 'hiPrune',
  group: 'vision-language',
  title: 'HiPrune: Training-Free Visual Token Pruning via Hierarchical Attention in Vision-Language Models',
  authors: 'Liu et al.',
  year: 2025,
  arxiv: '2508.00553',
  licence: 'Apache-2.0',
  summary: 'keeps what a middle layer attends to with its neighbours, and what the last layer attends to',
  over: 'image',
  classToken: false,
  needs: ['q', 'k', 'shallowQ', 'shallowK', 'grid'],
  trainingFree: true,
  defaults: { keep: 0.5 },
  order: 'place',
  tokensLeft: (options, row) =>
    Math.max(Math.min(row.tokens, row.kept + 1), tokensLeftBy(budgetFor(options), row)),
  create: hiPrune,
};
