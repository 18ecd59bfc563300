import { countBudget } from '../budgets/count.js';
import { readSchedule, roundCount, type Schedule } from '../budgets/schedule.js';
import type { Criterion } from '../criteria/criterion.js';
import { allIntoOne, featuresOf } from '../features.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { cutFeatures, framesOf, type Segments } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { keepPerSegment } from '../strategies/join-segments.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type FloatTensor, reshape } from '../tensor.js';
import { type CountedRow, type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link vidCom2}. */
export interface VidCom2Options extends MethodOptions {
  /** The fraction of a video's tokens that stays; 0.25 in the paper. */
  readonly keep: Schedule;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * VidCom2, video compression commander: Liu et al., "Video Compression Commander: Plug-and-Play Inference Acceleration
 * for Video Large Language Models", EMNLP 2025, arXiv 2505.14454.
 *
 * What differs from the whole is worth keeping. Tokens are cut to the half of the channels that vary least over the video
 * and brought to length 1; with the distance d to a centre, a mean of such tokens, a token is like it by the sum over k
 * from -3 to 1 of `exp(-d^2 / (2 * 2^k))`. The score of a token is minus its likeness to the centre of the video and to
 * that of its frame. A frame keeps `keep * (1 + p - mean p)` of its tokens, at most all and at least one, p the softmax
 * over frames of minus the frame's mean likeness to the video, at a temperature of 0.01. Reads the grid; compares hidden,
 * or metric where the inputs bring one.
 *
 * Of the whole video exactly `max(t, floor(t * h * w * keep))` tokens stay: where frames' rounded numbers do not add up to
 * it, those farthest from their share give or take first. `reference: 'authors'` leaves the rounded numbers as they are.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function vidCom2(options: VidCom2Options): Sieve {
  const { keep, grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const option = readGridOption(grid);
  const known = new WeakMap<Tokens, Likeness>();
  function* likenessOf(tokens: Tokens): Steps<Likeness> {
    const likeness =
      known.get(tokens) ?? (yield* measure(tokens, framesOf(tokens, gridOf(tokens, option, 3, 'vidCom2'))));
    known.set(tokens, likeness);
    return likeness;
  }
  const criterion: Criterion = function* (tokens) {
    const { frames, toVideo, toFrame } = yield* likenessOf(tokens);
    const scores = new Float32Array(tokens.batch * tokens.length);
    frames.places.forEach((place, at) => {
      scores[place] = -(toVideo[at] + toFrame[at]);
    });
    return { type: 'float32', data: scores, dims: [tokens.batch, tokens.length] };
  };
  const fraction = readSchedule('options.keep', keep, () => {});
  const strategy: Strategy = function* (decision) {
    const { tokens, amount } = decision;
    const { frames, toVideo } = yield* likenessOf(tokens);
    const [count] = gridOf(tokens, option, 3, 'vidCom2');
    const base = fraction(tokens.layer) ?? 1;
    const cells = frames.longest;
    const total =
      amount && 'count' in amount ? amount.count({ tokens: count * cells, kept: 0 }) : count * cells;
    const counts: number[] = [];
    for (let first = 0; first < frames.rows.length; first += count) {
      const means = Array.from({ length: count }, (_, i) => meanOf(toVideo, (first + i) * cells, cells));
      const shares = sharesOf(means, base).map((share) => share * cells);
      counts.push(...(isAuthors ? roundedOf(shares, cells) : exactly(Math.max(count, total), shares, cells)));
    }
    return yield* keepPerSegment(tokens, frames, requiredScores(decision), counts);
  };
  return createSieve({ criterion, budget: budgetFor(keep), strategy, positions });
}

const budgetFor = (keep: Schedule) => countBudget('options.keep', 'keep', keep);

/** How like a token is to what is usual, at `frame * h * w + place`. */
interface Likeness {
  readonly frames: Segments;
  readonly toVideo: Float64Array;
  readonly toFrame: Float64Array;
}

function* measure(tokens: Tokens, frames: Segments): Steps<Likeness> {
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

const temperature = 0.01;

function meanOf(values: Float64Array, start: number, count: number): number {
  return values.subarray(start, start + count).reduce((sum, value) => sum + value, 0) / count;
}

/** The fraction of its tokens that each frame keeps: more where it is less like the video. NaN is like it. */
function sharesOf(likeness: readonly number[], base: number): number[] {
  const least = Math.min(...likeness.filter((value) => !Number.isNaN(value)));
  const weights = likeness.map((value) =>
    Number.isNaN(value) ? 0 : Math.exp((least - value) / temperature),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const mean = sum === 0 ? 0 : 1 / weights.length;
  return weights.map((weight) => Math.min(1, base * (1 + (sum === 0 ? 0 : weight / sum) - mean)));
}

function roundedOf(shares: readonly number[], cells: number): number[] {
  return shares.map((share) => Math.max(1, Math.min(cells, roundCount(share, cells, 'round'))));
}

/** Whole numbers from 1 to `cells` that add up to `total`, each as near its share as can be. */
function exactly(total: number, shares: readonly number[], cells: number): number[] {
  const counts = roundedOf(shares, cells);
  let over = counts.reduce((sum, count) => sum + count, 0) - total;
  while (over !== 0) {
    const sign = Math.sign(over);
    let best = -1;
    counts.forEach((count, frame) => {
      if (count === (sign > 0 ? 1 : cells)) return;
      if (best === -1 || sign * (count - shares[frame]) > sign * (counts[best] - shares[best])) best = frame;
    });
    counts[best] -= sign;
    over -= sign;
  }
  return counts;
}

function leftOf({ keep, grid, reference }: VidCom2Options, row: CountedRow): number | undefined {
  const amount = budgetFor(keep)(row.layer);
  if (amount === undefined || !('count' in amount) || row.tokens === row.kept) return row.tokens;
  if (reference === 'authors') return undefined;
  const [count] = row.grid ?? grid ?? [];
  return row.kept + Math.max(count, amount.count({ tokens: row.tokens - row.kept, kept: 0 }));
}

export const method: Method<VidCom2Options> = {
  name: 'vidCom2',
  group: 'video',
  title: 'Video Compression Commander: Plug-and-Play Inference Acceleration for Video Large Language Models',
  authors: 'Liu et al.',
  year: 2025,
  arxiv: '2505.14454',
  licence: 'Apache-2.0',
  summary: 'keeps what is unlike its video and frame, more of frames that stand out',
  over: 'video',
  classToken: false,
  needs: ['grid'],
  trainingFree: true,
  defaults: { keep: 0.25 },
  order: 'place',
  tokensLeft: leftOf,
  create: vidCom2,
};
