import { budgetOf, type CountOptions } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { energy } from '../criteria/redundancy.js';
import type { ComparedBy } from '../features.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { type MergeLowestOptions, mergeLowest } from '../strategies/merge-lowest.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link pitome}: how many of the tokens that are not protected stay, by one of `keep`, `ratio` and
 * `count`; at most half of them go.
 */
export type PitomeOptions = MethodOptions &
  CountOptions & {
    /**
     * The cosine from which on two tokens count as alike; 0.9 by default. In the paper it falls over the layers:
     * `budgets.falling({ from: 0.9, by: 0.9, layers })`.
     */
    readonly margin?: Schedule;
    /** The kernel of the energy: `'elu'`, the default, or `'gaussian'`, the paper's for text. */
    readonly kernel?: 'elu' | 'gaussian';
    /** Who merges into whom; `'alternate'` by default. See {@link MergeLowestOptions}. */
    readonly split?: MergeLowestOptions['split'];
    /**
     * What tokens are compared by where the inputs bring no metric: the mean over heads of k, the default, or hidden.
     */
    readonly metric?: ComparedBy;
  };

/**
 * PiToMe: Tran et al., "Accelerating Transformers with Spectrum-Preserving Token Merging", NeurIPS 2024,
 * arXiv 2405.16148.
 *
 * The energy of a token, the mean over the free tokens, itself included, of ELU(cos - margin), says how many are like
 * it. Of T free tokens the 2r of highest energy, r = floor(T - T * keep), are dealt out in falling energy to A and B in
 * turn, and each of A merges into the most similar of B, as the mean weighted by size. What stands apart is left alone.
 * Apply it between attention and MLP, handing `sizes` on. Reads k (or `metric`); mask a class token with 1. `scores` are
 * the energies negated: what stands apart scores high.
 *
 * For text the paper has `kernel: 'gaussian'` with `split: 'halves'`: the r of highest energy merge into the next r.
 * `split: 'parity'` deals out all tokens and merges the r pairs most alike.
 *
 * The tokens that take no part come first, then B, each by place; with `reference: 'authors'` each by falling energy,
 * behind the protected tokens.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function pitome(options: PitomeOptions): Sieve {
  const { margin = 0.9, kernel = 'elu', split = 'alternate', metric = 'keys' } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: energy({ margin, kernel, metric, among: 'free' }),
    budget: budgetFor(options),
    strategy: mergeLowest({ split, metric, order: isAuthors ? 'score' : 'index' }),
    positions,
  });
}

const budgetFor = (options: PitomeOptions) => budgetOf(options, { rounding: 'ceil', of: 'free' });

export const method: Method<PitomeOptions> = {
  name: 'pitome',
  group: 'vision transformers',
  title: 'Accelerating Transformers with Spectrum-Preserving Token Merging',
  authors: 'Tran et al.',
  year: 2024,
  arxiv: '2405.16148',
  licence: 'CC-BY-NC-4.0: written from the paper alone',
  summary: 'merges among the tokens that most others are like, and leaves alone what stands apart',
  over: 'image',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { keep: 0.9 },
  order: 'own',
  tokensLeft: (options, row) =>
    Math.max(tokensLeftBy(budgetFor(options), row), row.tokens - Math.floor((row.tokens - row.kept) / 2)),
  create: pitome,
};
