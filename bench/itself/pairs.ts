// What this package aims at against itself: two calls of it, of which one is the measure of the other.
import { attention } from '../attention.js';
import { attentionScores, attentionScoresOfPacked } from '../attention-scores.js';
import type { HeadShape } from '../attention-shapes.js';
import { bipartiteMatch } from '../bipartite-match.js';
import { type Case, caseName } from '../case.js';
import { gatherTokens } from '../gather-tokens.js';
import { mergeTokens } from '../merge-tokens.js';
import { similarityArgmax } from '../similarity-argmax.js';
import type { Target } from '../targets.js';
import { mergingShapes } from '../token-maps.js';
import { tokenNorms } from '../token-norms.js';
import { type Distribution, topK } from '../top-k.js';
import { type SmallCall, smallCalls } from './small-calls.js';

/** One of the two calls. */
export interface Side {
  readonly prepare: Case['prepare'];
  readonly threads: number;
  /** Only the call's C function is timed. */
  readonly nativeAlone?: boolean;
}

export interface Pair {
  /** The call that is judged, as its case is named. */
  readonly name: string;
  /** What it is held against. */
  readonly against: string;
  readonly ours: Side;
  readonly measure: Side;
  readonly targets: readonly Target[];
}

const oneThread = ({ prepare }: Case): Side => ({ prepare, threads: 1 });

/** What two runs of the same call may differ by. */
const noise = 0.03;

const window = { H: 8, Nq: 64, N: 16_384, D: 128 } as const;

/** `precision: 'fast'`, packing and quantising included. */
function fast(shape: HeadShape, goal: number): Pair {
  const call = attentionScores(shape, ', fast', { precision: 'fast' });
  return {
    name: caseName(call),
    against: 'exact',
    ours: oneThread(call),
    measure: oneThread(attentionScores(shape)),
    targets: [{ figure: 'speedup', goal }],
  };
}

/** Keys packed once, as those of a decoder's cache: what is left of a call. */
function packed(shape: HeadShape): Pair {
  const call = attentionScoresOfPacked(shape);
  return {
    name: caseName(call),
    against: 'fast',
    ours: oneThread(call),
    measure: oneThread(attentionScores(shape, ', fast', { precision: 'fast' })),
    targets: [{ figure: 'speedup', goal: 1 + noise }],
  };
}

function fastArgmax(dims: readonly [number, number, number, number], metric: 'cosine' | 'l2'): Pair {
  const call = similarityArgmax(dims, metric, 1, 'fast');
  return {
    name: caseName(call),
    against: 'exact',
    ours: oneThread(call),
    measure: oneThread(similarityArgmax(dims, metric, 1)),
    targets: [{ figure: 'speedup', goal: 2 }],
  };
}

/** Half of the bytes are no slower; from DRAM they are faster. */
function half(of: (type: 'float16' | 'bfloat16' | 'float32') => Case, fromDram = false): Pair[] {
  return (['float16', 'bfloat16'] as const).map((type) => ({
    name: caseName(of(type)),
    against: 'float32',
    ours: oneThread(of(type)),
    measure: oneThread(of('float32')),
    targets: [
      {
        figure: 'speedup',
        goal: fromDram ? 1 + noise : 1 - noise,
        note: 'both 16-bit types run the same code: where one alone misses, measure again',
      },
    ],
  }));
}

/** Scores from the pass that makes the output. */
function scoring(shape: HeadShape, scores: 'all' | 'first', goal: number): Pair {
  const call = attention(shape, { scores });
  return {
    name: caseName(call),
    against: 'output alone',
    ours: oneThread(call),
    measure: oneThread(attention(shape)),
    targets: [{ figure: 'cost', goal }],
  };
}

function difficult(values: Distribution, N: number, order: 'index' | 'value'): Pair {
  const call = topK(1, N, order, values);
  return {
    name: caseName(call),
    against: 'random',
    ours: oneThread(call),
    measure: oneThread(topK(1, N, order)),
    targets: [{ figure: 'cost', goal: 3 }],
  };
}

function twoThreads(call: Case, goal: number): Pair {
  return {
    name: `${caseName(call)}, 2 threads`,
    against: '1 thread',
    ours: { ...call, threads: 2 },
    measure: oneThread(call),
    targets: [{ figure: 'share of scaling', goal }],
  };
}

/** What a call of 16 tokens costs beyond its C function. */
function crossing({ name, withOut, allocating }: SmallCall): Pair[] {
  const pair = (what: string, prepare: Side['prepare'], goal: number): Pair => ({
    name: `${name} of 16 tokens, ${what}`,
    against: 'its C function',
    ours: { prepare, threads: 1 },
    measure: { prepare, threads: 1, nativeAlone: true },
    targets: [
      {
        figure: 'overhead',
        goal,
        note: 'what crosses are a header of numbers and every array, of which a TokenMap has several',
      },
    ],
  });
  return [pair('out', withOut, 3), pair('allocating', allocating, 6)];
}

const largeMap = mergingShapes[3];

export const pairs: readonly Pair[] = [
  fast({ H: 12, N: 197, D: 64 }, 1.8),
  fast({ H: 16, N: 577, D: 64 }, 2.3),
  fast({ H: 8, N: 4096, D: 64 }, 2.6),
  fast({ H: 32, N: 2048, D: 128 }, 3),
  fast(window, 1.7),
  packed({ H: 12, N: 197, D: 64 }),
  packed(window),
  fastArgmax([1, 577, 577, 1024], 'cosine'),
  fastArgmax([1, 2880, 2880, 64], 'cosine'),
  fastArgmax([1, 4096, 256, 384], 'l2'),
  ...half((type) => attentionScores({ H: 12, N: 197, D: 64, type })),
  ...half((type) => attentionScores({ H: 16, N: 577, D: 64, type })),
  ...half((type) => attentionScores({ H: 8, N: 4096, D: 64, type })),
  ...half((type) => attentionScores({ ...window, type }), true),
  ...half((type) => bipartiteMatch(mergingShapes[2], type)),
  ...half((type) => mergeTokens(largeMap, { type }), true),
  ...half((type) => gatherTokens([1, 2880, 4096], 0.25, type), true),
  ...half((type) => tokenNorms([8, 16_384, 128], type), true),
  scoring({ H: 12, N: 197, D: 64 }, 'all', 1.35),
  scoring({ H: 16, N: 577, D: 64 }, 'all', 1.35),
  scoring({ H: 8, N: 2880, D: 128 }, 'all', 1.35),
  scoring({ H: 8, N: 4096, D: 64 }, 'all', 1.35),
  scoring({ H: 12, N: 197, D: 64 }, 'first', 1.02),
  scoring({ H: 16, N: 577, D: 64 }, 'first', 1.02),
  scoring({ H: 8, N: 2880, D: 128 }, 'first', 1.02),
  ...([4096, 131_072] as const).flatMap((N) =>
    (['index', 'value'] as const).flatMap((order) =>
      (['all equal', 'two values', 'ascending', 'descending', 'adversarial'] as const).map((values) =>
        difficult(values, N, order),
      ),
    ),
  ),
  ...smallCalls.flatMap(crossing),
  twoThreads(attentionScores({ H: 12, N: 197, D: 64 }), 0.75),
  twoThreads(attentionScores({ H: 16, N: 577, D: 64 }), 0.9),
  twoThreads(attentionScores({ H: 8, N: 4096, D: 64 }), 0.9),
  twoThreads(attentionScores({ H: 32, N: 2048, D: 128 }), 0.9),
  twoThreads(bipartiteMatch(mergingShapes[2]), 0.9),
];
