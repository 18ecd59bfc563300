import { restoreTokensSync } from 'tokensieve';
import { seeded } from '../test/support/random.js';
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

/** The same, each token multiplied by a weight of its own and added to what it was. */
function restoreWeighted(shape: MergingShape): Case {
  const { B, N, C, r } = shape;
  const random = seeded(1);
  let seed = 0;
  return defineCase({
    operation: 'restoreTokens',
    shape: `${mergingName(shape)} weighted`,
    kernels: ['restore_weighted'],
    flops: 2 * B * N * C,
    read: B * (2 * N - r) * C * 4,
    written: B * N * C * 4,
    setup: () => {
      const out = { tokens: empty('float32', [B, N, C]) };
      return {
        input: () => ({
          y: normal([B, N - r, C]),
          map: mergingMap(shape, ++seed),
          weights: Float32Array.from({ length: B * N }, () => random.uniform()),
          residual: normal([B, N, C]),
        }),
        run: ({ y, map, ...sum }) => restoreTokensSync(y, map, { ...sum, out }),
      };
    },
  });
}

export const cases: readonly Case[] = [
  ...mergingShapes.map(restoreTokens),
  ...mergingShapes.slice(0, 2).map(restoreWeighted),
];
