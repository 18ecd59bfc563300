// How far results of precision 'fast' are from exact ones.
import {
  attentionScoresSync,
  type PackedKeys,
  packKeysSync,
  similarityArgmaxSync,
  type Tensor,
} from 'tokensieve';
import type { Activations } from './activations.js';

/** Means over heads and texts, but for `worst`. */
export interface ScoreAccuracy {
  /** Of the best quarter of the keys, and of the best tenth, the share that 'fast' finds too. */
  readonly quarter: number;
  readonly tenth: number;
  /** Exact scores of the quarter that 'fast' finds, over those of the best quarter. */
  readonly mass: number;
  /** Relative errors of scores. */
  readonly mean: number;
  readonly worst: number;
}

/** Scores of each head, from keys as they are or packed once. */
export function scoreAccuracy({ q, k, scale, layout }: Activations, packed: boolean): ScoreAccuracy {
  const scores = (keys: Tensor<'float32'> | PackedKeys, precision: 'exact' | 'fast'): Tensor<'float32'> =>
    attentionScoresSync(q, keys, { heads: 'none', layout, precision, ...(scale && { scale }) }).scores;
  const exact = scores(k, 'exact');
  const fast = scores(packed ? packKeysSync(k, { layout }) : k, 'fast');
  const N = exact.dims[exact.dims.length - 1];
  const rows = Array.from({ length: exact.data.length / N }, (_, row) =>
    compareRow(exact.data.subarray(row * N, (row + 1) * N), fast.data.subarray(row * N, (row + 1) * N)),
  );
  const mean = (of: (row: ScoreAccuracy) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  return {
    quarter: mean((row) => row.quarter),
    tenth: mean((row) => row.tenth),
    mass: mean((row) => row.mass),
    mean: mean((row) => row.mean),
    worst: Math.max(...rows.map((row) => row.worst)),
  };
}

function compareRow(exact: Float32Array, fast: Float32Array): ScoreAccuracy {
  const N = exact.length;
  const [exactOrder, fastOrder] = [exact, fast].map(descending);
  const overlap = (count: number): number => {
    const best = new Set(exactOrder.slice(0, count));
    return fastOrder.slice(0, count).filter((j) => best.has(j)).length / count;
  };
  const quarter = Math.floor(N / 4);
  const sum = (places: number[]): number => places.reduce((total, j) => total + exact[j], 0);
  const errors = Array.from(exact, (score, j) => Math.abs(fast[j] - score) / score);
  return {
    quarter: overlap(quarter),
    tenth: overlap(Math.floor(N / 10)),
    mass: sum(fastOrder.slice(0, quarter)) / sum(exactOrder.slice(0, quarter)),
    mean: errors.reduce((total, error) => total + error, 0) / N,
    worst: Math.max(...errors),
  };
}

const descending = (scores: Float32Array): number[] =>
  Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);

export interface ArgmaxAccuracy {
  /** The share of rows whose most similar token 'fast' finds too. */
  readonly same: number;
  /** The mean of the similarity found, over that of the best. */
  readonly kept: number;
}

/** The most similar odd token of each even one, as Token Merging asks. */
export function argmaxAccuracy(tokens: Tensor<'float32'>): ArgmaxAccuracy {
  const [even, odd] = [everySecond(tokens, 0), everySecond(tokens, 1)];
  const [exact, fast] = (['exact', 'fast'] as const).map((precision) =>
    similarityArgmaxSync(even, odd, { precision }),
  );
  const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);
  const alike = exact.indices.data.filter((index, row) => index === fast.indices.data[row]).length;
  return {
    same: alike / exact.indices.data.length,
    kept: total(fast.values.data) / total(exact.values.data),
  };
}

function everySecond({ type, data, dims }: Tensor<'float32'>, first: 0 | 1): Tensor<'float32'> {
  const [B, N, C] = dims;
  const half = Math.floor(N / 2);
  const chosen = new Float32Array(B * half * C);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < half; i++) {
      const from = (b * N + 2 * i + first) * C;
      chosen.set(data.subarray(from, from + C), (b * half + i) * C);
    }
  }
  return { type, data: chosen, dims: [B, half, C] };
}
