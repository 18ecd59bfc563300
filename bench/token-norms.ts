import { type FloatType, tokenNormsSync } from 'tokensieve';
import { type Case, defineCase, empty, normalOf } from './case.js';

// Hidden states of vision transformers, and the keys of a long context.
const shapes = [
  [1, 197, 768],
  [1, 577, 1024],
  [1, 2880, 4096],
  [8, 16_384, 128],
];

export function tokenNorms([batch, N, C]: readonly number[], type: FloatType): Case {
  const tokens = batch * N;
  return defineCase({
    operation: 'tokenNorms',
    shape: `${batch} x ${N} x ${C}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: ['token_norms'],
    flops: 2 * tokens * C,
    read: tokens * C * (type === 'float32' ? 4 : 2),
    written: tokens * 4,
    setup: () => {
      const out = { norms: empty('float32', [batch, N]) };
      return {
        input: () => normalOf(type, [batch, N, C]),
        run: (x) => tokenNormsSync(x, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...shapes.map((shape) => tokenNorms(shape, 'float32')),
  tokenNorms([8, 16_384, 128], 'bfloat16'),
];
