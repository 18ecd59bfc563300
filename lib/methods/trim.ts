import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { type TextRelevanceOptions, textSoftmax } from '../criteria/text-relevance.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { freeAlone, freeCounts, withKept } from '../strategies/among-free.js';
import { summaryMap } from '../strategies/maps.js';
import { outliers } from '../strategies/outliers.js';
import { bestTokens, requiredScores } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type Method, type MethodOptions, readMethodOptions, roundingDown, tokensLeftBy } from './method.js';

/** Options of {@link trim}. */
export interface TrimOptions extends MethodOptions, TextRelevanceOptions {
  /** Fraction of the free tokens that stays; by default the scores decide. */
  readonly keep?: Schedule;
}

/**
 * TRIM, token reduction by CLIP's metric: Song et al., "Less is More: A Simple yet Effective Token Reduction Method for
 * Efficient Multi-modal LLMs", COLING 2025, arXiv 2409.10994.
 *
 * The score of a token is the softmax over the picture's tokens of minus its product with the text, both as projected
 * by CLIP, whose patches are the less like a text the more they show of it (`sign: 1` for an encoder where they are the
 * more like it). Tokens whose score is past `Q3 + 1.5 (Q3 - Q1)` stay, at least one; or `floor(L keep)` of the L free
 * ones. They stay in place, and behind them comes the mean of all others. Reads imageEmbeds and textEmbeds (the pooled
 * text, T = 1; of more than one the softmaxes are averaged).
 *
 * `reference: 'authors'` takes the quartiles over the whole batch, and keeps of each row the fraction of tokens that
 * stands out in all; here each row goes by its own. Of `L keep` it takes what floating point makes of the product.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function trim(options: TrimOptions): Sieve {
  const { isAuthors, positions } = readMethodOptions(options);
  const { keep, sign } = readOptions(options);
  return createSieve({
    criterion: textSoftmax({ ...(sign !== undefined && { sign }) }),
    ...(keep !== undefined && { budget: budgetFor(keep, options) }),
    strategy: relevantAndMean(isAuthors),
    positions,
  });
}

const budgetFor = (keep: Schedule, options: MethodOptions) =>
  countBudget('options.keep', 'keep', keep, { rounding: roundingDown(options), of: 'free' });

function relevantAndMean(isAuthors: boolean): Strategy {
  return function* (decision) {
    const { tokens, amount } = decision;
    const scores = requiredScores(decision);
    const free = freeAlone(tokens);
    const chosen =
      amount === undefined
        ? (yield* outliers(free, scores, isAuthors)).chosen
        : yield* bestTokens(free, scores, freeCounts(decision, 'trim'));
    const { indices, offsets } = withKept(tokens, chosen);
    return { map: summaryMap(tokens, indices.data, offsets, undefined) };
  };
}

export const method: Method<TrimOptions> = {
  name: 'trim',
  group: 'vision-language',
  title: 'Less is More: A Simple yet Effective Token Reduction Method for Efficient Multi-modal LLMs',
  authors: 'Song et al.',
  year: 2024,
  arxiv: '2409.10994',
  licence: 'Apache-2.0',
  summary: 'keeps what the text is about, and the mean of the rest',
  over: 'image',
  classToken: false,
  needs: ['imageEmbeds', 'textEmbeds'],
  trainingFree: true,
  defaults: {},
  order: 'appended',
  tokensLeft: (options, row) => {
    const { keep } = options;
    if (keep === undefined) return undefined;
    const left = tokensLeftBy(budgetFor(keep, options), row);
    return left + Number(left < row.tokens);
  },
  create: trim,
};
