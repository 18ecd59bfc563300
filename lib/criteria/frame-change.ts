import { rangeError, typeError } from '../errors.js';
import { featuresOf, tokensFrom } from '../features.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { cutFeatures, framesOf, type Segments, segmentsOfRow } from '../segments.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { type FloatTensor, reshape } from '../tensor.js';
import type { Criterion } from './criterion.js';

/** The frame that a frame of so many is compared with. */
type Against = NonNullable<FrameChangeOptions['against']>;

/** Options of {@link frameChange}. */
export interface FrameChangeOptions {
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly number[];
  /**
   * The frame, counted from 0, that a frame of so many is compared with; undefined for one that is compared with none.
   * The one before it by default.
   */
  readonly against?: (frame: number, frames: number) => number | undefined;
}

/**
 * How far each token of a video has changed: 1 minus the cosine with the token at the same place of the frame before,
 * from 0 to 2. Tokens of a frame that is compared with none score 2, as if nothing of them had been seen; a token that
 * is in no frame scores 0. Tokens are compared by hidden, or by metric where the inputs bring one.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_SHAPE` naming the grid; RangeError
 * `ERR_TOKENSIEVE_RANGE` naming `options.against` for a frame that there is not
 */
export function frameChange(options: FrameChangeOptions = {}): Criterion {
  const { grid, against = theOneBefore } = readOptions(options);
  const option = readGridOption(grid);
  if (typeof against !== 'function') throw typeError('options.against', 'a function of the frame', against);
  return function* (tokens) {
    const sides = gridOf(tokens, option, 3, 'frameChange');
    const frames = framesOf(tokens, sides);
    const similarity = yield* frameSimilarity(tokens, frames, against);
    const scores = new Float32Array(similarity.length);
    for (const place of frames.places)
      scores[place] = Number.isNaN(similarity[place])
        ? similarity[place]
        : Math.min(2, 1 - similarity[place]);
    return { type: 'float32', data: scores, dims: [tokens.batch, tokens.length] };
  };
}

/** Each frame is compared with the one before it. */
export function theOneBefore(frame: number): number | undefined {
  return frame === 0 ? undefined : frame - 1;
}

/**
 * `[B * N]`: the cosine of each token with that at the same place of another frame; minus infinity where there is none.
 *
 * @param frames all of one size
 */
export function* frameSimilarity(
  tokens: Tokens,
  frames: Segments,
  against: Against = theOneBefore,
): Steps<Float32Array> {
  const similarity = new Float32Array(tokens.batch * tokens.length).fill(Number.NEGATIVE_INFINITY);
  const features = yield* featuresOf(tokens, 'hidden', 'frameChange');
  for (let row = 0; row < tokens.batch; row++) {
    const own = segmentsOfRow(frames, row);
    if (own.rows.length === 0) continue;
    const cells = own.longest;
    const cut = yield* cutFeatures(features, own);
    const all: FloatTensor = reshape(cut, [1, own.rows.length * cells, cut.dims[2]]);
    for (const { from, to, count } of stretches(own.rows.length, against)) {
      const [a, b] = [from, to].map((frame) => tokensFrom(all, frame * cells, count * cells));
      const { data } = yield* step.pairedSimilarity(a, b, {});
      data.forEach((cosine, i) => {
        similarity[own.places[from * cells + i]] = cosine;
      });
    }
  }
  return similarity;
}

/** Frames one after another that are compared with as many one after another: one call, of views. */
function stretches(frames: number, against: Against) {
  const found: { from: number; to: number; count: number }[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const to = against(frame, frames);
    if (to === undefined) continue;
    if (!Number.isInteger(to) || to < 0 || to >= frames)
      throw rangeError(`options.against(${frame}, ${frames})`, `a frame from 0 to ${frames - 1}`, to);
    const last = found.at(-1);
    if (last && last.from + last.count === frame && last.to + last.count === to) last.count++;
    else found.push({ from: frame, to, count: 1 });
  }
  return found;
}
