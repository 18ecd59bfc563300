import { knnDensitySync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';
import { similarityKernels } from './similarity-argmax.js';

/** Every token with every other for the densities, and with those denser for the separations: 3 N^2 C flops an item. */
export function knnDensity([B, N, C]: readonly [number, number, number]): Case {
  return defineCase({
    operation: 'knnDensity',
    shape: `${B} x ${N} x ${C}, k 5`,
    kernels: [...similarityKernels, 'similarity_top_k', 'nearest_denser'],
    flops: 3 * B * N * N * C,
    read: B * N * C * 4,
    written: B * N * 8,
    setup: () => {
      const out = { density: empty('float32', [B, N]), separation: empty('float32', [B, N]) };
      return {
        input: () => normal([B, N, C]),
        run: (x) => knnDensitySync(x, { k: 5, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [knnDensity([1, 784, 320]), knnDensity([1, 2880, 1024])];
