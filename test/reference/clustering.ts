// Clusters of the free tokens of one row, by density peaks and by Lloyd's algorithm.

import type { Values } from '../support/tensors.js';
import { cosine } from './bipartite-match.js';
import { densities, distances, separations } from './knn-density.js';

/** Members of each cluster, in the order of their first. */
export type Clusters = number[][];

type Token = Float64Array;

function squaredDistance(a: Token, b: Token): number {
  return a.reduce((sum, x, c) => sum + (x - b[c]) ** 2, 0);
}

function rowsOf({ data, dims }: Values): Token[] {
  return Array.from({ length: dims[0] }, (_, i) => data.subarray(i * dims[1], (i + 1) * dims[1]));
}

/** The place of the greatest, the first of equal ones. */
function bestOf(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}

function inOrder(clusters: Clusters): Clusters {
  return clusters.map((members) => members.sort((a, b) => a - b)).sort((a, b) => a[0] - b[0]);
}

/** TCFormer's clusters (arXiv 2204.08680). x `[N,D]`; `free` are the tokens to cluster. */
export function densityPeaks(
  x: Values,
  free: readonly number[],
  { count, k, similarity: metric }: { count: number; k: number; similarity: 'l2' | 'cosine' },
): Clusters {
  const mask = Array.from({ length: x.dims[0] }, (_, i) => (free.includes(i) ? 0 : 2));
  const density = densities(x, { k: Math.min(k, free.length), metric, mask });
  const { separations: separation } = separations(x, density, { metric, mask });
  const peak = density.map((d, i) => d * separation[i]);
  const centres = [...free].sort((a, b) => peak[b] - peak[a] || a - b).slice(0, count);
  centres.sort((a, b) => a - b);
  const clusters = centres.map((centre) => [centre]);
  const distance = distances(x, metric);
  for (const i of free)
    if (!centres.includes(i)) clusters[bestOf(centres.map((centre) => -distance[i][centre]))].push(i);
  return inOrder(clusters);
}

/** What SplitMix64 draws below each n in turn. */
export function draws(seed: number): (n: number) => number {
  const mask = (1n << 64n) - 1n;
  let state = BigInt(seed);
  return (n) => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = ((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return Number((((z ^ (z >> 31n)) >> 32n) * BigInt(n)) >> 32n);
  };
}

export interface KMeansOptions {
  readonly count: number;
  readonly iterations?: number;
  readonly seed?: number;
  readonly similarity?: 'l2' | 'cosine';
  readonly sizes?: ArrayLike<number>;
}

export function kMeans(x: Values, free: readonly number[], options: KMeansOptions): Clusters {
  const { count, iterations = 10, seed = 0, similarity = 'l2', sizes } = options;
  const tokens = rowsOf(x);
  const likeness = similarity === 'cosine' ? cosine : (a: Token, b: Token) => -squaredDistance(a, b);
  const below = draws(seed);
  const urn = [...free];
  const start = Array.from({ length: count }, (_, i) => {
    const at = i + below(urn.length - i);
    const chosen = urn[at];
    urn[at] = urn[i];
    urn[i] = chosen;
    return chosen;
  });
  let centres = start.sort((a, b) => a - b).map((i) => tokens[i]);
  for (let moved = 0; ; moved++) {
    const likenesses = free.map((i) => centres.map((centre) => likeness(tokens[i], centre)));
    const labels = likenesses.map(bestOf);
    const near = likenesses.map((all, at) => all[labels[at]]);
    for (let cluster = 0; cluster < count; cluster++) {
      if (labels.includes(cluster)) continue;
      const movable = [...free.keys()].filter((at) => labels.filter((l) => l === labels[at]).length > 1);
      labels[movable.reduce((far, at) => (near[at] < near[far] ? at : far))] = cluster;
    }
    const clusters = Array.from({ length: count }, (_, c) => free.filter((_, at) => labels[at] === c));
    if (moved === iterations) return inOrder(clusters);
    centres = clusters.map((members) => {
      const total = members.reduce((sum, i) => sum + (sizes?.[i] ?? 1), 0);
      return tokens[0].map(
        (_, c) => members.reduce((sum, i) => sum + (sizes?.[i] ?? 1) * tokens[i][c], 0) / total,
      );
    });
  }
}
