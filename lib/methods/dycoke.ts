import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { frameChange } from '../criteria/frame-change.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { framesOf } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import { keepPerSegment } from '../strategies/join-segments.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import {
  type CountedRow,
  type Method,
  type MethodOptions,
  readMethodOptions,
  roundingDown,
} from './method.js';

/** Options of {@link dycoke}. */
export interface DycokeOptions extends MethodOptions {
  /** The fraction of a compared frame's tokens to remove; 0.7 and more in the paper. */
  readonly ratio: Schedule;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * DyCoke, temporal token merging: Tao et al., "DyCoke: Dynamic Compression of Tokens for Fast Video Large Language
 * Models", CVPR 2025, arXiv 2411.15024. Its first stage, before the language model; the second drops keys and values
 * while decoding.
 *
 * Frames go by fours. The 2nd is compared with the 1st and the 4th with the 3rd, place by place, and then the 3rd
 * with the 1st: of each compared frame the `floor(h * w * (1 - ratio))` tokens of least cosine stay, the 1st frame
 * whole. A frame at the end without a partner stays whole where it is the 1st of its four. Tokens keep their order
 * and positions. Reads the grid.
 *
 * `reference: 'authors'` drops the last frame where their number is odd, leaves the 3rd frame of the last four whole,
 * lists the tokens of a frame by rising cosine behind the protected ones, and rounds down what floating point makes of
 * the product, as their code does; here every four is reduced alike, no frame is lost, and order is kept.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dycoke(options: DycokeOptions): Sieve {
  const { grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const option = readGridOption(grid);
  return createSieve({
    criterion: frameChange({
      ...(option && { grid: option }),
      against: isAuthors ? authorsPartner : partner,
    }),
    budget: budgetFor(options),
    strategy: keepInFrames(option, isAuthors),
    positions,
  });
}

/** Of a frame's tokens. */
const budgetFor = (options: DycokeOptions) =>
  countBudget('options.ratio', 'ratio', options.ratio, { rounding: roundingDown(options) });

/** The frame that a frame is compared with: none for the first of four. */
function partner(frame: number): number | undefined {
  return frame % 4 === 0 ? undefined : frame - (frame % 4 === 2 ? 2 : 1);
}

/** Nor for the third of the last four. */
function authorsPartner(frame: number, frames: number): number | undefined {
  return frame % 4 === 2 && frame - 2 >= frames - 4 ? undefined : partner(frame);
}

/** Tokens that stay of each frame, `left` of a compared one. */
function countsOfFrames(frames: number, cells: number, left: number, isAuthors: boolean): number[] {
  return Array.from({ length: frames }, (_, frame) => {
    if (!isAuthors) return partner(frame) === undefined ? cells : left;
    const isLost = frames > 1 && frames % 2 === 1 && frame === frames - 1;
    return isLost ? 0 : authorsPartner(frame, frames) === undefined ? cells : left;
  });
}

function keepInFrames(grid: readonly number[] | undefined, isAuthors: boolean): Strategy {
  return function* (decision) {
    const { tokens, amount } = decision;
    const sides = gridOf(tokens, grid, 3, 'dycoke');
    const cells = sides[1] * sides[2];
    const left = amount && 'count' in amount ? amount.count({ tokens: cells, kept: 0 }) : cells;
    const counts = countsOfFrames(sides[0], cells, left, isAuthors);
    const frames = framesOf(tokens, sides);
    const ofAll = Array.from(frames.rows, (_, i) => counts[i % sides[0]]);
    return yield* keepPerSegment(
      tokens,
      frames,
      requiredScores(decision),
      ofAll,
      isAuthors ? 'score' : 'place',
    );
  };
}

/** What stays of a row by counts of its frames. */
function leftOf(options: DycokeOptions, row: CountedRow): number {
  const { grid, reference } = options;
  const [frames, height, width] = row.grid ?? grid ?? [];
  const amount = budgetFor(options)(row.layer);
  if (amount === undefined || !('count' in amount) || row.tokens === row.kept) return row.tokens;
  const cells = height * width;
  const left = amount.count({ tokens: cells, kept: 0 });
  const counts = countsOfFrames(frames, cells, left, reference === 'authors');
  return counts.reduce((sum, count) => sum + count, row.kept);
}

export const method: Method<DycokeOptions> = {
  name: 'dycoke',
  group: 'video',
  title: 'DyCoke: Dynamic Compression of Tokens for Fast Video Large Language Models',
  authors: 'Tao et al.',
  year: 2025,
  arxiv: '2411.15024',
  licence: 'Apache-2.0',
  summary: 'drops from three of four frames what looks like a frame before',
  over: 'video',
  classToken: false,
  needs: ['grid'],
  trainingFree: true,
  defaults: { ratio: 0.7 },
  order: 'place',
  tokensLeft: leftOf,
  create: dycoke,
};
