import { poolScoresSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

function poolScores(rows: number, N: number, kernel: number, mode: 'avg' | 'max'): Case {
  return defineCase({
    operation: 'poolScores',
    shape: `${rows} x ${N}, ${mode} of ${kernel}`,
    kernels: ['pool_scores'],
    flops: 0,
    read: rows * N * 4,
    written: rows * N * 4,
    setup: () => {
      const out = { scores: empty('float32', [rows, N]) };
      return {
        input: () => normal([rows, N]),
        run: (x) => poolScoresSync(x, { kernel, mode, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  poolScores(8, 16_384, 5, 'avg'),
  poolScores(8, 16_384, 7, 'max'),
  poolScores(1, 131_072, 13, 'avg'),
];
