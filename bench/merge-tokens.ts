import { type FloatTensor, type FloatType, mergeTokensSync } from 'tokensieve';
import { type Case, defineCase, empty, normalOf } from './case.js';
import { type MergingShape, mergingMap, mergingName, mergingShapes } from './token-maps.js';

export function mergeTokens(
  shape: MergingShape,
  { reduce = 'mean', type = 'float32' }: { reduce?: 'mean' | 'norm'; type?: FloatType } = {},
): Case {
  const { B, N, C, r } = shape;
  const item = type === 'float32' ? 4 : 2;
  let seed = 0;
  return defineCase({
    operation: 'mergeTokens',
    shape: `${mergingName(shape)}${reduce === 'mean' ? '' : `, ${reduce}`}${type === 'float32' ? '' : ` ${type}`}`,
    kernels: ['merge_tokens'],
    flops: 2 * B * N * C,
    read: B * N * C * item,
    written: B * (N - r) * C * item,
    setup: () => {
      const out = { tokens: empty(type, [B, N - r, C]) as FloatTensor, sizes: empty('float32', [B, N - r]) };
      return {
        input: () => ({ x: normalOf(type, [B, N, C]) as FloatTensor, map: mergingMap(shape, ++seed) }),
        run: ({ x, map }) => mergeTokensSync(x, map, { reduce, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...mergingShapes.map((shape) => mergeTokens(shape)),
  mergeTokens(mergingShapes[2], { reduce: 'norm' }),
];
