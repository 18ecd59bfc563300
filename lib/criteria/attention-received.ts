import type { AttentionScoresOptions } from '../ops/attention-scores.js';
import { readOptions } from '../options.js';
import { proportionalBias } from '../proportional-bias.js';
import { required, type Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import type { Criterion } from './criterion.js';
import { endOfRows } from './queries.js';

/** Options of {@link attentionReceived}, as of `attentionScores`, save those that the inputs decide. */
export interface AttentionCriterionOptions
  extends Pick<
    AttentionScoresOptions,
    'scale' | 'causal' | 'window' | 'softcap' | 'queries' | 'reduce' | 'pool' | 'precision'
  > {
  /** How the heads are joined; `'mean'` by default. */
  readonly heads?: 'mean' | 'sum' | 'max';
  /** Adds log(size) to each key's logits, as a model with merged tokens attends; false by default. */
  readonly proportional?: boolean;
}

/**
 * Attention that each token receives, equation (2) of arXiv 2505.18227: `s_i = sum over queries j of
 * Attn(x_j, x_i)`, by default the mean over all queries and heads; `queries: 'first'` asks the class token
 * alone. Reads q and k. Where q has as many tokens as k, dropped tokens do not ask either, and the `'first'` and
 * `'last'` query of a row are those of its tokens that are not dropped.
 */
export function attentionReceived(options: AttentionCriterionOptions = {}): Criterion {
  readOptions(options);
  return (tokens) => attentionScores(tokens, options, 'attentionReceived');
}

/**
 * Attention received times the norm of what would be read there, `s_i ||v_i||` per key head: a token that is
 * looked at but holds nothing counts for little. Reads q, k and v.
 */
export function valueWeightedAttention(options: AttentionCriterionOptions = {}): Criterion {
  readOptions(options);
  return (tokens) =>
    attentionScores(
      tokens,
      { ...options, values: required(tokens, 'v', 'valueWeightedAttention') },
      'valueWeightedAttention',
    );
}

function* attentionScores(
  tokens: Tokens,
  { proportional = false, ...options }: AttentionCriterionOptions & Pick<AttentionScoresOptions, 'values'>,
  reader: string,
): Steps<Tensor<'float32'>> {
  const { mask, sizes, layout, length } = tokens;
  const q = required(tokens, 'q', reader);
  const k = required(tokens, 'k', reader);
  const ofTokens = q.dims[layout === 'bnhd' ? 1 : 2] === length;
  const { queries } = options;
  const isEnd = queries === 'first' || queries === 'last';
  const { scores } = yield* step.attentionScores(q, k, {
    ...options,
    layout,
    ...(mask && { mask }),
    ...(mask && ofTokens && !isEnd && { queryMask: mask }),
    // An end of each row, which padding moves.
    ...(mask && ofTokens && isEnd && endOfRows(tokens, queries)),
    ...(proportional && sizes && { bias: proportionalBias(sizes) }),
  });
  return scores;
}
