import { type Criterion, scoresOf } from '../criteria/criterion.js';
import { ofShallowLayer } from '../criteria/shallow-layer.js';
import { rangeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { gridOf, readGridOption } from '../grid.js';
import { readInteger, readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { keptTokens, rankedFree, tokensBut, withKept } from '../strategies/among-free.js';
import { bestOfWindows } from '../strategies/best-of-windows.js';
import { centredMap } from '../strategies/maps.js';
import { mergeInto } from '../strategies/merge-into.js';
import { raggedOf } from '../strategies/nearest.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link vscan}. */
export interface VscanOptions extends MethodOptions, EncoderAttentionOptions {
  /** Tokens that windows choose, in all; from 0. */
  readonly local: number;
  /** Tokens that are chosen over the whole picture; from 0, and not 0 where local is. */
  readonly global: number;
  /** Cells of a window: n for `[n,n]`; 6 by default. */
  readonly window?: number;
  /** `[h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number];
}

/**
 * VScan, its first stage: Zhang et al., "VScan: Rethinking Visual Token Reduction for Efficient Large Vision-Language
 * Models", TMLR 2026, arXiv 2505.22654.
 *
 * The local scan keeps, of each window of the picture, the `floor(local / windows)` tokens that the class token's
 * attention in a shallow layer of the encoder turns to most; the global scan those of the others that its attention
 * in a deep layer turns to most. Each token that does not stay goes into the most similar that does (cosine of
 * hidden, or `metric`), which becomes the mean of them all, weighted by size, and keeps its place and position. What
 * windows cannot share evenly, or do not hold, the global scan chooses. Reads q and k of the deep layer, shallowQ and
 * shallowK, and the grid; encoders without a class token need `queries: 'all'`. The second stage, in the language
 * model, is `fastv` at a middle layer.
 *
 * `reference: 'authors'` leaves `global` to the global scan whatever windows could not share, so that fewer stay, and
 * takes all tokens for one in size, `(x + sum of others) / (1 + n)`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE` for the grid
 */
export function vscan(options: VscanOptions): Sieve {
  const { local, global, window = 6, grid } = readOptions(options);
  for (const [name, value] of Object.entries({ local, global })) readInteger(`options.${name}`, value, 0);
  readInteger('options.window', window, 1);
  if (local + global === 0) throw rangeError('options.global', 'an integer from 1, where local is 0', global);
  const { isAuthors, positions } = readMethodOptions(options, 'centre');
  const { criterion, protect } = encoderAttention(options);
  return createSieve({
    criterion,
    strategy: scanned(criterion, { local, global, window, isAuthors, grid: readGridOption(grid) }),
    protect,
    positions,
  });
}

interface Scan {
  readonly local: number;
  readonly global: number;
  readonly window: number;
  readonly isAuthors: boolean;
  readonly grid: readonly number[] | undefined;
}

function scanned(criterion: Criterion, { local, global, window, isAuthors, grid }: Scan): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const deep = requiredScores(decision);
    const shallow = yield* scoresOf(ofShallowLayer(criterion, 'vscan'), tokens);
    const sides = gridOf(tokens, grid, 2, 'vscan');
    const winners = bestOfWindows(tokens, shallow, { sides, window, total: local });
    const chosen = winners.map((own, row) => {
      const isWinner = new Set(own);
      const rest = rankedFree(tokens, row, deep).filter((token) => !isWinner.has(token));
      const asked = isAuthors ? global : local + global - own.length;
      return [...own, ...rest.slice(0, Math.max(asked, own.length === 0 ? 1 : 0))];
    });
    const features = yield* featuresOf(tokens, 'hidden', 'vscan');
    const takers = raggedOf(chosen);
    const others = chosen.map((own, row) => tokensBut(tokens, row, own, keptTokens(tokens, row)));
    const { into } = yield* mergeInto(features, tokens, raggedOf(others), takers);
    const plan = centredMap(tokens, withKept(tokens, takers), into);
    return isAuthors ? { ...plan, merge: { reduce: 'mean' } } : plan;
  };
}

export const method: Method<VscanOptions> = {
  name: 'vscan',
  group: 'vision-language',
  title: 'VScan: Rethinking Visual Token Reduction for Efficient Large Vision-Language Models',
  authors: 'Zhang et al.',
  year: 2025,
  arxiv: '2505.22654',
  licence: 'MIT',
  summary: 'keeps what windows and the whole picture attend to, merges the rest into the most similar',
  over: 'image',
  classToken: true,
  needs: ['q', 'k', 'shallowQ', 'shallowK', 'grid'],
  trainingFree: true,
  defaults: { local: 32, global: 32 },
  order: 'place',
  tokensLeft: ({ local, global, reference }, { tokens, kept }) =>
    reference === 'authors' ? undefined : Math.min(tokens, kept + local + global),
  create: vscan,
};
