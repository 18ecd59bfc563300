import {
  type AttentionScoresOptions,
  attentionScoresSync,
  gravityCorrection,
  packKeysSync,
} from 'tokensieve';
import { attentionName, attentionShape, type HeadShape, productKernels } from './attention-shapes.js';
import { type Case, defineCase, empty, normal, normalOf } from './case.js';

type Options = Pick<
  AttentionScoresOptions,
  'causal' | 'queries' | 'precision' | 'distanceScale' | 'positions'
>;

/** H heads of Nq queries and N keys: QK^T is what cannot be saved, 2 H Nq N D flops. */
export function attentionScores(shape: HeadShape, what = '', options: Options = {}): Case {
  const { H, Hkv, Nq, N, D, type } = attentionShape(shape);
  const item = type === 'float32' ? 4 : 2;
  const chosen = options.queries === 'last' ? 1 : Nq;
  const seen = options.causal ? N - (Nq - 1) / 2 : N;
  return defineCase({
    operation: 'attentionScores',
    shape: `${attentionName(shape)}${what}`,
    kernels: [
      ...productKernels(shape, chosen),
      ...(options.distanceScale === undefined ? [] : ['attention_distance']),
      'attention_softmax',
      'attention_columns',
    ],
    flops: 2 * H * chosen * seen * D,
    read: (H * chosen + Hkv * N) * D * item,
    written: (N + H * chosen) * 4,
    setup: () => {
      const out = { scores: empty('float32', [1, N]), lse: empty('float32', [1, H, chosen]) };
      return {
        input: () => ({ q: normalOf(type, [1, H, Nq, D]), k: normalOf(type, [1, Hkv, N, D]) }),
        run: ({ q, k }) => attentionScoresSync(q, k, { ...options, out }),
      };
    },
  });
}

/** The same with precision 'fast', from keys packed before. */
export function attentionScoresOfPacked(shape: HeadShape): Case {
  const { H, Hkv, Nq, N, D } = attentionShape(shape);
  return defineCase({
    ...attentionScores(shape, ', keys packed', { precision: 'fast' }),
    setup: () => {
      const out = { scores: empty('float32', [1, N]), lse: empty('float32', [1, H, Nq]) };
      return {
        input: () => {
          const q = normal([1, H, Nq, D]);
          return { q, keys: packKeysSync(normal([1, Hkv, N, D]), { queries: q }) };
        },
        run: ({ q, keys }) => attentionScoresSync(q, keys, { precision: 'fast', out }),
      };
    },
  });
}

/** Factors of all distances of N tokens. */
const distanceScale = (N: number) => gravityCorrection({ length: N, headDim: 128 });

export const cases: readonly Case[] = [
  // Vision transformers: DeiT-B, CLIP-L/336, ViT-H at 448 pixels
  attentionScores({ H: 12, N: 197, D: 64 }),
  attentionScores({ H: 16, N: 577, D: 64 }),
  attentionScores({ H: 16, N: 577, D: 64, type: 'bfloat16' }),
  attentionScores({ H: 16, N: 1024, D: 80 }),
  // Stable Diffusion's first block, and language models
  attentionScores({ H: 8, N: 4096, D: 64 }),
  attentionScores({ H: 32, N: 2048, D: 128 }),
  // SparseVLM: a LLaVA-1.5 prompt, whole and with a third of its tokens gone
  attentionScores({ H: 32, N: 640, D: 128 }, ', by distance', { distanceScale: distanceScale(640) }),
  attentionScores({ H: 32, N: 432, D: 128 }, ', by distance between tokens left', {
    distanceScale: distanceScale(640),
    positions: Int32Array.from({ length: 432 }, (_, j) => j + (j >> 1)),
  }),
  // FastV: what the last token of a LLaVA-NeXT prompt looks at
  attentionScores({ H: 32, Nq: 1, N: 2880, D: 128 }),
  // SnapKV: observation windows over a long context
  attentionScores({ H: 1, Nq: 64, N: 16_384, D: 128 }, ', causal', { causal: true }),
  attentionScores({ H: 8, Nq: 64, N: 16_384, D: 128 }, ', causal', { causal: true }),
  attentionScores({ H: 32, Hkv: 8, Nq: 32, N: 16_384, D: 128 }, ', causal', { causal: true }),
];
