import { channelMomentsSync, type FloatType } from 'tokensieve';
import { type Case, defineCase, empty, normalOf } from './case.js';

// Hidden states of a vision transformer, of a video's frame and of a whole video.
const shapes = [
  [1, 577, 1024],
  [32, 196, 1152],
  [1, 6272, 4096],
];

function channelMoments([batch, N, C]: readonly number[], type: FloatType): Case {
  const elements = batch * N * C;
  return defineCase({
    operation: 'channelMoments',
    shape: `${batch} x ${N} x ${C}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: ['channel_moments'],
    flops: 6 * elements,
    read: elements * (type === 'float32' ? 4 : 2),
    written: 2 * batch * C * 4,
    setup: () => {
      const out = { mean: empty('float32', [batch, C]), variance: empty('float32', [batch, C]) };
      return {
        input: () => normalOf(type, [batch, N, C]),
        run: (x) => channelMomentsSync(x, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...shapes.map((shape) => channelMoments(shape, 'float32')),
  channelMoments([32, 196, 1152], 'bfloat16'),
];
