import { farthestPointSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

// The visual tokens of LLaVA-1.5 and LLaVA-NeXT as DivPrune chooses among them, and the keys of an image.
const shapes = [
  { B: 1, N: 577, C: 64, count: 64 },
  { B: 1, N: 576, C: 4096, count: 64 },
  { B: 1, N: 576, C: 4096, count: 192 },
  { B: 1, N: 2880, C: 1024, count: 320 },
];

/**
 * The flops of a full pass over all tokens for each choice, and for an isolated start those of comparing all with
 * all. Not all are made: see native/kernels/greedy_argmax.h.
 */
function farthestPoint({ B, N, C, count }: (typeof shapes)[number], start: 0 | 'isolated'): Case {
  return defineCase({
    operation: 'farthestPoint',
    shape: `${B} x ${N} x ${C} -> ${count}${start === 0 ? '' : ', isolated'}`,
    kernels: ['unit_rows', 'farthest_point', ...(start === 0 ? [] : ['isolated_point'])],
    flops: 2 * B * N * C * (count + (start === 0 ? 0 : N / 2)),
    read: B * N * C * 4,
    written: B * count * 4,
    setup: () => {
      const out = { indices: empty('int32', [B, count]) };
      return {
        input: () => normal([B, N, C]),
        run: (x) => farthestPointSync(x, { count, start, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...shapes.map((shape) => farthestPoint(shape, 0)),
  ...shapes.slice(0, 2).map((shape) => farthestPoint(shape, 'isolated')),
];
