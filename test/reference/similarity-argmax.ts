// The k most similar tokens of b for each token of a, on one batch item.
import type { Values } from '../support/tensors.js';
import { type Metric, similarity } from './paired-similarity.js';
import { compareScores } from './top-k.js';

export interface SimilarityArgmaxOptions {
  readonly metric?: Metric;
  readonly k?: number;
  readonly aMask?: ArrayLike<number>;
  readonly bMask?: ArrayLike<number>;
}

/** For each token of a `[Na,C]`: indices into b `[Nb,C]` and the similarities there, best first. */
export function similarityArgmax(
  a: Values,
  b: Values,
  { metric = 'cosine', k = 1, aMask, bMask }: SimilarityArgmaxOptions = {},
): { indices: number[]; values: number[] }[] {
  const token = ({ data, dims }: Values, i: number) => data.subarray(i * dims[1], (i + 1) * dims[1]);
  return Array.from({ length: a.dims[0] }, (_, i) => {
    if (aMask?.[i] === 2)
      return { indices: Array<number>(k).fill(-1), values: Array<number>(k).fill(-Infinity) };
    const candidates = Array.from({ length: b.dims[0] }, (_, j) => j).filter((j) => bMask?.[j] !== 2);
    const similarities = new Map(candidates.map((j) => [j, similarity(token(a, i), token(b, j), metric)]));
    const indices = candidates
      .sort((x, y) => compareScores(similarities.get(x) ?? NaN, similarities.get(y) ?? NaN) || x - y)
      .slice(0, k);
    return { indices, values: indices.map((j) => similarities.get(j) ?? NaN) };
  });
}
