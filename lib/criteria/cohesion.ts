import { type ComparedBy, featuresOf } from '../features.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions, readWord } from '../options.js';
import { cutFeatures, readWindow, type Segments, segmentMask, windowsOf } from '../segments.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import type { Criterion } from './criterion.js';

/** Options of {@link cohesion}. */
export interface CohesionOptions {
  /** Cells of a window: `[wy,wx]`, or n for `[n,n]`; 2 by default. */
  readonly window?: number | readonly [number, number];
  /** `[h,w]` or `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly number[];
  /** What tokens are compared by where the inputs bring no metric: hidden, the default, or the mean over heads of k. */
  readonly metric?: ComparedBy;
}

/**
 * How alike the tokens of a window are, as ALGM has it (Norouzi et al. 2024, arXiv 2406.09936): the mean cosine of its
 * pairs of tokens, the same for each of them; 0 for a token that is alone in its window or in none. Windows lie side by
 * side over the grid, smaller ones at its right and lower borders. A high cohesion ranks high: what may become one token.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE` naming the option
 * or the grid
 */
export function cohesion(options: CohesionOptions = {}): Criterion {
  const { window = 2, grid, metric = 'hidden' } = readOptions(options);
  const sides = readWindow(window);
  const option = readGridOption(grid);
  readWord('options.metric', metric, ['keys', 'hidden']);
  return function* (tokens) {
    const rank = (tokens.grid ?? option)?.length === 3 ? 3 : 2;
    const windows = windowsOf(tokens, gridOf(tokens, option, rank, 'cohesion'), sides);
    const cosines = yield* pairCosines(yield* featuresOf(tokens, metric, 'cohesion'), windows);
    const scores = new Float32Array(tokens.batch * tokens.length);
    cosines.forEach((cosine, segment) => {
      for (let i = windows.offsets[segment]; i < windows.offsets[segment + 1]; i++)
        scores[windows.places[i]] = cosine;
    });
    return { type: 'float32', data: scores, dims: [tokens.batch, tokens.length] };
  };
}

/** `[S]`: the mean cosine of the pairs of tokens of each segment; 0 for a segment of one. */
export function* pairCosines(features: FloatTensor, segments: Segments): Steps<Float64Array> {
  const { rows, offsets, longest } = segments;
  const means = new Float64Array(rows.length);
  if (rows.length === 0) return means;
  const mask = segmentMask(segments);
  const { data } = yield* step.similarityReduce(yield* cutFeatures(features, segments), {
    f: 'mean',
    self: false,
    ...(mask && { mask }),
  });
  return means.map((_, segment) => {
    const count = offsets[segment + 1] - offsets[segment];
    let sum = 0;
    for (let i = 0; i < count; i++) sum += data[segment * longest + i];
    return sum / count;
  });
}
