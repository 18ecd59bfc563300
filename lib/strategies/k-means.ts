import type { Ragged } from '../ragged.js';
import { compareScores } from '../ranking.js';
import { splitMix64 } from '../split-mix64.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { TokenMap } from '../token-map.js';
import { type Clustering, type Nearest, nearestCentre, type Points } from './clustering.js';

/** How {@link kMeans} goes about it. */
export interface KMeansParts {
  readonly iterations: number;
  readonly seed: number;
  readonly similarity: 'l2' | 'cosine';
}

/**
 * Lloyd's algorithm: each token goes to the nearest centre, each centre to the mean of its tokens, until nothing
 * changes or so many times. A row's tokens alone decide its clusters, not the rows beside it.
 */
export function kMeans({ iterations, seed, similarity }: KMeansParts): Clustering {
  return function* (points) {
    let centres = (yield* step.gatherRagged(points.features, drawn(points, seed), {})).tokens;
    let before: Int32Array | undefined;
    for (let moved = 0; ; moved++) {
      const nearest = yield* nearestCentre(points, centres, similarity);
      fillEmpty(nearest, points);
      const { labels } = nearest;
      if (moved === iterations || before?.every((label, i) => label === labels[i])) return { labels };
      centres = yield* means(points, labels);
      before = labels;
    }
  };
}

/** The tokens that are the first centres: as many as clusters, drawn from a row's free ones by the seed alone. */
function drawn({ batch, length, mask, clusters }: Points, seed: number): Ragged {
  const offsets = new Int32Array(batch + 1);
  clusters.forEach((count, row) => {
    offsets[row + 1] = offsets[row] + count;
  });
  const data = new Int32Array(offsets[batch]);
  for (let row = 0; row < batch; row++) {
    const below = splitMix64(seed);
    const free = Int32Array.from({ length }, (_, i) => i).filter((i) => mask[row * length + i] !== 2);
    for (let i = 0; i < clusters[row]; i++) {
      const chosen = i + below(free.length - i);
      [free[i], free[chosen]] = [free[chosen], free[i]];
    }
    data.set(free.subarray(0, clusters[row]).sort(), offsets[row]);
  }
  return { indices: { type: 'int32', data, dims: [data.length] }, offsets };
}

/** Gives each cluster that no token went to, in turn, the token farthest from its centre that is not alone there. */
function fillEmpty({ labels, similarity }: Nearest, { batch, length, clusters }: Points): void {
  for (let row = 0; row < batch; row++) {
    const own = labels.subarray(row * length, (row + 1) * length);
    const tokensIn = new Int32Array(clusters[row]);
    for (const label of own) if (label !== -1) tokensIn[label]++;
    if (!tokensIn.includes(0)) continue;
    const near = similarity.subarray(row * length, (row + 1) * length);
    const farthest = [...own.keys()]
      .filter((i) => own[i] !== -1)
      .sort((i, j) => compareScores(near[j], near[i]) || i - j);
    let at = 0;
    for (let cluster = 0; cluster < clusters[row]; cluster++) {
      if (tokensIn[cluster] > 0) continue;
      while (tokensIn[own[farthest[at]]] === 1) at++;
      tokensIn[own[farthest[at]]]--;
      own[farthest[at++]] = cluster;
      tokensIn[cluster] = 1;
    }
  }
}

/** `[B,K,D]`: the mean of each cluster, weighted by token sizes. */
function* means(
  { features, clusters, sizes, batch, length }: Points,
  labels: Int32Array,
): Steps<FloatTensor> {
  const outputLengths = Int32Array.from(clusters);
  const map = TokenMap.fromAssignment(
    { type: 'int32', data: labels, dims: [batch, length] },
    { outputLengths },
  );
  return (yield* step.mergeTokens(features, map, { ...(sizes && { weights: sizes }) })).tokens;
}
