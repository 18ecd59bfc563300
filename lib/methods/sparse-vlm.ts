import { budgetOf, type CountOptions } from '../budgets/count.js';
import { type RaterAttentionOptions, raterAttention } from '../criteria/rater-attention.js';
import { typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { prune } from '../strategies/prune.js';
import { pruneAndRecycle, recycledTokens } from '../strategies/recycle.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/**
 * Options of {@link sparseVlm}: how many of the picture's tokens stay, by one of `count`, `keep` and `ratio`: for 192
 * of 576 tokens on average the authors keep `budgets.atLayers([2, 6, 15], [300, 200, 110])`, the recycled ones
 * besides.
 */
export type SparseVlmOptions = CountOptions &
  MethodOptions & {
    /** Makes new tokens of the best of the dropped ones; true by default. */
    readonly recycle?: boolean;
  } & Pick<RaterAttentionOptions, 'heads' | 'gravity' | 'base' | 'frequencies' | 'floor'>;

/**
 * SparseVLM: Zhang et al., "SparseVLM: Visual Token Sparsification for Efficient Vision-Language Model Inference", ICML
 * 2025, arXiv 2410.04417.
 *
 * Of a prompt whose picture is the free tokens and whose text is masked 1, the picture's tokens stay that receive
 * most causal attention from the raters, the words of the text behind it that have to do with the picture
 * (`criteria.raterAttention`). Of the n dropped ones the `floor(0.3 n) + 1` best are clustered by density peaks, and
 * `floor(that / 10) + 1` means of clusters stand behind the picture's tokens that stay, before the text. Score with
 * the q and k of the layer at hand, and apply behind it. Reads q and k; of q, fewer rows are the last tokens', of
 * which all rate. Raters are found by `metric`, for which the paper takes the embeddings that enter the first layer,
 * or by hidden.
 *
 * With recycling, tokens are given positions from 0 on, as in the authors' first version; without it they keep
 * theirs, as in their second, SparseVLM+: `{ recycle: false, heads: 14, gravity: true }`, of which 14 of 32 heads
 * count, those that turn most to the picture, and the attention is evened out that rotary embeddings draw to near
 * tokens. `base`, `frequencies` and `floor` are as of `gravityCorrection`, which holds the decay above a floor: at a
 * base of 10000 and a headDim of 128 it falls to 0 at a distance of 1707.
 *
 * `reference: 'authors'` lists the recycled tokens by falling density peak, where here they are in the order of their
 * clusters' centres, and divides by the decay as it is, which flattens attention and past 1707 turns its sign. Unlike
 * their code, a budget of all tokens drops none, and every row of a batch keeps tokens of its own.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function sparseVlm(options: SparseVlmOptions): Sieve {
  const { recycle = true } = readOptions(options);
  if (typeof recycle !== 'boolean') throw typeError('options.recycle', 'true or false', recycle);
  const { isAuthors, positions } = readMethodOptions(options, recycle ? 'renumbered' : 'kept');
  return createSieve({
    criterion: raterAttention(options),
    budget: pictureBudget(options),
    strategy: recycle ? pruneAndRecycle({ order: isAuthors ? 'score' : 'index' }) : prune(),
    positions,
  });
}

const pictureBudget = (options: CountOptions) => budgetOf(options, { of: 'free' });

export const method: Method<SparseVlmOptions> = {
  name: 'sparseVlm',
  group: 'vision-language',
  title: 'SparseVLM: Visual Token Sparsification for Efficient Vision-Language Model Inference',
  authors: 'Zhang et al.',
  year: 2024,
  arxiv: '2410.04417',
  licence: 'Apache-2.0',
  summary: 'keeps what the relevant words attend to, recycles the best of the rest',
  over: 'prompt',
  classToken: false,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { keep: 0.5 },
  order: 'own',
  tokensLeft: (options, row) => {
    const left = tokensLeftBy(pictureBudget(options), row);
    return left + (options.recycle === false ? 0 : recycledTokens(row.tokens - left).clusters);
  },
  create: sparseVlm,
};
