import { rotateKeysSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';

/** Every second key of a cache closing up: each shift is another. */
function rotateKeys(heads: number, N: number, D: number, perHead: boolean): Case {
  const count = perHead ? heads * N : N;
  const from = Int32Array.from({ length: count }, (_, i) => 2 * (i % N));
  const to = from.map((position) => position / 2);
  return defineCase({
    operation: 'rotateKeys',
    shape: `${heads} x ${N} x ${D}${perHead ? ', positions by head' : ''}`,
    kernels: ['rotate_keys'],
    flops: 3 * heads * N * D,
    read: heads * N * D * 4,
    written: heads * N * D * 4,
    setup: () => {
      const out = { keys: empty('float32', [1, heads, N, D]) };
      return {
        input: () => normal([1, heads, N, D]),
        run: (k) => rotateKeysSync(k, from, to, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = [rotateKeys(8, 2048, 128, false), rotateKeys(8, 2048, 128, true)];
