import { sampleCdfSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** Absolute values of normal deviates, since no negative score is sampled. */
function sampleCdf(rows: number, N: number, count: number): Case {
  return defineCase({
    operation: 'sampleCdf',
    shape: `${rows} x ${N}, ${count}`,
    kernels: ['sample_cdf'],
    flops: 0,
    read: rows * N * 4,
    written: rows * (count + 1) * 4,
    setup: () => {
      const out = { indices: empty('int32', [rows * count]), offsets: new Int32Array(rows + 1) };
      return {
        input: () => {
          const scores = normal([rows, N]);
          return { ...scores, data: scores.data.map(Math.abs) };
        },
        run: (scores) => sampleCdfSync(scores, count, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = [sampleCdf(1, 197, 98), sampleCdf(8, 4096, 1024)];
