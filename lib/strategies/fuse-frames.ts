// Merging over time, then pruning what is left by its scores, as FrameFusion does.
import { roundCount } from '../budgets/schedule.js';
import { frameSimilarity } from '../criteria/frame-change.js';
import { gridOf } from '../grid.js';
import { framesOf, type Segments, segmentsOfRow } from '../segments.js';
import type { RowTokens, Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { clusteredMap, ownPlaces } from './maps.js';
import { bestTokens } from './select.js';
import type { Strategy } from './strategy.js';

/** What {@link fuseFrames} goes by. */
export interface Fusing {
  /** The fraction of the free tokens that goes. */
  readonly ratio: number;
  /** The cosine with the frame before from which on a token merges. */
  readonly threshold: number;
  /** Prunes what merging leaves over by scores. */
  readonly prune: boolean;
  /** Takes plain means. */
  readonly isAuthors: boolean;
  readonly grid: readonly number[] | undefined;
}

/** Tokens of a row that go. */
export const goneOf = ({ tokens, kept }: RowTokens, ratio: number) =>
  roundCount((tokens - kept) * ratio, tokens - kept, 'floor');

/**
 * Tokens alike from frame to frame merge into runs, the most alike first; where too many are left, runs of the lowest
 * mean score are dropped.
 */
export function fuseFrames({ ratio, threshold, prune, isAuthors, grid }: Fusing): Strategy {
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
