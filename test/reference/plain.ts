// Plain float64 arithmetic on lists, for methods worked from their formula.
import type { FloatTensor } from 'tokensieve';
import { decode } from '../support/tensors.js';

/** `[...,C]` as nested lists, the last of C numbers. */
export function vectorsOf(tensor: FloatTensor): number[][] {
  const { data, dims } = decode(tensor);
  const width = dims[dims.length - 1];
  return Array.from({ length: data.length / width }, (_, i) =>
    Array.from(data.slice(i * width, (i + 1) * width)),
  );
}

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, c) => sum + x * b[c], 0);

/** 0 where either is 0. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms === 0 ? 0 : dot(a, b) / norms;
}

/** The sum of w x over the sum of w. */
export function weightedMean(vectors: readonly (readonly number[])[], weights: readonly number[]): number[] {
  const total = weights.reduce((sum, w) => sum + w, 0);
  return vectors[0].map((_, c) => vectors.reduce((sum, x, i) => sum + weights[i] * x[c], 0) / total);
}

/** k `[1,H,N,D]`: of each token the mean over heads. */
export function headMeans(k: FloatTensor): number[][] {
  const [, heads, length] = k.dims;
  const vectors = vectorsOf(k);
  return Array.from({ length }, (_, i) =>
    weightedMean(
      Array.from({ length: heads }, (_, head) => vectors[head * length + i]),
      new Array<number>(heads).fill(1),
    ),
  );
}

/** Indices by falling value, equal ones by rising index. */
export function byFalling(values: readonly number[]): number[] {
  return [...values.keys()].sort((i, j) => values[j] - values[i] || i - j);
}

/** The index of the greatest value, of equal ones the first. */
export const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values));
