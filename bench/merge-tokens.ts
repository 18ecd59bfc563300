import { mergeTokensSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';
import { type MergingShape, mergingMap, mergingName, mergingShapes } from './token-maps.js';

function mergeTokens(shape: MergingShape, reduce: 'mean' | 'norm' = 'mean'): Case {
  const { B, N, C, r } = shape;
  let seed = 0;
  return defineCase({
    operation: 'mergeTokens',
    shape: `${mergingName(shape)}${reduce === 'mean' ? '' : `, ${reduce}`}`,
    kernels: ['merge_tokens'],
    flops: 2 * B * N * C,
    read: B * N * C * 4,
    written: B * (N - r) * C * 4,
    setup: () => {
      const out = { tokens: empty('float32', [B, N - r, C]), sizes: empty('float32', [B, N - r]) };
      return {
        input: () => ({ x: normal([B, N, C]), map: mergingMap(shape, ++seed) }),
        run: ({ x, map }) => mergeTokensSync(x, map, { reduce, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...mergingShapes.map((shape) => mergeTokens(shape)),
  mergeTokens(mergingShapes[2], 'norm'),
];
