// Merging over time and in space within the scenes of a video, as PruneVid does.
import { featuresOf } from '../features.js';
import { gridOf } from '../grid.js';
import { cutFeatures, framesOf, type Segments } from '../segments.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { type FloatTensor, reshape } from '../tensor.js';
import { TokenMap } from '../token-map.js';
import type { Clustering } from './clustering.js';
import { centredMap, clusteredMap, identityMap, ownPlaces } from './maps.js';
import { raggedOf } from './nearest.js';
import { findScenes, type Scene, staticPlaces } from './scenes.js';
import type { Strategy } from './strategy.js';

/** What {@link mergeScenes} goes by. */
export interface SceneMerging {
  /** The mean cosine over the frames of a scene above which a place is static. */
  readonly threshold: number;
  /** Scenes for each frame. */
  readonly sceneRatio: number;
  /** Takes plain means, and lists tokens scene by scene, static ones first. */
  readonly isAuthors: boolean;
  /** Of frames, and of tokens. */
  readonly cluster: Clustering;
  /** Clusters of so many tokens. */
  clustersOf(n: number): number;
}

/** What is static in a scene merges over time, then that and what is dynamic in each frame merge in space. */
export function mergeScenes(merging: SceneMerging, grid: readonly number[] | undefined): Strategy {
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

/** `[V * t * L]`: the place that each goes with, the first of its cluster. */
function* mergeInSpace(
  features: FloatTensor,
  scenes: readonly Scene[],
  isStatic: Uint8Array,
  merging: SceneMerging,
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
function* firstOfClusters(features: FloatTensor, mask: Uint8Array, merging: SceneMerging): Steps<Int32Array> {
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
