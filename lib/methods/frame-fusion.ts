import { type CostOptions, ratioForCost } from '../budgets/cost.js';
import { roundCount } from '../budgets/schedule.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { frameSimilarity } from '../criteria/frame-change.js';
import { rangeError, typeError } from '../errors.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { framesOf, type Segments, segmentsOfRow } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { RowTokens, Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import { clusteredMap, ownPlaces } from '../strategies/maps.js';
import { bestTokens } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import type { Tensor } from '../tensor.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link frameFusion}. */
export interface FrameFusionOptions extends MethodOptions {
  /** What the model's layers together may cost, as a fraction of their cost with all tokens of the video; 0.3 in the paper. */
  readonly cost: number;
  /** How many layers the model has; 28 by default. */
  readonly layers?: number;
  /** The fraction of its tokens that each layer before removed; none by default. */
  readonly removed?: readonly number[];
  /** The cosine with the frame before from which on a token merges; 0.6 by default. */
  readonly threshold?: number;
  /** Prunes what merging leaves down to the cost; true by default. Without it merging alone removes, up to the cost. */
  readonly prune?: boolean;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * FrameFusion: Fu et al., "FrameFusion: Combining Similarity and Importance for Video Token Reduction on Large Vision
 * Language Models", ICCV 2025, arXiv 2501.01986.
 *
 * Of the tokens of the video, `floor(n * p)` go, p by the cost: see `budgets.ratioForCost`. First those that are alike
 * from frame to frame: a token whose cosine with the one at the same place of the frame before is at least the threshold
 * merges into the run that that one is in, the mean weighted by size, at the place of its first token. If more are alike
 * than may go, the most alike merge. What is still too many is pruned by attention received, the mean over heads and
 * (causal) queries; a run counts with the mean of its tokens. Reads the grid, and q and k to prune.
 *
 * The paper merges at the first layers, until hardly any tokens are alike, and prunes at the next. Layer by layer that is
 * `prune: false` with `removed` holding what the layers before removed, and at last a pruning by `budgets.ratio` of
 * `ratioForCost`; here one call does both. `reference: 'authors'` merges by the plain mean: a token that was merged before
 * counts once.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function frameFusion(options: FrameFusionOptions): Sieve {
  const { threshold = 0.6, prune = true, grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const ratio = ratioForCost(costOf(options));
  if (typeof threshold !== 'number') throw typeError('options.threshold', 'a number', threshold);
  if (Number.isNaN(threshold)) throw rangeError('options.threshold', 'a number', threshold);
  if (typeof prune !== 'boolean') throw typeError('options.prune', 'true or false', prune);
  return createSieve({
    criterion: prune ? attentionReceived({ causal: true }) : undefined,
    strategy: fuseFrames({ ratio, threshold, prune, isAuthors, grid: readGridOption(grid) }),
    positions,
  });
}

interface Fusing {
  readonly ratio: number;
  readonly threshold: number;
  readonly prune: boolean;
  readonly isAuthors: boolean;
  readonly grid: readonly number[] | undefined;
}

function costOf({ cost, layers = 28, removed }: FrameFusionOptions): CostOptions {
  return { cost, layers, ...(removed && { removed }) };
}

/** Tokens of a row that go. */
const goneOf = ({ tokens, kept }: RowTokens, ratio: number) =>
  roundCount((tokens - kept) * ratio, tokens - kept, 'floor');

function fuseFrames({ ratio, threshold, prune, isAuthors, grid }: Fusing): Strategy {
  return function* ({ tokens, scores }) {
    const frames = framesOf(tokens, gridOf(tokens, grid, 3, 'frameFusion'));
    const gone = tokens.rows.map((row) => goneOf(row, ratio));
    const similarity = yield* frameSimilarity(tokens, frames);
    const merges = yield* mostAlike(tokens, similarity, threshold, gone);
    const starts = runStarts(tokens, frames, merges);
    if (prune && scores) yield* dropLeast(tokens, starts, scores, gone);
    return { map: clusteredMap(tokens, starts), ...(isAuthors && { merge: { reduce: 'mean' } }) };
  };
}

/** `[B * N]`: 1 for a token that merges into the run of the frame before, of each row no more than may go. */
function* mostAlike(
  { batch, length }: Tokens,
  similarity: Float32Array,
  threshold: number,
  gone: readonly number[],
): Steps<Uint8Array> {
  const isAlike = (place: number) =>
    similarity[place] >= threshold && similarity[place] > Number.NEGATIVE_INFINITY;
  const mask = Uint8Array.from(similarity, (_, place) => (isAlike(place) ? 0 : 2));
  const counts = gone.map((most, row) => {
    const own = mask.subarray(row * length, (row + 1) * length);
    return Math.min(most, own.filter((state) => state === 0).length);
  });
  const values: Tensor<'float32'> = { type: 'float32', data: similarity, dims: [batch, length] };
  const { indices, offsets } = yield* bestTokens({ batch, length, mask }, values, counts);
  const merges = new Uint8Array(batch * length);
  for (let row = 0; row < batch; row++)
    for (let i = offsets[row]; i < offsets[row + 1]; i++) merges[row * length + indices.data[i]] = 1;
  return merges;
}

/** `[B * N]`: the first token of each one's run, within its row; -1 for a dropped one. */
function runStarts(tokens: Tokens, frames: Segments, merges: Uint8Array): Int32Array {
  const starts = ownPlaces(tokens);
  for (let row = 0; row < tokens.batch; row++) {
    const { places, longest } = segmentsOfRow(frames, row);
    places.forEach((place, i) => {
      if (merges[place] === 1) starts[place] = starts[places[i - longest]];
    });
  }
  return starts;
}

/** Takes from the starts the runs of least attention, so that as many tokens go as shall. */
function* dropLeast(
  { batch, length, mask, rows }: Tokens,
  starts: Int32Array,
  scores: Tensor<'float32'>,
  gone: readonly number[],
): Steps<void> {
  const sums = new Float64Array(batch * length);
  const members = new Int32Array(batch * length);
  const startAt = (place: number) => place - (place % length) + starts[place];
  starts.forEach((start, place) => {
    if (start === -1) return;
    sums[startAt(place)] += scores.data[place];
    members[startAt(place)]++;
  });
  const means = Float32Array.from(sums, (sum, place) => (members[place] === 0 ? 0 : sum / members[place]));
  const states = Uint8Array.from(starts, (start, place) =>
    start === place % length ? (mask?.[place] ?? 0) : 2,
  );
  const counts = rows.map(({ tokens }, row) => tokens - gone[row]);
  const best = yield* bestTokens(
    { batch, length, mask: states },
    { type: 'float32', data: means, dims: [batch, length] },
    counts,
  );
  const stays = new Uint8Array(batch * length);
  for (let row = 0; row < batch; row++)
    for (let i = best.offsets[row]; i < best.offsets[row + 1]; i++)
      stays[row * length + best.indices.data[i]] = 1;
  starts.forEach((start, place) => {
    if (start !== -1 && stays[startAt(place)] === 0) starts[place] = -1;
  });
}

export const method: Method<FrameFusionOptions> = {
  name: 'frameFusion',
  group: 'video',
  title:
    'FrameFusion: Combining Similarity and Importance for Video Token Reduction on Large Vision Language Models',
  authors: 'Fu et al.',
  year: 2025,
  arxiv: '2501.01986',
  licence: 'MIT',
  summary: 'merges what stays alike from frame to frame, prunes the rest by attention down to a cost',
  over: 'video',
  classToken: false,
  needs: ['grid', 'q', 'k'],
  trainingFree: true,
  defaults: { cost: 0.3 },
  order: 'place',
  tokensLeft: (options, row) =>
    options.prune === false ? undefined : row.tokens - goneOf(row, ratioForCost(costOf(options))),
  create: frameFusion,
};
