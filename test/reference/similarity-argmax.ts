// The k most similar tokens of b for each token of a, on one batch item.
import type { Values } from '../support/tensors.js';
import { type Metric, similarity } from './paired-similarity.js';
import { compareScores } from './top-k.js';

export interface SimilarityArgmaxOptions {
  readonly metric?: Metric;
  readonly k?: number;
  readonly aMask?: ArrayLike<number>;
  readonly bMask?: ArrayLike<number>;
  readonly candidates?: 'all' | 'others' | 'later' | 'earlier';
  readonly scale?: ArrayLike<number>;
  readonly bias?: ArrayLike<number>;
}

const mayChoose = {
  all: () => true,
  others: (i: number, j: number) => j !== i,
  later: (i: number, j: number) => j > i,
  earlier: (i: number, j: number) => j < i,
};

/**
 * For each token of a `[Na,C]`: indices into b `[Nb,C]` and `scale[j] * s + bias[j]` there, best first; past the last
 * candidate -1 and -Infinity.
 */
export function similarityArgmax(
  a: Values,
  b: Values,
  { metric = 'cosine', k = 1, aMask, bMask, candidates = 'all', scale, bias }: SimilarityArgmaxOptions = {},
): { indices: number[]; values: number[] }[] {
  const token = ({ data, dims }: Values, i: number) => data.subarray(i * dims[1], (i + 1) * dims[1]);
  const values = (i: number) =>
    Array.from({ length: b.dims[0] }, (_, j) => {
      const s = similarity(token(a, i), token(b, j), metric);
      return s * (scale?.[j] ?? 1) + (bias?.[j] ?? 0);
    });
  return Array.from({ length: a.dims[0] }, (_, i) => {
    const all = values(i);
    const best = Array.from(all.keys())
      .filter((j) => aMask?.[i] !== 2 && bMask?.[j] !== 2 && mayChoose[candidates](i, j))
      .sort((x, y) => compareScores(all[x], all[y]) || x - y)
      .slice(0, k);
    const indices = Array.from({ length: k }, (_, n) => best[n] ?? -1);
    return { indices, values: indices.map((j) => (j < 0 ? -Infinity : all[j])) };
  });
}
