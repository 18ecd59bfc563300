// The jobs, and how much faster than a peer this package means to be at each.
import type { Work } from '../ceilings.js';
import type { Job } from './peer.js';

export interface Entry {
  readonly job: Job;
  readonly shape: string;
  /** What the job cannot do without. */
  readonly work: Work;
  /** onnxruntime-node's time over ours that is aimed at. */
  readonly target: number;
}

function attentionScores(H: number, Nq: number, N: number, D: number, target: number): Entry {
  return {
    job: { kind: 'attentionScores', H, Nq, N, D },
    shape: headShape(H, Nq, N, D),
    work: { flops: 2 * H * Nq * N * D, read: H * (Nq + N) * D * 4, written: (N + H * Nq) * 4 },
    target,
  };
}

function attention(H: number, N: number, D: number, target: number): Entry {
  return {
    job: { kind: 'attention', H, Nq: N, N, D },
    shape: headShape(H, N, N, D),
    work: { flops: 4 * H * N * N * D, read: 3 * H * N * D * 4, written: H * N * (D + 1) * 4 },
    target,
  };
}

const headShape = (H: number, Nq: number, N: number, D: number): string =>
  `${H} x ${Nq === N ? `${N}²` : `${Nq} x ${N}`} x ${D}`;

function matchAndMerge(B: number, N: number, C: number, r: number, target: number, M = C): Entry {
  const job: Job = { kind: 'matchAndMerge', B, N, C, r, M, classToken: 2 * r < N };
  const metric = M === C ? 0 : B * N * M * 4;
  return {
    job,
    shape: `${B} x ${N} x ${C}, ${r} merged${M === C ? '' : `, metric of ${M}`}`,
    work: {
      flops: 2 * B * Math.ceil(N / 2) * Math.floor(N / 2) * M,
      read: B * N * C * 4 + metric,
      written: B * (N - r) * (C + 1) * 4,
    },
    target,
  };
}

function topK(N: number, sorted: boolean, target: number): Entry {
  const k = N / 4;
  return {
    job: { kind: 'topK', N, k, sorted },
    shape: `${k} of ${N}${sorted ? ', sorted' : ', as a set'}`,
    work: { flops: 0, read: N * 4, written: k * 8 },
    target,
  };
}

export const entries: readonly Entry[] = [
  attentionScores(12, 197, 197, 64, 1.45),
  attentionScores(16, 577, 577, 64, 1.45),
  attentionScores(8, 4096, 4096, 64, 2),
  attentionScores(32, 2048, 2048, 128, 1.45),
  attentionScores(1, 64, 16_384, 128, 1.35),
  attentionScores(8, 64, 16_384, 128, 1.6),
  attention(12, 197, 64, 1.3),
  attention(16, 577, 64, 1.3),
  attention(8, 2880, 128, 1.3),
  matchAndMerge(1, 197, 768, 16, 3),
  matchAndMerge(1, 197, 768, 16, 3, 64),
  matchAndMerge(8, 197, 768, 16, 3),
  matchAndMerge(1, 577, 1024, 100, 2.2),
  matchAndMerge(1, 4096, 320, 2048, 1.4),
  ...[4096, 16_384, 65_536, 131_072].flatMap((N) => [
    topK(N, false, N > 100_000 ? 6 : 3),
    topK(N, true, N > 100_000 ? 6 : 3),
  ]),
];

export const entryName = ({ job, shape }: Entry): string => `${job.kind} ${shape}`;
