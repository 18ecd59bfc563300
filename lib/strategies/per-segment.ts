import { typeError } from '../errors.js';
import { gridOf, readGridOption } from '../grid.js';
import { readInteger, readOptions, readWord } from '../options.js';
import {
  cutValues,
  framesOf,
  readWindow,
  type Segments,
  segmentsOf,
  segmentTokens,
  windowsOf,
} from '../segments.js';
import type { Tokens } from '../sieve-inputs.js';
import { isSteps } from '../steps.js';
import { joinSegments } from './join-segments.js';
import { identityMap } from './maps.js';
import { readPlan, type Strategy } from './strategy.js';

/** How the free tokens of a row fall into segments. */
export type Segmentation =
  /** Stretches of so many tokens, the last of them with what is left. */
  | { readonly size: number }
  /** So many stretches, as equal as can be; where they are not, the first ones are longer by one. */
  | { readonly count: number }
  /** The frames of `[t,h,w]`, in the inputs' grid or this one. */
  | { readonly frames: true; readonly grid?: readonly [number, number, number] }
  /** Windows of `[wy,wx]` cells (n is `[n,n]`) of each picture or frame of the grid, smaller ones at its borders. */
  | { readonly window: number | readonly [number, number]; readonly grid?: readonly number[] };

/** Options of {@link perSegment}. */
export type PerSegmentOptions = Segmentation & {
  /**
   * `'place'`, the default: tokens left by the place of what each stands for. `'segment'`: the protected ones, then
   * those of each segment in turn, as the strategy lists them.
   */
  readonly order?: 'place' | 'segment';
};

/**
 * A strategy that decides within each segment as if that were a row of its own: per frame of a video, per window of a
 * grid, per chunk of a sequence. `perSegment(prune(), { window: 6 })` with `budgets.count(3)` keeps the 3 best tokens
 * of every window of 6 x 6.
 *
 * The criterion has scored the whole row by then. The budget counts each segment by itself: `count` is a number of
 * tokens of each, `keep` a fraction of each, and at least one token of every segment stays. Segments are cut from the
 * free tokens; a protected one is in none, and stays. What the strategy compares is the same as without segments, the
 * mean over heads of k included; it sees no q, k and v. All segments of all rows are one batch to it.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve, besides
 * what the strategy throws, RangeError `ERR_TOKENSIEVE_SHAPE` or TypeError naming the grid
 */
export function perSegment(strategy: Strategy, options: PerSegmentOptions): Strategy {
  if (typeof strategy !== 'function') throw typeError('strategy', 'a strategy', strategy);
  const given = readOptions(options);
  const { order = 'place' } = given;
  readWord('options.order', order, ['place', 'segment']);
  const cut = readSegmentation(given);
  return function* ({ tokens, scores, amount }) {
    const { segments, grid } = cut(tokens);
    if (segments.rows.length === 0) return { map: identityMap(tokens) };
    const own = segmentTokens(tokens, segments, grid);
    const decided = strategy({ tokens: own, scores: scores && cutValues(scores, segments), amount });
    const plan = readPlan(isSteps(decided) ? yield* decided : decided);
    if ('distilled' in plan) throw typeError('strategy', 'one that makes a map', strategy);
    return joinSegments(tokens, segments, plan, order);
  };
}

/** The segments, and how the tokens of each lie. */
interface Segmented {
  readonly segments: Segments;
  readonly grid?: readonly number[];
}

function readSegmentation(options: Segmentation): (tokens: Tokens) => Segmented {
  const ways = (['size', 'count', 'frames', 'window'] as const).filter((way) => way in options);
  if (ways.length !== 1)
    throw typeError(
      'options',
      'an object with one of size, count, frames and window',
      ways.join(' and ') || options,
    );
  if ('size' in options) {
    const size = readInteger('options.size', options.size, 1);
    return (tokens) => ({
      segments: segmentsOf(tokens, (free) => ({
        segments: Math.ceil(free / size),
        segmentOf: (i) => Math.floor(i / size),
      })),
    });
  }
  if ('count' in options) {
    const count = readInteger('options.count', options.count, 1);
    return (tokens) => ({ segments: segmentsOf(tokens, (free) => equalStretches(free, count)) });
  }
  const grid = readGridOption(options.grid);
  if ('frames' in options) {
    if (options.frames !== true) throw typeError('options.frames', 'true', options.frames);
    return (tokens) => {
      const sides = gridOf(tokens, grid, 3, 'perSegment');
      return { segments: framesOf(tokens, sides), grid: sides.slice(1) };
    };
  }
  const window = readWindow(options.window);
  return (tokens) => {
    const rank = (tokens.grid ?? grid)?.length === 3 ? 3 : 2;
    return { segments: windowsOf(tokens, gridOf(tokens, grid, rank, 'perSegment'), window) };
  };
}

/** The first `free % count` stretches are longer by one. */
function equalStretches(free: number, count: number) {
  const [size, longer] = [Math.floor(free / count), free % count];
  const start = longer * (size + 1);
  return {
    segments: Math.min(count, free),
    segmentOf: (i: number) =>
      i < start ? Math.floor(i / (size + 1)) : longer + Math.floor((i - start) / size),
  };
}
