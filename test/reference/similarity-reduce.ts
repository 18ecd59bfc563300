// Means of functions of the similarities of each token with the others, on one batch item.
import type { Values } from '../support/tensors.js';
import { type Metric, similarity } from './paired-similarity.js';

export type SimilarityFunction =
  | 'mean'
  | 'square'
  | { elu: number }
  | { gaussian: number }
  | { countAbove: number };

export interface SimilarityReduceOptions {
  readonly f?: SimilarityFunction;
  readonly metric?: Metric;
  readonly self?: boolean;
  readonly mask?: ArrayLike<number>;
}

export function applyFunction(f: SimilarityFunction, s: number): number {
  if (f === 'mean') return s;
  if (f === 'square') return s ** 2;
  if ('elu' in f) return s > f.elu ? s - f.elu : Math.exp(s - f.elu) - 1;
  if ('gaussian' in f) return Math.exp((-1 / 2) * ((1 - s) / f.gaussian) ** 2);
  return s > f.countAbove ? 1 : 0;
}

/** x `[N,C]` gives one number a token. */
export function similarityReduce(
  { data, dims: [length, channels] }: Values,
  { f = 'mean', metric = 'cosine', self = true, mask }: SimilarityReduceOptions = {},
): Float64Array {
  const token = (i: number) => data.subarray(i * channels, (i + 1) * channels);
  const present = Array.from({ length }, (_, i) => i).filter((i) => mask?.[i] !== 2);
  return Float64Array.from({ length }, (_, i) => {
    if (mask?.[i] === 2) return 0;
    const others = present.filter((j) => self || j !== i);
    const sum = others.reduce(
      (total, j) => total + applyFunction(f, similarity(token(i), token(j), metric)),
      0,
    );
    const isCount = typeof f === 'object' && 'countAbove' in f;
    return others.length === 0 ? 0 : isCount ? sum : sum / others.length;
  });
}
