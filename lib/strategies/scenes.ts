// Scenes of a video: frames that look alike, made stretches of time.
import { roundCount } from '../budgets/schedule.js';
import { pairCosines } from '../criteria/cohesion.js';
import { allIntoOne } from '../features.js';
import { type Steps, step } from '../steps.js';
import { type FloatTensor, reshape } from '../tensor.js';
import type { Clustering } from './clustering.js';

/** Frames from `start` up to, not including, `end`. */
export interface Scene {
  readonly start: number;
  readonly end: number;
}

/**
 * The scenes of videos, each frame being the mean of its tokens.
 *
 * @param features `[V * t,L,D]`: the frames of all videos, as everything here counts them
 * @param frames t
 */
export function* findScenes(
  features: FloatTensor,
  frames: number,
  { sceneRatio, cluster }: { readonly sceneRatio: number; readonly cluster: Clustering },
): Steps<Scene[]> {
  const [all, cells, channels] = features.dims;
  const { tokens: means } = yield* step.mergeTokens(features, allIntoOne(all, cells), {});
  const videos = all / frames;
  const { labels } = yield* cluster({
    batch: videos,
    length: frames,
    features: reshape(means, [videos, frames, channels]),
    mask: new Uint8Array(all),
    free: new Array<number>(videos).fill(frames),
    clusters: new Array<number>(videos).fill(atLeastOne(frames * sceneRatio, frames)),
    sizes: undefined,
  });
  return Array.from({ length: videos }, (_, video) => {
    const first = video * frames;
    const own = scenesOf(Array.from(labels.subarray(first, first + frames)));
    return own.map(({ start, end }) => ({ start: first + start, end: first + end }));
  }).flat();
}

/** `[scenes * L]`: 1 for a place that hardly changes over the frames of its scene. */
export function* staticPlaces(
  features: FloatTensor,
  scenes: readonly Scene[],
  threshold: number,
): Steps<Uint8Array> {
  const [frames, cells, channels] = features.dims;
  const all = reshape(features, [1, frames * cells, channels]);
  const isStatic = new Uint8Array(scenes.length * cells);
  for (const [scene, { start, end }] of scenes.entries()) {
    const length = end - start;
    if (length === 1) continue;
    const cosines = yield* pairCosines(all, {
      rows: new Int32Array(cells),
      offsets: Int32Array.from({ length: cells + 1 }, (_, cell) => cell * length),
      places: Int32Array.from(
        { length: cells * length },
        (_, i) => (start + (i % length)) * cells + Math.floor(i / length),
      ),
      longest: length,
    });
    cosines.forEach((cosine, cell) => {
      isStatic[scene * cells + cell] = Number(cosine > threshold);
    });
  }
  return isStatic;
}

/** A product with n made whole, and 1 for less. */
export const atLeastOne = (product: number, n: number) => Math.max(1, roundCount(product, n, 'floor'));

/**
 * Clusters of frames as scenes, as PruneVid makes them (Huang et al. 2024, arXiv 2412.16117): each cluster keeps its
 * longest runs of frames, if they are longer than one frame; other frames join the longer one of the runs beside them,
 * the one before where both are as long.
 *
 * @param labels the cluster of each frame
 */
export function scenesOf(labels: readonly number[]): Scene[] {
  const kept = keepLongest(labels);
  for (let start = 0; start < kept.length; ) {
    let end = start;
    while (end < kept.length && kept[end] === none) end++;
    if (end > start) {
      const before = runBefore(kept, start);
      const after = runAfter(kept, end);
      const label = after.length > before.length ? after.label : before.label;
      kept.fill(label === none ? 0 : label, start, end);
    }
    start = Math.max(end, start + 1);
  }
  return runsOf(kept);
}

const none = -1;

function keepLongest(labels: readonly number[]): number[] {
  const longest = new Map<number, number>();
  const runs = runsOf(labels);
  for (const { start, end } of runs)
    longest.set(labels[start], Math.max(longest.get(labels[start]) ?? 0, end - start));
  const kept = [...labels];
  for (const { start, end } of runs)
    if (end - start === 1 || end - start < (longest.get(labels[start]) ?? 0)) kept.fill(none, start, end);
  return kept;
}

function runsOf(labels: readonly number[]): Scene[] {
  const starts = labels.flatMap((label, i) => (i === 0 || labels[i - 1] !== label ? [i] : []));
  return starts.map((start, i) => ({ start, end: starts[i + 1] ?? labels.length }));
}

function runBefore(labels: readonly number[], end: number) {
  let start = end;
  while (start > 0 && labels[start - 1] === labels[end - 1]) start--;
  return { label: start < end ? labels[end - 1] : none, length: end - start };
}

function runAfter(labels: readonly number[], start: number) {
  let end = start;
  while (end < labels.length && labels[end] === labels[start]) end++;
  return { label: start < end ? labels[start] : none, length: end - start };
}
