import { rowOf } from '../features.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { type Clusters, nearestCentre, type Points } from './clustering.js';
import { bestTokens } from './select.js';

/** How {@link dpcKnn} goes about it. */
export interface DpcKnnParts {
  readonly k: number;
  readonly similarity: 'l2' | 'cosine';
}

/**
 * Density peaks: the centres are the tokens of greatest density times separation, and each token goes to the nearest
 * centre. A centre stays in its own cluster, even where another is at the same place.
 */
export function dpcKnn({ k, similarity }: DpcKnnParts): (points: Points) => Steps<Required<Clusters>> {
  return function* (points) {
    const { features, clusters, length } = points;
    const scores = yield* peaks(points, k, similarity);
    const centres = yield* bestTokens(points, scores, clusters);
    const { tokens } = yield* step.gatherRagged(features, centres, {});
    const { labels } = yield* nearestCentre(points, tokens, similarity);
    const { indices, offsets } = centres;
    for (let row = 0; row < clusters.length; row++)
      for (let i = offsets[row]; i < offsets[row + 1]; i++)
        labels[row * length + indices.data[i]] = i - offsets[row];
    return { labels, centres: { ...centres, peaks: scores.data } };
  };
}

/** `[B,N]`, density times separation, in one call where every row has k tokens to be near, else one a row. */
function* peaks(
  { features, mask, free, batch, length }: Points,
  k: number,
  metric: 'l2' | 'cosine',
): Steps<Tensor<'float32'>> {
  const scores = new Float32Array(batch * length);
  const isWhole = free.every((tokens) => tokens >= k);
  for (let row = 0; row < (isWhole ? 1 : batch); row++) {
    if (free[row] === 0) continue;
    const [x, own] = isWhole
      ? [features, mask]
      : [rowOf(features, row), mask.subarray(row * length, (row + 1) * length)];
    const { density, separation } = yield* step.knnDensity(x, {
      metric,
      k: Math.min(k, free[row]),
      mask: own,
    });
    scores.set(
      density.data.map((d, i) => d * separation.data[i]),
      row * length,
    );
  }
  return { type: 'float32', data: scores, dims: [batch, length] };
}
