import { pairedSimilaritySync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** Tokens of a video against those of the frame before. */
function pairedSimilarity(N: number, C: number, metric: 'cosine' | 'dot' | 'l2'): Case {
  return defineCase({
    operation: 'pairedSimilarity',
    shape: `${N} x ${C}, ${metric}`,
    kernels: ['paired_similarity'],
    flops: (metric === 'cosine' ? 6 : metric === 'l2' ? 3 : 2) * N * C,
    read: 2 * N * C * 4,
    written: N * 4,
    setup: () => {
      const out = { similarity: empty('float32', [N]) };
      return {
        input: () => [normal([N, C]), normal([N, C])] as const,
        run: ([a, b]) => pairedSimilaritySync(a, b, { metric, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  pairedSimilarity(576, 1024, 'cosine'),
  pairedSimilarity(6272, 1152, 'cosine'),
  pairedSimilarity(6272, 1152, 'l2'),
];
