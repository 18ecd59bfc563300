import { budgetOf, type CountOptions } from '../budgets/count.js';
import { type Rounding, roundCount } from '../budgets/schedule.js';
import { rangeError, typeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { readInteger, readOptions } from '../options.js';
import { byScore } from '../ranking.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Steps } from '../steps.js';
import { freeCounts, rankedFree, withKept } from '../strategies/among-free.js';
import { prunedMap } from '../strategies/maps.js';
import { nearestTokens, raggedOf } from '../strategies/nearest.js';
import { requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import type { FloatTensor } from '../tensor.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions, roundingDown, tokensLeftBy } from './method.js';

/** Options of {@link visPruner}: how many tokens stay beside the class token, by one of `count`, `keep` and `ratio`. */
export type VisPrunerOptions = CountOptions &
  EncoderAttentionOptions &
  MethodOptions & {
    /** The part of them that attention chooses, from 0 to 1; 0.5 by default. */
    readonly importantRatio?: number;
    /** Tokens removed in a round, at most; 8 by default. */
    readonly r?: number;
  };

/**
 * VisPruner: Zhang et al., "Beyond Text-Visual Attention: Exploiting Visual Cues for Effective Token Pruning in VLMs",
 * ICCV 2025, arXiv 2412.01818.
 *
 * Of the L tokens beside the class token T stay, `floor(L keep)`. Of them `floor(T * importantRatio)` are those that
 * the class token's attention, averaged over heads, turns to most. The others, listed by falling attention, lose what
 * they repeat, r at a time: those at even places of the list each find the most similar (cosine of hidden, or
 * `metric`) at an odd place, and the r most similar to theirs go; the rest of them, by falling similarity, and then
 * those at odd places are the next round's list. Rounds end with T in all, exactly. What stays is listed in place.
 * Reads q and k; encoders without a class token need `queries: 'all'`.
 *
 * The authors' code wants a list of even length; here it may be of any. `reference: 'authors'` rounds
 * `T * importantRatio` down as floating point makes it.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function visPruner(options: VisPrunerOptions): Sieve {
  const { importantRatio = 0.5, r = 8 } = readOptions(options);
  for (const [name, value] of Object.entries({ importantRatio, r }))
    if (typeof value !== 'number') throw typeError(`options.${name}`, 'a number', value);
  if (!(importantRatio >= 0 && importantRatio <= 1))
    throw rangeError('options.importantRatio', 'a number from 0 to 1', importantRatio);
  readInteger('options.r', r, 1);
  const { positions } = readMethodOptions(options);
  const rounding = roundingDown(options);
  return createSieve({
    ...encoderAttention(options),
    budget: budgetFor(options),
    strategy: importantAndDiverse({ importantRatio, r, rounding }),
    positions,
  });
}

const budgetFor = (options: CountOptions) => budgetOf(options, { of: 'free' });

interface Choice {
  readonly importantRatio: number;
  readonly r: number;
  readonly rounding: Rounding;
}

function importantAndDiverse({ importantRatio, r, rounding }: Choice): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const scores = requiredScores(decision);
    const counts = freeCounts(decision, 'visPruner');
    const ranked = counts.map((_, row) => rankedFree(tokens, row, scores));
    const important = counts.map((count, row) =>
      ranked[row].subarray(0, roundCount(count * importantRatio, count, rounding)),
    );
    const residual = ranked.map((list, row) => list.subarray(important[row].length));
    const left = counts.map((count, row) => count - important[row].length);
    const features = yield* featuresOf(tokens, 'hidden', 'visPruner');
    const diverse = yield* withoutRepeats(features, residual, left, r);
    const chosen = raggedOf(diverse.map((list, row) => [...important[row], ...list]));
    const { indices, offsets } = withKept(tokens, chosen);
    return { map: prunedMap(tokens, indices.data, offsets) };
  };
}

/** The lists, so many tokens of each, after rounds that remove at most r that are like others. */
function* withoutRepeats(
  features: FloatTensor,
  lists: readonly Int32Array[],
  left: readonly number[],
  r: number,
): Steps<Int32Array[]> {
  let rest = lists.map((list, row) => (left[row] === 0 ? list.subarray(0, 0) : list));
  for (;;) {
    const isDone = rest.map((list, row) => list.length <= left[row]);
    if (isDone.every(Boolean)) return rest;
    const sources = raggedOf(rest.map((list, row) => list.filter((_, at) => at % 2 === 0 && !isDone[row])));
    const others = rest.map((list) => list.filter((_, at) => at % 2 === 1));
    const nearest = yield* nearestTokens(features, sources, raggedOf(others));
    rest = rest.map((list, row) => {
      if (isDone[row]) return list;
      const [start, end] = [sources.offsets[row], sources.offsets[row + 1]];
      const removed = Math.min(r, list.length - left[row], end - start);
      const bySimilarity = Int32Array.from({ length: end - start }, (_, at) => at).sort(
        byScore(nearest.similarity.subarray(start, end)),
      );
      const stay = bySimilarity.subarray(removed).map((at) => sources.indices.data[start + at]);
      return Int32Array.of(...stay, ...others[row]);
    });
  }
}

export const method: Method<VisPrunerOptions> = {
  name: 'visPruner',
  group: 'vision-language',
  title: 'Beyond Text-Visual Attention: Exploiting Visual Cues for Effective Token Pruning in VLMs',
  authors: 'Zhang et al.',
  year: 2024,
  arxiv: '2412.01818',
  licence: 'Apache-2.0',
  summary: 'keeps what the class token attends to, and of the rest what is not repeated',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { keep: 0.5 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(budgetFor(options), row),
  create: visPruner,
};
