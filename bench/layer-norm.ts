import { type FloatType, layerNormSync } from 'tokensieve';
import { type Case, defineCase, empty, normal, normalOf } from './case.js';

// Hidden states of vision transformers, and of a language model.
const shapes = [
  [1, 197, 768],
  [1, 577, 1024],
  [1, 2880, 4096],
];

function layerNorm([batch, N, C]: readonly number[], type: FloatType): Case {
  const elements = batch * N * C;
  const bytes = elements * (type === 'float32' ? 4 : 2);
  return defineCase({
    operation: 'layerNorm',
    shape: `${batch} x ${N} x ${C}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: ['layer_norm'],
    flops: 9 * elements,
    read: bytes,
    written: bytes,
    setup: () => {
      const out = { tokens: empty(type, [batch, N, C]) };
      const [weight, bias] = [normal([C]), normal([C])];
      return {
        input: () => normalOf(type, [batch, N, C]),
        run: (x) => layerNormSync(x, { weight, bias, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...shapes.map((shape) => layerNorm(shape, 'float32')),
  layerNorm([1, 577, 1024], 'bfloat16'),
];
