import { restoreTokensSync } from 'tokensieve';
import { type Case, defineCase, empty, normal } from './case.js';
import { type MergingShape, mergingMap, mergingName, mergingShapes } from './token-maps.js';

/** Every token is written; the fewer that are read come from a cache when they are read again. */
export function restoreTokens(shape: MergingShape): Case {
  const { B, N, C, r } = shape;
  let seed = 0;
  return defineCase({
    operation: 'restoreTokens',
    shape: mergingName(shape),
    kernels: ['restore_tokens'],
    flops: 0,
    read: B * (N - r) * C * 4,
    written: B * N * C * 4,
    setup: () => {
      const out = { tokens: empty('float32', [B, N, C]) };
      return {
        input: () => ({ y: normal([B, N - r, C]), map: mergingMap(shape, ++seed) }),
        run: ({ y, map }) => restoreTokensSync(y, map, { out }),
      };
    },
  });
}

export const cases: readonly Case[] = mergingShapes.map(restoreTokens);
