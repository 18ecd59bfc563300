import { topKSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** The best quarter of each row, as a set in positional order or sorted. */
function topK(rows: number, N: number, order: 'index' | 'value'): Case {
  const k = Math.floor(N / 4);
  return defineCase({
    operation: 'topK',
    shape: `${rows} x ${k} of ${N}${order === 'value' ? ', sorted' : ''}`,
    kernels: ['top_k'],
    flops: 0,
    read: rows * N * 4,
    written: rows * k * 8,
    setup: () => {
      const out = { indices: empty('int32', [rows, k]), values: empty('float32', [rows, k]) };
      return {
        input: () => normal([rows, N]),
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
