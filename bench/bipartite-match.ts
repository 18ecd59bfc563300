import { bipartiteMatchSync, type FloatTensor, type FloatType } from 'tokensieve';
import { type Case, defineCase, normalOf } from './case.js';
import { similarityKernels } from './similarity-argmax.js';
import { type MergingShape, mergingName, mergingShapes } from './token-maps.js';

/** The cosines of all even tokens with all odd ones: N^2 C / 2 flops an image. */
export function bipartiteMatch(shape: MergingShape, type: FloatType = 'float32'): Case {
  const { B, N, C, r } = shape;
  return defineCase({
    operation: 'bipartiteMatch',
    shape: `${mergingName(shape)}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: [...similarityKernels, 'similarity_argmax', 'top_k'],
    flops: 2 * B * Math.ceil(N / 2) * Math.floor(N / 2) * C,
    read: B * N * C * (type === 'float32' ? 4 : 2),
    written: B * 3 * N * 4,
    setup: () => {
      const out = {
        outputLengths: new Int32Array(B),
        offsets: new Int32Array(B * N + 1),
        members: new Int32Array(B * N),
        assignment: new Int32Array(B * N),
      };
      return {
        input: () => normalOf(type, [B, N, C]) as FloatTensor,
        run: (metric) => bipartiteMatchSync(metric, { r, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  // Keys averaged over heads are the metric of Token Merging's own code; hidden states are what it may be as well.
  bipartiteMatch({ B: 1, N: 197, C: 64, r: 16 }),
  ...mergingShapes.map((shape) => bipartiteMatch(shape)),
];
