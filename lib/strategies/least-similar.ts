import { textBehind } from '../criteria/queries.js';
import { typeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { readInteger, readOptions, readWord } from '../options.js';
import type { Ragged } from '../ragged.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { prunedMap } from './maps.js';
import { raggedOf } from './nearest.js';
import { bestTokens, requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link leastSimilar}. */
export interface LeastSimilarOptions {
  /** Free tokens that choose, and stay: those that score best; 4 by default. */
  readonly imagePivots?: number;
  /** Tokens of the text behind the free ones that choose besides, by score; 4 by default. */
  readonly textPivots?: number;
  /**
   * What each pivot may choose. `'exact'`, the default: as many as the budget has room for beside the pivots, the first
   * ones one more where they do not divide evenly. `'floor'`: the budget over the number of pivots, rounded down, which
   * leaves the free pivots on top of it.
   */
  readonly share?: 'exact' | 'floor';
}

/**
 * Pruning by duplication: pivots stay, and one after another, free ones first, each the best score first, they choose
 * their share of the free tokens that are left: those least like them by the cosine of `metric`, or of hidden where the
 * inputs bring none; of equal ones the first. All stay in place. Asks for scores and a budget of numbers.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * TypeError for a budget that is left out or goes by a rule
 */
export function leastSimilar(options: LeastSimilarOptions = {}): Strategy {
  const { imagePivots = 4, textPivots = 4, share = 'exact' } = readOptions(options);
  readInteger('options.imagePivots', imagePivots, 1);
  readInteger('options.textPivots', textPivots, 0);
  readWord('options.share', share, ['exact', 'floor']);
  return function* (decision) {
    const { tokens } = decision;
    const { length } = tokens;
    const counts = countsAsked(decision, 'leastSimilar');
    if (counts === undefined) throw typeError('budget', 'a budget, which leastSimilar goes by', counts);
    const scores = requiredScores(decision);
    const budgets = counts.map((count, row) => count - tokens.rows[row].kept);
    const free = Uint8Array.from({ length: tokens.batch * length }, (_, at) => Number(!tokens.mask?.[at]));
    const own = yield* bestFirst(tokens, scores, free, (row) => Math.min(imagePivots, budgets[row]));
    const text = yield* bestFirst(tokens, scores, textBehind(tokens), (row) =>
      budgets[row] === 0 ? 0 : textPivots,
    );
    const choosing = own.map((list, row) => [...list, ...text[row]]);
    const shareOf = (row: number, turn: number): number => {
      const among = choosing[row].length;
      if (turn >= among) return 0;
      if (share === 'floor') return Math.floor(budgets[row] / among);
      const room = budgets[row] - own[row].length;
      return Math.floor(room / among) + Number(turn < room % among);
    };

    const pool = free.slice();
    own.forEach((list, row) => {
      for (const token of list) pool[row * length + token] = 0;
    });
    for (const [turn, differences] of (yield* differencesFrom(tokens, choosing, free)).entries()) {
      const taken = yield* best(tokens, differences, pool, (row) => shareOf(row, turn));
      for (let row = 0; row < tokens.batch; row++)
        for (let at = taken.offsets[row]; at < taken.offsets[row + 1]; at++)
          pool[row * length + taken.indices.data[at]] = 0;
    }
    const stays = (row: number) => (i: number) =>
      tokens.mask?.[row * length + i] === 1 || pool[row * length + i] < free[row * length + i];
    const everyToken = [...new Int32Array(length).keys()];
    const { indices, offsets } = raggedOf(counts.map((_, row) => everyToken.filter(stays(row))));
    return { map: prunedMap(tokens, indices.data, offsets) };
  };
}

/**
 * Of those tokens of each row that are among some, so many that score best, as far as there are; ascending.
 *
 * @param among `[B * N]`: 1 for a token that may be chosen, else 0
 */
function* best(
  { batch, length }: Tokens,
  scores: Tensor<'float32'>,
  among: Uint8Array,
  most: (row: number) => number,
): Steps<Ragged> {
  const counts = Array.from({ length: batch }, (_, row) => {
    const there = among.subarray(row * length, (row + 1) * length).reduce((sum, is) => sum + is, 0);
    return Math.min(most(row), there);
  });
  return yield* bestTokens({ batch, length, mask: among.map((is) => 2 - 2 * is) }, scores, counts);
}

/** The same, best first. */
function* bestFirst(
  tokens: Tokens,
  scores: Tensor<'float32'>,
  among: Uint8Array,
  most: (row: number) => number,
): Steps<number[][]> {
  const { indices, offsets } = yield* best(tokens, scores, among, most);
  return tokens.rows.map((_, row) => {
    const own = scores.data.subarray(row * tokens.length, (row + 1) * tokens.length);
    return [...indices.data.subarray(offsets[row], offsets[row + 1])].sort(byScore(own));
  });
}

/** For the first pivot of every row, the second and so on: `[B,N]`, minus each free token's cosine with it. */
function* differencesFrom(
  tokens: Tokens,
  pivots: readonly number[][],
  free: Uint8Array,
): Steps<Tensor<'float32'>[]> {
  const { batch, length } = tokens;
  const most = pivots.reduce((longest, list) => Math.max(longest, list.length), 0);
  if (most === 0) return [];
  const features = yield* featuresOf(tokens, 'hidden', 'leastSimilar');
  const chosen = yield* step.gatherRagged(features, raggedOf(pivots), {});
  // All of the similarities, in an order of each token's own. A row of fewer pivots has zeros for others.
  const { indices, values } = yield* step.similarityArgmax(features, chosen.tokens, {
    k: most,
    aMask: { type: 'uint8', data: free.map((is) => 2 - 2 * is), dims: [batch, length] },
  });
  const turns = Array.from({ length: most }, () => new Float32Array(batch * length));
  for (let at = 0; at < values.data.length; at++)
    if (indices.data[at] !== -1) turns[indices.data[at]][Math.floor(at / most)] = -values.data[at];
  return turns.map((data) => ({ type: 'float32', data, dims: [batch, length] }));
}
