// The jobs, what they cannot do without, and what this package aims at in each.
import type { Work } from '../ceilings.js';
import type { Target } from '../targets.js';
import type { Job } from './peer.js';

export interface Entry {
  readonly job: Job;
  readonly shape: string;
  /** What the job cannot do without, in passes that each need the one before. */
  readonly passes: readonly Work[];
  readonly targets: readonly Target[];
}

/** The peer that speedups are aimed at. */
export const rival = 'onnxruntime-node';

/** onnxruntime-node's time over ours. */
const speedup = (goal: number): Target => ({ figure: 'speedup', goal });
/** The least time possible over ours. */
const ceiling = (goal: number, threads?: number): Target => ({
  figure: 'share of ceiling',
  goal,
  ...(threads === undefined ? {} : { threads }),
});
/** Our time is at most so many times the least possible. */
const within = (times: number): Target => ceiling(1 / times);
/** What is known of a target should it be missed. */
const noted = (note: string, targets: readonly Target[]): Target[] =>
  targets.map((target) => ({ ...target, note }));

function attentionScores(H: number, Nq: number, N: number, D: number, targets: readonly Target[]): Entry {
  return {
    job: { kind: 'attentionScores', H, Nq, N, D },
    shape: headShape(H, Nq, N, D),
    passes: [{ flops: 2 * H * Nq * N * D, read: H * (Nq + N) * D * 4, written: (N + H * Nq) * 4 }],
    targets,
  };
}

function attention(H: number, N: number, D: number, targets: readonly Target[]): Entry {
  return {
    job: { kind: 'attention', H, Nq: N, N, D },
    shape: headShape(H, N, N, D),
    passes: [{ flops: 4 * H * N * N * D, read: 3 * H * N * D * 4, written: H * N * (D + 1) * 4 }],
    targets,
  };
}

const headShape = (H: number, Nq: number, N: number, D: number): string =>
  `${H} x ${Nq === N ? `${N}²` : `${Nq} x ${N}`} x ${D}`;

/** All sources must have found their destinations before the first pair is merged: two passes. */
function matchAndMerge(
  [B, N, C, r]: readonly [number, number, number, number],
  targets: readonly Target[],
  M = C,
): Entry {
  return {
    job: { kind: 'matchAndMerge', B, N, C, r, M, classToken: 2 * r < N },
    shape: `${B} x ${N} x ${C}, ${r} merged${M === C ? '' : `, metric of ${M}`}`,
    passes: [
      { flops: 2 * B * Math.ceil(N / 2) * Math.floor(N / 2) * M, read: B * N * M * 4, written: 0 },
      { flops: 0, read: B * N * C * 4, written: B * (N - r) * (C + 1) * 4 },
    ],
    targets,
  };
}

function topK(N: number, sorted: boolean, targets: readonly Target[]): Entry {
  const k = N / 4;
  return {
    job: { kind: 'topK', N, k, sorted },
    shape: `${k} of ${N}${sorted ? ', sorted' : ', as a set'}`,
    passes: [{ flops: 0, read: N * 4, written: k * 8 }],
    targets,
  };
}

function gatherTokens(K: number, N: number, C: number, targets: readonly Target[]): Entry {
  return {
    job: { kind: 'gatherTokens', N, K, C },
    shape: `${K} of ${N} x ${C}`,
    passes: [{ flops: 0, read: K * C * 4, written: K * C * 4 }],
    targets,
  };
}

function mergeTokens(N: number, C: number, r: number, targets: readonly Target[]): Entry {
  return {
    job: { kind: 'mergeTokens', N, M: N - r, C },
    shape: `${N} x ${C}, ${r} merged`,
    passes: [{ flops: 2 * N * C, read: N * C * 4, written: (N - r) * C * 4 }],
    targets,
  };
}

