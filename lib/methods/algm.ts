import { cohesion } from '../criteria/cohesion.js';
import { rangeError, typeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions, readWord } from '../options.js';
import { byScore } from '../ranking.js';
import { readWindow, type Segments, windowsOf } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import { centredMap, clusteredMap } from '../strategies/maps.js';
import { nearestTokens, raggedOf } from '../strategies/nearest.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link algm}: one of its two stages. */
export type AlgmOptions = MethodOptions &
  (
    | {
        /** Merges windows, in the paper at the first layer. */
        readonly stage: 'local';
        /** The mean cosine of its tokens from which on a window merges; 0.88 by default. */
        readonly threshold?: number;
        /** `[wy,wx]` cells, or n for `[n,n]`; 2 by default. */
        readonly window?: number | readonly [number, number];
        /** `[h,w]`, where the inputs bring no grid. */
        readonly grid?: readonly [number, number];
      }
    | {
        /** Merges pairs over the whole picture, in the paper halfway through the layers. */
        readonly stage: 'global';
        /** The layer, counted from 1, that the threshold goes by; 5 by default. */
        readonly layer?: number;
      }
  );

/**
 * ALGM: Norouzi et al., "ALGM: Adaptive Local-then-Global Token Merging for Efficient Semantic Segmentation with Plain
 * Vision Transformers", CVPR 2024, arXiv 2406.09936. Tokens decide how many merge; the map restores all of them for the
 * decoder (compose the maps of both stages first).
 *
 * `'local'`, conditional local average pooling: each window of the grid whose tokens have a mean cosine of at least the
 * threshold becomes one token, the mean weighted by size, where its first token stands. Reads the grid.
 * `'global'`, global bipartite matching: tokens at even places each find the most similar one at an odd place, and merge
 * into it where the cosine is at least `mean + std / layer` of these best cosines of the row. Survivors stand before
 * destinations, each in place; where none merges, all keep their order. Both compare hidden, or metric where the inputs bring one.
 *
 * `reference: 'authors'` merges as many windows or pairs in every row as in the row of the batch that has fewest, and
 * takes the mean over the batch of means and deviations; merged windows stand where their last token did, behind the
 * protected tokens by falling cosine, before all others. Here a row's tokens never hang on other rows.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function algm(options: AlgmOptions): Sieve {
  const given = readOptions(options);
  readWord('options.stage', given.stage, ['local', 'global']);
  const { isAuthors, positions } = readMethodOptions(given);
  if (given.stage === 'global') {
    const { layer = 5 } = given;
    if (typeof layer !== 'number') throw typeError('options.layer', 'a number', layer);
    if (!(layer > 0 && layer < Number.POSITIVE_INFINITY))
      throw rangeError('options.layer', 'a number above 0', layer);
    return createSieve({ strategy: mergePairs(layer, isAuthors), positions });
  }
  const { threshold = 0.88, window = 2, grid } = given;
  if (typeof threshold !== 'number') throw typeError('options.threshold', 'a number', threshold);
  if (Number.isNaN(threshold)) throw rangeError('options.threshold', 'a number', threshold);
  const option = readGridOption(grid);
  return createSieve({
    criterion: cohesion({ window, ...(option && { grid: option }) }),
    strategy: mergeWindows(threshold, readWindow(window), option, isAuthors),
    positions,
  });
}

function mergeWindows(
  threshold: number,
  window: readonly [number, number],
  grid: readonly number[] | undefined,
  isAuthors: boolean,
): Strategy {
  return (decision) => {
    const { tokens } = decision;
    const scores = requiredScores(decision).data;
    const windows = windowsOf(tokens, gridOf(tokens, grid, 2, 'algm'), window);
    const merged = Array.from({ length: tokens.batch }, (_, row) =>
      Array.from(windows.rows.keys()).filter(
        (i) => windows.rows[i] === row && sizeOf(windows, i) > 1 && scoreOf(windows, scores, i) >= threshold,
      ),
    );
    if (!isAuthors) return { map: clusteredMap(tokens, leadersOf(tokens, windows, merged.flat(), 'first')) };
    const fewest = Math.min(...merged.map((own) => own.length));
    const compare = byScore(Array.from(windows.rows, (_, i) => scoreOf(windows, scores, i)));
    const chosen = merged.map((own) => own.sort(compare).slice(0, fewest));
    const into = leadersOf(tokens, windows, chosen.flat(), 'last');
    const centres = chosen.map((own, row) => {
      const stays = Array.from({ length: tokens.length }, (_, i) => i).filter(
        (i) => into[row * tokens.length + i] === i,
      );
      const isKept = (i: number) => tokens.mask?.[row * tokens.length + i] === 1;
      const last = own.map((i) => windows.places[windows.offsets[i + 1] - 1] % tokens.length);
      return [...stays.filter(isKept), ...last, ...stays.filter((i) => !isKept(i) && !last.includes(i))];
    });
    return centredMap(tokens, raggedOf(centres), into);
  };
}

const sizeOf = ({ offsets }: Segments, i: number) => offsets[i + 1] - offsets[i];
const scoreOf = ({ offsets, places }: Segments, scores: Float32Array, i: number) =>
  scores[places[offsets[i]]];

/** `[B * N]`: for each token that of its chosen window which it merges into, else itself; -1 for a dropped one. */
function leadersOf(
  { batch, length, mask }: Tokens,
  { offsets, places }: Segments,
  chosen: readonly number[],
  which: 'first' | 'last',
): Int32Array {
  const leaders = new Int32Array(batch * length).map((_, i) => (mask?.[i] === 2 ? -1 : i % length));
  for (const window of chosen) {
    const own = places.subarray(offsets[window], offsets[window + 1]);
    const leader = own[which === 'first' ? 0 : own.length - 1] % length;
    for (const place of own) leaders[place] = leader;
  }
  return leaders;
}

