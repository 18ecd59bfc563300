import { type FloatType, gatherTokensSync } from 'tokensieve';
import { seeded } from '../test/support/random.js';
import { type Case, defineCase, empty, normalOf } from './case.js';

/** K of N places, ascending, in each of the rows. */
export function chosen(rows: number, N: number, K: number, seed: number): Int32Array {
  const random = seeded(seed);
  const indices = new Int32Array(rows * K);
  for (let row = 0; row < rows; row++) {
    // Selection sampling: each place is taken with the chance that the rest leaves it.
    for (let n = 0, k = 0; k < K; n++) {
      if (random.integer(N - n) < K - k) indices[row * K + k++] = n;
    }
  }
  return indices;
}

export function gatherTokens([rows, N, C]: readonly number[], keep: number, type: FloatType): Case {
  const K = Math.floor(N * keep);
  const moved = rows * K * C * (type === 'float32' ? 4 : 2);
  let seed = 0;
  return defineCase({
    operation: 'gatherTokens',
    shape: `${rows} x ${K} of ${N} x ${C}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: ['gather_tokens'],
    flops: 0,
    read: moved,
    written: moved,
    setup: () => {
      const out = { tokens: empty(type, [rows, K, C]) };
      return {
        input: () => ({
          x: normalOf(type, [rows, N, C]),
          indices: { type: 'int32', data: chosen(rows, N, K, ++seed), dims: [rows, K] } as const,
        }),
        run: ({ x, indices }) => gatherTokensSync(x, indices, { out }),
      };
    },
  });
}

// Half of an image's tokens, a quarter of a high-resolution one's, and the keys that stay of a long context.
export const cases: readonly Case[] = [
  gatherTokens([1, 197, 768], 0.5, 'float32'),
  gatherTokens([8, 197, 768], 0.5, 'float32'),
  gatherTokens([1, 577, 1024], 0.5, 'float32'),
  gatherTokens([1, 2880, 4096], 0.25, 'float32'),
  gatherTokens([8, 16_384, 128], 0.125, 'float32'),
  gatherTokens([8, 16_384, 128], 0.125, 'bfloat16'),
];
