import { topKSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/**
 * Rows that are hard on one algorithm or another: partitions that do not shrink, radix passes whose values all fall
 * into one bin (`adversarial`: the same upper bits everywhere, and lower ones by chance), insertion in the worst order.
 */
export type Distribution = 'random' | 'all equal' | 'two values' | 'ascending' | 'descending' | 'adversarial';

const distributions: Readonly<Record<Distribution, (row: Float32Array) => Float32Array>> = {
  random: (row) => row,
  'all equal': (row) => row.fill(1),
  'two values': (row) => row.map((value) => (value < 0 ? 1 : 2)),
  ascending: (row) => row.sort(),
  descending: (row) => row.sort().reverse(),
  adversarial: (row) => row.map((value) => 1 + (Math.abs(value) % 1) * 2 ** -12),
};

/** The best quarter of each row, as a set in positional order or sorted. */
export function topK(
  rows: number,
  N: number,
  order: 'index' | 'value',
  values: Distribution = 'random',
): Case {
  const k = Math.floor(N / 4);
  return defineCase({
    operation: 'topK',
    shape: `${rows} x ${k} of ${N}${order === 'value' ? ', sorted' : ''}${values === 'random' ? '' : `, ${values}`}`,
    kernels: ['top_k'],
    flops: 0,
    read: rows * N * 4,
    written: rows * k * 8,
    setup: () => {
      const out = { indices: empty('int32', [rows, k]), values: empty('float32', [rows, k]) };
      return {
        input: () => {
          const x = normal([rows, N]);
          for (let row = 0; row < rows; row++) {
            const piece = x.data.subarray(row * N, (row + 1) * N);
            piece.set(distributions[values](piece));
          }
          return x;
        },
        run: (x) => topKSync(x, k, { order, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...[577, 4096, 16_384, 131_072].flatMap((N) => [topK(1, N, 'index'), topK(1, N, 'value')]),
  // A layer's key/value heads at once
  topK(8, 16_384, 'index'),
];
