import { dppGreedySync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

// The visual tokens of LLaVA-1.5 and LLaVA-NeXT, by the features of CLIP as CDPruner chooses among them.
const shapes = [
  { B: 1, N: 576, C: 1024, count: 64 },
  { B: 1, N: 576, C: 1024, count: 192 },
  { B: 1, N: 2880, C: 1024, count: 320 },
];

/** The flops of a full pass over all tokens for each choice; not all are made. */
function dppGreedy({ B, N, C, count }: (typeof shapes)[number]): Case {
  return defineCase({
    operation: 'dppGreedy',
    shape: `${B} x ${N} x ${C} -> ${count}`,
    kernels: ['unit_rows', 'dpp_greedy'],
    flops: 2 * B * N * count * (C + count / 2),
    read: B * N * (C + 1) * 4,
    written: B * count * 4,
    setup: () => {
      const out = { indices: empty('int32', [B, count]) };
      const relevance = Float32Array.from({ length: B * N }, (_, i) => ((i * 7919) % N) / N);
      return {
        input: () => normal([B, N, C]),
        run: (x) => dppGreedySync(x, relevance, { count, out }),
      };
    },
  });
}

export const cases: readonly Case[] = shapes.map(dppGreedy);
