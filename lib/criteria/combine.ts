import { rangeError, typeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import { byScore, compareScores } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { readList } from '../tensor.js';
import { type Criterion, scoresOf } from './criterion.js';

/** A criterion and how much it counts. */
export interface WeightedCriterion {
  readonly criterion: Criterion;
  /** Any finite number; 1 by default. */
  readonly weight?: number;
}

/** Options of {@link combineByWeight}. */
export interface CombineOptions {
  /**
   * Brings the scores of each criterion and row to one scale first: `'range'` to 0..1, `'deviation'` to mean 0
   * and standard deviation 1; `'none'`, the default, leaves them. Scores that are all equal become 0.
   */
  readonly normalize?: 'none' | 'range' | 'deviation';
}

/** The weighted sum of several criteria: `s_i = sum of w_c * s_ci`. */
export function combineByWeight(
  parts: readonly WeightedCriterion[],
  options: CombineOptions = {},
): Criterion {
  const { normalize = 'none' } = readOptions(options);
  readWord('options.normalize', normalize, ['none', 'range', 'deviation']);
  return combined(parts, scales[normalize]);
}

/**
 * The weighted sum of ranks: each criterion places a row's tokens from 0, the least, to 1, the greatest, tokens
 * that tie sharing their mean place. Only the order of scores counts, not their scale.
 */
export function combineByRank(parts: readonly WeightedCriterion[]): Criterion {
  return combined(parts, toRanks);
}

/** Changes the scores of one row's candidates in place. */
type Rescale = (scores: Float32Array) => void;

function combined(parts: readonly WeightedCriterion[], rescale: Rescale): Criterion {
  const list = readList('parts', 'an array of { criterion, weight }', parts, 2 ** 10).map((part, i) =>
    readPart(`parts[${i}]`, part),
  );
  if (list.length === 0) throw rangeError('parts', 'at least one criterion', parts);
  return function* (tokens) {
    const { batch, length } = tokens;
    const total = new Float64Array(batch * length);
    for (const { criterion, weight } of list) {
      const scores = yield* scoresOf(criterion, tokens);
      for (let row = 0; row < batch; row++) {
        const candidates = candidatesOf(tokens, row);
        const own = Float32Array.from(candidates, (i) => scores.data[i]);
        rescale(own);
        for (let c = 0; c < candidates.length; c++) total[candidates[c]] += weight * own[c];
      }
    }
    return { type: 'float32', data: Float32Array.from(total), dims: [batch, length] };
  };
}

function readPart(path: string, part: unknown): Required<WeightedCriterion> {
  if (typeof part !== 'object' || part === null)
    throw typeError(path, 'an object { criterion, weight }', part);
  const { criterion, weight = 1 } = part as WeightedCriterion;
  if (typeof criterion !== 'function') throw typeError(`${path}.criterion`, 'a criterion', criterion);
  if (typeof weight !== 'number') throw typeError(`${path}.weight`, 'a number', weight);
  if (!Number.isFinite(weight)) throw rangeError(`${path}.weight`, 'a finite number', weight);
  return { criterion, weight };
}

/** Places in `[B * N]` of a row's tokens that are not dropped. */
function candidatesOf({ length, mask }: Tokens, row: number): number[] {
  const candidates: number[] = [];
  for (let i = row * length; i < (row + 1) * length; i++) if (mask?.[i] !== 2) candidates.push(i);
  return candidates;
}

const scales: Readonly<Record<'none' | 'range' | 'deviation', Rescale>> = {
  none: () => {},
  range: (scores) => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const score of scores) {
      if (score < low) low = score;
      if (score > high) high = score;
    }
    for (let i = 0; i < scores.length; i++) scores[i] = high > low ? (scores[i] - low) / (high - low) : 0;
  },
  deviation: (scores) => {
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length;
    const deviation = Math.sqrt(variance);
    for (let i = 0; i < scores.length; i++) scores[i] = deviation > 0 ? (scores[i] - mean) / deviation : 0;
  },
};

function toRanks(scores: Float32Array): void {
  const best = Uint32Array.from(scores.keys()).sort(byScore(scores));
  const ranks = new Float32Array(scores.length);
  const last = scores.length - 1;
  for (let start = 0, end = 0; start < best.length; start = end) {
    while (end < best.length && compareScores(scores[best[start]], scores[best[end]]) === 0) end++;
    const place = (start + end - 1) / 2;
    for (let i = start; i < end; i++) ranks[best[i]] = last === 0 ? 1 : 1 - place / last;
  }
  scores.set(ranks);
}
