import { roundCount } from '../budgets/schedule.js';
import { pairCosines } from '../criteria/cohesion.js';
import { rangeError, typeError } from '../errors.js';
import { allIntoOne, featuresOf } from '../features.js';
import { gridOf, readGridOption } from '../grid.js';
import { readOptions } from '../options.js';
import { cutFeatures, framesOf, type Segments } from '../segments.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Clustering } from '../strategies/clustering.js';
import { dpcKnn } from '../strategies/dpc-knn.js';
import { centredMap, clusteredMap, identityMap, ownPlaces } from '../strategies/maps.js';
import { raggedOf } from '../strategies/nearest.js';
import { type Scene, scenesOf } from '../strategies/scenes.js';
import type { Strategy } from '../strategies/strategy.js';
import { type FloatTensor, reshape } from '../tensor.js';
import { TokenMap } from '../token-map.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link pruneVid}. */
export interface PruneVidOptions extends MethodOptions {
  /** The mean cosine over the frames of a scene above which a place is static; 0.8 by default. */
  readonly threshold?: number;
  /** Clusters for each token to cluster; 0.5 by default. */
  readonly clusterRatio?: number;
  /** Scenes for each frame; 0.25 by default. */
  readonly sceneRatio?: number;
  /** Neighbours, itself included, that a density is taken from; 7 by default. */
  readonly k?: number;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * PruneVid, spatial-temporal token merging: Huang et al., "PruneVid: Visual Token Pruning for Efficient Video Large
 * Language Models", 2024, arXiv 2412.16117. Its stage before the language model; after it the paper prunes by attention.
 *
 * Frames are clustered by density peaks on the mean of their tokens, `floor(t * sceneRatio)` clusters, which are made
 * scenes: stretches of frames. A place of a scene is static where the mean cosine between all its pairs of frames is above
 * the threshold; its tokens become one. Static ones of a scene, and dynamic ones of each frame, are then merged by density
 * peaks into `floor(n * clusterRatio)` clusters, at least 1. Each slot is the mean of its tokens weighted by size, where
 * its first token stands. Compares hidden, or metric where the inputs bring one; reads the grid.
 *
 * `reference: 'authors'` merges by place in space only where there are more than 14 tokens to cluster, takes plain means,
 * and lists for each scene static tokens before dynamic ones. Equal densities rank by index, where the authors' code adds
 * random noise.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function pruneVid(options: PruneVidOptions): Sieve {
  const { threshold = 0.8, clusterRatio = 0.5, sceneRatio = 0.25, k = 7, grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  if (typeof threshold !== 'number') throw typeError('options.threshold', 'a number', threshold);
  if (Number.isNaN(threshold)) throw rangeError('options.threshold', 'a number', threshold);
  for (const [path, value] of Object.entries({ clusterRatio, sceneRatio })) {
    if (typeof value !== 'number') throw typeError(`options.${path}`, 'a number', value);
    if (!(value > 0 && value <= 1)) throw rangeError(`options.${path}`, 'a number above 0, at most 1', value);
  }
  if (typeof k !== 'number') throw typeError('options.k', 'an integer', k);
  if (!Number.isSafeInteger(k) || k < 1) throw rangeError('options.k', 'an integer from 1', k);
  const merging: Merging = {
    threshold,
    sceneRatio,
    isAuthors,
    cluster: dpcKnn({ k, similarity: 'l2' }),
    clustersOf: (n) => (n === 0 || (isAuthors && n <= 14) ? n : atLeastOne(n * clusterRatio, n)),
  };
  return createSieve({ strategy: mergeScenes(merging, readGridOption(grid)), positions });
}

interface Merging {
  readonly threshold: number;
  readonly sceneRatio: number;
  readonly isAuthors: boolean;
  readonly cluster: Clustering;
  /** Clusters of so many tokens. */
  clustersOf(n: number): number;
}

const atLeastOne = (product: number, n: number) => Math.max(1, roundCount(product, n, 'floor'));

function mergeScenes(merging: Merging, grid: readonly number[] | undefined): Strategy {
  return function* ({ tokens }) {
    const sides = gridOf(tokens, grid, 3, 'pruneVid');
    const frames = framesOf(tokens, sides);
    if (frames.rows.length === 0) return { map: identityMap(tokens) };
    const features = yield* cutFeatures(yield* featuresOf(tokens, 'hidden', 'pruneVid'), frames);
    const scenes = yield* findScenes(features, sides[0], merging);
    const isStatic = yield* staticPlaces(features, scenes, merging.threshold);
    const leaders = yield* mergeInSpace(features, scenes, isStatic, merging);
    return merging.isAuthors
      ? { map: sceneByScene(tokens, frames, scenes, isStatic, leaders), merge: { reduce: 'mean' } }
      : { map: clusteredMap(tokens, inRows(tokens, frames, leaders)) };
  };
}

/** @param features `[V * t,L,D]`: the frames of all videos, as everything here counts them */
function* findScenes(
  features: FloatTensor,
  frames: number,
  { sceneRatio, cluster }: Merging,
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
function* staticPlaces(
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

/** `[V * t * L]`: the place that each goes with, the first of its cluster. */
function* mergeInSpace(
  features: FloatTensor,
  scenes: readonly Scene[],
  isStatic: Uint8Array,
  merging: Merging,
): Steps<Int32Array> {
  const [frames, cells, channels] = features.dims;
  const sceneOf = new Int32Array(frames);
  scenes.forEach(({ start, end }, scene) => {
    sceneOf.fill(scene, start, end);
  });
  const stays = (at: number) => isStatic[sceneOf[Math.floor(at / cells)] * cells + (at % cells)] === 1;
  const bySpace = yield* firstOfClusters(
    features,
    Uint8Array.from({ length: frames * cells }, (_, at) => (stays(at) ? 2 : 0)),
    merging,
  );
  if (!isStatic.includes(1)) return bySpace;
  const map = TokenMap.fromAssignment({
    type: 'int32',
    data: Int32Array.from(bySpace, (_, at) => sceneOf[Math.floor(at / cells)] * cells + (at % cells)),
    dims: [1, frames * cells],
  });
  const { tokens: means } = yield* step.mergeTokens(
    reshape(features, [1, frames * cells, channels]),
    map,
    {},
  );
  const overTime = yield* firstOfClusters(
    reshape(means, [scenes.length, cells, channels]),
    isStatic.map((state) => (state === 1 ? 0 : 2)),
    merging,
  );
  return bySpace.map((first, at) => {
    if (!stays(at)) return first;
    const scene = sceneOf[Math.floor(at / cells)];
    return scenes[scene].start * cells + (overTime[scene * cells + (at % cells)] % cells);
  });
}

/** `[rows * L]`: of each token that is not masked 2 the first of its cluster. */
function* firstOfClusters(features: FloatTensor, mask: Uint8Array, merging: Merging): Steps<Int32Array> {
  const [batch, length] = features.dims;
  const free = Array.from(
    { length: batch },
    (_, row) => mask.subarray(row * length, (row + 1) * length).filter((state) => state === 0).length,
  );
  const clusters = free.map((n) => merging.clustersOf(n));
  const first = Int32Array.from(mask, (_, at) => at);
  if (clusters.every((count, row) => count === free[row])) return first;
  const { labels } = yield* merging.cluster({
    batch,
    length,
    features,
    mask,
    free,
    clusters,
    sizes: undefined,
  });
  const found = new Map<number, number>();
  labels.forEach((label, at) => {
    if (at % length === 0) found.clear();
    if (label === -1) return;
    first[at] = found.get(label) ?? at;
    found.set(label, first[at]);
  });
  return first;
}

/** `[B * N]`: leaders within rows; protected tokens are their own. */
function inRows(tokens: Tokens, { places }: Segments, leaders: Int32Array): Int32Array {
  const own = ownPlaces(tokens);
  leaders.forEach((leader, at) => {
    own[places[at]] = places[leader] % tokens.length;
  });
  return own;
}

/** For each scene static tokens, then dynamic ones; protected tokens before those of the scene that follows them. */
function sceneByScene(
  tokens: Tokens,
  frames: Segments,
  scenes: readonly Scene[],
  isStatic: Uint8Array,
  leaders: Int32Array,
): TokenMap {
  const { batch, length } = tokens;
  const { longest: cells, places } = frames;
  const into = inRows(tokens, frames, leaders);
  const rank = Array.from(into, (_, place): readonly number[] => [place, 0]);
  scenes.forEach(({ start, end }, scene) => {
    for (let at = start * cells; at < end * cells; at++)
      rank[places[at]] = [places[start * cells], 1 - isStatic[scene * cells + (at % cells)]];
  });
  const centres = Array.from({ length: batch }, (_, row) => {
    const rankOf = (i: number) => rank[row * length + i];
    return Array.from({ length }, (_, i) => i)
      .filter((i) => into[row * length + i] === i)
      .sort((i, j) => rankOf(i)[0] - rankOf(j)[0] || rankOf(i)[1] - rankOf(j)[1] || i - j);
  });
  return centredMap(tokens, raggedOf(centres), into).map;
}

export const method: Method<PruneVidOptions> = {
  name: 'pruneVid',
  group: 'video',
  title: 'PruneVid: Visual Token Pruning for Efficient Video Large Language Models',
  authors: 'Huang et al.',
  year: 2024,
  arxiv: '2412.16117',
  licence: 'none: written from the paper alone',
  summary: 'merges over time what stands still in a scene, and in space what is alike',
  over: 'video',
  classToken: false,
  needs: ['grid'],
  trainingFree: true,
  defaults: {},
  order: 'place',
  tokensLeft: () => undefined,
  create: pruneVid,
};
