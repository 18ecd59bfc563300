import { type FloatType, gatherChannelsSync } from 'tokensieve';
import { type Case, defineCase, empty, normalOf } from './case.js';
import { chosen } from './gather-tokens.js';

/** Half of the channels, ascending; the lines that they lie in are all of x. */
function gatherChannels([batch, N, C]: readonly number[], type: FloatType): Case {
  const K = C / 2;
  const itemBytes = type === 'float32' ? 4 : 2;
  let seed = 0;
  return defineCase({
    operation: 'gatherChannels',
    shape: `${batch} x ${N} x ${K} of ${C}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: ['gather_channels'],
    flops: 0,
    read: batch * N * C * itemBytes,
    written: batch * N * K * itemBytes,
    setup: () => {
      const out = { tokens: empty(type, [batch, N, K]) };
      return {
        input: () => ({
          x: normalOf(type, [batch, N, C]),
          indices: { type: 'int32', data: chosen(batch, C, K, ++seed), dims: [batch, K] } as const,
        }),
        run: ({ x, indices }) => gatherChannelsSync(x, indices, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  gatherChannels([1, 577, 1024], 'float32'),
  gatherChannels([32, 196, 1152], 'float32'),
  gatherChannels([32, 196, 1152], 'bfloat16'),
];
