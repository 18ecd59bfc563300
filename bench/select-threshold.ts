import { selectThresholdSync, type ThresholdRule } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** Absolute values of normal deviates, since the rule of mass takes no negative scores. */
function selectThreshold(rows: number, N: number, rule: ThresholdRule): Case {
  const [[name, parameter]] = Object.entries(rule);
  return defineCase({
    operation: 'selectThreshold',
    shape: `${rows} x ${N}, ${name} ${parameter}`,
    kernels: ['select_threshold'],
    flops: 0,
    read: rows * N * 4,
    written: rows * (N + 1) * 4,
    setup: () => {
      const out = { indices: empty('int32', [rows * N]), offsets: new Int32Array(rows + 1) };
      return {
        input: () => {
          const x = normal([rows, N]);
          return { ...x, data: x.data.map(Math.abs) };
        },
        run: (x) => selectThresholdSync(x, rule, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  selectThreshold(1, 577, { iqr: 1.5 }),
  selectThreshold(1, 2880, { meanStd: 1 }),
  selectThreshold(1, 4096, { above: 1 }),
  selectThreshold(1, 16_384, { quantile: 0.75 }),
  selectThreshold(8, 16_384, { mass: 0.9 }),
];
