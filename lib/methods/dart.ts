import { budgetOf, type CountOptions } from '../budgets/count.js';
import { keyNorm } from '../criteria/token-norm.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { leastSimilar } from '../strategies/least-similar.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link dart}: how many of the picture's tokens stay, by one of `count`, `keep` and `ratio`, and pivots.
 */
export type DartOptions = CountOptions &
  MethodOptions & {
    /** Pivots among the picture's tokens; 4 by default. */
    readonly imagePivots?: number;
    /** Pivots among those of the text behind it; 4 by default. */
    readonly textPivots?: number;
  };

/**
 * DART, duplication-aware reduction of tokens: Wen et al., "Stop Looking for Important Tokens in Multimodal Language
 * Models: Duplication Matters More", EMNLP 2025, arXiv 2502.11494.
 *
 * Of a prompt whose picture is the free tokens and whose text is masked 1, pivots are the tokens of greatest key, by
 * the L1 norm over all heads: some of the picture, some of the text behind it. The picture's pivots stay; one after
 * another, the picture's first, by rank, each pivot chooses an equal share of the rest, those that repeat it least by
 * the cosine of their hidden states. Reads k, and `metric` for the states that are compared, where they are not
 * hidden (the authors compare them normalised by RMS, with the model's weights). Tokens stay in place.
 *
 * As many of the picture's L tokens stay as asked for, `floor(L keep)`: the pivots count, and the first of them choose
 * one more where shares are not even. `reference: 'authors'` gives each pivot `floor(floor(L keep) / pivots)` tokens,
 * and keeps the picture's pivots besides, so that the number differs from what was asked for. Their code goes through
 * the pivots in the order of a hash set, which by chance is neither.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dart(options: DartOptions): Sieve {
  const { imagePivots = 4, textPivots = 4 } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: keyNorm({ p: 1, prefer: 'high' }),
    budget: pictureBudget(options),
    strategy: leastSimilar({ imagePivots, textPivots, share: isAuthors ? 'floor' : 'exact' }),
    positions,
  });
}

const pictureBudget = (options: CountOptions) => budgetOf(options, { of: 'free' });

export const method: Method<DartOptions> = {
  name: 'dart',
  group: 'vision-language',
  title: 'Stop Looking for Important Tokens in Multimodal Language Models: Duplication Matters More',
  authors: 'Wen et al.',
  year: 2025,
  arxiv: '2502.11494',
  licence: 'Apache-2.0',
  summary: 'keeps pivots of great keys and the tokens that repeat them least',
  over: 'prompt',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { ratio: 0.5 },
  order: 'place',
  tokensLeft: (options, row) =>
    options.reference === 'authors' ? undefined : tokensLeftBy(pictureBudget(options), row),
  create: dart,
};
