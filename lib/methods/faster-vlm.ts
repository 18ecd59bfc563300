import { budgetOf, type CountOptions } from '../budgets/count.js';
import { createSieve, type Sieve } from '../sieve.js';
import { prune } from '../strategies/prune.js';
import { type EncoderAttentionOptions, encoderAttention } from './encoder-attention.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link fasterVlm}: how many tokens stay beside the class token, by one of `count`, `keep` and `ratio`. */
export type FasterVlmOptions = CountOptions & EncoderAttentionOptions & MethodOptions;

/**
 * FasterVLM: Zhang et al., "[CLS] Attention is All You Need for Training-Free Visual Token Pruning: Make VLM Inference
 * Faster", arXiv 2412.01818.
 *
 * Of the L tokens beside the vision encoder's class token, the `round(L * (1 - ratio))` stay that its attention,
 * averaged over heads, turns to most, in place. Score with the attention of the layer whose output the language model
 * gets, and leave the class token, which stays first, out of what it gets. Reads q and k.
 *
 * Encoders without a class token need `queries: 'all'`. Where attention says little of content, as with encoders that
 * lay tokens side by side behind it, tokens chosen at random do better. `reference: 'authors'` changes nothing.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function fasterVlm(options: FasterVlmOptions): Sieve {
  const { criterion, protect } = encoderAttention(options);
  const { positions } = readMethodOptions(options);
  return createSieve({ criterion, budget: budgetFor(options), strategy: prune(), protect, positions });
}

const budgetFor = (options: CountOptions) => budgetOf(options, { rounding: 'round', of: 'free' });

export const method: Method<FasterVlmOptions> = {
  name: 'fasterVlm',
  group: 'vision-language',
  title: '[CLS] Attention is All You Need for Training-Free Visual Token Pruning: Make VLM Inference Faster',
  authors: 'Zhang et al.',
  year: 2024,
  arxiv: '2412.01818',
  licence: 'Apache-2.0',
  summary: 'keeps what the class token of the vision encoder attends to',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { ratio: 0.5 },
  order: 'place',
  tokensLeft: (options, row) => tokensLeftBy(budgetFor(options), row),
  create: fasterVlm,
};