function mergePairs(layer: number, isAuthors: boolean): Strategy {
  return function* ({ tokens }) {
    const { batch, length, mask } = tokens;
    const rows = Array.from({ length: batch }, (_, row) => {
      const present = Array.from({ length }, (_, i) => i).filter((i) => mask?.[row * length + i] !== 2);
      const isFree = (i: number) => mask?.[row * length + i] !== 1;
      const [even, odd] = [0, 1].map((parity) => present.filter((i) => i % 2 === parity));
      return { present, even, odd, sources: even.filter(isFree), destinations: odd.filter(isFree) };
    });
    const sources = raggedOf(rows.map((row) => row.sources));
    const features = yield* featuresOf(tokens, 'hidden', 'algm');
    const found = yield* nearestTokens(features, sources, raggedOf(rows.map((row) => row.destinations)));
    const best = rows.map((_, row) =>
      found.similarity.subarray(sources.offsets[row], sources.offsets[row + 1]),
    );
    const merged = isAuthors
      ? alikeInAll(best, layer)
      : best.map((own) => above(own, thresholdOf([own], layer)));
    const into = new Int32Array(batch * length).map((_, i) => (mask?.[i] === 2 ? -1 : i % length));
    const centres = rows.map(({ present, even, odd }, row) => {
      const gone = new Set<number>();
      for (const i of merged[row]) {
        const at = sources.offsets[row] + i;
        into[row * length + sources.indices.data[at]] = found.tokens[at];
        gone.add(sources.indices.data[at]);
      }
      return gone.size === 0 ? present : [...even.filter((i) => !gone.has(i)), ...odd];
    });
    return centredMap(tokens, raggedOf(centres), into);
  };
}

/** `mean + std / layer`, the deviation being of a sample; of several rows the means of both. */
function thresholdOf(rows: readonly Float32Array[], layer: number): number {
  const parts = rows.map((best) => {
    const mean = best.reduce((sum, s) => sum + s, 0) / best.length;
    const squares = best.reduce((sum, s) => sum + (s - mean) ** 2, 0);
    return [mean, best.length > 1 ? Math.sqrt(squares / (best.length - 1)) : 0];
  });
  const [mean, deviation] = [0, 1].map((i) => parts.reduce((sum, part) => sum + part[i], 0) / parts.length);
  return mean + deviation / layer;
}

/** Places of the cosines that are at least so high; a source without a destination has none. */
function above(best: Float32Array, threshold: number): number[] {
  return Array.from(best.keys()).filter((i) => best[i] >= threshold && best[i] > Number.NEGATIVE_INFINITY);
}

/** As many in each row: those of highest cosine. */
function alikeInAll(rows: readonly Float32Array[], layer: number): number[][] {
  const threshold = thresholdOf(rows, layer);
  const fewest = Math.min(...rows.map((best) => above(best, threshold).length));
  return rows.map((best) => Array.from(best.keys()).sort(byScore(best)).slice(0, fewest));
}

export const method: Method<AlgmOptions> = {
  name: 'algm',
  group: 'dense prediction',
  title:
    'ALGM: Adaptive Local-then-Global Token Merging for Efficient Semantic Segmentation with Plain Vision Transformers',
  authors: 'Norouzi et al.',
  year: 2024,
  arxiv: '2406.09936',
  licence: 'MIT',
  summary: 'merges windows of tokens alike, later pairs all over the picture',
  over: 'image',
  classToken: false,
  needs: [],
  trainingFree: true,
  defaults: { stage: 'global' },
  order: 'bipartite',
  tokensLeft: () => undefined,
  create: algm,
};
