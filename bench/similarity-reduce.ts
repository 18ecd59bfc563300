import { type SimilarityFunction, similarityReduceSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';
import { similarityKernels } from './similarity-argmax.js';

/**
 * The similarities of all tokens with each other, and a function of each: 2 N^2 C flops an item, without it. The mean
 * needs the sum of all tokens, and each token's product with that: 4 N C.
 */
function similarityReduce(
  [B, N, C]: readonly [number, number, number],
  f: SimilarityFunction,
  name: string,
): Case {
  return defineCase({
    operation: 'similarityReduce',
    shape: `${B} x ${N} x ${C} ${name}`,
    kernels: f === 'mean' ? ['load_rows', 'token_norms'] : [...similarityKernels, 'similarity_reduce'],
    flops: f === 'mean' ? 4 * B * N * C : 2 * B * N * N * C,
    read: B * N * C * 4,
    written: B * N * 4,
    setup: () => {
      const out = { similarity: empty('float32', [B, N]) };
      return {
        input: () => normal([B, N, C]),
        run: (x) => similarityReduceSync(x, { f, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  similarityReduce([1, 577, 1024], { elu: 0.5 }, 'elu'),
  similarityReduce([1, 577, 1024], 'square', 'square'),
  similarityReduce([1, 2880, 64], { elu: 0.5 }, 'elu'),
  similarityReduce([8, 2048, 128], 'mean', 'mean'),
];
