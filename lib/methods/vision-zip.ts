import { countBudget } from '../budgets/count.js';
import { featuresOf } from '../features.js';
import { readInteger, readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import { tokensBut } from '../strategies/among-free.js';
import { centredMap } from '../strategies/maps.js';
import { mergeInto } from '../strategies/merge-into.js';
import { raggedOf } from '../strategies/nearest.js';
import { selectTokens } from '../strategies/select.js';
import type { Strategy } from '../strategies/strategy.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link visionZip}. */
export interface VisionZipOptions extends MethodOptions, EncoderAttentionOptions {
  /** Tokens that stay beside the class token; 54 by default. */
  readonly dominant?: number;
  /** Tokens that the others are merged into; 10 by default. */
  readonly contextual?: number;
}

/**
 * VisionZip: Yang et al., "VisionZip: Longer is Better but Not Necessary in Vision Language Models", CVPR 2025,
 * arXiv 2412.04467.
 *
 * The dominant tokens are the class token and those that its attention, summed over heads, turns to most. Of the R
 * others every `max(1, floor(R / contextual))`-th is a target, up to so many; the rest each go into the target whose
 * key, the mean over heads, is the most similar, and a target becomes the mean of all that is in it, weighted by size.
 * Listed are the dominant ones in place, then the contextual ones in theirs. Score with the last attention but one of
 * the encoder. Reads q and k (or `metric` beside them); encoders without a class token need `queries: 'all'`.
 *
 * `reference: 'authors'` adds the mean of the tokens that go into a target to the target, as their code does, which
 * makes contextual tokens about twice as large as others. Positions are the targets' own.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function visionZip(options: VisionZipOptions): Sieve {
  const { dominant, contextual } = readNumbers(options);
  const { isAuthors, positions } = readMethodOptions(options, 'centre');
  return createSieve({
    ...encoderAttention(options, 'sum'),
    budget: budgetFor(dominant),
    strategy: zipped(contextual, isAuthors),
    positions,
  });
}

function readNumbers(options: VisionZipOptions): { dominant: number; contextual: number } {
  const { dominant = 54, contextual = 10 } = readOptions(options);
  readInteger('options.contextual', contextual, 1);
  return { dominant, contextual };
}

const budgetFor = (dominant: number) => countBudget('options.dominant', 'count', dominant, { of: 'free' });

function zipped(contextual: number, isAuthors: boolean): Strategy {
  return function* (decision) {
    const { tokens } = decision;
    const { indices, offsets } = yield* selectTokens(decision);
    const dominant = tokens.rows.map((_, row) => indices.data.subarray(offsets[row], offsets[row + 1]));
    const targets = dominant.map((chosen, row) => everyStepth(tokensBut(tokens, row, chosen), contextual));
    const features = yield* featuresOf(tokens, 'keys', 'visionZip');
    const others = dominant.map((chosen, row) => tokensBut(tokens, row, chosen, targets[row]));
    const { into } = yield* mergeInto(features, tokens, raggedOf(others), raggedOf(targets));
    const centres = raggedOf(dominant.map((chosen, row) => [...chosen, ...targets[row]]));
    if (!isAuthors) return centredMap(tokens, centres, into);
    return { ...centredMap(tokens, centres, into, addedMeans(tokens, into)), merge: { reduce: 'sum' } };
  };
}

/** At most so many tokens, evenly apart, from the first on. */
function everyStepth(tokens: Int32Array, most: number): Int32Array {
  const step = Math.max(1, Math.floor(tokens.length / most));
  const targets = new Int32Array(Math.min(most, Math.ceil(tokens.length / step)));
  for (let at = 0; at < targets.length; at++) targets[at] = tokens[at * step];
  return targets;
}

/** Weights by which a target and the mean of what goes into it add up. */
function addedMeans({ length }: Tokens, into: Int32Array): Float32Array {
  const joined = new Int32Array(into.length);
  const placeOf = (place: number) => place - (place % length) + into[place];
  into.forEach((centre, place) => {
    if (centre !== -1 && centre !== place % length) joined[placeOf(place)]++;
  });
  return Float32Array.from(into, (centre, place) =>
    centre === -1 || centre === place % length ? 1 : 1 / joined[placeOf(place)],
  );
}

export const method: Method<VisionZipOptions> = {
  name: 'visionZip',
  group: 'vision-language',
  title: 'VisionZip: Longer is Better but Not Necessary in Vision Language Models',
  authors: 'Yang et al.',
  year: 2024,
  arxiv: '2412.04467',
  licence: 'Apache-2.0',
  summary: 'keeps what the class token attends to, merges the rest into evenly spaced tokens',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { dominant: 54, contextual: 10 },
  order: 'own',
  tokensLeft: (options, row) => {
    const { dominant, contextual } = readNumbers(options);
    const left = tokensLeftBy(budgetFor(dominant), row);
    return left + Math.min(contextual, row.tokens - left);
  },
  create: visionZip,
};
