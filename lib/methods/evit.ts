import { budgetOf, type CountOptions } from '../budgets/count.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { pruneAndFuse } from '../strategies/fuse.js';
import { prune } from '../strategies/prune.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link evit}: how many of the tokens beside the class token stay, by one of `keep` (0.7 at layers 3, 6
 * and 9 in the paper), `ratio` and `count`; a fused one is not among them.
 */
export type EvitOptions = MethodOptions &
  CountOptions & {
    /** Fuses the tokens that go into one, which comes last; true by default. */
    readonly fuse?: boolean;
  };

/**
 * EViT, token reorganization: Liang et al., "Not All Patches are What You Need: Expediting Vision Transformers
 * via Token Reorganizations", ICLR 2022, arXiv 2202.07800.
 *
 * The attention of the class token, the first of each row, averaged over heads, scores the others; of these
 * `ceil(keep * (N - 1))` stay, and the rest become one token, the mean weighted by score. Score with the
 * attention of the layer at hand and apply between attention and MLP. Reads q and k. A distillation token is as any
 * other, as in the authors' code, unless it is masked with 1.
 *
 * `reference: 'authors'` lists the kept tokens by falling score behind the class token, and fuses by the sum of
 * `score * token`, not divided by the sum of scores, as their code does; here kept tokens stay in place and the
 * fused one is a mean, so that its magnitude is a token's.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function evit(options: EvitOptions): Sieve {
  const { fuse = true } = readOptions(options);
  if (typeof fuse !== 'boolean') throw typeError('options.fuse', 'true or false', fuse);
  const { isAuthors, positions } = readMethodOptions(options);
  const order = isAuthors ? 'score' : 'index';
  return createSieve({
    criterion: attentionReceived({ queries: 'first' }),
    budget: budgetFor(options),
    strategy: fuse ? pruneAndFuse({ reduce: isAuthors ? 'sum' : 'mean', order }) : prune({ order }),
    protect: { first: 1 },
    positions,
  });
}

const budgetFor = (options: EvitOptions) => budgetOf(options, { rounding: 'ceil', of: 'free' });

export const method: Method<EvitOptions> = {
  name: 'evit',
  group: 'vision transformers',
  title: 'Not All Patches are What You Need: Expediting Vision Transformers via Token Reorganizations',
  authors: 'Liang et al.',
  year: 2022,
  arxiv: '2202.07800',
  licence: 'Apache-2.0',
  summary: 'keeps what the class token attends to, fuses the rest into one token',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: false,
  defaults: { keep: 0.7 },
  order: 'appended',
  tokensLeft: (options, row) => {
    const left = tokensLeftBy(budgetFor(options), row);
    return left + Number((options.fuse ?? true) && left < row.tokens);
  },
  create: evit,
};
