// Density peaks from k nearest neighbours (Du et al. 2016, as TCFormer has them), on one batch item.
import type { Values } from '../support/tensors.js';
import { similarity } from './paired-similarity.js';
import { compareScores } from './top-k.js';

export interface KnnDensityOptions {
  readonly k: number;
  readonly metric?: 'l2' | 'cosine';
  readonly mask?: ArrayLike<number>;
}

/** All distances of x `[N,C]`. */
export function distances(
  { data, dims: [length, channels] }: Values,
  metric: 'l2' | 'cosine' = 'l2',
): number[][] {
  const token = (i: number) => data.subarray(i * channels, (i + 1) * channels);
  const distance = (i: number, j: number) => {
    const s = similarity(token(i), token(j), metric);
    return metric === 'cosine' ? 1 - s : Math.sqrt(-s / Math.max(1, channels));
  };
  return Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => distance(i, j)));
}

/** x `[N,C]` gives a density a token. */
export function densities(x: Values, { k, metric = 'l2', mask }: KnnDensityOptions): number[] {
  const present = x.dims[0] === 0 ? [] : Array.from({ length: x.dims[0] }, (_, i) => mask?.[i] !== 2);
  return distances(x, metric).map((row, i) => {
    if (!present[i]) return 0;
    const nearest = row
      .filter((_, j) => present[j])
      .sort((a, b) => compareScores(a, b, false))
      .slice(0, k);
    return Math.exp(-nearest.reduce((sum, d) => sum + d * d, 0) / k);
  });
}

/** Separations by given densities, and the greatest distance. */
export function separations(
  x: Values,
  density: ArrayLike<number>,
  { metric = 'l2', mask }: Omit<KnnDensityOptions, 'k'> = {},
): { separations: number[]; greatest: number } {
  const all = distances(x, metric);
  const indices = all.map((_, i) => i).filter((i) => mask?.[i] !== 2);
  const finite = indices.flatMap((i) => indices.map((j) => all[i][j]).filter(Number.isFinite));
  const greatest = finite.reduce((a, b) => Math.max(a, b), 0);
  const denser = (j: number, i: number) =>
    (compareScores(density[j], density[i]) || j - i) < 0 && !Number.isNaN(all[i][j]);
  return {
    greatest,
    separations: all.map((row, i) => {
      if (mask?.[i] === 2) return 0;
      const above = indices.filter((j) => denser(j, i)).map((j) => row[j]);
      return above.length === 0 ? greatest : Math.min(...above);
    }),
  };
}
