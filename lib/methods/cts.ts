import { readSchedule, type Schedule } from '../budgets/schedule.js';
import { rangeError } from '../errors.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { byScore } from '../ranking.js';
import { readWindow, type Segments, windowsOf } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import { centredMap, clusteredMap } from '../strategies/maps.js';
import { mergedSegments, segmentsIn } from '../strategies/merge-alike-windows.js';
import { raggedOf } from '../strategies/nearest.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type CountedRow, type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link cts}. */
export interface CtsOptions extends MethodOptions {
  /** How many windows share one token; at most those that fit the grid whole. */
  readonly groups: Schedule;
  /** `[wy,wx]` cells, or n for `[n,n]`; 2 by default. */
  readonly window?: number | readonly [number, number];
  /** `[h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number];
}

/**
 * CTS, content-aware token sharing: Lu et al., "Content-aware Token Sharing for Efficient Semantic Segmentation with
 * Vision Transformers", CVPR 2023, arXiv 2306.02095.
 *
 * A policy says of each 2 x 2 window of patches how likely it shows one class alone; the windows of highest score
 * become one token each. `inputs.scores` holds the policy's scores: that of a window is the mean of its tokens', so a
 * policy of windows gives each token the score of its window. Windows at a border that do not fit the grid stay as
 * they are. The paper embeds a shared window anew, from its pixels at half the scale; here it is the mean of its
 * tokens, which is the same where the embedding is linear and the patch's pixels are averaged. The map restores every
 * token. Reads scores and the grid.
 *
 * `reference: 'authors'` lists the tokens of windows that are not shared first and shared ones behind, as their code
 * does; here each stands where its first token does.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function cts(options: CtsOptions): Sieve {
  const { groups, window = 2, grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const groupsAt = readGroups(groups);
  const sides = readWindow(window);
  const option = readGridOption(grid);
  return createSieve({
    strategy: shareWindows(groupsAt, sides, option, isAuthors),
    positions,
  });
}

function readGroups(groups: Schedule): (layer: number | undefined) => number | undefined {
  return readSchedule('options.groups', groups, (path, value) => {
    if (!Number.isSafeInteger(value) || value < 0) throw rangeError(path, 'an integer from 0', value);
  });
}

function shareWindows(
  groupsAt: (layer: number | undefined) => number | undefined,
  sides: readonly [number, number],
  grid: readonly number[] | undefined,
  isAuthors: boolean,
): Strategy {
  return (decision) => {
    const { tokens } = decision;
    const { length } = tokens;
    const scores = requiredScores(decision).data;
    const windows = windowsOf(tokens, gridOf(tokens, grid, 2, 'cts'), sides);
    const { offsets, places } = windows;
    const means = meanScores(windows, scores);
    const isWhole = (i: number) => offsets[i + 1] - offsets[i] === sides[0] * sides[1];
    const shared = tokens.rows.map((_, row) => {
      const whole = segmentsIn(windows, row).filter(isWhole);
      return whole.sort(byScore(means)).slice(0, groupsAt(tokens.layer) ?? 0);
    });
    const into = mergedSegments(tokens, windows, shared.flat(), 'first');
    if (!isAuthors) return { map: clusteredMap(tokens, into) };
    const centres = shared.map((own, row) => {
      const behind = new Set(own.map((i) => places[offsets[i]] % length));
      const left = Array.from({ length }, (_, i) => i).filter((i) => into[row * length + i] === i);
      return [...left.filter((i) => !behind.has(i)), ...left.filter((i) => behind.has(i))];
    });
    return centredMap(tokens, raggedOf(centres), into);
  };
}

function meanScores({ rows, offsets, places }: Segments, scores: Float32Array): Float64Array {
  const means = new Float64Array(rows.length);
  for (let window = 0; window < rows.length; window++) {
    const [start, end] = [offsets[window], offsets[window + 1]];
    let sum = 0;
    for (let at = start; at < end; at++) sum += scores[places[at]];
    means[window] = sum / (end - start);
  }
  return means;
}

function leftOf({ groups, window = 2, grid }: CtsOptions, row: CountedRow): number {
  const [height, width] = row.grid ?? grid ?? [];
  const [high, wide] = readWindow(window);
  if (row.tokens === row.kept) return row.tokens;
  const whole = Math.floor(height / high) * Math.floor(width / wide);
  return row.tokens - Math.min(whole, readGroups(groups)(row.layer) ?? 0) * (high * wide - 1);
}

export const method: Method<CtsOptions> = {
  name: 'cts',
  group: 'dense prediction',
  title: 'Content-aware Token Sharing for Efficient Semantic Segmentation with Vision Transformers',
  authors: 'Lu et al.',
  year: 2023,
  arxiv: '2306.02095',
  licence: 'MIT',
  summary: 'gives one token to each window that a policy says shows one class',
  over: 'image',
  classToken: false,
  needs: ['scores', 'grid'],
  trainingFree: false,
  defaults: { groups: 8 },
  order: 'place',
  tokensLeft: leftOf,
  create: cts,
};