function restoreTokens(N: number, C: number, r: number, targets: readonly Target[]): Entry {
  return {
    job: { kind: 'restoreTokens', N, M: N - r, C },
    shape: `${N} x ${C}, ${r} merged`,
    passes: [{ flops: 0, read: (N - r) * C * 4, written: N * C * 4 }],
    targets,
  };
}

const merged = [
  [197, 768, 16],
  [577, 1024, 100],
  [2880, 4096, 1440],
  [4096, 320, 2048],
] as const;

const short =
  '197 keys are padded to 208, and packing, exponentials and sums take a third of the time: blocks of 28 rows and ' +
  'another 2^x gained nothing';
const strip =
  'the passes over a strip of logits wait for L2: exponentials fused into the product were within 3 %, ' +
  'smaller blocks no faster';
const window =
  'the strip of 64 x 16384 lies in L3, and one head packs its keys in two parts: fetching the next keys during the ' +
  'product was tried and kept; cutting a head by keys, with exponentials tile by tile in L2, is what is left';
const scattered =
  'a plain copy is one stream that the prefetchers follow, rows are not, and in small calls the way into the addon ' +
  'counts: bursts of fetches, and stores past caches that would hold the output, were slower';
const twoPasses =
  'besides the product: norms, packing, padding of columns to whole vectors, and the winners once more in float64; ' +
  'blocks of depth gained nothing';

const products =
  'the two products are most of the work, and the peer has them too; nothing was tried here beyond what the scores ' +
  'share';

export const entries: readonly Entry[] = [
  attentionScores(12, 197, 197, 64, noted(short, [speedup(1.45), ceiling(0.7, 1), ceiling(0.52, 2)])),
  attentionScores(16, 577, 577, 64, noted(strip, [speedup(1.45), ceiling(0.76, 1), ceiling(0.71, 2)])),
  attentionScores(8, 4096, 4096, 64, noted(strip, [speedup(2), ceiling(0.79, 1), ceiling(0.74, 2)])),
  attentionScores(32, 2048, 2048, 128, noted(strip, [speedup(1.45), ceiling(0.84, 1)])),
  attentionScores(1, 64, 16_384, 128, noted(window, [speedup(1.35)])),
  attentionScores(8, 64, 16_384, 128, noted(window, [speedup(1.6)])),
  attention(12, 197, 64, noted(products, [speedup(1.3)])),
  attention(16, 577, 64, noted(products, [speedup(1.3)])),
  attention(8, 2880, 128, noted(products, [speedup(1.3)])),
  matchAndMerge([1, 197, 768, 16], noted(twoPasses, [speedup(3), within(1.3)])),
  matchAndMerge([1, 197, 768, 16], noted(twoPasses, [speedup(3), within(1.3)]), 64),
  matchAndMerge([8, 197, 768, 16], noted(twoPasses, [speedup(3), within(1.3)])),
  matchAndMerge([1, 577, 1024, 100], noted(twoPasses, [speedup(2.2), within(1.3)])),
  matchAndMerge([1, 4096, 320, 2048], noted(twoPasses, [speedup(1.4), within(1.3)])),
  ...merged.map(([N, C, r]) => mergeTokens(N, C, r, noted(scattered, [within(1.5)]))),
  ...merged.map(([N, C, r]) => restoreTokens(N, C, r, noted(scattered, [within(1.5)]))),
  gatherTokens(98, 197, 768, noted(scattered, [within(1.3)])),
  gatherTokens(288, 577, 1024, noted(scattered, [within(1.3)])),
  gatherTokens(720, 2880, 4096, noted(scattered, [within(1.3)])),
  gatherTokens(8192, 65_536, 64, noted(scattered, [within(1.3)])),
  ...[4096, 16_384, 65_536, 131_072].flatMap((N) => [
    topK(N, false, [speedup(N > 100_000 ? 6 : 3)]),
    topK(N, true, [speedup(N > 100_000 ? 6 : 3)]),
  ]),
];

export const entryName = ({ job, shape }: Entry): string => `${job.kind} ${shape}`;
