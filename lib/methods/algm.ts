import { cohesion } from '../criteria/cohesion.js';
import { rangeError, typeError } from '../errors.js';
import { readGridOption } from '../grid.js';
import { readOptions, readThreshold, readWord } from '../options.js';
import { readWindow } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import { mergeAlikePairs } from '../strategies/merge-alike-pairs.js';
import { mergeAlikeWindows } from '../strategies/merge-alike-windows.js';
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
 * `'local'`, conditional local average pooling: each window of the grid whose tokens have a mean cosine of at least
 * the threshold becomes one token, the mean weighted by size, where its first token stands. Reads the grid.
 * `'global'`, global bipartite matching: tokens at even places each find the most similar one at an odd place, and
 * merge into it where the cosine is at least `mean + std / layer` of these best cosines of the row. Survivors stand
 * before destinations, each in place; where none merges, all keep their order. Both compare hidden, or metric where
 * the inputs bring one.
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
    return createSieve({ strategy: mergeAlikePairs(layer, isAuthors), positions });
  }
  const { threshold = 0.88, window = 2, grid } = given;
  readThreshold('options.threshold', threshold);
  const option = readGridOption(grid);
  return createSieve({
    criterion: cohesion({ window, ...(option && { grid: option }) }),
    strategy: mergeAlikeWindows({ threshold, window: readWindow(window), grid: option, isEven: isAuthors }),
    positions,
  });
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
