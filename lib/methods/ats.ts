import type { Budget } from '../budgets/budget.js';
import { budgetOf, type CountOptions } from '../budgets/count.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { type Criterion, scoresOf } from '../criteria/criterion.js';
import { normOverHeads } from '../criteria/token-norm.js';
import { createSieve, type Sieve } from '../sieve.js';
import { required } from '../sieve-inputs.js';
import { sample } from '../strategies/sample.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/**
 * Options of {@link ats}: how many tokens stay at most, the class token included, by one of `keep` and `ratio`, a
 * fraction of all rounded to the nearest, and `count`.
 */
export type AtsOptions = MethodOptions & CountOptions;

/**
 * ATS, adaptive token sampling: Fayyaz et al., "Adaptive Token Sampling for Efficient Vision Transformers", ECCV 2022,
 * arXiv 2111.15667.
 *
 * The significance of a token is the attention of the class token, the first of each row, to it, summed over heads,
 * times the norm of its value, all heads together; the others' add up to 1. Even points along the cumulative sum of
 * the rising significances pick the tokens that stay, each once, so that a picture with little in it keeps fewer. The
 * class token stays. Rows differ in how many are left: read `lengths`. Apply between the softmax and the output of
 * the attention: queries of the tokens left, keys and values of all. Reads q, k and v.
 *
 * `reference: 'authors'` lets no fewer than 8 points be, and lists what stays behind the class token by rising
 * significance, as their code does; here tokens stay in place. Their code has one point
 * for each token of the first layer, however many are left; here there are no more points than tokens.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function ats(options: AtsOptions): Sieve {
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: significance,
    budget: isAuthors ? atLeast(8, budgetFor(options)) : budgetFor(options),
    strategy: sample({ order: isAuthors ? 'rising' : 'index' }),
    protect: { first: 1 },
    positions,
  });
}

const budgetFor = (options: AtsOptions) => budgetOf(options, { rounding: 'round' });

function atLeast(least: number, budget: Budget): Budget {
  return (layer) => {
    const amount = budget(layer);
    return amount && 'count' in amount ? { count: (row) => Math.max(least, amount.count(row)) } : amount;
  };
}

const classAttention = attentionReceived({ queries: 'first', heads: 'sum' });

/** What the class token reads of each token; that of the free ones of a row adds up to 1, unless all are 0. */
const significance: Criterion = function* (tokens) {
  const { batch, length, mask, layout } = tokens;
  const { data } = yield* scoresOf(classAttention, tokens);
  const norms = yield* normOverHeads(required(tokens, 'v', 'ats'), layout);
  const scores = new Float32Array(data.length);
  for (let place = 0; place < scores.length; place++) scores[place] = data[place] * norms[place];
  for (let start = 0; start < scores.length; start += length) {
    let sum = 0;
    for (let place = start; place < start + length; place++)
      if (mask === undefined || mask[place] === 0) sum += scores[place];
    if (sum > 0) for (let place = start; place < start + length; place++) scores[place] /= sum;
  }
  return { type: 'float32', data: scores, dims: [batch, length] };
};

export const method: Method<AtsOptions> = {
  name: 'ats',
  group: 'vision transformers',
  title: 'Adaptive Token Sampling for Efficient Vision Transformers',
  authors: 'Fayyaz et al.',
  year: 2022,
  arxiv: '2111.15667',
  licence: 'Apache-2.0',
  summary: 'samples along the cumulative sum of what the class token reads',
  over: 'image',
  classToken: true,
  needs: ['q', 'k', 'v'],
  trainingFree: true,
  defaults: { keep: 0.7 },
  order: 'place',
  tokensLeft: () => undefined,
  create: ats,
};
