// What methods over the tokens of a vision encoder share: they score by the attention of its class token.
import { attentionReceived } from '../criteria/attention-received.js';
import type { Criterion } from '../criteria/criterion.js';
import { readOptions, readWord } from '../options.js';
import type { Protection } from '../sieve-inputs.js';

/** Options of methods that score a vision encoder's tokens by attention. */
export interface EncoderAttentionOptions {
  /**
   * Whose attention scores: that of the class token, the first of each row, which then always stays; or, for encoders
   * without one, the mean over all tokens. `'class'` by default.
   */
  readonly queries?: 'class' | 'all';
}

/**
 * The attention that a vision encoder's tokens receive, and whom it protects.
 *
 * @param heads how the heads of the class token are joined; those of all tokens by their mean
 */
export function encoderAttention(
  options: EncoderAttentionOptions,
  heads: 'mean' | 'sum' = 'mean',
): {
  readonly criterion: Criterion;
  readonly protect: Protection;
} {
  const { queries = 'class' } = readOptions(options);
  const byClass = readWord('options.queries', queries, ['class', 'all']) === 'class';
  return {
    criterion: attentionReceived(byClass ? { queries: 'first', heads } : { queries: 'all' }),
    protect: byClass ? { first: 1 } : {},
  };
}
