// Tokens whose score stands out, beside which evenly spaced ones may stay, each with those most like it.
import { roundCount } from '../budgets/schedule.js';
import { featuresOf } from '../features.js';
import { freeTokens } from '../grid.js';
import { byScore } from '../ranking.js';
import { freeAlone, keptTokens, withKept } from './among-free.js';
import { raggedOf } from './nearest.js';
import { withNeighbours } from './neighbours.js';
import { outliers } from './outliers.js';
import { requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** What {@link mergeAroundOutliers} goes by. */
export interface OutlierOptions {
  /** How many of the most similar tokens each one that stays takes up. */
  readonly k: number;
  /** Whether evenly spaced tokens stay too. */
  readonly isPlus: boolean;
  readonly isAuthors: boolean;
}

/** The strategy of PruMerge, see `pruMerge`. */
export function mergeAroundOutliers({ k, isPlus, isAuthors }: OutlierOptions): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const scores = requiredScores(decision);
    const { chosen, fractions } = yield* outliers(freeAlone(tokens), scores, isAuthors);
    const rows = fractions.map((fraction, row) => {
      const own = chosen.indices.data.subarray(chosen.offsets[row], chosen.offsets[row + 1]);
      const standsOut = new Set(own);
      const spaced = isPlus ? evenlySpaced(freeTokens(tokens, row), fraction, isAuthors) : [];
      return { own, spaced: spaced.filter((i) => !standsOut.has(i)) };
    });
    const staying = isAuthors
      ? raggedOf(
          rows.map(({ own, spaced }, row) => {
            const start = row * tokens.length;
            const compare = byScore(scores.data.subarray(start, start + tokens.length));
            return [...keptTokens(tokens, row), ...own.slice().sort(compare), ...spaced];
          }),
        )
      : withKept(tokens, raggedOf(rows.map(({ own, spaced }) => [...own, ...spaced])));
    const features = yield* featuresOf(tokens, 'all-keys', 'pruMerge');
    const reduce = isAuthors ? 'sum' : 'mean';
    return yield* withNeighbours(tokens, features, scores, { staying, k, reduce });
  };
}

/** Every so many tokens of a picture, by the fraction of them that stands out. */
function evenlySpaced(free: Int32Array, fraction: number, isAuthors: boolean): number[] {
  const apart = Math.max(1, Math.floor(roundCount(1 / fraction, free.length, 'floor') / 3));
  const end = isAuthors ? free.length - 1 : free.length;
  return Array.from(free.subarray(0, Math.max(0, end))).filter((_, at) => at % apart === 0);
}
