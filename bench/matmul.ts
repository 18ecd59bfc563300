import { type MatmulOptions, matmulSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** M rows through a layer of K to N channels. */
export function matmul(
  [M, K, N]: readonly number[],
  { what = '', ...options }: MatmulOptions & { what?: string } = {},
): Case {
  return defineCase({
    operation: 'matmul',
    shape: `${M} x ${K} x ${N}${what}`,
    kernels: [options.transposeB ? 'pack_key_panels' : 'pack_value_panels', 'matmul'],
    flops: 2 * M * K * N,
    read: (M * K + K * N) * 4,
    written: M * N * 4,
    setup: () => {
      const out = { output: empty('float32', [M, N]) };
      return {
        input: () => ({ a: normal([M, K]), b: normal(options.transposeB ? [N, K] : [K, N]) }),
        run: ({ a, b }) => matmulSync(a, b, { ...options, out }),
      };
    },
  });
}

// Projections of vision transformers, a feed-forward layer, and one token of a language model.
export const cases: readonly Case[] = [
  matmul([197, 768, 768]),
  matmul([577, 1024, 1024]),
  matmul([577, 1024, 1024], { what: ', transposed', transposeB: true }),
  matmul([577, 1024, 4096], { what: ', gelu', activation: 'gelu' }),
  matmul([1, 4096, 4096]),
];
