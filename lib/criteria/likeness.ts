// How like the tokens of a video are to what is usual in it and in their frames (VidCom2).
import { allIntoOne, featuresOf } from '../features.js';
import { cutFeatures, type Segments } from '../segments.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { type FloatTensor, reshape } from '../tensor.js';

/** How like a token is to what is usual, at `frame * h * w + place`. */
export interface Likeness {
  readonly frames: Segments;
  readonly toVideo: Float64Array;
  readonly toFrame: Float64Array;
}

/** How like the tokens of each video and frame are to its centre; compares hidden, or metric. */
export function* likenessIn(tokens: Tokens, frames: Segments): Steps<Likeness> {
  const count = frames.rows.length;
  if (count === 0) return { frames, toVideo: new Float64Array(), toFrame: new Float64Array() };
  const cut = yield* cutFeatures(yield* featuresOf(tokens, 'hidden', 'vidCom2'), frames);
  const videos = new Set(frames.rows).size;
  const cells = frames.longest;
  const all = reshape(cut, [videos, (count / videos) * cells, cut.dims[2]]);
  const half = yield* leastVarying(all);
  return {
    frames,
    toVideo: yield* likenessToCentre(half),
    toFrame: yield* likenessToCentre(reshape(half, [count, cells, half.dims[2]])),
  };
}

/** The half of the channels of each row that vary least. */
function* leastVarying(x: FloatTensor): Steps<FloatTensor> {
  const { variance } = yield* step.channelMoments(x, {});
  const most = Math.max(1, Math.floor(x.dims[2] / 2));
  const { indices } = yield* step.topK(variance, most, { largest: false });
  return yield* step.gatherChannels(x, indices, {});
}

/**
 * `[R * L]`: how like each token of x `[R,L,D]`, brought to length 1, is to the mean of its row. With u of length 1 and a
 * centre c, `||u - c||^2 = 1 + ||c||^2 - 2 ||c|| cos(u, c)`; a zero vector stays one.
 */
function* likenessToCentre(x: FloatTensor): Steps<Float64Array> {
  const [rows, length] = x.dims;
  const { data: norms } = yield* step.tokenNorms(x, {});
  const weights = norms.map((norm) => (norm === 0 ? 0 : 1 / norm / length));
  const { tokens: centres } = yield* step.mergeTokens(x, allIntoOne(rows, length), {
    reduce: 'sum',
    weights: { type: 'float32', data: weights, dims: [rows, length] },
  });
  const { data: centreNorms } = yield* step.tokenNorms(centres, {});
  const { values } = yield* step.similarityArgmax(x, centres, {});
  const likeness = new Float64Array(rows * length);
  for (let at = 0; at < likeness.length; at++) {
    const centre = centreNorms[Math.floor(at / length)];
    const own = norms[at] === 0 ? 0 : 1;
    const squared = own + centre * centre - 2 * own * centre * values.data[at];
    likeness[at] = likenessAt(Math.max(0, squared));
  }
  return likeness;
}

/** The sum over k from -3 to 1 of `exp(-d^2 / (2 * 2^k))`: each summand is the square of the one that follows it. */
function likenessAt(squared: number): number {
  let summand = Math.exp(-squared / 4);
  let sum = summand;
  for (let k = 0; k >= -3; k--) {
    summand *= summand;
    sum += summand;
  }
  return sum;
}
