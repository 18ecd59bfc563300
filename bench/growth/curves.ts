// How the time of a call grows with the number of tokens, from 64 to 65 536.
import { setNumThreads } from 'tokensieve';
import { attentionScores } from '../attention-scores.js';
import { bipartiteMatch } from '../bipartite-match.js';
import type { Case } from '../case.js';
import { gatherTokens } from '../gather-tokens.js';
import { quickMedian } from '../measure.js';
import { mergeTokens } from '../merge-tokens.js';
import { restoreTokens } from '../restore-tokens.js';
import { similarityArgmax } from '../similarity-argmax.js';
import { tokenNorms } from '../token-norms.js';
import { topK } from '../top-k.js';

export interface Curve {
  readonly name: string;
  /** The power of N that the algorithm's work grows by. */
  readonly power: 1 | 2;
  readonly at: (N: number) => Case;
}

/** A curve's points: milliseconds of a call at N. */
export interface GrowthResult {
  readonly name: string;
  readonly power: 1 | 2;
  readonly points: readonly { readonly N: number; readonly milliseconds: number }[];
}

const sizes = Array.from({ length: 11 }, (_, i) => 64 * 2 ** i);
const mostMilliseconds = 2_000;

export const curves: readonly Curve[] = [
  { name: 'attentionScores, N queries', power: 2, at: (N) => attentionScores({ H: 1, N, D: 64 }) },
  {
    name: 'attentionScores, 64 queries',
    power: 1,
    at: (N) => attentionScores({ H: 8, Nq: 64, N, D: 64 }),
  },
  { name: 'bipartiteMatch', power: 2, at: (N) => bipartiteMatch({ B: 1, N, C: 64, r: N / 4 }) },
  { name: 'similarityArgmax', power: 2, at: (N) => similarityArgmax([1, N, N, 64], 'cosine', 1) },
  { name: 'topK', power: 1, at: (N) => topK(1, N, 'index') },
  { name: 'gatherTokens', power: 1, at: (N) => gatherTokens([1, N, 256], 0.5, 'float32') },
  { name: 'mergeTokens', power: 1, at: (N) => mergeTokens({ B: 1, N, C: 256, r: N / 4 }) },
  { name: 'restoreTokens', power: 1, at: (N) => restoreTokens({ B: 1, N, C: 256, r: N / 4 }) },
  { name: 'tokenNorms', power: 1, at: (N) => tokenNorms([1, N, 256], 'float32') },
];

/** Times a curve up to the N whose call would take longer than two seconds, on one thread. */
export function measureGrowth({ name, power, at }: Curve): GrowthResult {
  setNumThreads(1);
  const points: { N: number; milliseconds: number }[] = [];
  for (const N of sizes) {
    const last = points.at(-1);
    if (last !== undefined && last.milliseconds * (N / last.N) ** power > mostMilliseconds) break;
    points.push({ N, milliseconds: quickMedian(at(N).prepare()) });
  }
  return { name, power, points };
}

export const growthName = ({ name }: Pick<Curve, 'name'>): string => `growth ${name}`;
