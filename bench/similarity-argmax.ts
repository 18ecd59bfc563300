import { similarityArgmaxSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** The kernels by which tokens become rows and packed columns, and winners are compared again. */
export const similarityKernels = [
  'load_rows',
  'token_norms',
  'pack_key_panels',
  'paired_similarity',
] as const;

/** The similarities of all tokens of a with all of b: 2 Na Nb C flops an item, half of that with the earlier ones. */
export function similarityArgmax(
  [B, Na, Nb, C]: readonly [number, number, number, number],
  metric: 'cosine' | 'l2',
  k: number,
  precision: 'exact' | 'fast' = 'exact',
  candidates: 'all' | 'earlier' = 'all',
): Case {
  return defineCase({
    operation: 'similarityArgmax',
    shape: `${B} x ${Na} x ${Nb} x ${C} ${metric}, k ${k}${precision === 'fast' ? ', fast' : ''}${
      candidates === 'all' ? '' : `, ${candidates}`
    }`,
    kernels: [...similarityKernels, k === 1 ? 'similarity_argmax' : 'similarity_top_k'],
    flops: (candidates === 'all' ? 2 : 1) * B * Na * Nb * C,
    read: B * (Na + Nb) * C * 4,
    written: B * Na * k * 8,
    setup: () => {
      const dims = [B, Na, ...(k === 1 ? [] : [k])];
      const out = { indices: empty('int32', dims), values: empty('float32', dims) };
      return {
        input: () => [normal([B, Na, C]), normal([B, Nb, C])] as const,
        run: ([a, b]) => similarityArgmaxSync(a, b, { metric, k, precision, candidates, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  similarityArgmax([1, 577, 577, 1024], 'cosine', 1),
  similarityArgmax([1, 577, 577, 1024], 'cosine', 1, 'fast'),
  similarityArgmax([1, 2880, 2880, 64], 'cosine', 1),
  similarityArgmax([1, 2880, 2880, 64], 'cosine', 1, 'fast'),
  // The clusters that tokens go to, and the neighbours that the density of a token is taken from.
  similarityArgmax([1, 4096, 256, 384], 'l2', 1),
  similarityArgmax([1, 4096, 256, 384], 'l2', 1, 'fast'),
  similarityArgmax([1, 2880, 2880, 384], 'l2', 5),
  similarityArgmax([1, 577, 577, 1024], 'cosine', 1, 'exact', 'earlier'),
];
