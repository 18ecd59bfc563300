import { countBudget } from '../budgets/count.js';
import { readSchedule, type Schedule } from '../budgets/schedule.js';
import type { Criterion } from '../criteria/criterion.js';
import { type Likeness, likenessIn } from '../criteria/likeness.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { framesOf } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import { rounded, roundedTo, sharesOf } from '../strategies/frame-shares.js';
import { keepPerSegment } from '../strategies/join-segments.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
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
 * What differs from the whole is worth keeping. Tokens are cut to the half of the channels that vary least over the
 * video and brought to length 1; with the distance d to a centre, a mean of such tokens, a token is like it by the
 * sum over k from -3 to 1 of `exp(-d^2 / (2 * 2^k))`. The score of a token is minus its likeness to the centre of the
 * video and to that of its frame. A frame keeps `keep * (1 + p - mean p)` of its tokens, at most all and at least
 * one, p the softmax over frames of minus the frame's mean likeness to the video, at a temperature of 0.01. Reads the
 * grid; compares hidden, or metric where the inputs bring one.
 *
 * Of the whole video exactly `max(t, floor(t * h * w * keep))` tokens stay: where frames' rounded numbers do not add
 * up to it, those farthest from their share give or take first. `reference: 'authors'` leaves the rounded numbers as
 * they are.
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
      known.get(tokens) ??
      (yield* likenessIn(tokens, framesOf(tokens, gridOf(tokens, option, 3, 'vidCom2'))));
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
      counts.push(...(isAuthors ? rounded(shares, cells) : roundedTo(Math.max(count, total), shares, cells)));
    }
    return yield* keepPerSegment(tokens, frames, requiredScores(decision), counts);
  };
  return createSieve({ criterion, budget: budgetFor(keep), strategy, positions });
}

const budgetFor = (keep: Schedule) => countBudget('options.keep', 'keep', keep);

function meanOf(values: Float64Array, start: number, count: number): number {
  return values.subarray(start, start + count).reduce((sum, value) => sum + value, 0) / count;
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
