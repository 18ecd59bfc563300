import { attentionSync } from 'tokensieve';
import { areFew, attentionName, attentionShape, type HeadShape, productKernels } from './attention-shapes.js';
import { type Case, defineCase, empty, normal } from './case.js';

/** QK^T and PV, 4 H Nq N D flops; with `scores`, the attention that keys receive comes from the same pass. */
export function attention(
  shape: HeadShape,
  { scores, more = [] }: { scores?: 'all' | 'first'; more?: readonly string[] } = {},
): Case {
  const { H, Hkv, Nq, N, D } = attentionShape(shape);
  return defineCase({
    operation: 'attention',
    shape: `${attentionName(shape)}${scoredName(scores)}`,
    kernels: [
      ...productKernels(shape, Nq),
      'attention_softmax',
      ...(areFew(shape, Nq) ? ['attention_few_values'] : ['pack_value_panels', 'attention_values']),
      'store_rows',
      ...more,
    ],
    flops: 4 * H * Nq * N * D,
    read: (H * Nq + 2 * Hkv * N) * D * 4,
    written: H * Nq * (D + 1) * 4,
    setup: () => {
      const out = {
        output: empty('float32', [1, H, Nq, D]),
        lse: empty('float32', [1, H, Nq]),
        ...(scores ? { scores: empty('float32', [1, N]) } : {}),
      };
      return {
        input: () => ({
          q: normal([1, H, Nq, D]),
          k: normal([1, Hkv, N, D]),
          v: normal([1, Hkv, N, D]),
        }),
        run: ({ q, k, v }) =>
          attentionSync(q, k, v, scores === undefined ? { out } : { scores: true, queries: scores, out }),
      };
    },
  });
}

const scoredName = (scores: 'all' | 'first' | undefined): string =>
  scores === undefined ? '' : scores === 'all' ? ', scores' : ', scores of one query';

export const cases: readonly Case[] = [
  attention({ H: 12, N: 197, D: 64 }),
  attention({ H: 16, N: 577, D: 64 }),
  attention({ H: 16, N: 577, D: 64 }, { scores: 'all', more: ['attention_columns'] }),
  attention({ H: 16, N: 577, D: 64 }, { scores: 'first', more: ['attention_columns'] }),
  attention({ H: 16, N: 1024, D: 80 }),
  attention({ H: 8, N: 2880, D: 128 }),
  // A language model's next token
  attention({ H: 32, Hkv: 8, Nq: 1, N: 16_384, D: 128 }),
  // A piece of a prompt so long that its keys are taken in tiles, and sums rescaled from one to the next
  attention({ H: 4, Hkv: 1, Nq: 128, N: 32_768, D: 128 }),
];
